"""From what MONAI Deploy calls the model to a bundle and its weights."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.bundle.files import MANIFEST, METADATA, WEIGHTS
from monai_lungxfer.export.manifest import checked_formats
from monai_lungxfer.export.writers import EXPORT_FORMATS
from monai_lungxfer.utils.errors import BundleError

_TORCHSCRIPT = EXPORT_FORMATS["torchscript"].file


def find_model_bundle(model: Path) -> tuple[Path, Path]:
    """Return the folder of the bundle that a model stands for, and the file of its weights.

    The model is a bundle's folder; a folder with one bundle in it, as in a MONAI Application Package; or, in a bundle's
    folder `models`, a weights file (``.pt``) or `model.ts`. The inference core runs the bundle's network with a state
    dict, and no code from a file. So `model.ts` stands for the weights that it was exported from, which must lie beside
    it, unchanged since.
    """
    if model.is_dir():
        folder = _only_bundle(model)
        return folder, folder / WEIGHTS
    if not model.exists():
        raise BundleError("there is no such model", source=model, remedy="Give a bundle's folder (-m)")
    folder = model.parent.parent
    if not _is_bundle(folder):
        raise BundleError(
            "this file lies in no bundle",
            source=model,
            remedy="Give the bundle's folder, or a file in its folder models: the preprocessing is the bundle's",
        )
    if model.suffix == Path(_TORCHSCRIPT).suffix:
        _check_export(folder, model)
        return folder, folder / WEIGHTS
    return folder, model


def _is_bundle(folder: Path) -> bool:
    return (folder / METADATA).is_file()


def _only_bundle(folder: Path) -> Path:
    found = [folder] if _is_bundle(folder) else sorted(filter(_is_bundle, folder.iterdir()))
    if len(found) != 1:
        raise BundleError(
            f"the folder is no bundle, and has {len(found)} in it", source=folder, remedy="Give the bundle's own folder"
        )
    return found[0]


def _check_export(bundle: Path, file: Path) -> None:
    """Refuse a TorchScript file whose masks were not compared with those of the weights beside it."""
    try:
        is_ours = file.name in checked_formats(bundle)["torchscript"]["sha256"]
    except (BundleError, KeyError):
        is_ours = False
    if not is_ours:
        raise BundleError(
            f"this is not what was exported from the bundle's {WEIGHTS.as_posix()}, by its {MANIFEST.as_posix()}",
            source=file,
            remedy="Export it again (lungxfer bundles export NAME --format torchscript --out DIR), or give the folder",
        )
