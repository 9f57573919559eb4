"""What is in the registry."""

from __future__ import annotations

from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import RegisteredModel

from monai_lungxfer.registry.store import registry_at

__all__ = ["list_versions"]


def list_versions(name: str | None = None, *, tracking_uri: str | None = None) -> list[dict[str, Any]]:
    """List versions of models that this package has registered, the newest of each model first.

    Parameters
    ----------
    name : str, optional
        Of one registered model; the default is all.
    tracking_uri : str, optional
        See `monai_lungxfer.registry.store.registry_at`.

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
        models = [client.get_registered_model(name)] if name else _all(client.search_registered_models)
        return [row for model in models for row in _versions(client, model)]


def _versions(client: MlflowClient, model: RegisteredModel) -> list[dict[str, Any]]:
    aliases: dict[str, list[str]] = {}
    for alias, number in sorted(model.aliases.items()):
        aliases.setdefault(str(number), []).append(alias)
    found = _all(client.search_model_versions, filter_string=f"name = '{model.name}'")
    return [
        {
            "name": model.name,
            "version": str(version.version),
            "aliases": aliases.get(str(version.version), []),
            "tags": dict(version.tags),
        }
        for version in sorted(found, key=lambda version: -int(version.version))
        if "weights_sha256" in version.tags
    ]


def _all(search: Any, **wanted: Any) -> list[Any]:
    """Return what a search of MLflow's finds on all of its pages."""
    page = search(**wanted)
    found = list(page)
    while page.token:
        page = search(**wanted, page_token=page.token)
        found += page
    return found
