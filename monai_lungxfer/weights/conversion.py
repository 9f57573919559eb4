"""Weights for grey images of weights for three channels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from monai_lungxfer.networks.description import build_network, describe_weights, is_own_network
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.weights.loading import fit_weights, read_state_dict
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import read_sidecar


def convert_to_grey(source: str | Path, target: str | Path, *, overwrite: bool = False) -> Path:
    """Write weights whose network takes one channel, and gives a grey image the logits that three copies of it had.

    A convolution is linear, so its kernels are summed over the input channels wherever the image enters: in
    ``encoder1.enc1conv1`` of `DonorUNet`; in ``encoder.stem`` and ``decoder.image`` of `EfficientUNet`. Of the donor's
    7,763,041 parameters that saves 2 x 32 x 9 = 576: a smaller network needs fewer features, not fewer channels.

    Parameters
    ----------
    source, target : str or pathlib.Path
        Weights files. Input size and learnt images go along.
    overwrite : bool
        Replace a file with other content.

    Raises
    ------
    TransferError
        When `source` is no checkpoint of a whole network of this package, or takes one channel already.
    """
    path = Path(source)
    weights, sidecar = read_state_dict(path), read_sidecar(path)
    described = sidecar.network or describe_weights(weights)
    if described is None or not is_own_network(described):
        raise TransferError(
            "is not of a network of this package", source=path, remedy="Sum the kernels of its first layers yourself"
        )
    if described["in_channels"] == 1:
        raise TransferError("takes one channel already", source=path, remedy="Use it as it is")
    network = build_network({**described, "in_channels": 1})
    grey = fit_weights(network, weights, path)
    return save_weights(grey, target, replace(sidecar, network=None), overwrite=overwrite)
