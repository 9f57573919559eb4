"""The ways to name weights: a file, a bundle, a stage, other weights that have a name, or an MLflow URI."""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import TypeGuard

from monai_lungxfer.bundle.files import PAPER_WEIGHTS, WEIGHTS, bundle_path, bundles_root, weights_remedy
from monai_lungxfer.bundle.stages import STAGE_NAMES, STAGES
from monai_lungxfer.utils.errors import BundleError, TransferError

REGISTERED = "models:/"
"""Beginning of a registered model's URI."""

NO_WEIGHTS = "none"
"""What is written for no weights at all, so for a start from random ones."""

HUB = "hub"
"""The donor of PyTorch Hub (Buda et al. 2019), once it has been fetched."""

HUB_FILE = "unet-e012d006.pt"

PAPER = "paper"
"""The weights that the paper's own way gives: donor, general, portable, each by its ``train.yaml``."""

NAMED_WEIGHTS = frozenset((*STAGE_NAMES, HUB, PAPER))
"""All names of weights, which are the same in every folder and may be told to others."""

_NO_WEIGHTS = (NO_WEIGHTS, "null")  # in any case: people write None in Python, and null in YAML
_MONAI = ("monai", "bundle", "__main__.py")

MLFLOW_SCHEMES = (REGISTERED, "runs:/", "mlflow-artifacts:/")


def names_weights(reference: str | Path | None) -> TypeGuard[str | Path]:
    """Tell whether a reference names weights: ``None``, and "none" and "null" in any case, stand for random ones.

    So does ``--parent None`` on MONAI's command line, whatever the reference is. MONAI makes Python's None of it, and
    drops every option whose value is None without a word, so that the parent would be that of the file.
    """
    if reference is None or str(reference).lower() in _NO_WEIGHTS:
        return False
    given = sys.argv[1:]
    dropped = "--parent=None" in given or ("--parent", "None") in pairwise(given)
    return not (dropped and Path(sys.argv[0]).parts[-3:] == _MONAI)


def resolve_weights(reference: str | Path) -> Path:
    """Find the weights file that a reference names.

    Parameters
    ----------
    reference : str or pathlib.Path
        A weights file, a bundle's folder, a name (a bundle's, a stage's, ``hub`` or ``paper``), or an MLflow URI
        (``models:/name@alias``, ``runs:/id/path``); the tracking server is MLflow's ``MLFLOW_TRACKING_URI``.

    Raises
    ------
    TransferError
        When nothing is there.
    """
    if str(reference).startswith(MLFLOW_SCHEMES):
        return _weights_below(_downloaded(str(reference)), str(reference))
    path = Path(reference).expanduser()
    if path.is_file():
        return path
    if reference in (HUB, PAPER):
        return _find_named(str(reference))
    try:
        folder = bundle_path(reference)
    except BundleError as error:
        raise TransferError(
            "there is no such weights file, bundle or stage",
            source=reference,
            remedy="Give a .pt file, a bundle's name or folder, or an MLflow URI such as models:/name@champion",
        ) from error
    if not (folder / WEIGHTS).is_file():
        raise TransferError(
            f"the bundle has no weights ({WEIGHTS})",
            source=folder,
            remedy=f"{weights_remedy(folder)}, OUT/models/model.pt",
        )
    return folder / WEIGHTS


def cache_folder() -> Path:
    """Return where downloaded weights are kept for this user; it need not exist.

    It follows the XDG base directory specification: ``$XDG_CACHE_HOME`` or ``~/.cache``.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "monai_lungxfer"


def _find_named(name: str) -> Path:
    if name == HUB:
        file, problem = cache_folder() / HUB_FILE, "the hub's donor has not been fetched"
        remedy = "Run: lungxfer weights fetch donor"
    else:
        file, problem = (
            bundles_root() / STAGES["portable"].bundle / PAPER_WEIGHTS,
            "the paper's weights are not installed",
        )
        remedy = (
            "Install them from a clone of the repository (there: pip install ./packaging/stages), or train them: "
            "lungxfer transfer --data DIR"
        )
    if not file.is_file():
        raise TransferError(problem, source=name, remedy=remedy)
    return file


def absolute_reference(reference: str | Path, folder: Path) -> str:
    """Return a reference as `resolve_weights` takes it, to be used in other folders: names and URIs stay, paths do not.

    A relative path is relative to `folder`.
    """
    path = folder.absolute() / Path(reference).expanduser()
    named = str(reference) in NAMED_WEIGHTS or str(reference).startswith(MLFLOW_SCHEMES)
    return str(reference) if named and not path.is_file() else str(path)


def _downloaded(uri: str) -> Path:
    import mlflow

    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise TransferError(
            f"MLflow cannot provide it ({error})",
            source=uri,
            remedy="Check the name and that MLFLOW_TRACKING_URI points to the right server",
        ) from error


def _weights_below(path: Path, source: str) -> Path:
    # In a bundle there may be others, such as those before its training.
    found = [path] if path.is_file() else sorted(path.rglob(WEIGHTS.as_posix())) or sorted(path.rglob(WEIGHTS.name))
    if len(found) != 1:
        raise TransferError(
            f"it holds {len(found)} files named {WEIGHTS.name}, not one",
            source=source,
            remedy="Name the artifact of the weights file itself",
        )
    return found[0]
