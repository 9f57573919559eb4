"""The images of a folder for a bundle's inference.yaml."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.inference.input_search import images_in, require_images
from monai_lungxfer.utils.errors import InputFileError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, one of which only its content tells, and much else; its name is a pattern by mistake."""
    folder = tmp_path / "in[1]"
    (folder / "below").mkdir(parents=True)
    for name in ("b.png", "a.png", "1.2.840", ".hidden.png", "below/c.png"):
        Image.fromarray(np.zeros((40, 40), np.uint8)).save(folder / name, format="PNG")
    for name in ("README.txt", "datalist.json"):
        (folder / name).write_text("[]")
    return folder


def names(paths: list[str]) -> list[str]:
    return [Path(path).name for path in paths]


def test_only_images_are_taken(folder: Path) -> None:
    assert images_in(folder) == [str(folder / name) for name in ("1.2.840", "a.png", "b.png")]
    assert names(images_in(str(folder), "[ab].*")) == ["a.png", "b.png"]
    assert names(images_in(folder, "*/*")) == ["c.png"]


def test_no_images_are_told(folder: Path, tmp_path: Path) -> None:
    require_images(images_in(folder), folder)
    with pytest.raises(InputFileError, match=r"mistyped: there is no such folder\. Check --dataset_dir"):
        require_images(images_in(tmp_path / "mistyped"), tmp_path / "mistyped")
    with pytest.raises(InputFileError, match=r"holds no image that fits '\*\.txt'"):
        require_images(images_in(folder, "*.txt"), folder, "*.txt")
    with pytest.raises(InputFileError, match=r"the folder holds no image\. .*folders below it are not searched"):
        require_images(images_in(tmp_path), tmp_path)
