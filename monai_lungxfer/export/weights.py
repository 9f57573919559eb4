"""Putting weights into a bundle: in place of its own, or an adapter besides them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from monai_lungxfer.bundle.files import ADAPTERS, WEIGHTS, bundle_adapters, bundle_metadata, bundle_path
from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.files import atomic_path
from monai_lungxfer.weights.adapters import link_bases
from monai_lungxfer.weights.bases import find_base, require_adapter
from monai_lungxfer.weights.bundle_facts import update_bundle
from monai_lungxfer.weights.packing import pack_weights
from monai_lungxfer.weights.sidecar import copy_sidecar, read_sidecar

_NAME = re.compile(r"[A-Za-z][\w.-]{0,62}", re.ASCII)


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
    for adapter in bundle_adapters(folder).values():  # which go on serving on what they were trained on
        link_bases(find_base(adapter), require_adapter(adapter), target.parent)
    if pack:
        pack_weights(source, target, overwrite=True)
    else:
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
        copy_sidecar(Path(source), target)
    update_bundle(folder)
    return target


def install_adapter(source: str | Path, bundle: str | Path, name: str) -> Path:
    """Put an adapter of a bundle's weights into it, to be served by its name besides them.

    Parameters
    ----------
    source : str or pathlib.Path
        The adapter's weights file.
    bundle : str or pathlib.Path
        As for `monai_lungxfer.bundle.files.bundle_path`.
    name : str
        Letters, digits, ``_``, ``-`` and ``.``, such as that of a hospital's device. An adapter of that name is
        replaced.

    Returns
    -------
    pathlib.Path
        The adapter's file in the bundle.

    Raises
    ------
    BundleError, TransferError
        When the name has other characters, or the bundle's weights are not the adapter's base. Nothing has been written
        then.
    """
    check_adapter(source, bundle, name)
    folder = bundle_path(bundle)
    target = folder / ADAPTERS / f"{name}.pt"
    with atomic_path(target) as temporary:
        shutil.copyfile(resolve_weights(source), temporary)
    copy_sidecar(resolve_weights(source), target)
    return target


def check_adapter(source: str | Path, bundle: str | Path, name: str) -> None:
    """Raise the errors that `install_adapter`, which has these arguments, would raise; nothing is written."""
    folder = bundle_path(bundle)
    if not _NAME.fullmatch(name):
        raise BundleError(
            f"an adapter cannot be called {name!r}", remedy="Use letters, digits, _, - and ., with a letter first"
        )
    Segmenter.from_bundle(folder, weights=folder / WEIGHTS, adapter=source, device="cpu", engine="torch")
