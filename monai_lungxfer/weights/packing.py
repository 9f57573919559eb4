"""Weights files of half the size, for shipping with a bundle."""

from __future__ import annotations

from pathlib import Path

import torch

from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import read_sidecar

# Fewer weights of a convolution than these save little, and may be of the first levels, whose rounding is amplified
# by every level behind them: of `EfficientUNet`, all in float16 changed a mask by a Dice of 0.0014.
_FEW = 1 << 15


def pack_weights(source: str | Path, target: str | Path, *, overwrite: bool = False) -> Path:
    """Write a state dict with its large convolutions in float16; small ones, biases and batch normalisation stay.

    It need not be that of a whole network: a parent may know the encoder alone.

    `torch.nn.Module.load_state_dict` brings them back to float32. Of a convolution's weights, 11 bits are left,
    while bfloat16 arithmetic uses 8 of them; running variances span too many orders of magnitude for that.

    Parameters
    ----------
    source, target : str or pathlib.Path
        Weights files. Network and input size go along.
    overwrite : bool
        Replace a file with other content.

    Raises
    ------
    TransferError
        When `source` is no checkpoint of plain tensors, or holds weights beyond the range of float16.
    """
    weights = {name: _packed(tensor) for name, tensor in read_state_dict(source).items()}
    beyond = [name for name, tensor in weights.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if beyond:
        raise TransferError(
            f"{beyond[0]} has values that float16 cannot hold, or that are not numbers",
            source=source,
            remedy="Ship the file as it is, or train again: weights beyond 65,504 mean that training diverged",
        )
    return save_weights(weights, target, read_sidecar(Path(source)), overwrite=overwrite)


def _packed(tensor: torch.Tensor) -> torch.Tensor:
    tensor = tensor.detach().cpu().contiguous()
    large = tensor.dim() > 1 and tensor.numel() >= _FEW and tensor.dtype == torch.float32
    return tensor.half() if large else tensor.clone()
