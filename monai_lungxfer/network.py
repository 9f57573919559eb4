"""The donor's U-Net (Buda et al. 2019), with the parameter names of its PyTorch Hub checkpoint."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

__all__ = ["DonorUNet"]

DEPTH = 4


class DonorUNet(nn.Module):
    """U-Net for one binary structure, state dict compatible with the PyTorch Hub checkpoint ``unet-e012d006.pt``.

    Five levels of two (convolution 3x3 without bias, batch norm, ReLU), maximum pooling 2 between them,
    transposed convolution 2 on the way up, and skip connections by concatenation.

    Parameters
    ----------
    in_channels : int
        Channels of the image: 3 for the hub checkpoint (pre-contrast, FLAIR, post-contrast).
    out_channels : int
        Number of structures, each with a logit of its own.
    init_features : int
        Channels of the first level; each level below doubles them. 32 gives 7,763,041 parameters.

    Notes
    -----
    ``forward`` returns logits, as MONAI's losses and ``Activationsd(sigmoid=True)`` expect; the hub's own code
    applies the sigmoid inside. The weights are the same.

    References
    ----------
    Buda, Saha, Mazurowski, "Association of genomic subtypes of lower-grade gliomas with shape features
    automatically extracted by a deep learning algorithm", Computers in Biology and Medicine 109, 2019.

    Examples
    --------
    >>> DonorUNet()(torch.zeros(1, 3, 64, 96)).shape
    torch.Size([1, 1, 64, 96])
    """

    def __init__(self, in_channels: int = 3, out_channels: int = 1, init_features: int = 32) -> None:
        super().__init__()
        widths = [init_features * 2**level for level in range(DEPTH + 1)]
        entering = [in_channels, *widths]
        for level in range(1, DEPTH + 1):
            self.add_module(f"encoder{level}", _block(entering[level - 1], widths[level - 1], f"enc{level}"))
            self.add_module(f"pool{level}", nn.MaxPool2d(kernel_size=2, stride=2))
        self.bottleneck = _block(widths[DEPTH - 1], widths[DEPTH], "bottleneck")
        for level in range(DEPTH, 0, -1):
            up = nn.ConvTranspose2d(widths[level], widths[level - 1], kernel_size=2, stride=2)
            self.add_module(f"upconv{level}", up)
            self.add_module(f"decoder{level}", _block(2 * widths[level - 1], widths[level - 1], f"dec{level}"))
        self.conv = nn.Conv2d(widths[0], out_channels, kernel_size=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the logits of a batch.

        Parameters
        ----------
        image : torch.Tensor
            Shape (N, in_channels, H, W), normalised per image and channel; H and W are multiples of 16.

        Returns
        -------
        torch.Tensor
            Logits, shape (N, out_channels, H, W).
        """
        skips = []
        features = image
        for level in range(1, DEPTH + 1):
            features = self.get_submodule(f"encoder{level}")(features)
            skips.append(features)
            features = self.get_submodule(f"pool{level}")(features)
        features = self.bottleneck(features)
        for level in range(DEPTH, 0, -1):
            features = self.get_submodule(f"upconv{level}")(features)
            features = torch.cat((features, skips[level - 1]), dim=1)
            features = self.get_submodule(f"decoder{level}")(features)
        return self.conv(features)


def _block(entering: int, leaving: int, name: str) -> nn.Sequential:
    """Two convolutions with batch norm and ReLU, under the names that the hub checkpoint gives them."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, channels in ((1, entering), (2, leaving)):
        layers[f"{name}conv{number}"] = nn.Conv2d(channels, leaving, kernel_size=3, padding=1, bias=False)
        layers[f"{name}norm{number}"] = nn.BatchNorm2d(leaving)
        layers[f"{name}relu{number}"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)
