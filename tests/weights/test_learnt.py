"""What weights have learnt from travels with them, and is found again in other records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.torch_files import save_checkpoint
from monai_lungxfer.weights.averaging import average_weights
from monai_lungxfer.weights.learnt import digest_images, find_learnt, inherit_learnt
from monai_lungxfer.weights.packing import pack_weights
from monai_lungxfer.weights.sidecar import LearntImages, Sidecar, copy_sidecar, read_sidecar, save_sidecar, sidecar_file


@pytest.fixture
def records(tmp_path: Path) -> list[dict[str, str]]:
    images = [tmp_path / f"doe-{number}.png" for number in range(3)]
    for number, image in enumerate(images):
        image.write_bytes(bytes([number]))
    return [{"image": str(image)} for image in images]


def weights(file: Path, *learnt: LearntImages) -> Path:
    save_checkpoint({"conv.weight": torch.ones(2, 2)}, file)
    save_sidecar(file, Sidecar([64, 64], learnt=tuple(learnt)))
    return file


def test_images_are_found_under_any_name(records: list[dict[str, str]], tmp_path: Path) -> None:
    digests = digest_images(records)
    older, own = LearntImages("portable", frozenset(digests[:2])), LearntImages("0" * 12, frozenset(digests[2:]))
    file = weights(tmp_path / "model.pt", older, own)
    assert "doe" not in sidecar_file(file).read_text()
    renamed = [{"image": str(Path(one["image"]).rename(tmp_path / f"{n}.x"))} for n, one in enumerate(records)]
    assert find_learnt(file, renamed) == [
        {"by": "portable", "own": False, "images": 2},
        {"by": "0" * 12, "own": True, "images": 1},
    ]
    assert find_learnt(file, renamed[2:]) == [{"by": "0" * 12, "own": True, "images": 1}]


def test_nothing_recorded_is_nothing_found(records: list[dict[str, str]], tmp_path: Path) -> None:
    assert find_learnt(weights(tmp_path / "model.pt"), records) == []
    assert inherit_learnt(tmp_path / "model.pt") == inherit_learnt(None) == inherit_learnt("none") == ()


def test_it_travels_with_packed_copied_and_averaged_weights(tmp_path: Path) -> None:
    one, two = (LearntImages(by, frozenset([digit * 12])) for by, digit in (("one", "1"), ("two", "2")))
    first, second = weights(tmp_path / "first.pt", one), weights(tmp_path / "second.pt", one, two)
    pack_weights(second, tmp_path / "packed.pt")
    average_weights([first, second], tmp_path / "mean.pt")
    copy_sidecar(second, tmp_path / "copy.pt")
    for name in ("packed", "mean", "copy"):
        assert read_sidecar(tmp_path / f"{name}.pt").learnt == (one, two)
    assert inherit_learnt(second) == (one, two)


@pytest.mark.parametrize(
    "learnt", [3, [3], [{"by": 1, "images": []}], [{"by": "\x1b[2J", "images": []}], [{"by": "a", "images": ["doe"]}]]
)
def test_a_damaged_record_is_named(tmp_path: Path, learnt: object) -> None:
    file = weights(tmp_path / "model.pt")
    sidecar_file(file).write_text(json.dumps({"image_size": [64, 64], "learnt": learnt}))
    with pytest.raises(TransferError, match=r"model\.json"):
        read_sidecar(file)
