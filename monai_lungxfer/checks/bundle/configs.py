"""A bundle's configurations: they can be read, they name nothing unknown, and a workflow can be made of them."""

from __future__ import annotations

import ast
import configparser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ReferenceResolver
from monai.bundle.config_item import ConfigExpression

from monai_lungxfer.bundle.files import METADATA, WEIGHTS
from monai_lungxfer.bundle.settings import SettingsParser
from monai_lungxfer.bundle.stages import STAGES, stage_for_bundle
from monai_lungxfer.bundle.workflow import OVERLAYS, bundle_workflow
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.utils.errors import BundleError, LungXferError, root_cause
from monai_lungxfer.weights.architecture import bundle_network_def

_PHANTOMS = 24
"""Images that the phantoms of a stage have, enough for every section of a split."""


def read_config(file: Path) -> dict[str, Any]:
    """Read one configuration file; a `BundleError` is raised when it cannot be read, or holds no mapping."""
    try:
        content = SettingsParser.load_config_file(str(file))
    except Exception as error:  # what YAML, JSON and the disk raise
        raise BundleError(f"cannot be read ({error})", source=file, remedy="Correct its syntax") from error
    if not isinstance(content, dict):
        raise BundleError("holds no settings", source=file, remedy="Write one setting a line, as NAME: VALUE")
    return content


def strings_in(config: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the id and the value of every text in a configuration."""
    if isinstance(config, str):
        yield path, config
    elif isinstance(config, (dict, list)):
        for key, value in config.items() if isinstance(config, dict) else enumerate(config):
            yield from strings_in(value, f"{path}#{key}" if path else str(key))


def check_references(bundle: Path, _scratch: Path) -> str:
    """Check that every configuration can be read and laid over others, and refers to nothing that is not there."""
    configs = bundle / "configs"
    found = sorted(path.name for path in configs.glob("*.yaml"))
    for name in found:
        read_config(configs / name)
    tasks = [task for task, names in OVERLAYS.items() if set(names) <= set(found)]
    for task in tasks:
        _check_overlay(bundle, [configs / name for name in OVERLAYS[task]])
    _check_logging(configs / "logging.conf")
    return f"{len(found)} files, in {len(tasks)} combinations"


def _check_overlay(bundle: Path, files: Sequence[Path]) -> None:
    last = files[-1]
    parser = SettingsParser()
    try:
        parser.read_config([str(file) for file in files])
        parser.read_meta(str(bundle / METADATA))
        parser.resolve_macro_and_relative_ids()
    except Exception as error:  # MONAI raises whatever a misplaced key makes it stumble over
        raise BundleError(f"cannot be laid over ({error})", source=last, remedy="Correct the named id") from error
    for path, text in strings_in(parser.config):
        for reference in ReferenceResolver.match_refs_pattern(text):
            if reference not in parser:
                raise BundleError(
                    f"{path} refers to @{reference}, which is not there",
                    source=last,
                    remedy="Define it, or mend the reference",
                )
        if ConfigExpression.is_expression(text):
            expression_tree(text, path, last)


def expression_tree(text: str, path: str, file: Path) -> ast.AST:
    """Parse an expression of a configuration, its references replaced by something that is Python.

    A `BundleError` is raised when it is no Python.
    """
    known = dict.fromkeys(ReferenceResolver.match_refs_pattern(text))
    try:
        return ast.parse(ReferenceResolver.update_refs_pattern(text, known)[1:])
    except SyntaxError as error:
        raise BundleError(
            f"{path} is not a Python expression ({error.msg})", source=file, remedy="Correct what follows the $"
        ) from error


def _check_logging(file: Path) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8"), source=file.name)
        missing = [name for name in ("loggers", "handlers", "formatters") if not parser.has_section(name)]
    except (OSError, ValueError, configparser.Error) as error:
        raise BundleError(f"cannot be read ({error})", source=file, remedy="Correct its syntax") from error
    if missing:
        raise BundleError(f"has no section {missing[0]}", source=file, remedy="Write it, as logging.config wants it")


def check_properties(bundle: Path, scratch: Path) -> str:
    """Check that MONAI finds what it expects of a training and of an inference, made for phantoms of the stage."""
    stage = stage_for_bundle(bundle)
    donor, general, portable = (_PHANTOMS * (name == stage.name) for name in STAGES)
    write_phantoms(scratch, donor=donor, general=general, portable=portable, size=64)
    output = scratch / "out"
    settings = {"dataset_dir": str(scratch / stage.data), "output_dir": str(output), "device": torch.device("cpu")}
    training = {"ckpt_dir": str(output / "models"), "tracking_uri": ""}
    inference = {"network_def": bundle_network_def(bundle)} if (bundle / WEIGHTS).is_file() else {}
    for task, own in (("train", training), ("inference", inference)):
        _check_workflow(bundle, task, settings | own)
    return "all of a training and of an inference"


def _check_workflow(bundle: Path, task: str, settings: dict[str, Any]) -> None:
    file = bundle / "configs" / OVERLAYS[task][-1]
    try:
        workflow = bundle_workflow(bundle, task, settings)
        workflow.initialize()
        missing = workflow.check_properties()
    except Exception as error:  # whatever the parts that it is made of raise
        cause = root_cause(error)
        if isinstance(cause, LungXferError):
            raise cause from error
        remedy = "Correct what the message names"
        raise BundleError(f"no workflow can be made of it ({cause})", source=file, remedy=remedy) from error
    if missing:
        raise BundleError(
            f"the properties {', '.join(missing)} have other ids than MONAI expects",
            source=file,
            remedy="Define them under the ids of monai.bundle.properties",
        )
