"""Putting a bundle into the registry as a model that MLflow can load and serve."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient

from monai_lungxfer import __version__
from monai_lungxfer.bundle.files import PAPER_WEIGHTS, WEIGHTS, bundle_adapters, bundle_metadata, export_bundle
from monai_lungxfer.bundle.references import NAMED_WEIGHTS, REGISTERED, resolve_weights
from monai_lungxfer.export.weights import install_adapter, install_weights
from monai_lungxfer.inference.engines.compiler import compile_bundle
from monai_lungxfer.inference.engines.engine import NotCompiled
from monai_lungxfer.inference.engines.pipeline_file import find_pipeline, pipeline_beside
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.registry.gate import METRIC, REPORT_ARTIFACT, mean_metric, read_report
from monai_lungxfer.registry.run import own_temporary_files, registration_run
from monai_lungxfer.registry.store import CANDIDATE, registry_at, version_at, version_uri
from monai_lungxfer.serving.mlflow.packaging import log_model
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.sidecar import input_size, input_sizing, read_sidecar

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registered:
    """A version of a registered model: its name, number and tags."""

    name: str
    version: str
    tags: Mapping[str, str]

    @property
    def uri(self) -> str:
        """What MLflow calls it."""
        return version_uri(self.name, self.version)


def register_bundle(
    bundle: str | Path,
    *,
    weights: str | Path | None = None,
    report: str | Path | None = None,
    parent: str | Path | None = None,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    adapters: Mapping[str, str | Path] | None = None,
    tracking_uri: str | None = None,
) -> Registered:
    """Register a bundle as a new version of a model, with the alias `candidate`.

    The version holds the whole bundle with its model card, and tags: bundle and version, hash and input size of the
    weights, parent, split, Dice, intended use. Of weights that are an adapter, also hash and name of the base, which
    is in the version, too; the name is a registered version's (``models:/NAME/3``) where there is one.

    Parameters
    ----------
    bundle : str or pathlib.Path
        A stage, a bundle's name, or a bundle's folder.
    weights : str or pathlib.Path, optional
        What replaces the bundle's own weights, as for `monai_lungxfer.bundle.references.resolve_weights`.
    report : str or pathlib.Path, optional
        How good these weights are, as ``lungxfer evaluate`` has written it; kept without the names of images.
    parent : str or pathlib.Path, optional
        The weights that training started from.
    name : str, optional
        Of the registered model; the default is the bundle's.
    tags : mapping of str to str, optional
        Further tags.
    adapters : mapping of str to str or pathlib.Path, optional
        Adapters of the weights to be served by their names besides them; their hashes are a tag.
    tracking_uri : str, optional
        See `monai_lungxfer.registry.store.registry_at`.

    Raises
    ------
    BundleError, TransferError
        When there is no such bundle, it has no weights, or they do not fit.
    RegistryError
        When the report is not one of these weights, or MLflow refuses.
    """
    with registry_at(tracking_uri) as client, own_temporary_files() as folder:
        copy = export_bundle(bundle, folder)
        shutil.rmtree((copy / PAPER_WEIGHTS).parent, ignore_errors=True)  # a model is of one set of weights
        if weights is not None:
            install_weights(resolve_weights(weights), copy, pack=False)
        for adapter, file in (adapters or {}).items():
            install_adapter(file, copy, adapter)
        # Or whoever loads the model would find out that weights do not fit.
        refiner = Segmenter.from_bundle(copy, device="cpu", engine="torch").engine.refiner_sha256
        compile_weights(copy)
        known = (
            dict(tags or {})
            | _facts(copy)
            | _adapter_facts(client, copy)
            | ({} if parent is None else _parent_facts(client, parent))
        )
        measured = None if report is None else read_report(report, known["weights_sha256"])
        known |= {} if refiner is None else {"refiner_sha256": refiner}
        if measured is not None:
            known |= _measured_facts(measured)
        with registration_run(client, copy.name, folder, known):
            registered = _log(client, copy, name or copy.name, measured, known)
        client.set_registered_model_alias(registered.name, CANDIDATE, registered.version)  # last: all else is there
    return registered


def compile_weights(bundle: Path) -> None:
    """Give a bundle the pipeline of its weights, by which the model is served without PyTorch, where it can be made."""
    beside = pipeline_beside(bundle / WEIGHTS)
    found = find_pipeline(bundle, bundle / WEIGHTS, hash_file(bundle / WEIGHTS))
    if found is not None and found.file == beside:  # another one is in this user's cache alone
        return
    beside.unlink(missing_ok=True)  # of other weights; by it, the model's environment would have no PyTorch
    try:
        compile_bundle(bundle, bundle / WEIGHTS)
    except (NotCompiled, BundleError) as reason:
        logger.warning("The model will be served by PyTorch: %s", reason.problem)


def _facts(bundle: Path) -> dict[str, str]:
    metadata = bundle_metadata(bundle)
    weights = bundle / WEIGHTS
    return {
        "bundle": bundle.name,
        "bundle_version": str(metadata.get("version", "unknown")),
        "package_version": __version__,
        "weights_sha256": hash_file(weights),
        "input_size": "x".join(map(str, input_size(weights))),
        "sizing": input_sizing(weights),
        "intended_use": str(metadata.get("intended_use", NOTICE)),
    }


def _adapter_facts(client: MlflowClient, bundle: Path) -> dict[str, str]:
    """Return which base the weights need, where they are an adapter, and which adapters go along."""
    facts, base = {}, read_sidecar(bundle / WEIGHTS).base
    if base is not None:
        facts["base_sha256"] = base.sha256
        found = client.search_model_versions(f"tags.weights_sha256 = '{base.sha256}'")
        name = version_uri(found[0].name, found[0].version) if found else base.name
        facts |= {} if name is None else {"base": name}
    held = {name: hash_file(file)[:12] for name, file in bundle_adapters(bundle).items()}
    return facts | ({"adapters": ", ".join(f"{name} {digest}" for name, digest in held.items())} if held else {})


def _parent_facts(client: MlflowClient, parent: str | Path) -> dict[str, str]:
    """Return the parent's hash, and its name where that names no file of this machine."""
    facts = {"parent_sha256": hash_file(resolve_weights(parent))}
    reference = str(parent)
    if reference in NAMED_WEIGHTS:
        return facts | {"parent": reference}
    if reference.startswith(REGISTERED):
        name, _, alias = reference.removeprefix(REGISTERED).partition("@")
        found = version_at(client, name, alias) if alias else None  # an alias may stand elsewhere tomorrow
        return facts | {"parent": reference if found is None else version_uri(name, found.version)}
    return facts


def _measured_facts(report: Mapping[str, Any]) -> dict[str, str]:
    return {
        "section": report["section"],
        "split": report["split"],
        "images": str(report["images"]),
        "dice": f"{mean_metric(report):.4f}",
    }


def _log(
    client: MlflowClient, bundle: Path, name: str, report: Mapping[str, Any] | None, tags: Mapping[str, str]
) -> Registered:
    artifacts = {}
    if report is not None:
        artifacts[REPORT_ARTIFACT] = bundle.parent / f"{REPORT_ARTIFACT}.json"
        artifacts[REPORT_ARTIFACT].write_text(json.dumps(report), encoding="utf-8")
    if report is not None:
        mlflow.log_metrics({f"{report['section']}_{METRIC}": mean_metric(report)})
    logged = log_model(bundle, artifacts)
    made = mlflow.register_model(logged.model_uri, name, tags=dict(tags))
    card = f"artifacts/{bundle.name}/docs/README.md"
    description = f"{bundle_metadata(bundle).get('description', bundle.name)} {NOTICE} Model card: {card}"
    client.update_model_version(name, made.version, description)
    return Registered(name, str(made.version), dict(tags))
