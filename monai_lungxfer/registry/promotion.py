"""Making a candidate the champion, if it is not worse."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient, MlflowException
from mlflow.entities.model_registry import ModelVersion

from monai_lungxfer.bundle.stages import stage_named
from monai_lungxfer.data.splits import load_split
from monai_lungxfer.registry.gate import REPORT_ARTIFACT, Comparison, compare, without_names
from monai_lungxfer.registry.run import own_temporary_files
from monai_lungxfer.registry.store import CANDIDATE, CHAMPION, registry_at, version_at, version_uri
from monai_lungxfer.training.stage import StageFolder, evaluate_stage, stage_data
from monai_lungxfer.utils.errors import LungXferError, RegistryError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Promotion:
    """What became of a candidate.

    Attributes
    ----------
    name, version : str
        The candidate's.
    champion : str or None
        The version that was the champion before; ``None`` when there was none.
    comparison : Comparison or None
        ``None`` when there was no champion to compare with, or it was not possible and the promotion forced.
    promoted : bool
        Whether the candidate is the champion now.
    """

    name: str
    version: str
    champion: str | None
    comparison: Comparison | None
    promoted: bool


def promote(
    name: str,
    *,
    version: str = CANDIDATE,
    data: str | Path | None = None,
    split: str | Path | None = None,
    force: str | None = None,
    tracking_uri: str | None = None,
) -> Promotion:
    """Move the alias `champion` to a candidate that is not worse, see `monai_lungxfer.registry.gate.compare`.

    Without a champion there is nothing to compare with, and the candidate becomes it.

    Parameters
    ----------
    name : str
        Of the registered model.
    version : str
        Number or alias of the candidate.
    data, split : str or pathlib.Path, optional
        The stage's data and its split file: both models are measured on its independent half (or its test section,
        when nothing is held out) now. Without them the reports are compared that the models were registered with.
    force : str, optional
        Why the candidate is promoted even if it is worse or cannot be compared; kept as the version's tag `forced`.
    tracking_uri : str, optional
        See `monai_lungxfer.registry.store.registry_at`.

    Raises
    ------
    RegistryError
        When there is no such candidate, it is the champion already, or the two cannot be compared.
    """
    if (data is None) != (split is None):
        raise RegistryError("data and split belong together", remedy="Give both, or neither to compare by reports")
    with registry_at(tracking_uri) as client:
        candidate = version_at(client, name, version)
        champion = version_at(client, name, CHAMPION)
        if candidate is None:
            raise RegistryError(
                f"there is no version {version!r}", source=name, remedy="Register one (lungxfer registry register)"
            )
        if champion is None:
            return _moved(client, candidate, None, None, force)
        if champion.version == candidate.version:
            raise RegistryError(f"version {candidate.version} is the champion already", source=name)
        comparison = None
        try:
            comparison = compare(*(_find_report(model, data, split) for model in (candidate, champion)))
        except LungXferError as error:
            if force is None:
                raise
            logger.warning("The two versions were not compared: %s", error)
        if force is None and comparison is not None and not comparison.passes:
            return Promotion(name, candidate.version, champion.version, comparison, promoted=False)
        return _moved(client, candidate, champion, comparison, force)


def _find_report(version: ModelVersion, data: str | Path | None, split: str | Path | None) -> dict[str, Any]:
    if data is not None and split is not None:
        return _measured_report(version, data, split)
    if "dice" not in version.tags:
        raise RegistryError(
            f"version {version.version} was registered without a report",
            source=version.name,
            remedy="Measure both versions now (--data DIR --split FILE), or register it again with --report",
        )
    uri = f"{version_uri(version.name, version.version)}/artifacts/{REPORT_ARTIFACT}.json"
    try:
        return mlflow.artifacts.load_dict(uri)
    except (MlflowException, OSError) as error:
        raise RegistryError(
            f"its report cannot be read ({error})", source=uri, remedy="Measure both versions now (--data, --split)"
        ) from error


def _measured_report(version: ModelVersion, data: str | Path, split_file: str | Path) -> dict[str, Any]:
    stage = stage_named(version.tags["bundle"])
    split = load_split(split_file, stage_data(data, stage))
    learnt = version.tags.get("split")
    if learnt is None:
        logger.warning("Version %s does not say which split it has learnt from", version.version)
    elif learnt != split.hash:
        raise RegistryError(
            f"version {version.version} belongs to the split {learnt[:12]}, not to {split.hash[:12]}: "
            "it may have learnt from images of the independent half",
            source=split_file,
            remedy="Give the split that both versions belong to",
        )
    settings = {
        "split_file": str(split_file),
        "split_seed": split.seed,
        "fractions": list(split.fractions),
        "hold_out": split.hold_out,
        "hold_out_seed": split.hold_out_seed,
        "locked_share": split.locked_share,
    }
    section = "independent" if split.independent else "test"
    with own_temporary_files() as folder:
        weights = version_uri(version.name, version.version)
        return without_names(evaluate_stage(stage, data, StageFolder(folder), weights, section, settings))


def _moved(
    client: MlflowClient,
    candidate: ModelVersion,
    champion: ModelVersion | None,
    comparison: Comparison | None,
    force: str | None,
) -> Promotion:
    """Make the candidate the champion; its tags tell why."""
    name, version = candidate.name, candidate.version
    before = None if champion is None else champion.version
    account = {
        "champion_before": before or "none",
        "comparison": None if comparison is None else json.dumps(asdict(comparison)),
        "forced": force,
    }
    for tag, value in account.items():
        if value is not None:
            client.set_model_version_tag(name, version, tag, value)
    client.set_registered_model_alias(name, CHAMPION, version)
    if CANDIDATE in candidate.aliases:
        client.delete_registered_model_alias(name, CANDIDATE)
    return Promotion(name, version, before, comparison, promoted=True)
