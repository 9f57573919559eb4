"""Finding the package's bundles, in a checkout or an installation, and copying them out of it."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.stages import STAGE_NAMES, STAGES, stage_named
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.files import find_folder, staged_folder
from monai_lungxfer.utils.json_files import load_json
from monai_lungxfer.utils.locks import lock_replacement

METADATA = Path("configs") / "metadata.json"
INFERENCE = Path("configs") / "inference.yaml"
WEIGHTS = Path("models") / "model.pt"

ADAPTERS = WEIGHTS.parent / "adapters"
"""Where a bundle keeps adapters of its weights (``NAME.pt``), which are served by their names."""

PAPER_WEIGHTS = WEIGHTS.parent / "paper" / WEIGHTS.name
"""Where the portable bundle keeps the weights of the paper's own way, for comparison.

MONAI Label's stock app offers every ``models/*.pt`` as the weights, and of two names of one length it may take either.
"""

REFINER = Path("models") / "refiner.pt"
"""Where a bundle keeps the border refiner of its weights, if it has one."""

MANIFEST = Path("models") / "exports.json"
"""Where a bundle tells which formats it holds, from which weights, and how close they came to PyTorch."""

LARGE_FILES = "large_files.yml"
"""Where a bundle tells which of its files are not in it but are to be downloaded."""

BELONGING = frozenset(("LICENSE", LARGE_FILES, "configs", "docs", "models"))
"""What makes up a bundle. MONAI's own command leaves more in its folder: data sets, results, runs."""

# And not what trainings leave there, which tells paths.
_MODELS = (f"{WEIGHTS.stem}.*", PAPER_WEIGHTS.parent.name, f"{REFINER.stem}.*", "base-*", ADAPTERS.name, MANIFEST.name)
_HIDDEN = shutil.ignore_patterns(".*", "__pycache__", "*.pyc")


def bundles_root() -> Path:
    """Return the folder that holds the bundles: inside an installed package, beside the package in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "bundles"
    return installed if installed.is_dir() else package.parent / "bundles"


def bundle_names() -> list[str]:
    """Return the names of the bundles that are there, in the order of the stages."""
    root = bundles_root()
    return [stage.bundle for stage in STAGES.values() if (root / stage.bundle / METADATA).is_file()]


def bundle_path(name_or_path: str | Path) -> Path:
    """Find a bundle.

    Parameters
    ----------
    name_or_path : str or pathlib.Path
        A stage (``portable``), a bundle (``portable_cxr_lung_segmentation``), or a bundle's folder. A name
        goes before a folder of that name; write ``./portable`` for the folder.

    Returns
    -------
    pathlib.Path
        The bundle's folder, absolute.

    Raises
    ------
    BundleError
        When there is no such stage, bundle or folder, or the folder holds no bundle.
    """
    try:
        folder = bundles_root() / stage_named(str(name_or_path)).bundle
    except BundleError:
        folder = Path(name_or_path).expanduser().absolute()
        if not find_folder(folder):
            raise BundleError(
                "there is no such stage, bundle or folder",
                source=name_or_path,
                remedy=f"Use one of {', '.join(STAGES)}, or the path of a bundle's folder",
            ) from None
    if not (folder / METADATA).is_file():
        raise BundleError(
            f"this is not a bundle, it has no {METADATA.as_posix()}",
            source=folder,
            remedy="Give the bundle's own folder; if the bundles of this package are missing, install it again",
        )
    return folder


def bundle_metadata(path: str | Path) -> dict[str, Any]:
    """Read a bundle's ``configs/metadata.json``.

    Raises
    ------
    BundleError
        When it cannot be read or holds no JSON object.
    """
    file = Path(path) / METADATA
    try:
        metadata = load_json(file)
    except (OSError, ValueError) as error:
        raise BundleError(f"it cannot be read ({error})", source=file, remedy="Export the bundle again") from error
    if not isinstance(metadata, dict):
        raise BundleError("it holds no JSON object", source=file, remedy="Export the bundle again")
    return metadata


def weights_remedy(folder: Path) -> str:
    """Return what to do where a bundle has no weights: the wheel brings those of the portable bundle alone."""
    stage = STAGE_NAMES.get(folder.name)
    train = f"train it first (lungxfer train {stage.name if stage else 'STAGE'}), or name a weights file"
    if stage is None or folder.parent != bundles_root():
        return f"{train[0].upper()}{train[1:]}"
    return f"Install them from a clone of the repository (there: pip install ./packaging/stages), {train}"


def export_bundle(name: str | Path, target: str | Path, overwrite: bool = False) -> Path:
    """Copy a bundle, with its weights, to a folder where it can be changed, trained or served.

    The copy keeps the bundle's name, by which MONAI Label tells that it segments. Only what belongs to a bundle is
    copied: no data, no results, and of `models` no more than the weights and the formats made from them. The copy
    appears under its name only when it is complete.

    Parameters
    ----------
    name : str or pathlib.Path
        See `bundle_path`.
    target : str or pathlib.Path
        Folder that receives the bundle as a sub-folder; it is made when missing.
    overwrite : bool
        Replace a bundle that is there already. Nothing but a bundle is ever replaced.

    Returns
    -------
    pathlib.Path
        The copy's folder, absolute.

    Raises
    ------
    BundleError
        When there is no such bundle, or the copy would lie in it.
    OutputError
        When something is in the way, or the copy cannot be written.
    """
    source = bundle_path(name)
    destination = Path(target).expanduser().absolute() / source.name
    if destination.resolve().is_relative_to(source.resolve()):
        raise BundleError("a bundle cannot be exported into itself", source=destination, remedy="Choose another folder")
    with lock_replacement(destination), staged_folder(destination, overwrite=overwrite, mark=METADATA) as folder:
        shutil.copytree(source, folder, ignore=partial(_left_behind, source), dirs_exist_ok=True)
    return destination


def _left_behind(bundle: Path, folder: str, names: list[str]) -> set[str]:
    """Return which names in a folder of a bundle do not belong to it, as `shutil.copytree` asks for them."""
    inside = Path(folder).relative_to(bundle)
    if inside == Path():
        return set(names) - BELONGING
    if inside == WEIGHTS.parent:
        return {name for name in names if not any(fnmatch(name, pattern) for pattern in _MODELS)}
    return _HIDDEN(folder, names)


def bundle_adapters(folder: Path) -> dict[str, Path]:
    """Return the adapters that a bundle keeps, by their names."""
    return {path.stem: path for path in sorted((folder / ADAPTERS).glob("*.pt"))}
