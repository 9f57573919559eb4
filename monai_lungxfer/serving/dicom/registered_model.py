"""Models of MLflow's registry, fetched into a folder of the node, so that it starts without the registry, too."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

from monai_lungxfer.bundle.files import METADATA, WEIGHTS
from monai_lungxfer.bundle.references import REGISTERED
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.extras import import_extra
from monai_lungxfer.utils.files import staged_folder, unwritable
from monai_lungxfer.utils.temporary import temporary_folder

_SERVER = "MLFLOW_TRACKING_URI"
_SQLITE = "sqlite:///"
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
"""MLflow's own settings would let a server that is down hold up the start for minutes."""

_REMEDY = "Check the name and alias (lungxfer registry list), tracking_uri, and that the server runs"


@dataclass(frozen=True)
class RegisteredVersion:
    """A version of a registered model: its number, and a name that only its content has."""

    name: str
    version: str
    key: str


class ModelRegistry:
    """Asks MLflow where an alias stands, and fetches versions.

    Parameters
    ----------
    reference : str
        ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION``.
    tracking_uri : str, optional
        MLflow's server or database; the default is MLflow's own.
    folder : pathlib.Path
        Where fetched versions are kept.

    Raises
    ------
    TransferError
        When the reference is of another form.
    """

    def __init__(self, reference: str, tracking_uri: str | None, folder: Path) -> None:
        found = re.fullmatch(r"models:/([^/@:]+)(?:@([^/@]+)|/(\d+))", reference)
        if found is None:
            raise TransferError(
                "is not a name of a registered model", source=reference, remedy="Give one as models:/NAME@champion"
            )
        self.reference, self.folder = reference, folder
        self._uri = tracking_uri
        self._name, self._alias, self._version = found.groups()

    @property
    def can_move(self) -> bool:
        """Whether the reference is an alias, which may stand elsewhere tomorrow."""
        return self._alias is not None

    def look_up(self) -> RegisteredVersion:
        """Ask where the reference points to now; TransferError is raised when nobody says so."""
        mlflow = import_extra("mlflow")
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        _check_database(self._uri or mlflow.get_tracking_uri())
        try:
            client = mlflow.MlflowClient(self._uri, self._uri)
            if self._alias:
                found = client.get_model_version_by_alias(self._name, self._alias)
            else:
                found = client.get_model_version(self._name, self._version)
        except (mlflow.MlflowException, OSError) as error:
            raise self._failed("the registry does not know it, or cannot be reached", error) from None
        number = str(found.version)
        made = hashlib.sha256(f"{self._uri} {found.creation_timestamp} {found.source}".encode()).hexdigest()[:12]
        plain = re.sub(r"[^\w.-]", "_", self._name)
        return RegisteredVersion(self._name, number, f"{plain}-{number}-{made}")

    def fetch(self, wanted: RegisteredVersion) -> Path:
        """Return the folder of a version's bundle, or its weights file where it has none; downloaded if it is not here.

        TransferError is raised when it cannot be fetched, OutputError when it cannot be written.
        """
        kept = self.folder / wanted.key
        if not kept.is_dir():
            mlflow = import_extra("mlflow")
            uri = f"{REGISTERED}{wanted.name}/{wanted.version}"
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                with temporary_folder(self.folder) as temporary, self._in_use(mlflow):
                    mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(temporary))
                    with staged_folder(kept) as new:
                        _keep_model(temporary, new, uri)
            except mlflow.MlflowException as error:
                raise self._failed("it cannot be fetched", error) from None
            except OSError as error:
                raise unwritable(kept, error) from error
        return find_model(kept)

    @contextmanager
    def _in_use(self, mlflow: ModuleType) -> Iterator[None]:
        """Let the registry be that of the process: the arguments of a download do not reach what it looks up itself."""
        before = os.environ.get(_SERVER)
        if self._uri is not None:
            mlflow.set_tracking_uri(self._uri)
        try:
            yield
        finally:
            if self._uri is not None:
                mlflow.set_tracking_uri(before)

    def _failed(self, problem: str, error: Exception) -> TransferError:
        code = getattr(error, "error_code", None)
        told = type(error).__name__ if code is None else f"{type(error).__name__}, {code}"
        return TransferError(f"{problem} ({told})", source=self.reference, remedy=_REMEDY)

    def forget_others(self, keys: set[str]) -> None:
        """Remove fetched versions but these."""
        for folder in self.folder.iterdir():
            if folder.is_dir() and folder.name not in keys and re.search(r"-\d+-[0-9a-f]{12}$", folder.name):
                shutil.rmtree(folder, ignore_errors=True)


def _check_database(uri: str) -> None:
    """Refuse a database that is not there; MLflow would make an empty one, without a word."""
    if uri.startswith(_SQLITE) and not Path(unquote(uri.removeprefix(_SQLITE))).is_file():
        raise TransferError("there is no such database of MLflow", source=uri, remedy="Check tracking_uri")


def _keep_model(downloaded: Path, kept: Path, uri: str) -> None:
    """Move the bundle of a model, or else its one weights file, out of what MLflow keeps around it."""
    bundles = [path.parents[1] for path in downloaded.rglob(METADATA.as_posix())]
    files = sorted(downloaded.rglob(WEIGHTS.name))
    if len(bundles) == 1:
        bundles[0].rename(kept / bundles[0].name)
    elif len(files) == 1:
        files[0].rename(kept / WEIGHTS.name)
    else:
        raise TransferError(
            f"it holds {len(bundles)} bundles and {len(files)} weights files, not one",
            source=uri,
            remedy="Register it with: lungxfer registry register",
        )


def find_model(kept: Path) -> Path:
    """Return what `ModelRegistry.fetch` has kept in a folder."""
    found: list[Any] = sorted(path for path in kept.iterdir() if not path.name.startswith("."))
    return found[0]
