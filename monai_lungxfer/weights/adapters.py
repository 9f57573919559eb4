"""Adapters: weights of a `TranslatorUNet`'s new layers alone, and the base that they need."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from monai_lungxfer.bundle.files import WEIGHTS, bundle_names, bundles_root
from monai_lungxfer.bundle.redaction import redact_weights
from monai_lungxfer.bundle.references import names_weights, resolve_weights
from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.translator_unet import TranslatorUNet
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.files import atomic_path, hash_file
from monai_lungxfer.weights.sidecar import BaseWeights, copy_sidecar, read_sidecar

ADAPTERS = "adapters"
"""Name of the folder, beside a bundle's weights, of adapters that are served with them."""

_DIGITS = 12


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


def require_adapter(path: Path) -> BaseWeights:
    """Return the base of an adapter; TransferError is raised when a weights file is none, or lacks its sidecar."""
    base = read_sidecar(path).base
    if base is None:
        raise TransferError(
            "is no adapter, or lacks the .json file that belongs beside it",
            source=path,
            remedy="Give a weights file that lungxfer train --translator has written, with its .json file",
        )
    return base


def find_base(adapter: Path, given: str | Path | None = None, near: Sequence[Path] = ()) -> Path:
    """Find the weights that an adapter was trained on, by their hash.

    Parameters
    ----------
    adapter : pathlib.Path
        The adapter's weights file.
    given : str, pathlib.Path or None
        The base as somebody names it. Where not, it is looked for beside the adapter, where training keeps it
        (``base-HASH.pt``), in the folder above ``adapters``, among `near`, and among the bundles of the package.
    near : sequence of pathlib.Path
        Further files that may be it.

    Raises
    ------
    TransferError
        When it is not there, or what is given has another hash.
    """
    base = require_adapter(adapter)
    if given is not None:
        path = resolve_weights(given)
        if (found := hash_file(path)) != base.sha256:
            raise TransferError(
                f"is not the base of this adapter: it has the sha256 {found[:_DIGITS]}, and the adapter was trained on "
                f"weights with the {base}",
                source=path,
                remedy="Give the weights that the adapter was trained on (--weights FILE), or another adapter",
            )
        return path
    for path in dict.fromkeys(_candidates(adapter, base, near)):
        if path.is_file() and hash_file(path) == base.sha256:
            return path
    raise TransferError(
        f"is an adapter, and its base (weights with the {base}) is neither beside it nor in a bundle of the package",
        source=adapter,
        remedy="Give the base, too: --weights BASE --adapter ADAPTER",
    )


def _candidates(adapter: Path, base: BaseWeights, near: Sequence[Path]) -> Iterator[Path]:
    yield _kept_base(adapter.parent, base)
    yield from near
    for name in bundle_names():
        yield bundles_root() / name / WEIGHTS
    folders = [adapter.parent, *([adapter.parent.parent] if adapter.parent.name == ADAPTERS else [])]
    for folder in folders:
        yield from (path for path in sorted(folder.glob("*.pt")) if path != adapter)


def _kept_base(folder: Path, base: BaseWeights) -> Path:
    return folder / f"base-{base.sha256[:_DIGITS]}.pt"


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
    below: BaseWeights | None = base
    while below is not None:
        _link(path, _kept_base(Path(folder), below))
        path, below = (path, None) if below.base is None else (find_base(path), below.base)
    return base


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
