"""The mean of several weights files of one network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import input_size, input_sizing, read_sidecar


def average_weights(sources: Sequence[str | Path], target: str | Path, *, overwrite: bool = False) -> Path:
    """Write the mean of weights that stem from one another, such as those before and after a stage.

    A mean of the two keeps what the wider data taught, and has most of what the narrower ones added (Wortsman et al.,
    "Robust fine-tuning of zero-shot models", CVPR 2022). Weights of trainings that began apart have no useful mean.

    Parameters
    ----------
    sources : sequence of str or pathlib.Path
        As for `monai_lungxfer.bundle.references.resolve_weights`; what is named twice counts twice.
    target : str or pathlib.Path
        The file to write, with network and input size of the sources.
    overwrite : bool
        Replace a file with other content.

    Raises
    ------
    TransferError
        When a source is missing, or differs from the first in a key, a shape, the input size, the sizing or, of an
        adapter, the base.
    """
    paths = [resolve_weights(source) for source in sources]
    first, size, sizing = read_state_dict(paths[0]), input_size(paths[0]), input_sizing(paths[0])
    base = read_sidecar(paths[0]).base
    sums = {name: value.double() for name, value in first.items()}
    for path in paths[1:]:
        other = read_state_dict(path)
        _check_alike(first, other, path)
        if input_size(path) != size:
            raise TransferError(
                f"is for images of {input_size(path)}, and the first file for {size}",
                source=path,
                remedy="Average weights that were trained for one input size",
            )
        if input_sizing(path) != sizing:
            raise TransferError(
                f"is for the sizing {input_sizing(path)}, and the first file for {sizing}",
                source=path,
                remedy="Average weights that were trained with one sizing",
            )
        if read_sidecar(path).base != base:
            raise TransferError(
                f"is an adapter of {read_sidecar(path).base or 'no base'}, and the first file of {base or 'no base'}",
                source=path,
                remedy="Average adapters of one base",
            )
        for name, value in other.items():
            sums[name] += value.double()
    mean = {name: (value / len(paths)).to(first[name].dtype) for name, value in sums.items()}
    sidecars = [read_sidecar(path) for path in paths]
    learnt = tuple(dict.fromkeys(one for sidecar in sidecars for one in sidecar.learnt))
    known = replace(sidecars[0], image_size=size, learnt=learnt)
    return save_weights(mean, target, known, overwrite=overwrite)


def _check_alike(first: dict[str, torch.Tensor], other: dict[str, torch.Tensor], path: Path) -> None:
    different = sorted(first.keys() ^ other.keys())
    different += [name for name in first if name in other and first[name].shape != other[name].shape]
    if different:
        raise TransferError(
            f"{len(different)} layers are not as in the first file: {different[0]} to begin with",
            source=path,
            remedy="Average weights of one network",
        )
