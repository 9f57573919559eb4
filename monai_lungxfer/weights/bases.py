"""Finding the weights that an adapter was trained on, without PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from monai_lungxfer.bundle.files import ADAPTERS, WEIGHTS, bundle_names, bundles_root
from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.sidecar import BaseWeights, read_sidecar

_DIGITS = 12


def require_adapter(path: Path) -> BaseWeights:
    """Return the base of an adapter; TransferError is raised when a weights file is none, or lacks its sidecar."""
    base = read_sidecar(path).base
    if base is None:
        raise TransferError(
            "is not an adapter, or lacks the .json file that belongs next to it",
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
                f"is not the base of this adapter: its sha256 is {found[:_DIGITS]}, and the base has the {base}",
                source=path,
                remedy="Give the weights that the adapter was trained on (--weights FILE), or another adapter",
            )
        return path
    for path in dict.fromkeys(_candidates(adapter, base, near)):
        if path.is_file() and hash_file(path) == base.sha256:
            return path
    raise TransferError(
        f"is an adapter, and its base (weights with the {base}) is neither next to it nor in a bundle of the package",
        source=adapter,
        remedy="Give the base, too: --weights BASE --adapter ADAPTER",
    )


def _candidates(adapter: Path, base: BaseWeights, near: Sequence[Path]) -> Iterator[Path]:
    yield kept_base(adapter.parent, base)
    yield from near
    for name in bundle_names():
        yield bundles_root() / name / WEIGHTS
    folders = [adapter.parent, *([adapter.parent.parent] if adapter.parent.name == ADAPTERS.name else [])]
    for folder in folders:
        yield from (path for path in sorted(folder.glob("*.pt")) if path != adapter)


def kept_base(folder: Path, base: BaseWeights) -> Path:
    """Return where training keeps the base of an adapter that it writes into a folder."""
    return folder / f"base-{base.sha256[:_DIGITS]}.pt"
