"""Adapters: weights of a `TranslatorUNet`'s new layers alone, and the base that they need."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from torch import nn

from monai_lungxfer.bundle.redaction import redact_weights
from monai_lungxfer.bundle.references import names_weights, resolve_weights
from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.translator_unet import TranslatorUNet
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.files import atomic_path, hash_file
from monai_lungxfer.weights.bases import find_base, kept_base, require_adapter
from monai_lungxfer.weights.sidecar import BaseWeights, copy_sidecar, read_sidecar


def adapt_network(network: nn.Module, weights: str | Path | None, adapter: str | Path | None = None) -> nn.Module:
    """Put on a network the new layers that an adapter has, without loading anything.

    Parameters
    ----------
    network : torch.nn.Module
        That of the base.
    weights, adapter : str, pathlib.Path or None
        As for `monai_lungxfer.weights.loading.load_weights`. Without an adapter among them, the network is returned.

    Raises
    ------
    TransferError
        When there is no such adapter, or it is none.
    """
    reference = adapter if names_weights(adapter) else weights
    if not names_weights(reference):
        return network
    path = resolve_weights(reference)
    sidecar = read_sidecar(path)
    if names_weights(adapter):
        require_adapter(path)
    return network if sidecar.base is None else _stacked(network, sidecar.network or {}, sidecar.base)


def _stacked(network: nn.Module, described: dict[str, Any], base: BaseWeights) -> nn.Module:
    below = network if base.base is None else _stacked(network, base.network, base.base)
    return TranslatorUNet(below, **{name: value for name, value in described.items() if name != "_target_"})


def keep_base(network: nn.Module, parent: str | Path | None, folder: str | Path) -> BaseWeights | None:
    """Describe the base of a translator that starts from a parent, and keep its file where the adapter will lie.

    Parameters
    ----------
    network : torch.nn.Module
        What is trained. For others than a `TranslatorUNet`, nothing is done.
    parent : str, pathlib.Path or None
        Is the base, or an adapter that goes on learning on its own base.
    folder : str or pathlib.Path
        Gets ``base-HASH.pt``, as a hard link where the disk allows one, so that results can be reproduced.

    Raises
    ------
    TransferError
        When there is no parent.
    OutputError
        When the file cannot be written.
    """
    if not isinstance(network, TranslatorUNet):
        return None
    path = require_parent(parent)
    sidecar = read_sidecar(path)
    if count_translators(network) == _links(sidecar.base):
        path, base = find_base(path), require_adapter(path)
    else:
        name = redact_weights(parent)
        described = sidecar.network or describe_network(network.base)
        base = BaseWeights(hash_file(path), described, None if " " in name else name, sidecar.base)
    link_bases(path, base, Path(folder))
    return base


def link_bases(path: Path, base: BaseWeights, folder: Path) -> None:
    """Keep the base of an adapter in a folder, its file being `path`, and what it needs in turn; see `keep_base`."""
    _link(path, kept_base(folder, base))
    if base.base is not None:
        link_bases(find_base(path), base.base, folder)


def require_parent(parent: str | Path | None) -> Path:
    """Return the file of a translator's parent, which it cannot do without."""
    if names_weights(parent):
        return resolve_weights(parent)
    raise TransferError(
        "a translator needs trained weights as its base, and there is no parent",
        remedy="Name the parent (--parent), or train the whole network (without --translator)",
    )


def _link(source: Path, target: Path) -> None:
    if target.is_file():
        return
    with atomic_path(target) as temporary:
        try:
            temporary.unlink(missing_ok=True)
            os.link(source, temporary)
        except OSError:  # another disk
            shutil.copyfile(source, temporary)
    copy_sidecar(source, target)


def count_translators(network: nn.Module) -> int:
    """Count the translators that lie on one another on a network."""
    return 1 + count_translators(network.base) if isinstance(network, TranslatorUNet) else 0


def _links(base: BaseWeights | None) -> int:
    return 0 if base is None else 1 + _links(base.base)


def parent_part(network: nn.Module, parent: Path) -> nn.Module:
    """Return the part of a network that a parent's weights are of: what is below a new translator."""
    links = _links(read_sidecar(parent).base)
    while count_translators(network) > links and isinstance(network, TranslatorUNet):
        network = network.base
    return network
