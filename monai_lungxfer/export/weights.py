"""Putting weights into a bundle, in place of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from monai_lungxfer.bundle.files import WEIGHTS, bundle_metadata, bundle_path
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.utils.files import atomic_path
from monai_lungxfer.weights.adapters import link_bases
from monai_lungxfer.weights.bases import find_base
from monai_lungxfer.weights.bundle_facts import update_bundle
from monai_lungxfer.weights.packing import pack_weights
from monai_lungxfer.weights.sidecar import copy_sidecar, read_sidecar


def install_weights(source: str | Path, bundle: str | Path, *, pack: bool = True) -> Path:
    """Put weights that fit a bundle into it, in place of its own, and make its metadata and card agree with them.

    The base of weights that are an adapter goes along, as a file beside them.

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
    base = read_sidecar(Path(source)).base
    # Before anything is replaced: a bundle's own weights would be lost to some that do not fit.
    Segmenter.from_bundle(folder, weights=source, device="cpu", engine="torch")
    target = folder / WEIGHTS
    if base is not None:
        link_bases(find_base(Path(source), near=[target]), base, target.parent)
    if pack:
        pack_weights(source, target, overwrite=True)
    else:
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
        copy_sidecar(Path(source), target)
    update_bundle(folder)
    return target
