"""Data sets that decode every file once and draw each image's augmentation from a seed of its own."""

from __future__ import annotations

import logging
import stat
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import CacheDataset, PersistentDataset, pickle_hashing
from monai.data.utils import sorted_dict
from monai.transforms import Compose, convert_to_contiguous
from monai.transforms.traits import RandomizableTrait
from monai.utils import convert_to_tensor

from monai_lungxfer.data.batches import SizedIndex, resize_item
from monai_lungxfer.networks.sizing import Size
from monai_lungxfer.utils.errors import LungXferError, TransferError
from monai_lungxfer.utils.torch_files import read_checkpoint, save_checkpoint

logger = logging.getLogger(__name__)


class _SeededByImage:
    """Seed the random transforms by (seed, epoch, image), whoever loads the image and whenever.

    So an image is augmented alike by any worker, by any process of a distributed run, and after a resume.
    """

    seed: int
    epoch: int = 0
    transform: Compose

    def set_epoch(self, epoch: int) -> None:
        """Choose the augmentations of this epoch."""
        self.epoch = epoch

    def _transform(self, index: int) -> Any:
        state = np.random.SeedSequence((self.seed, self.epoch, index)).generate_state(1)
        self.transform.set_random_state(seed=int(state[0]))
        item = super()._transform(index)  # type: ignore[misc]
        return resize_item(item, index.size) if isinstance(index, SizedIndex) else item


class MemoryDataset(_SeededByImage, CacheDataset):
    """MONAI's `CacheDataset` (deterministic transforms done once, kept in memory), seeded by image."""

    def __init__(self, data: Sequence, transform: Compose, seed: int, first: Any = None) -> None:
        self.seed = seed
        self._first = first  # the first item, where it was decoded before
        super().__init__(data=data, transform=transform, progress=False, num_workers=2)
        self._first = None

    def image_sizes(self) -> list[Size]:
        """Return (H, W) of each decoded image."""
        return [_image_size(self._cache[number]) for number in range(len(self))]

    def _load_cache_item(self, idx: int) -> Any:
        if idx == 0 and self._first is not None:
            return convert_to_contiguous(self._first, memory_format=torch.contiguous_format)
        return super()._load_cache_item(idx)


class SpilledDataset(_SeededByImage, PersistentDataset):
    """MONAI's `PersistentDataset` (deterministic transforms done once, kept on disk), seeded by image.

    No code in its files is run. What lies there instead of a decoded image, or was cut short, is made anew. Several
    processes may use one folder at once: a file appears there as a whole. An image is known by its record, and by the
    size and the time of change of the files that the record names, so one that was mended since is decoded anew.
    """

    def __init__(self, data: Sequence, transform: Compose, seed: int, folder: str | Path) -> None:
        self.seed = seed
        self.folder = Path(folder)
        self._sizes: list[Size] = []
        super().__init__(
            data=data, transform=transform, cache_dir=folder, hash_func=_record_hash, hash_transform=pickle_hashing
        )

    def image_sizes(self) -> list[Size]:
        """Return (H, W) of each decoded image; those that were not decoded yet are, once."""
        if len(self._sizes) != len(self):
            self._sizes = [_image_size(self._cachecheck(record)) for record in self.data]
        return self._sizes

    def _cachecheck(self, item_transformed: Any) -> Any:
        # Not MONAI's own: it moves files here from the system's temporary folder, and where that is another file
        # system, other processes see half of them.
        kept = self.folder / f"{self.hash_func(item_transformed).decode()}{self.transform_hash}.pt"
        if kept.is_file():
            try:
                return read_checkpoint(kept)
            except TransferError:
                logger.warning("%s: this decoded image is damaged, and is made anew", kept)
        decoded = self._pre_transform(deepcopy(item_transformed))
        decoded = convert_to_tensor(decoded, convert_numeric=False, track_meta=self.track_meta)
        save_checkpoint(decoded, kept)
        return decoded


def _image_size(item: Mapping[str, Any]) -> Size:
    height, width = item["image"].shape[-2:]
    return int(height), int(width)


def _record_hash(record: Any) -> bytes:
    ordered = sorted_dict(record)
    values = ordered.values() if isinstance(ordered, dict) else [ordered]
    return pickle_hashing([ordered, [_stamp(value) for value in values if isinstance(value, str | Path)]])


def _stamp(name: str | Path) -> tuple[int, int] | None:
    """Return size and time of change (ns) of a file, and None of any other text."""
    try:
        status = Path(name).stat()
    except (OSError, ValueError):  # ValueError: of a text that no path can be
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def decoded_dataset(
    data: Sequence[Mapping[str, Any]],
    transform: Compose,
    seed: int = 0,
    memory_limit_gb: float = 4.0,
    spill_dir: str | Path | None = None,
) -> MemoryDataset | SpilledDataset:
    """Make a data set that decodes, resizes and normalises each file once.

    Parameters
    ----------
    data : sequence of mappings
        Records with `image` and `label`.
    transform : monai.transforms.Compose
        Everything up to its first random transform is done once and kept.
    seed : int
        Of the random transforms.
    memory_limit_gb : float
        Gigabytes that the decoded images may take in memory, by the size of the first. At 256x256 a radiograph takes
        0.33 MB (float32 and an 8-bit mask), an MRI slice 0.85 MB.
    spill_dir : str or pathlib.Path, optional
        Where decoded images go when they exceed the limit.

    Raises
    ------
    LungXferError
        When there are no records, when the limit is exceeded and there is no `spill_dir`, or when the first record
        cannot be decoded.
    """
    if not data:
        raise LungXferError(
            "there are no images to decode, since a list of records is empty",
            remedy="Give every section of the split that is used a share (fractions, hold_out)",
        )
    first, per_image = _decode(data[0], transform)
    total_gb = per_image * len(data) / 1e9
    logger.info(
        "%d images of %.2f MB decoded: %.2f GB (limit %g GB)", len(data), per_image / 1e6, total_gb, memory_limit_gb
    )
    if total_gb <= memory_limit_gb:
        return MemoryDataset(data, transform, seed, first)
    if spill_dir is None:
        raise LungXferError(
            f"{len(data)} decoded images need {total_gb:.1f} GB of memory, the limit is {memory_limit_gb:g} GB",
            remedy="Raise memory_limit_gb, or name a spill_dir on a disk with that much space",
        )
    logger.info("Decoded images are kept in %s instead of in memory", spill_dir)
    return SpilledDataset(data, transform, seed, spill_dir)


def _decode(record: Mapping[str, Any], transform: Compose) -> tuple[Any, int]:
    """Return what is kept of one record, the result of the transforms before the first random one, and its size."""
    first_random = transform.get_index_of_first(lambda step: isinstance(step, RandomizableTrait))
    decoded = transform(dict(record), end=first_random)
    tensors = [value for value in decoded.values() if isinstance(value, torch.Tensor)]
    return decoded, sum(tensor.element_size() * tensor.nelement() for tensor in tensors)
