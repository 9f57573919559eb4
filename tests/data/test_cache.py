"""Data sets that decode once: how often, how large, and what seeds their random transforms."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.transforms import Compose, Lambdad, RandRotated, ToTensord

from monai_lungxfer.data.cache import MemoryDataset, SpilledDataset, decoded_dataset
from monai_lungxfer.utils.errors import LungXferError

IMAGES = 5


class Counter:
    """A deterministic step that counts how often it runs."""

    def __init__(self, size: int = 8) -> None:
        self.size = size
        self.calls = 0

    def __call__(self, number: int) -> np.ndarray:
        self.calls += 1
        return np.arange(self.size**2, dtype=np.float32).reshape(1, self.size, self.size) + number


def records() -> list[dict[str, Any]]:
    return [{"image": number} for number in range(IMAGES)]


def steps(counter: Counter) -> Compose:
    return Compose(
        [
            Lambdad("image", counter),
            ToTensord("image"),
            RandRotated("image", range_x=1.0, prob=1.0, padding_mode="zeros"),
        ]
    )


def everything(dataset: Any) -> torch.Tensor:
    return torch.stack([torch.as_tensor(dataset[index]["image"]) for index in range(IMAGES)])


def test_every_image_is_decoded_once() -> None:
    counter = Counter()
    dataset = decoded_dataset(records(), steps(counter))
    assert isinstance(dataset, MemoryDataset)
    decoded = counter.calls
    assert decoded == IMAGES
    everything(dataset)
    everything(dataset)
    assert counter.calls == decoded


def test_augmentation_depends_on_seed_epoch_and_image_alone() -> None:
    one, two = (decoded_dataset(records(), steps(Counter()), seed=3) for _ in range(2))
    one.set_epoch(1)
    two.set_epoch(1)
    reverse = torch.stack([torch.as_tensor(two[index]["image"]) for index in reversed(range(IMAGES))]).flip(0)
    first = everything(one)
    assert torch.equal(first, reverse)
    one.set_epoch(2)
    assert not torch.equal(first, everything(one))
    one.set_epoch(1)
    assert torch.equal(first, everything(one))
    other = decoded_dataset(records(), steps(Counter()), seed=4)
    other.set_epoch(1)
    assert not torch.equal(first, everything(other))


def test_too_many_go_to_the_disk_and_give_the_same_images(tmp_path: Path) -> None:
    counter = Counter()
    spilled = decoded_dataset(records(), steps(counter), seed=3, memory_limit_gb=1e-6, spill_dir=tmp_path)
    assert isinstance(spilled, SpilledDataset)
    kept = everything(decoded_dataset(records(), steps(Counter()), seed=3))
    torch.testing.assert_close(everything(spilled), kept)
    calls = counter.calls
    torch.testing.assert_close(everything(spilled), kept)
    assert counter.calls == calls
    assert len(list(tmp_path.glob("*.pt"))) == IMAGES


def test_too_many_and_nowhere_to_put_them() -> None:
    with pytest.raises(LungXferError, match=r"5 decoded images need .* limit is 1e-06 GB.*spill_dir"):
        decoded_dataset(records(), steps(Counter()), memory_limit_gb=1e-6)


def test_no_images() -> None:
    with pytest.raises(LungXferError, match=r"no images to decode.*fractions"):
        decoded_dataset([], steps(Counter()))


def test_the_size_is_that_of_what_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    grow = Lambdad("image", lambda image: image.repeat(100, 1, 1))
    decoded_dataset(records(), Compose([*steps(Counter(size=500)).transforms, grow]))
    assert "5 images of 1.00 MB decoded: 0.01 GB" in caplog.text  # 500 * 500 * 4 bytes, before the random transform


def spilled(folder: Path) -> Any:
    return decoded_dataset(records(), steps(Counter()), memory_limit_gb=1e-6, spill_dir=folder)


@pytest.mark.parametrize("gone", [False, True])
def test_a_file_that_another_process_replaces_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    dataset = spilled(tmp_path)
    expected = everything(dataset)
    load = torch.load
    seen = set()

    def read_too_early(file: Path, **options: Any) -> Any:
        if file in seen:
            return load(file, **options)
        seen.add(file)
        whole = Path(file).read_bytes()
        Path(file).write_bytes(whole[: len(whole) // 2])
        try:
            return load(file, **options)
        finally:
            Path(file).unlink() if gone else Path(file).write_bytes(whole)

    monkeypatch.setattr(torch, "load", read_too_early)
    torch.testing.assert_close(everything(dataset), expected)
    monkeypatch.undo()
    torch.testing.assert_close(everything(dataset), expected)
    assert len(list(tmp_path.iterdir())) == IMAGES


def test_files_are_written_where_they_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "another file system"))
    everything(spilled(tmp_path / "decoded"))
    assert len(list((tmp_path / "decoded").iterdir())) == IMAGES


@pytest.mark.parametrize("key", ["image", "label"])
def test_a_file_that_was_mended_in_place_is_decoded_anew(tmp_path: Path, key: str) -> None:
    record = {name: str(tmp_path / f"{name}.npy") for name in ("image", "label")} | {"patient": "p\0"}
    for number, name in enumerate(("image", "label")):
        np.save(record[name], np.full((1, 8, 8), number, np.float32))
    transform = Compose([Lambdad(["image", "label"], np.load), ToTensord(["image", "label"])])

    def means() -> list[float]:
        dataset = decoded_dataset([record], transform, memory_limit_gb=1e-9, spill_dir=tmp_path / "decoded")
        return [float(dataset[0][name].mean()) for name in ("image", "label")]

    assert means() == means() == [0, 1]
    assert len(list((tmp_path / "decoded").iterdir())) == 1
    np.save(record[key], np.full((1, 8, 8), 7, np.float32))  # as large as before
    os.utime(record[key], ns=(0, Path(record[key]).stat().st_mtime_ns + 1))  # whatever the clock's steps are
    assert means() == ([7, 1] if key == "image" else [0, 7])
