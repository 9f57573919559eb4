"""The images of each domain: which are taken, which cannot be read, and how one is brought to a network."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from monai_lungxfer.data.datalist import data_root, load_datalist
from monai_lungxfer.data.lgg import FINDINGS
from monai_lungxfer.data.records import Record, image_name
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.io.channels import Channels
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.networks.inferer import pad_image
from monai_lungxfer.networks.sizing import UNEQUAL, padded_size
from monai_lungxfer.transforms.sizing import FittedResize
from monai_lungxfer.utils.errors import DatalistError, InputFileError, LungXferError
from monai_lungxfer.utils.files import hash_file

_NAME = re.compile(r"[\w.-]{1,20}")
_FEWEST_PATIENTS = 5

Watch = Callable[[Sequence[Record]], Iterable[Record]]
"""Passes records on, and shows how many were taken."""


class SkippedImage(NamedTuple):
    """An image that cannot be read: its name below the data set's folder, and why."""

    image: str
    reason: str


@dataclass(frozen=True)
class ImageSet:
    """The images of one domain, in an order that goes round the patients.

    Attributes
    ----------
    name : str
        Such as ``cxr``.
    is_mri : bool
        Whether these are brain slices of three sequences with lesions, and not radiographs with lungs.
    records : tuple of Record
        Those that can be read. The first n hold as many patients as n images can.
    sha256 : str
        Of images, masks and patients.
    skipped : tuple of SkippedImage
        The others.
    """

    name: str
    is_mri: bool
    records: tuple[Record, ...]
    sha256: str
    skipped: tuple[SkippedImage, ...] = ()

    @property
    def target(self) -> str:
        """What the masks are of."""
        return "lesion" if self.is_mri else "lung"

    @property
    def patients(self) -> NDArray[np.int64]:
        """A number for the patient of each image, (N,)."""
        return np.unique([record["patient"] for record in self.records], return_inverse=True)[1]


def read_image_set(
    name: str, path: str | Path, *, limit: int | None = None, seed: int = 0, watch: Watch = iter
) -> ImageSet:
    """Choose the images of a data set, named as for `monai_lungxfer.data.datalist.load_datalist`, and read each once.

    Parameters
    ----------
    name : str
        What the domain is called in tables.
    limit : int, optional
        How many images are taken at most, of as many patients as there are.
    seed : int
        For the order of patients, and of the images of each.
    watch : callable
        See `Watch`.

    Raises
    ------
    DatalistError
        When there is no data set, or the images that can be read are of fewer than five patients.
    """
    if not _NAME.fullmatch(name):
        raise DatalistError(f"{name!r} is not a name for a domain", remedy="Use letters, digits, dots and dashes alone")
    records = order_by_patients(load_datalist(path), seed)[:limit]
    root = data_root(path)
    taken: list[Record] = []
    skipped: list[SkippedImage] = []
    digest = hashlib.sha256()
    for record in watch(records):
        try:
            _check(record)
            told = [record["patient"], hash_file(record["image"]), hash_file(record["label"])]
        except (LungXferError, OSError) as error:
            reason = error.without_source if isinstance(error, LungXferError) else str(error.strerror)
            skipped.append(SkippedImage(image_name(record["image"], root), reason))
            continue
        digest.update(json.dumps(told).encode())
        taken.append(record)
    if len({record["patient"] for record in taken}) < _FEWEST_PATIENTS:
        raise DatalistError(
            f"the {len(taken)} images that can be read are of fewer than {_FEWEST_PATIENTS} patients",
            source=path,
            remedy="Give more images (a larger --limit), or check them: lungxfer data check",
        )
    is_mri = all(record.get("finding") in FINDINGS for record in taken)
    return ImageSet(name, is_mri, tuple(taken), digest.hexdigest(), tuple(skipped))


def order_by_patients(records: Sequence[Record], seed: int) -> list[Record]:
    """Return records so that each patient has had one before any has a second, in an order drawn by the seed."""
    rng = np.random.default_rng(seed)
    seen: dict[str, int] = {}
    rounds: list[tuple[int, Record]] = []
    for number in rng.permutation(len(records)):
        record = records[number]
        seen[record["patient"]] = seen.get(record["patient"], -1) + 1
        rounds.append((seen[record["patient"]], record))
    return [record for _, record in sorted(rounds, key=lambda each: each[0])]


def _check(record: Record) -> None:
    image, mask = read_radiograph(record["image"]).pixels, read_mask(record["label"])
    if image.shape != mask.shape:
        raise InputFileError(
            f"it has {image.shape[0]} × {image.shape[1]} pixels, and its mask {mask.shape[0]} × {mask.shape[1]}",
            remedy="Make the mask in the image's own size",
        )


class InputForm(NamedTuple):
    """How a network takes an image: what `prepare_image` and `normalise` depend on besides the image."""

    channels: Channels
    in_channels: int
    image_size: tuple[int, int]
    sizing: str
    stride: int


def input_form(is_mri: bool, network: ComparedNetwork) -> InputForm:
    """Return how a network takes the images of a domain; networks of one form get the same tensors."""
    channels = choose_channels(is_mri, network)
    return InputForm(channels, network.in_channels, network.image_size, network.sizing, network.stride)


class PreparedImage(NamedTuple):
    """An image at a network's input size: float32 (C, h, w) in the file's values, and its mask, bool (h, w)."""

    pixels: torch.Tensor
    mask: NDArray[np.bool_]


def prepare_image(record: Record, is_mri: bool, network: ComparedNetwork) -> PreparedImage:
    """Read an image and resize it as the network's own bundle does; `normalise` is what is left to do.

    A brain slice is read in the sequences that the network learnt from, of a network with one channel in FLAIR. A
    radiograph is repeated for the network's channels.
    """
    image = torch.from_numpy(read_radiograph(record["image"], choose_channels(is_mri, network)).pixels)
    image = image[None] if image.ndim == 2 else image
    mask = torch.from_numpy(read_mask(record["label"]).astype(np.float32))
    resize = FittedResize(network.image_size, network.sizing, network.stride)
    pixels = resize(image)
    size = tuple(pixels.shape[-2:])
    small = torch.nn.functional.interpolate(mask[None, None], size, mode="nearest-exact")[0, 0]
    if len(pixels) != network.in_channels:
        pixels = pixels[:1].expand(network.in_channels, -1, -1)
    return PreparedImage(pixels.contiguous(), small.numpy() > 0.5)


def choose_channels(is_mri: bool, network: ComparedNetwork) -> Channels:
    """Return which channels of an image a network gets."""
    if not is_mri:
        return "grey"
    if network.channels is not None:
        return network.channels  # type: ignore[return-value]
    return "rgb" if network.in_channels == 3 else "flair"


def normalise(pixels: torch.Tensor, network: ComparedNetwork) -> torch.Tensor:
    """Give each channel of (C, h, w) zero mean and unit variance, and pad it for a network that asks for a stride."""
    mean, deviation = pixels.mean((1, 2), keepdim=True), pixels.std((1, 2), correction=0, keepdim=True)
    scaled = (pixels - mean) / torch.where(deviation > 0, deviation, 1.0)
    if network.sizing not in UNEQUAL:
        return scaled
    height, width = scaled.shape[-2:]
    return pad_image(scaled, padded_size((height, width), network.stride), 0.0)
