"""Segmenting very many files on a Ray cluster, by Ray Data and the same inference core in every worker."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.references import absolute_reference
from monai_lungxfer.bundle.stages import STAGE_NAMES
from monai_lungxfer.inference.outputs import PlannedResult
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.inference.task_run import segment_tasks
from monai_lungxfer.utils.errors import LungXferError, OutputError
from monai_lungxfer.utils.log_redaction import withhold_library_messages

# Batches of the network that a worker gets at once, so that it can read ahead.
_BATCHES = 4


@dataclass(frozen=True)
class RayRunner:
    """A runner for `monai_lungxfer.inference.batch.predict_files` whose workers are spread over a cluster.

    Each worker loads the bundle once, takes a processor, with a GPU where the cluster has some, and writes the results
    of its share. All machines must see inputs, weights and the output folder under the same paths. What a lost worker
    had is done by another one.

    Attributes
    ----------
    ray : module
        Ray, connected, see `monai_lungxfer.utils.extras.connected`.
    model : mapping
        What `Segmenter.from_bundle` is given.
    """

    ray: Any
    model: Mapping[str, Any] = field(default_factory=dict)

    def __call__(
        self,
        segmenter: Segmenter,  # noqa: ARG002 - the runners' signature; the workers load their own
        tasks: Sequence[PlannedResult],
        out_dir: Path,
        batch_size: int,
    ) -> Iterator[Prediction]:
        """Yield what became of each task, in order, as soon as it and those before it are done.

        Raises
        ------
        OutputError
            When a worker cannot write a result.
        """
        if not tasks:
            return
        data = self.ray.data
        workers, gpus = _workers(self.ray.cluster_resources())
        share = batch_size * _BATCHES
        with _ordered_and_quiet(data):
            done = data.from_items(list(tasks), override_num_blocks=math.ceil(len(tasks) / share)).map_batches(
                _Worker,
                fn_constructor_args=(_from_any_folder(self.model), out_dir, batch_size),
                batch_size=share,
                compute=data.ActorPoolStrategy(min_size=1, max_size=workers),
                num_cpus=1,
                num_gpus=gpus,
            )
            for row in done.iter_rows():
                if isinstance(row["item"], OutputError):
                    raise row["item"]
                yield row["item"]


def _workers(resources: Mapping[str, float]) -> tuple[int, int]:
    """Return for how many workers a cluster has room, and how many GPUs each takes."""
    processors, gpus = (math.floor(resources.get(unit, 0)) for unit in ("CPU", "GPU"))
    if not processors:
        raise LungXferError("the Ray cluster has no processor to work on", remedy="Add a machine to it (ray start)")
    return (min(processors, gpus), 1) if gpus else (processors, 0)


@contextmanager
def _ordered_and_quiet(data: Any) -> Iterator[None]:
    """Let Ray Data keep the order of what it is given, and say nothing, while the block runs."""
    context, logger = data.DataContext.get_current(), logging.getLogger("ray.data")
    options = context.execution_options
    before = options.preserve_order, context.enable_progress_bars, logger.level
    try:
        options.preserve_order, context.enable_progress_bars = True, False
        logger.setLevel(logging.WARNING)
        yield
    finally:
        options.preserve_order, context.enable_progress_bars, level = before
        logger.setLevel(level)


def _from_any_folder(model: Mapping[str, Any]) -> dict[str, Any]:
    """Make paths absolute, since workers start in folders of their own; names and URIs stay."""
    given = dict(model)
    if given.get("weights") is not None:
        given["weights"] = absolute_reference(given["weights"], Path.cwd())
    if "bundle" in given and str(given["bundle"]) not in STAGE_NAMES:
        given["bundle"] = Path(given["bundle"]).expanduser().absolute()
    return given


class _Worker:
    """Segments shares of the tasks in a process of its own."""

    def __init__(self, model: dict[str, Any], out_dir: Path, batch_size: int) -> None:
        withhold_library_messages()  # Ray keeps what its workers write
        self.segmenter = Segmenter.from_bundle(**model)
        self.out_dir = out_dir
        self.batch_size = batch_size

    def __call__(self, share: dict[str, Any]) -> dict[str, list[Prediction | OutputError]]:
        try:
            return {"item": list(segment_tasks(self.segmenter, list(share["item"]), self.out_dir, self.batch_size))}
        except OutputError as error:  # for the runner to raise: Ray would wrap it
            return {"item": [error]}
