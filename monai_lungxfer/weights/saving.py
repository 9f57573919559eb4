"""Writing weights files: nothing else is lost by it, and the sidecar beside them is always theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from monai_lungxfer.networks.description import describe_weights
from monai_lungxfer.networks.sizing import SQUARE
from monai_lungxfer.utils.errors import OutputError, TransferError
from monai_lungxfer.utils.torch_files import save_checkpoint
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.sidecar import (
    PAPER_SIZE,
    BaseWeights,
    LearntImages,
    read_sidecar,
    save_sidecar,
    sidecar_file,
)

_SUFFIX = ".pt"


def save_weights(
    weights: dict[str, torch.Tensor],
    target: str | Path,
    size: Sequence[int] | None,
    network: Mapping[str, Any] | None = None,
    learnt: Sequence[LearntImages] = (),
    *,
    sizing: str = SQUARE,
    channels: str | None = None,
    base: BaseWeights | None = None,
    overwrite: bool = False,
) -> Path:
    """Write weights with their network and input size, see `monai_lungxfer.weights.sidecar`.

    Parameters
    ----------
    weights : dict of str to torch.Tensor
        A state dict.
    target : str or pathlib.Path
        The file, replaced atomically; its name ends in ``.pt``.
    size : sequence of int or None
        (H, W) in pixels; ``None`` for weights that say nothing.
    network : mapping, optional
        Class and parameters of their network; one of this package is found in the weights themselves.
    learnt : sequence of LearntImages
        The images that they learnt from.
    sizing : str
        How images are brought to that size, see `monai_lungxfer.networks.sizing.fit_size`.
    channels : str, optional
        The sequence of an MRI slice that they learnt from, see `monai_lungxfer.weights.sidecar.Sidecar`.
    base : BaseWeights, optional
        What an adapter needs.
    overwrite : bool
        Replace a file with other content.

    Returns
    -------
    pathlib.Path
        `target`. A file that holds these weights already is left as it is; a sidecar that is missing is added.

    Raises
    ------
    OutputError
        When the name ends otherwise, when another file is there already, or when it cannot be written.
    """
    path = checked_name(target)
    network = network or describe_weights(weights)
    if not overwrite:
        if _holds(path, weights, size, network, sizing):
            if not sidecar_file(path).exists():  # of a process that was killed between the two
                save_sidecar(path, size, network, learnt, sizing=sizing, channels=channels, base=base)
            return path
        for file in (path, sidecar_file(path)):
            if file.exists():
                remedy = "Choose another file (--out), or add --overwrite"
                raise OutputError("is there already", source=file, remedy=remedy)
    save_checkpoint(weights, path)
    save_sidecar(path, size, network, learnt, sizing=sizing, channels=channels, base=base)
    return path


def checked_name(target: str | Path) -> Path:
    """Return a path that weights can have, beside whose file there is room for their sidecar.

    Raises
    ------
    OutputError
        When the name does not end in ``.pt``.
    """
    path = Path(target)
    if path.suffix != _SUFFIX:
        raise OutputError(
            f"is no name for weights: it has to end in {_SUFFIX}, since a .json file is kept beside them",
            source=path,
            remedy=f"Name it {path.stem}{_SUFFIX}",
        )
    return path


def _holds(
    path: Path,
    weights: dict[str, torch.Tensor],
    size: Sequence[int] | None,
    network: Mapping[str, Any] | None,
    sizing: str,
) -> bool:
    try:
        found, sidecar = read_state_dict(path), read_sidecar(path)
    except TransferError:
        return False
    alike = (sidecar.image_size or PAPER_SIZE) == list(size or PAPER_SIZE) and sidecar.network in (None, network)
    if not alike or sidecar.sizing != sizing or found.keys() != weights.keys():
        return False
    return all(found[name].dtype == own.dtype and torch.equal(found[name], own) for name, own in weights.items())
