"""Putting weights into a bundle, in place of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from monai_lungxfer.bundle.files import WEIGHTS, bundle_metadata, bundle_path
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.utils.files import atomic_path
from monai_lungxfer.weights.bundle_facts import update_bundle
from monai_lungxfer.weights.packing import pack_weights
from monai_lungxfer.weights.sidecar import copy_sidecar


def install_weights(source: str | Path, bundle: str | Path, *, pack: bool = True) -> Path:
    """Put weights that fit a bundle into it, in place of its own, and make its metadata and card agree with them.

    Parameters
    ----------
    source : str or pathlib.Path
        A weights file.
    bundle : str or pathlib.Path
        As for `monai_lungxfer.bundle.files.bundle_path`.
    pack : bool
        Whether they are packed; else the file is copied as it is.

    Returns
    -------
    pathlib.Path
        The bundle's weights file.

    Raises
    ------
    BundleError, TransferError
        When the bundle cannot infer, or the weights do not fit its network. Nothing has been written then.
    """
    folder = bundle_path(bundle)
    bundle_metadata(folder)
    # Before anything is replaced: a bundle's own weights would be lost to some that do not fit.
    Segmenter.from_bundle(folder, weights=source, device="cpu", engine="torch")
    target = folder / WEIGHTS
    if pack:
        pack_weights(source, target, overwrite=True)
    else:
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
        copy_sidecar(Path(source), target)
    update_bundle(folder)
    return target
