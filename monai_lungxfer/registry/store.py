"""The connection to a registry, what is in it, and how models and their versions are called there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mlflow
from mlflow import MlflowClient, MlflowException
from mlflow.entities.model_registry import ModelVersion, RegisteredModel

from monai_lungxfer.bundle.references import REGISTERED
from monai_lungxfer.handlers.run_store import find_database, ready_store
from monai_lungxfer.utils.errors import RegistryError

CANDIDATE, CHAMPION = "candidate", "champion"
"""Aliases of a model's version that is proposed, and of the one that is used."""

_SERVER = "MLFLOW_TRACKING_URI"


def version_uri(name: str, version: str | int) -> str:
    """Return what MLflow calls a version of a registered model."""
    return f"{REGISTERED}{name}/{version}"


@contextmanager
def registry_at(uri: str | None = None) -> Iterator[MlflowClient]:
    """Let MLflow use a tracking server or database while the block runs.

    Parameters
    ----------
    uri : str, optional
        The default is MLflow's own: the variable MLFLOW_TRACKING_URI, else `mlflow.db` in the current folder. So
        ``models:/…`` means the same here and wherever this package takes weights from.

    Yields
    ------
    mlflow.MlflowClient
        For what MLflow's functions do not do.

    Raises
    ------
    RegistryError
        When MLflow cannot do what is asked of it.
    """
    before = os.environ.get(_SERVER)
    if uri is not None:
        mlflow.set_tracking_uri(uri)
    try:
        ready_store(mlflow.get_tracking_uri(), mend=False)
        yield MlflowClient()
    except MlflowException as error:
        raise RegistryError(
            f"MLflow cannot do this ({error.message})",
            source=mlflow.get_tracking_uri(),
            remedy="Check the name, the server or database (--tracking-uri, MLFLOW_TRACKING_URI), and that it runs",
        ) from error
    finally:
        if uri is not None:
            mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None takes the choice back


def experiment_named(client: MlflowClient, name: str) -> str:
    """Return the identity of an experiment, which is made when it is missing."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return found.experiment_id
    return client.create_experiment(name, artifact_location=_beside_database(client.tracking_uri))


def _beside_database(uri: str) -> str | None:
    """Return the URI of a folder beside an SQLite file; MLflow would put artifacts below the current folder."""
    file = find_database(uri)
    return None if file is None else file.with_suffix("").as_uri()


def version_at(client: MlflowClient, name: str, place: str) -> ModelVersion | None:
    """Return a version of a registered model by its number or alias, or ``None`` when nothing is there."""
    try:
        if place.isdecimal():
            return client.get_model_version(name, place)
        return client.get_model_version_by_alias(name, place)
    except MlflowException as error:
        # A registered model without the alias is an invalid parameter to one store and missing to another.
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def list_versions(name: str | None = None, *, tracking_uri: str | None = None) -> list[dict[str, Any]]:
    """List versions of models that this package has registered, the newest of each model first.

    Parameters
    ----------
    name : str, optional
        Of one registered model; the default is all.
    tracking_uri : str, optional
        See `registry_at`.

    Returns
    -------
    list of dict
        Name, version and aliases, and the version's tags.

    Raises
    ------
    RegistryError
        When the registry cannot be reached, or there is no such model.
    """
    with registry_at(tracking_uri) as client:
        models = [client.get_registered_model(name)] if name else mlflow.search_registered_models()
        return [row for model in models for row in _versions(model)]


def _versions(model: RegisteredModel) -> list[dict[str, Any]]:
    found = mlflow.search_model_versions(filter_string=f"name = '{model.name}'")
    return [
        {
            "name": model.name,
            "version": str(version.version),
            "aliases": sorted(alias for alias, number in model.aliases.items() if str(number) == str(version.version)),
            "tags": dict(version.tags),
        }
        for version in sorted(found, key=lambda version: -int(version.version))
        if "weights_sha256" in version.tags
    ]
