"""Weights files of half the size, for shipping with a bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from monai_lungxfer.bundle_files import METADATA, WEIGHTS, bundle_metadata, bundle_path
from monai_lungxfer.errors import TransferError
from monai_lungxfer.files import atomic_path, sha256_of
from monai_lungxfer.input_size import input_size, save_input_size
from monai_lungxfer.prediction.segmenter import Segmenter
from monai_lungxfer.transfer import read_state_dict
from monai_lungxfer.weights_files import save_weights

__all__ = ["WEIGHTS_HASH", "install_weights", "pack_weights"]

WEIGHTS_HASH = "weights_sha256"
"""The key of a bundle's metadata that holds the SHA-256 of its `models/model.pt`."""

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
        Weights files. The input size goes along.
    overwrite : bool
        Replace a file with other content.

    Raises
    ------
    TransferError
        When `source` is no checkpoint of plain tensors, or holds weights beyond the range of float16.
    OutputError
        As `monai_lungxfer.weights_files.save_weights`.
    """
    weights = {name: _packed(tensor) for name, tensor in read_state_dict(source).items()}
    beyond = [name for name, tensor in weights.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if beyond:
        raise TransferError(
            f"{beyond[0]} has values that float16 cannot hold, or that are not numbers",
            source=source,
            remedy="Ship the file as it is, or train again: weights beyond 65,504 mean that training diverged",
        )
    return save_weights(weights, target, input_size(source), overwrite=overwrite)


def _copy_weights(source: str | Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
    save_input_size(target, input_size(source))


def _packed(tensor: torch.Tensor) -> torch.Tensor:
    tensor = tensor.detach().cpu().contiguous()
    large = tensor.dim() > 1 and tensor.numel() >= _FEW and tensor.dtype == torch.float32
    return tensor.half() if large else tensor.clone()


def install_weights(source: str | Path, bundle: str | Path, *, pack: bool = True) -> Path:
    """Put weights that fit a bundle into it, in place of its own, and record their hash in its metadata.

    Parameters
    ----------
    source : str or pathlib.Path
        A weights file.
    bundle : str or pathlib.Path
        As for `monai_lungxfer.bundle_files.bundle_path`.
    pack : bool
        Whether they are packed; else the file is copied as it is.

    Returns
    -------
    pathlib.Path
        The bundle's weights file.

    Raises
    ------
    BundleError
        When there is no such bundle, or it cannot infer.
    TransferError
        When the weights do not fit its network, or as `pack_weights`. Nothing has been written then.
    OutputError
        When something cannot be written.
    """
    folder = bundle_path(bundle)
    metadata = bundle_metadata(folder)
    Segmenter.from_bundle(folder, weights=source, device="cpu")  # or its own would be lost to weights that do not fit
    target = folder / WEIGHTS
    if pack:
        pack_weights(source, target, overwrite=True)
    else:
        _copy_weights(source, target)
    metadata[WEIGHTS_HASH] = sha256_of(target)
    with atomic_path(folder / METADATA) as temporary:
        temporary.write_text(json.dumps(metadata, indent=4, ensure_ascii=False) + "\n", encoding="utf-8")
    return target
