"""Running a bundle's configuration from Python, from any folder, as `python -m monai.bundle run` would."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import yaml
from ignite.engine import Engine
from monai.bundle import ConfigWorkflow

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.bundle.redaction import redact_configuration
from monai_lungxfer.bundle.settings import PlainText, SettingsParser, fit_setting, for_parser
from monai_lungxfer.utils.errors import BundleError, LungXferError, root_cause, unknown


class Watcher(Protocol):
    """What follows a training without taking part in it."""

    def watch(self, trainer: Engine, evaluator: Engine) -> Any:
        """Add handlers to a trainer and its evaluator before they run."""


OVERLAYS = {
    "train": ("train.yaml",),
    "train_best": ("train.yaml", "train_best.yaml"),
    "train_student": ("train.yaml", "train_best.yaml", "train_student.yaml"),
    "multi_gpu_train": ("train.yaml", "multi_gpu_train.yaml"),
    "evaluate": ("train.yaml", "evaluate.yaml"),
    "inference": ("inference.yaml",),
    "inference_trt": ("inference.yaml", "inference_trt.yaml"),
}


def bundle_workflow(
    bundle: str | Path, task: str = "train", overrides: Mapping[str, Any] | None = None
) -> ConfigWorkflow:
    """Make MONAI's workflow of a bundle, not yet initialised.

    Parameters
    ----------
    bundle : str or pathlib.Path
        Name of a bundle or stage, or a bundle's folder.
    task : {"train", "train_best", "train_student", "multi_gpu_train", "evaluate", "inference", "inference_trt"}
        Which configuration, with what it is laid over.
    overrides : mapping, optional
        Configuration ids and the values that replace them, such as ``{"max_epochs": 3}``. A text that begins with
        ``$``, ``@`` or ``%`` is MONAI's language; a path, and a `PlainText`, stand for themselves whatever they hold.

    Raises
    ------
    BundleError
        When there is no such bundle, it has no such configuration, or an override is nothing that it has, or of
        another kind than the number or truth value that it replaces. An id of one's own may be added for other
        overrides to refer to (``@id``).
    """
    folder = bundle_path(bundle)
    files = _config_files(folder, task)
    config = SettingsParser.load_config_files(files)
    settings = _checked(overrides or {}, config, files)
    # It warns on standard output that it leaves the logging as it is, which is what is wanted here.
    logging.getLogger("monai.bundle.workflows").setLevel(logging.ERROR)
    workflow = ConfigWorkflow(
        config_file=files,
        meta_file=str(folder / "configs" / "metadata.json"),
        logging_file=False,
        workflow_type="inference" if task.startswith("inference") else "train",
    )
    workflow.parser.read_config(config)
    workflow.parser.update(for_parser({"bundle_root": folder} | settings))
    if "configuration" in config and config.get("tracking_uri"):  # so that MLflow can be told of it
        told = yaml.safe_dump(redact_configuration(workflow.parser.get()), sort_keys=False, allow_unicode=True)
        workflow.parser["configuration"] = for_parser(PlainText(told))
    return workflow


def bundle_config(bundle: str | Path, task: str) -> dict[str, Any]:
    """Return the settings of a bundle as its files have them, for the parameters see `bundle_workflow`.

    Nothing is built.
    """
    return SettingsParser.load_config_files(_config_files(bundle_path(bundle), task))


def _config_files(folder: Path, task: str) -> list[str]:
    for name in OVERLAYS[task]:
        if not (folder / "configs" / name).is_file():
            raise BundleError(
                f"it has no configs/{name}",
                source=folder,
                remedy="Use the paper's recipe for this stage, or restore the bundle's own file",
            )
    return [str(folder / "configs" / name) for name in OVERLAYS[task]]


def _checked(overrides: Mapping[str, Any], config: dict[str, Any], files: Sequence[str]) -> dict[str, Any]:
    """Refuse what would change nothing, since MONAI takes a misspelt id for a new one, and what is of a wrong kind."""
    known = set(map(_root, config))
    told = str(list(overrides.values()))
    for root in map(_root, overrides):
        if root not in known and f"@{root}" not in told:
            names = ", ".join(Path(file).name for file in files)
            raise BundleError(
                f"{names} has no setting {unknown(root, sorted(known))}", remedy="Correct the setting, or leave it out"
            )
    parser = SettingsParser(config)
    return {name: fit_setting(name, value, parser.get(name)) for name, value in overrides.items()}


def _root(name: str) -> str:
    return name.lstrip("+").partition("#")[0]


def run_bundle(
    bundle: str | Path,
    task: str = "train",
    overrides: Mapping[str, Any] | None = None,
    watcher: Watcher | None = None,
) -> ConfigWorkflow:
    """Initialise, run and finalise a bundle.

    Parameters
    ----------
    bundle, task, overrides
        See `bundle_workflow`.
    watcher : Watcher, optional
        Follows the training, such as a progress bar.

    Returns
    -------
    monai.bundle.ConfigWorkflow
        For its parsed content.
    """
    workflow = bundle_workflow(bundle, task, overrides)
    try:
        workflow.initialize()
        if watcher is not None:
            watcher.watch(
                *(workflow.parser.get_parsed_content(name) for name in ("train#trainer", "validate#evaluator"))
            )
        path = sys.path[:]
        try:
            workflow.run()
        finally:
            workflow.finalize()
            sys.path[:] = path  # MONAI adds the bundle's folder in every run
    except RuntimeError as error:
        cause = root_cause(error)  # MONAI's parser wraps the package's own errors
        if not isinstance(cause, LungXferError):
            raise
        raise cause from None
    return workflow
