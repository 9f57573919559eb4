"""Writing weights files: nothing else is lost by it, and the sidecar beside them is always theirs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from monai_lungxfer.networks.description import describe_weights
from monai_lungxfer.utils.errors import OutputError, TransferError
from monai_lungxfer.utils.torch_files import save_checkpoint
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.sidecar import PAPER_SIZE, Sidecar, read_sidecar, save_sidecar, sidecar_file

_SUFFIX = ".pt"


def save_weights(
    weights: dict[str, torch.Tensor],
    target: str | Path,
    known: Sidecar,
    *,
    overwrite: bool = False,
) -> Path:
    """Write weights with their network and input size, see `monai_lungxfer.weights.sidecar`.

    Parameters
    ----------
    weights : dict of str to torch.Tensor
        A state dict.
    target : str or pathlib.Path
        The file, replaced atomically; its name ends in ``.pt``.
    known : Sidecar
        What is known of them. A network of this package is found in the weights themselves.
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
    known = replace(known, network=known.network or describe_weights(weights))
    if not overwrite:
        if _holds(path, weights, known):
            if not sidecar_file(path).exists():  # of a process that was killed between the two
                save_sidecar(path, known)
            return path
        for file in (path, sidecar_file(path)):
            if file.exists():
                remedy = "Choose another file (--out), or add --overwrite"
                raise OutputError("is there already", source=file, remedy=remedy)
    save_checkpoint(weights, path)
    save_sidecar(path, known)
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
            f"is not a name for weights: it must end in {_SUFFIX}",
            source=path,
            remedy=f"Name it {path.stem}{_SUFFIX}",
        )
    return path


def _holds(path: Path, weights: dict[str, torch.Tensor], known: Sidecar) -> bool:
    try:
        found, told = read_state_dict(path), read_sidecar(path)
    except TransferError:
        return False
    sizes = [list(one.image_size or PAPER_SIZE) for one in (told, known)]
    alike = sizes[0] == sizes[1] and told.network in (None, known.network) and told.sizing == known.sizing
    if not alike or found.keys() != weights.keys():
        return False
    return all(found[name].dtype == own.dtype and torch.equal(found[name], own) for name, own in weights.items())
