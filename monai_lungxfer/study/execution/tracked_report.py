"""A command's report as one MLflow run: the options, the main numbers, and its tables, figures and page."""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_lungxfer.utils.files import write_text
from monai_lungxfer.utils.versions import code_version, environment

_SERVER = "MLFLOW_TRACKING_URI"
_IDENTITY = "mlflow_id.txt"
"""File in the output folder, by which a run that is resumed continues in MLflow, too."""

Log = Callable[[Mapping[str, float], Iterable[Path]], None]
"""Logs metrics, and files below the output folder as artifacts."""

Track = Callable[[Path], AbstractContextManager[Log]]
"""Begins tracking, given the output folder, for as long as the block takes."""


@contextmanager
def track_nothing(out: Path) -> Iterator[Log]:  # noqa: ARG001 - the signature of `Track`
    """Log nothing."""
    yield lambda metrics, files: None  # noqa: ARG005 - the signature of `Log`


@dataclass(frozen=True)
class ReportTracker:
    """Tracks reports of one command; without a server or database, nothing is tracked.

    Attributes
    ----------
    command : str
        Its name, which the run begins with.
    uri : str or None
        MLflow's server or database; None for what MLFLOW_TRACKING_URI says. An empty text tracks nothing.
    experiment : str
        Name of the experiment.
    plan : mapping
        The options, without paths; they become parameters of the run, and its artifact ``plan.yaml``.
    """

    command: str
    uri: str | None
    experiment: str
    plan: Mapping[str, Any]

    @contextmanager
    def __call__(self, out: Path) -> Iterator[Log]:
        """Open the run of an output folder, anew or again, and close it by how the block ends.

        Raises
        ------
        LungXferError
            When MLflow cannot be reached, or refuses.
        """
        uri = os.environ.get(_SERVER) if self.uri is None else self.uri
        if not uri:
            with track_nothing(out) as log:
                yield log
            return
        from monai_lungxfer.study.execution.tracking import Tracking

        identity = _identify(out)
        tracking = Tracking.of(uri, self.experiment, identity, out)
        tracking.prepare()
        tracking.settle(lambda _: False)  # a run that was killed
        with tracking.running(self.command, f"{self.command}-{identity[:8]}", None) as run:
            tracking.note(run, {"version": code_version()}, {key: _say(value) for key, value in self.plan.items()})
            tracking.keep(run, self.plan, "plan.yaml")
            tracking.keep(run, environment(), "environment.json")

            def log(metrics: Mapping[str, float], files: Iterable[Path]) -> None:
                tracking.note(run, metrics={key: value for key, value in metrics.items() if math.isfinite(value)})
                tracking.keep_files(run, files, out)

            yield log


def _identify(out: Path) -> str:
    """Return the identity of an output folder, which is no part of its path; it is drawn once."""
    file = out / _IDENTITY
    if not file.is_file():
        write_text(file, f"{uuid.uuid4().hex}\n")
    return file.read_text(encoding="ascii").strip()


def _say(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple, Mapping)) else str(value)
