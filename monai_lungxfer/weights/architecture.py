"""Which network weights belong to."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.bundle.references import names_weights, resolve_weights
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.weights.loading import read_state_dict

__all__ = ["infer_network"]

_OF_EFFICIENT_UNET = "encoder."


def infer_network(
    weights: str | Path | None, in_channels: int = 3, out_channels: int = 1, init_features: int = 32
) -> DonorUNet | EfficientUNet:
    """Build the network that weights belong to, so that a network is inherited from its parent; it is not loaded.

    Parameters
    ----------
    weights : str, pathlib.Path or None
        As for `monai_lungxfer.bundle.references.resolve_weights`; ``None`` or ``"none"`` stands for the donor's U-Net.
    in_channels, out_channels : int
        Of either network.
    init_features : int
        Of the donor's U-Net.

    Raises
    ------
    TransferError
        When there are no such weights, or the file is not a checkpoint of plain tensors.
    """
    names = read_state_dict(resolve_weights(weights)) if names_weights(weights) else ()
    if any(name.startswith(_OF_EFFICIENT_UNET) for name in names):
        return EfficientUNet(in_channels, out_channels)
    return DonorUNet(in_channels, out_channels, init_features)
