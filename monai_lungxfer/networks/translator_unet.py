"""New layers at the end of a frozen network, which keeps all that it has learnt ("domain translator")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate
from torch.nn.modules.batchnorm import _BatchNorm

from monai_lungxfer.utils.errors import LungXferError

KINDS = ("tail", "tail-dilated", "hypercolumn")
"""What the new layers see, see `TranslatorUNet`."""

WIDTH = 16
"""Channels of the new layers, where nothing else is said."""

_FARTHEST = 48  # pixels between the rows that the last dilated convolution sees
_SPECIFIED = re.compile(r"(?P<kind>[a-z-]+):(?P<depth>[0-9]{1,3})(:(?P<width>[0-9]{1,4}))?")


class TranslatorUNet(nn.Module):
    """A base network, frozen as a whole, with new layers between its last features and its last convolution.

    The new layers add a correction to the features. It is zero at first, so that training starts from the logits of
    the base. Neither weights nor batch-norm statistics of the base ever change: it stays in evaluation mode, and no
    gradients pass through it.

    The state dict is that of the new layers alone, a few thousand numbers: one base serves many of them.

    Parameters
    ----------
    base : torch.nn.Module
        `DonorUNet`, `EfficientUNet`, or another `TranslatorUNet`; its weights must be loaded apart.
    kind : {"tail", "tail-dilated", "hypercolumn"}
        "tail": residual 3x3 blocks on the features of the decoder's last level. "tail-dilated": with dilations that
        grow from 1 to 48, so that from three blocks on a pixel sees 113 pixels or more, the width of a lung at 256x256.
        "hypercolumn": the blocks see all levels of the decoder, each by a 1x1 convolution, resized and added up.
    depth : int
        Blocks.
    width : int
        Channels of the blocks.

    Raises
    ------
    ValueError
        When there is no such kind, or a number is below 1.

    References
    ----------
    Vidal, de Moura, Novo, Ortega, Expert Systems with Applications 173, 2021, 114677, section 6. Hypercolumns:
    Hariharan et al., "Hypercolumns for object segmentation and fine-grained localization", CVPR 2015.

    Examples
    --------
    >>> from monai_lungxfer.networks.donor_unet import DonorUNet
    >>> base, image = DonorUNet(init_features=4).eval(), torch.rand(1, 3, 32, 48)
    >>> translator = TranslatorUNet(base, "tail", depth=3).eval()
    >>> bool(torch.equal(translator(image), base(image)))
    True
    >>> next(iter(translator.state_dict()))
    'translator.enter.0.weight'
    """

    def __init__(self, base: nn.Module, kind: str = "tail", depth: int = 3, width: int = WIDTH) -> None:
        super().__init__()
        if kind not in KINDS or depth < 1 or width < 1:
            raise ValueError(
                f"there is no translator {kind!r} with depth {depth} and width {width}: "
                f"kind must be {', '.join(KINDS)}, and both numbers 1 or more"
            )
        self.kind, self.depth, self.width = kind, depth, width
        self.decoder_channels = list(base.decoder_channels)  # type: ignore[arg-type]
        self.base = freeze(base)
        self.translator = _Translator(self.decoder_channels, kind, depth, width)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the logits, shape and input as those of the base."""
        return self.classify(self.decode(image)[-1], image)

    def decode(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return the base's features, with the corrected ones as the last."""
        with torch.no_grad():
            features = self.base.decode(image)  # type: ignore[operator]
        return features[:-1] + [self.translator(features)]  # noqa: RUF005 - which TorchScript reads

    def classify(self, features: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Return the logits of corrected features, by the base's last convolution."""
        logits: torch.Tensor = self.base.classify(features, image)  # type: ignore[operator]
        return logits

    def train(self, mode: bool = True) -> TranslatorUNet:
        """Set the mode of the new layers; the base stays in evaluation mode."""
        super().train(mode)
        self.base.eval()
        return self

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return the state of the new layers."""
        content: dict[str, Any] = super().state_dict(*args, **kwargs)
        prefix = (args[1] if len(args) > 1 else kwargs.get("prefix", "")) + "base."
        for name in [name for name in content if name.startswith(prefix)]:
            del content[name]
        return content

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load the state of the new layers; see `torch.nn.Module.load_state_dict`."""
        mine = {name.removeprefix("translator."): value for name, value in state_dict.items()}
        return self.translator.load_state_dict(mine, strict=strict, assign=assign)


def freeze(network: nn.Module) -> nn.Module:
    """Freeze a network as a whole, with its batch-norm statistics, in evaluation mode."""
    network.requires_grad_(requires_grad=False)
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.track_running_stats = False  # so that nobody resets them, as PyTorch's update_bn does
    return network.eval()


def parse_translator(text: str) -> dict[str, Any]:
    """Return kind, depth and width of a translator that is written as ``KIND:DEPTH`` or ``KIND:DEPTH:WIDTH``.

    Raises
    ------
    LungXferError
        When it is written otherwise.

    Examples
    --------
    >>> parse_translator("tail-dilated:6:8")
    {'kind': 'tail-dilated', 'depth': 6, 'width': 8}
    """
    found = _SPECIFIED.fullmatch(str(text))
    numbers = {} if found is None else {"depth": int(found["depth"]), "width": int(found["width"] or WIDTH)}
    if found is None or found["kind"] not in KINDS or min(numbers.values()) < 1:
        raise LungXferError(
            f"translator is {text!r}, not KIND:DEPTH or KIND:DEPTH:WIDTH with numbers of 1 or more",
            remedy=f"Write for example tail:3; the kinds are {', '.join(KINDS)}",
        )
    return {"kind": found["kind"], **numbers}


def add_translator(network: nn.Module, translator: str | None) -> nn.Module:
    """Put a translator, written as for `parse_translator`, on a network; None gives the network itself.

    The network may get its weights afterwards, too.
    """
    return network if translator is None else TranslatorUNet(network, **parse_translator(translator))


class _Translator(nn.Module):
    """The new layers: from the decoder's features to corrected ones of the last level."""

    def __init__(self, channels: list[int], kind: str, depth: int, width: int) -> None:
        super().__init__()
        seen = channels if kind == "hypercolumn" else channels[-1:]
        self.first = len(channels) - len(seen)
        self.enter = nn.ModuleList(nn.Conv2d(entering, width, kernel_size=1) for entering in seen)
        steps = [_FARTHEST ** (block / max(depth - 1, 1)) if kind == "tail-dilated" else 1 for block in range(depth)]
        self.blocks = nn.Sequential(*(_ResidualBlock(width, round(step)) for step in steps))
        self.leave = nn.Conv2d(width, channels[-1], kernel_size=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        found = features[self.first]
        for number, enter in enumerate(self.enter):
            entered = enter(features[self.first + number])
            found = entered if number == 0 else entered + interpolate(found, entered.shape[-2:], mode="bilinear")
        return features[-1] + self.leave(self.blocks(found))


class _ResidualBlock(nn.Module):
    """Adds a 3x3 convolution of what entered, after batch norm and ReLU."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        self.conv = nn.Conv2d(width, width, kernel_size=3, padding=dilation, dilation=dilation, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features + self.conv(torch.relu(self.norm(features)))
