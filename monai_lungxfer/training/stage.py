"""The stages in turn: train each from its parent, and measure the portable half before and after the last."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai.utils import path_to_sqlite_uri

from monai_lungxfer.bundle.references import names_weights, resolve_weights
from monai_lungxfer.bundle.settings import PlainText, is_expression
from monai_lungxfer.bundle.stages import STAGES, Stage
from monai_lungxfer.bundle.workflow import Watcher, bundle_config, run_bundle
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.partition import SECTIONS, check_apart
from monai_lungxfer.networks.description import is_own_network, network_parameters
from monai_lungxfer.utils.errors import BundleError, DatalistError, LungXferError, unknown
from monai_lungxfer.utils.files import find_folder
from monai_lungxfer.utils.locks import lock_output
from monai_lungxfer.weights.adapters import require_parent
from monai_lungxfer.weights.architecture import follow_network
from monai_lungxfer.weights.sidecar import input_size, input_sizing, read_sidecar

logger = logging.getLogger(__name__)

RECIPES = {"paper": "train", "best": "train_best", "student": "train_student"}
Watch = Callable[[str], AbstractContextManager[Watcher | None]]


def _unwatched(title: str) -> AbstractContextManager[None]:  # noqa: ARG001
    return contextlib.nullcontext()


@dataclass(frozen=True)
class StageFolder:
    """Where the files of one stage's training lie: in the output folder `path`."""

    path: Path

    @property
    def weights(self) -> Path:
        """Weights of the best validation epoch."""
        return self.path / "models" / "model.pt"

    @property
    def split(self) -> Path:
        """The split that the weights were trained on."""
        return self.path / "split.json"

    def overrides(self) -> dict[str, Path]:
        """Return the bundle's settings that place its files here."""
        return {"output_dir": self.path, "ckpt_dir": self.weights.parent, "split_file": self.split}


@dataclass(frozen=True)
class TransferResult:
    """What `transfer_stages` made: the `folders` by the stage's name, and two reports (see `ImageTable`).

    The reports are on the independent half, `before` and `after` the portable stage.
    """

    folders: Mapping[str, StageFolder] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


def stage_data(root: str | Path, stage: Stage) -> Path:
    """Find the data of a stage: a folder named for it below `root`, or `root` itself.

    The donor's data are Kaggle's `lgg/kaggle_3m` as it is, or a data set in `lgg`. A `DatalistError` is raised when
    `root` does not exist.
    """
    root = Path(root).expanduser()
    if not find_folder(root):
        raise DatalistError("there is no such folder", source=root, remedy="Give the folder of the images")
    folders = (root / stage.data, root / Path(stage.data).parts[0], root)
    return next(folder for folder in folders if find_folder(folder))


def train_stage(
    stage: Stage,
    data: str | Path,
    folder: StageFolder,
    overrides: Mapping[str, Any] | None = None,
    watch: Watch = _unwatched,
    recipe: str = "paper",
) -> StageFolder:
    """Train one stage by its bundle, or go on with a training that was interrupted.

    Parameters
    ----------
    stage : Stage
        Which.
    data : str or pathlib.Path
        The folder of its data, or one that holds the folders of all stages.
    folder : StageFolder
        For all that is written.
    overrides : mapping, optional
        Settings of the bundle that replace those of the file.
    watch : callable, optional
        Called with a title; gives a context manager around the training, whose value, if any, follows it.
    recipe : {"paper", "best", "student"}
        The paper's method (`train.yaml`), or with `train_best.yaml` laid over it, or with `train_student.yaml`, too.

    Returns
    -------
    StageFolder
        `folder`, where the weights are now.

    Raises
    ------
    LungXferError
        When another process trains in the folder.
    """
    settings = _follow(stage, RECIPES[recipe], "parent", {**_common(stage, data, folder), **(overrides or {})})
    with lock_output(folder.path), watch(stage.name) as watcher:
        run_bundle(stage.bundle, RECIPES[recipe], settings, watcher)
    return folder


def evaluate_stage(
    stage: Stage,
    data: str | Path,
    folder: StageFolder,
    weights: str | Path,
    section: str,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure weights on one section of a stage's split by its bundle's `evaluate.yaml`.

    The report is returned as `monai_lungxfer.handlers.image_table.ImageTable.write` makes it, together with the
    `report_file` that it was written to. A `LungXferError` is raised when a split has no such section, and an
    `OutputError` when the file is there already and `overwrite` is not set.
    """
    if section not in SECTIONS:
        *others, last = SECTIONS
        raise LungXferError(f"a split has no section {section!r}", remedy=f"Use {', '.join(others)} or {last}")
    settings = {**_common(stage, data, folder), "section": section, "weights": PlainText(weights), **(overrides or {})}
    workflow = run_bundle(stage.bundle, "evaluate", _follow(stage, "evaluate", "weights", settings))
    table, file = (workflow.parser.get_parsed_content(name) for name in ("image_table", "report_file"))
    return {**table.report, "report_file": str(file)}


def _common(stage: Stage, data: str | Path, folder: StageFolder) -> dict[str, Any]:
    return {"dataset_dir": stage_data(data, stage), "log_epochs": False, **folder.overrides()}


def _follow(stage: Stage, task: str, role: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Add the network of the weights in that role; what the settings say of the network comes after it.

    A translator also sees images of the size and sizing that its base learnt from.
    """
    config = bundle_config(stage.bundle, task)
    weights = settings.get(role, config[role])
    if settings.get("translator") is not None and not is_expression(weights):
        parent = require_parent(weights)
        settings = {"image_size": input_size(parent), "sizing": input_sizing(parent), **settings}
    if "network_def" in settings or is_expression(weights):
        return dict(settings)
    followed = follow_network(config["network_def"], weights, as_parent=role == "parent")
    _check_parameters(followed, settings)
    if role == "parent" and names_weights(weights):
        known = read_sidecar(resolve_weights(weights))
        for name, own in (("sizing", known.sizing), ("image_size", known.image_size)):
            if known.image_size and name not in settings and own != config[name]:
                logger.warning("The parent's %s is %s, here it is %s: set it to keep it", name, own, config[name])
    return {"network_def": followed, **settings}


def _check_parameters(network_def: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Refuse a parameter that the network, maybe the parent's, does not have."""
    if not is_own_network(network_def):
        return
    known = ["_target_", *network_parameters(network_def)]
    for name in settings:
        holder, _, parameter = name.partition("#")
        if holder == "network_def" and parameter not in known:
            network = network_def["_target_"].rpartition(".")[2]
            raise BundleError(
                f"{network} has no parameter {unknown(parameter, known)}",
                remedy=f"Use {', '.join(known[1:])} (--set network_def#NAME=VALUE), or another parent",
            )


def transfer_stages(
    data: str | Path,
    out: str | Path,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    donor: str | Path | None = None,
    watch: Watch = _unwatched,
    *,
    allow_shared_patients: bool = False,
) -> TransferResult:
    """Train every stage from the one before, and measure the independent half before and after the last.

    Parameters
    ----------
    data : str or pathlib.Path
        Holds the folders of the stages' data.
    out : str or pathlib.Path
        A folder for each stage is made in it.
    overrides : mapping, optional
        For each stage's name, settings that replace those of its bundle.
    donor : str or pathlib.Path, optional
        Weights of a donor that need not be trained here.
    watch : callable, optional
        See `train_stage`.
    allow_shared_patients : bool
        Whether equal names among general and portable images are let through, because they are not equal patients.

    Raises
    ------
    DatalistError
        When a patient stands among general and portable images.
    """
    if not allow_shared_patients:
        records = (load_datalist(stage_data(data, STAGES[name])) for name in ("general", "portable"))
        check_apart(*records, source=data, remedy="use --allow-shared-patients")
    out = Path(out).absolute()
    settings = {
        name: {"tracking_uri": path_to_sqlite_uri(out / "mlruns.db")} | dict((overrides or {}).get(name, {}))
        for name in STAGES
    }
    folders = {name: StageFolder(out / name) for name in STAGES}
    parent: PlainText | None = None if donor is None else PlainText(donor)
    for name, stage in STAGES.items():
        if stage.parent is None and donor is not None:
            continue
        started_from = {} if stage.parent is None else {"parent": parent}
        parent = PlainText(train_stage(stage, data, folders[name], settings[name] | started_from, watch).weights)
    return TransferResult(folders, *_before_and_after(data, out, folders, settings["portable"]))


def _before_and_after(
    data: str | Path, out: Path, folders: Mapping[str, StageFolder], settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for moment, name in (("before", "general"), ("after", "portable")):
        yield evaluate_stage(
            STAGES["portable"],
            data,
            folders["portable"],
            folders[name].weights,
            "independent",
            {**settings, "report_file": out / f"{moment}.json", "overwrite": True},
        )
