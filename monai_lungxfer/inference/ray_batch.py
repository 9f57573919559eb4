"""Segmenting very many files on a Ray cluster, with the same inference core in every worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.references import absolute_reference
from monai_lungxfer.bundle.stages import STAGE_NAMES
from monai_lungxfer.inference.outputs import PlannedResult
from monai_lungxfer.inference.ray_workers import Share, spread_tasks
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.inference.task_run import segment_tasks
from monai_lungxfer.inference.trial import crashed
from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.log_redaction import withhold_library_messages

# Batches of the network that a worker gets at once, so that it can read ahead.
_BATCHES = 4


@dataclass(frozen=True)
class RayRunner:
    """A runner for `monai_lungxfer.inference.batch.predict_files` whose workers are spread over a cluster.

    Each worker loads the bundle once, takes a processor, with a GPU where the cluster has some, and writes the results
    of its share. All machines must see inputs, weights and the output folder under the same paths. What a lost worker
    had is done by another one, file by file; see `monai_lungxfer.inference.ray_workers.spread_tasks`.

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
        segmenter: Segmenter,  # of which the workers load their own
        tasks: Sequence[PlannedResult],
        out_dir: Path,
        batch_size: int,
    ) -> Iterator[Prediction]:
        """Yield what became of each task, in order, as soon as it and those before it are done.

        Raises
        ------
        OutputError
            When a worker cannot write a result.
        ClusterError
            When machines of the cluster were lost too often; it says how many tasks are not done.
        """
        if not tasks:
            return
        model, share = _from_any_folder(self.model), batch_size * _BATCHES
        shares = [Share(list(tasks[start : start + share])) for start in range(0, len(tasks), share)]
        arguments, takes_gpus = (model, out_dir, batch_size), segmenter.engine.takes_batches
        made = spread_tasks(self.ray, _Worker, arguments, shares, crashed, takes_gpus=takes_gpus, what="radiographs")
        yield from _in_order(tasks, made)


def _in_order(tasks: Sequence[PlannedResult], made: Iterator[Prediction]) -> Iterator[Prediction]:
    """Yield predictions in the order of the tasks, each as soon as those before it are there."""
    early: dict[str, Prediction] = {}
    for task in tasks:
        while task.item.name not in early:
            prediction = next(made)
            early[prediction.file] = prediction
        yield early.pop(task.item.name)


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

    def ready(self) -> None:
        """Tell, by being called, that the bundle is loaded."""

    def work(self, tasks: Sequence[PlannedResult]) -> list[Prediction] | OutputError:
        """Do a share; what cannot be written is returned, since Ray would wrap what is raised."""
        try:
            return list(segment_tasks(self.segmenter, tasks, self.out_dir, self.batch_size, jobs=1))
        except OutputError as error:
            return error
