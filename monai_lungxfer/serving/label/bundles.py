"""The copies of bundles that are served: where they come from, and that they are what they say."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock

from monai_lungxfer.bundle.files import METADATA, WEIGHTS, bundle_metadata, bundle_path, export_bundle
from monai_lungxfer.bundle.stages import STAGE_NAMES
from monai_lungxfer.data.public.unpack import Limits, unpack
from monai_lungxfer.export.weights import install_weights
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.utils.errors import BundleError, DownloadError
from monai_lungxfer.utils.files import hash_file, write_text
from monai_lungxfer.weights.bundle_facts import WEIGHTS_HASH

_LARGEST = 500_000_000  # bytes of an unpacked archive
_DATA = ("docs", "eval", "models", "__pycache__")
"""Folders of a bundle that no code is run from; MONAI evaluates the expressions of its configurations."""


def served_copy(bundle: str | Path, models: Path) -> Path:
    """Return the folder of a bundle's copy below `models`, after copying it there when it is missing.

    The bundle is a stage, a bundle's name, its folder, or an archive (``.zip``) with that folder. Trainings change the
    copies, so one that is there already stays as it is. It is refused when it was made from other weights, and any
    bundle that is not to be trusted, see `check_bundle`.
    """
    with TemporaryDirectory(prefix="lungxfer-") as temporary:
        source = _unpacked(Path(bundle), Path(temporary)) if str(bundle).endswith(".zip") else bundle_path(bundle)
        check_bundle(source)
        copy = models / source.name
        origin, given = _beside(copy, "origin"), hash_file(source / WEIGHTS)
        if not copy.exists():
            export_bundle(source, models)
            write_text(origin, given)
        elif source not in (copy, bundle_path(copy.name)) and _read(origin) != given:
            raise BundleError(
                "the copy of that name, which is served, was made from other weights",
                source=copy,
                remedy="Remove it to serve these, or choose another folder (--out)",
            )
    check_bundle(copy)
    return copy


def check_bundle(folder: Path) -> None:
    """Refuse a bundle that would run code of others, or whose weights are not those that it was made with.

    It must be one of this package's bundles for radiographs, with the package's configurations, and weights whose hash
    its metadata tell.
    """
    stage = STAGE_NAMES.get(folder.name)
    if stage is None or stage.parent is None:
        raise BundleError(
            "is not a bundle for radiographs of this package",
            source=folder,
            remedy="Serve general, portable, or a copy of one of them under its own name",
        )
    own = bundle_path(stage.bundle)
    if _read_code(folder) != _read_code(own):
        raise BundleError(
            "its configurations differ from this package's, and such files can run any code",
            source=folder,
            remedy="Export the bundle again (lungxfer bundles export), and put only the weights into it",
        )
    _check_weights(folder)


def load_segmenter(folder: Path, device: str = "auto", adapter: Path | None = None) -> Segmenter:
    """Load a served bundle, with one of its adapters where that is named.

    Weights that do not belong to it, or do not fit its network, are refused.
    """
    with _weights_lock(folder):
        _check_weights(folder)
        return Segmenter.from_bundle(folder, device=device, adapter=adapter)


def replace_weights(folder: Path, weights: Path) -> None:
    """Give a served bundle other weights; whenever this is interrupted, the old ones or the new ones are served."""
    with _weights_lock(folder):
        # Weights and metadata are two files, which cannot be put in place at one moment.
        write_text(_beside(folder, "pending"), hash_file(weights))
        install_weights(weights, folder, pack=False)


def _weights_lock(folder: Path) -> FileLock:
    return FileLock(_beside(folder, "lock"))


def _beside(folder: Path, name: str) -> Path:
    return folder.with_name(f"{folder.name}.{name}")


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _check_weights(folder: Path) -> None:
    told = bundle_metadata(folder).get(WEIGHTS_HASH), _read(_beside(folder, "pending"))
    if not (folder / WEIGHTS).is_file() or hash_file(folder / WEIGHTS) not in told:
        raise BundleError(
            f"its {WEIGHTS.as_posix()} is missing, or does not have the hash of {METADATA.as_posix()}",
            source=folder,
            remedy="Put the right weights back, or remove this copy of the bundle so that it is made again",
        )


def _read_code(folder: Path) -> dict[str, str]:
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        name.as_posix(): hash_file(path)
        for name, path in found.items()
        if name != METADATA and not set(name.parts[:-1]) & set(_DATA)
    }


def _unpacked(archive: Path, target: Path) -> Path:
    """Unpack an archive of one bundle; nothing gets outside `target`."""
    try:
        unpack(archive, target, Limits(files=10_000, size=_LARGEST, harmless=_LARGEST))
    except DownloadError as error:
        raise BundleError(error.problem, source=archive, remedy="Pack the bundle's folder again") from error
    except OSError as error:
        raise BundleError(f"cannot be unpacked ({error})", source=archive, remedy="Fetch it again") from error
    folders = [path.parent.parent for path in sorted(target.glob(f"*/{METADATA.as_posix()}"))]
    if len(folders) != 1:
        raise BundleError("holds no bundle's folder, or several", source=archive, remedy="Pack one bundle's folder")
    return folders[0]
