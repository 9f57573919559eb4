"""A U-Net with the encoder EfficientNet-Lite2, which can start from weights that learnt natural images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from monai.networks.layers import DropPath
from torch import nn
from torch.nn.functional import interpolate, pixel_shuffle

_STEM = 32

# The encoder's stages, level by level: blocks, kernel, stride of the first block, expansion, channels. They are
# EfficientNet-B0's, 1.1 times as wide and, but for the first and the last, 1.2 times as deep.
_LEVELS = (
    ((1, 3, 1, 1, 16),),
    ((3, 3, 2, 6, 24),),
    ((3, 5, 2, 6, 48),),
    ((4, 3, 2, 6, 88), (4, 5, 1, 6, 120)),
    ((5, 5, 2, 6, 208), (1, 3, 1, 6, 352)),
)
LAST_BLOCKS = sum(stage[0] for stage in _LEVELS[-1])
"""Blocks of the encoder's last level."""

WIDTHS = (8, 6, 4, 2, 1)
"""Channels of the decoder's levels, from coarse to fine, over those of the finest."""

_DROPPED = 0.1  # probability that training leaves out the last block; for those before it in proportion

# TensorFlow pads at the right and below alone where it halves an even length. Of 260 pixels, for which ImageNet's
# weights were trained, these are the first two halvings: the stem's and that of the block of this number.
_ONE_SIDED = (0, 1, 0, 1)
_SECOND_HALVING = 1


class EfficientUNet(nn.Module):
    """U-Net for one binary structure with the encoder EfficientNet-Lite2; 5.4 million parameters.

    On the way up, features are resized bilinearly, concatenated with the encoder's of the same size, and pass two
    (convolution 3x3 without bias, batch norm, ReLU). The encoder halves the image at once, so the image itself, after
    two such convolutions, is what is concatenated at its own size.

    A smaller network for faster masks has the same weights by name, and fewer of them; see
    ``scripts/experiments/distil_student.py``.

    Parameters
    ----------
    in_channels : int
        Channels of the image: 3 for ImageNet's weights.
    out_channels : int
        Number of structures, each with a logit of its own.
    width : int
        Channels of the decoder's finest level; the coarser ones have 2, 4, 6 and 8 times as many.
    last_blocks : int
        Blocks of the encoder's last level, 1 to 6.
    levels : int
        Levels of the decoder: 5, or 4 for a decoder that ends at half the image's size, does not see the image itself,
        and gives four logits a pixel there, one for each pixel of the image.

    Raises
    ------
    ValueError
        When there is no network with these numbers.

    Notes
    -----
    Names of weights begin with ``encoder`` or ``decoder``. A parent that has the encoder alone is let through by
    ``parent_allow: [decoder*]``; ``lungxfer weights fetch natural-images`` makes one. MONAI's `EfficientNetBN` has
    squeeze-and-excitation and Swish throughout, so Lite's weights do not fit it.

    References
    ----------
    Tan, Le, "EfficientNet: rethinking model scaling for convolutional neural networks", ICML 2019. Lite2, with ReLU6
    and without squeeze-and-excitation, is from https://github.com/tensorflow/tpu (models/official/efficientnet/lite).

    Examples
    --------
    >>> EfficientUNet()(torch.zeros(1, 3, 64, 96)).shape
    torch.Size([1, 1, 64, 96])
    """

    total_stride = 32
    """The encoder halves images five times. It takes other sides as well, but rounds them on its way."""

    def __init__(
        self, in_channels: int = 3, out_channels: int = 1, width: int = 16, last_blocks: int = 6, levels: int = 5
    ) -> None:
        super().__init__()
        if width < 1 or not 1 <= last_blocks <= LAST_BLOCKS or levels not in (4, 5):
            raise ValueError(
                f"there is no network with width {width}, last_blocks {last_blocks} and levels {levels}: width must be "
                f"1 or more, last_blocks 1 to {LAST_BLOCKS}, and levels 4 or 5"
            )
        self.encoder = _Encoder(in_channels, last_blocks)
        self.decoder_channels = widths = [width * factor for factor in WIDTHS[:levels]]
        if levels == len(WIDTHS):
            self.decoder: nn.Module = _Decoder(in_channels, out_channels, self.encoder.channels, widths)
        else:
            self.decoder = _HalvedDecoder(out_channels, self.encoder.channels, widths)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the logits, shape (N, out_channels, H, W), of a batch.

        The images have the shape (N, in_channels, H, W) and are normalised per image and channel.
        """
        return self.decoder(image, self.encoder(image))

    def decode(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return the features of the decoder's levels, coarse to fine, with `decoder_channels` channels."""
        decoded: list[torch.Tensor] = self.decoder.decode(image, self.encoder(image))  # type: ignore[operator]
        return decoded

    def classify(self, features: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Return the logits, of the image's size, of the decoder's finest features."""
        logits: torch.Tensor = self.decoder.classify(features, image)  # type: ignore[operator]
        return logits


class _Encoder(nn.Module):
    """Gives the features of five levels, of half the image's size, of a quarter, and so on."""

    def __init__(self, entering: int, last_blocks: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.ZeroPad2d(_ONE_SIDED), nn.Conv2d(entering, _STEM, 3, 2, bias=False), _norm(_STEM), nn.ReLU6(inplace=True)
        )
        levels: list[list[nn.Module]] = [[] for _ in _LEVELS]
        blocks, channels = list(_blocks()), _STEM
        blocks = blocks[: len(blocks) - LAST_BLOCKS + last_blocks]
        self.channels = [0] * len(_LEVELS)  # of each level's features
        for number, (level, kernel, stride, expansion, leaving) in enumerate(blocks):
            half = kernel // 2
            padding = _ONE_SIDED if number == _SECOND_HALVING else (half, half, half, half)
            widths = (channels, channels * expansion, leaving)
            levels[level].append(InvertedResidual(widths, kernel, stride, padding, _DROPPED * number / len(blocks)))
            channels = self.channels[level] = leaving
        self.levels = nn.ModuleList(nn.Sequential(*level) for level in levels)

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        features = self.stem(image)
        found: list[torch.Tensor] = []
        for level in self.levels:
            features = level(features)
            found.append(features)
        return found


def _blocks() -> Iterator[tuple[int, int, int, int, int]]:
    """Yield level, kernel, stride, expansion and channels of each block."""
    for level, stages in enumerate(_LEVELS):
        for count, kernel, stride, expansion, channels in stages:
            for step in (stride, *[1] * (count - 1)):
                yield level, kernel, step, expansion, channels


class InvertedResidual(nn.Module):
    """Widens, convolves each channel by itself, narrows; what entered is added where it has the same shape."""

    def __init__(
        self, widths: tuple[int, int, int], kernel: int, stride: int, padding: tuple[int, int, int, int], dropped: float
    ) -> None:
        super().__init__()
        entering, wide, leaving = widths
        layers: list[nn.Module] = []
        if wide != entering:
            layers += [nn.Conv2d(entering, wide, 1, bias=False), _norm(wide), nn.ReLU6(inplace=True)]
        layers += [nn.ZeroPad2d(padding), nn.Conv2d(wide, wide, kernel, stride, groups=wide, bias=False)]
        layers += [_norm(wide), nn.ReLU6(inplace=True), nn.Conv2d(wide, leaving, 1, bias=False), _norm(leaving)]
        self.layers = nn.Sequential(*layers)
        self.added = stride == 1 and entering == leaving
        self.drop = DropPath(dropped)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features, shape (N, leaving, h, w), of those that enter."""
        return features + self.drop(self.layers(features)) if self.added else self.layers(features)


def _norm(channels: int) -> nn.BatchNorm2d:
    """Return batch norm as TensorFlow's EfficientNet has it."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class _Decoder(nn.Module):
    """From the encoder's features, and the image itself, to logits of the image's size."""

    def __init__(self, image_channels: int, leaving: int, encoded: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        self.image = _two_convolutions(image_channels, widths[-1])
        self.levels = _upward([widths[-1], *encoded], widths)
        self.conv = nn.Conv2d(widths[-1], leaving, kernel_size=1)

    def forward(self, image: torch.Tensor, features: list[torch.Tensor]) -> torch.Tensor:
        return self.classify(self.decode(image, features)[-1], image)

    def decode(self, image: torch.Tensor, features: list[torch.Tensor]) -> list[torch.Tensor]:
        finer = [self.image(image)] + features  # noqa: RUF005 - which TorchScript reads
        found = finer.pop()
        decoded: list[torch.Tensor] = []
        for level in self.levels:
            skip = finer.pop()
            found = level(torch.cat((interpolate(found, skip.shape[-2:], mode="bilinear"), skip), dim=1))
            decoded.append(found)
        return decoded

    def classify(self, features: torch.Tensor, image: torch.Tensor) -> torch.Tensor:  # noqa: ARG002 - the other's
        return self.conv(features)


class _HalvedDecoder(nn.Module):
    """From the encoder's features to four logits for each pixel of the finest of them, of half the image's size."""

    def __init__(self, leaving: int, encoded: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        self.levels = _upward(encoded, widths)
        self.conv = nn.Conv2d(widths[-1], 4 * leaving, kernel_size=1)

    def forward(self, image: torch.Tensor, features: list[torch.Tensor]) -> torch.Tensor:
        return self.classify(self.decode(image, features)[-1], image)

    def decode(self, image: torch.Tensor, features: list[torch.Tensor]) -> list[torch.Tensor]:  # noqa: ARG002
        finer = features[:]
        found = finer.pop()
        decoded: list[torch.Tensor] = []
        for level in self.levels:
            skip = finer.pop()
            found = level(torch.cat((interpolate(found, skip.shape[-2:], mode="bilinear"), skip), dim=1))
            decoded.append(found)
        return decoded

    def classify(self, features: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        logits = pixel_shuffle(self.conv(features), 2)
        if logits.shape[-2:] != image.shape[-2:]:  # of an odd number of pixels
            logits = interpolate(logits, image.shape[-2:], mode="bilinear")
        return logits


def _upward(skipped: Sequence[int], widths: Sequence[int]) -> nn.ModuleList:
    """Return each level's convolutions, coarse to fine, of features with `skipped` channels, fine to coarse."""
    coarse, *finer = reversed(skipped)
    entering = [above + skip for above, skip in zip((coarse, *widths), finer, strict=False)]
    return nn.ModuleList(_two_convolutions(channels, width) for channels, width in zip(entering, widths, strict=True))


def _two_convolutions(entering: int, leaving: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (entering, leaving):
        convolution = nn.Conv2d(channels, leaving, 3, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(leaving), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
