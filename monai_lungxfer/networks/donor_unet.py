"""The donor's U-Net (Buda et al. 2019), with the parameter names of its PyTorch Hub checkpoint."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn


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

    total_stride = 16
    """Height and width of images are multiples of it, since they are halved four times."""

    def __init__(self, in_channels: int = 3, out_channels: int = 1, init_features: int = 32) -> None:
        super().__init__()
        w1, w2, w3, w4, w5 = (init_features * 2**level for level in range(5))
        self.decoder_channels = [w4, w3, w2, w1]
        self.encoder1 = _block(in_channels, w1, "enc1")
        self.encoder2 = _block(w1, w2, "enc2")
        self.encoder3 = _block(w2, w3, "enc3")
        self.encoder4 = _block(w3, w4, "enc4")
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)
        self.bottleneck = _block(w4, w5, "bottleneck")
        self.upconv4 = nn.ConvTranspose2d(w5, w4, kernel_size=2, stride=2)
        self.decoder4 = _block(2 * w4, w4, "dec4")
        self.upconv3 = nn.ConvTranspose2d(w4, w3, kernel_size=2, stride=2)
        self.decoder3 = _block(2 * w3, w3, "dec3")
        self.upconv2 = nn.ConvTranspose2d(w3, w2, kernel_size=2, stride=2)
        self.decoder2 = _block(2 * w2, w2, "dec2")
        self.upconv1 = nn.ConvTranspose2d(w2, w1, kernel_size=2, stride=2)
        self.decoder1 = _block(2 * w1, w1, "dec1")
        self.conv = nn.Conv2d(w1, out_channels, kernel_size=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the logits, shape (N, out_channels, H, W), of a batch.

        The images have the shape (N, in_channels, H, W) and are normalised per image and channel; H and W are multiples
        of 16.
        """
        return self.classify(self.decode(image)[-1], image)

    def decode(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return the features of the decoder's levels, coarse to fine, with `decoder_channels` channels.

        The finest are of the image's size, each other of half the size of the one behind it.
        """
        skip1 = self.encoder1(image)
        skip2 = self.encoder2(self.pool(skip1))
        skip3 = self.encoder3(self.pool(skip2))
        skip4 = self.encoder4(self.pool(skip3))
        features = self.bottleneck(self.pool(skip4))
        level4 = self.decoder4(torch.cat((self.upconv4(features), skip4), dim=1))
        level3 = self.decoder3(torch.cat((self.upconv3(level4), skip3), dim=1))
        level2 = self.decoder2(torch.cat((self.upconv2(level3), skip2), dim=1))
        level1 = self.decoder1(torch.cat((self.upconv1(level2), skip1), dim=1))
        return [level4, level3, level2, level1]

    def classify(self, features: torch.Tensor, image: torch.Tensor) -> torch.Tensor:  # noqa: ARG002 - `EfficientUNet`'s
        """Return the logits of the decoder's finest features."""
        return self.conv(features)


def _block(entering: int, leaving: int, name: str) -> nn.Sequential:
    """Two convolutions with batch norm and ReLU, under the names that the hub checkpoint gives them."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, channels in ((1, entering), (2, leaving)):
        layers[f"{name}conv{number}"] = nn.Conv2d(channels, leaving, kernel_size=3, padding=1, bias=False)
        layers[f"{name}norm{number}"] = nn.BatchNorm2d(leaving)
        layers[f"{name}relu{number}"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)
