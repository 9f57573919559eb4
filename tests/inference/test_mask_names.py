"""Names of the masks that MONAI's SaveImaged writes for a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from monai.data import MetaTensor
from monai.transforms import SaveImage

from monai_lungxfer.inference.inputs import InputFile, output_stems
from monai_lungxfer.inference.mask_names import MaskNames
from monai_lungxfer.io.monai_writer import MaskWriter

UID = "1.2.840.113619.2.7"


def saved(folder: Path, images: list[str], **options: Any) -> list[str]:
    """Save a mask for each of the images, and return the names of the files without what all have in common."""
    save = SaveImage(folder, "mask", ".png", separate_folder=False, writer=MaskWriter, print_log=False, **options)
    save.savepath_in_metadict = True
    masks = [MetaTensor(np.zeros((1, 2, 3), np.uint8), meta={"filename_or_obj": image}) for image in images]
    paths = [Path(save(mask).meta["saved_to"]) for mask in masks]
    assert all(path.is_file() for path in paths)
    return [path.relative_to(folder).as_posix().removesuffix("_mask.png") for path in paths]


def named(folder: Path, images: list[str], data: list[str] | None = None) -> list[str]:
    names = MaskNames([{"image": image} for image in (images if data is None else data)])
    return saved(folder, images, output_name_formatter=names, data_root_dir=".")


@pytest.mark.parametrize(
    "images",
    [
        ["/in/a.png", "/in/b.jpg", "/in/c.nii.gz", "/in/two.dots.dcm", "/in/none", "/in/.hidden"],
        [f"/in/{UID}.1"],  # though its end is lost
        ["/in/p1/a.png", "/in/p2/b.png"],
    ],
)
def test_names_that_are_not_alike_are_monais(tmp_path: Path, images: list[str]) -> None:
    assert named(tmp_path / "own", images) == saved(tmp_path / "monai", images)


@pytest.mark.parametrize(
    ("images", "names"),
    [
        ([f"/in/{UID}.1", f"/in/{UID}.2"], [f"{UID}.1", f"{UID}.2"]),
        (["/in/a.jpg", "/in/a.png", "/in/b.png"], ["a.jpg", "a.png", "b"]),
        (["/in/p1/x.png", "/in/p2/x.png", "/in/p2/y.png"], ["p1/x", "p2/x", "y"]),
        (["/in/A.png", "/in/a.png"], ["A.png", "a.png"]),  # one file on some disks
        (["/in/a.b.png", "/in/a.b.jpg", "/in/a.b"], ["a.b.png", "a.b.jpg", "a"]),
    ],
)
def test_names_that_would_be_alike_are_those_of_the_command_line(
    tmp_path: Path, images: list[str], names: list[str]
) -> None:
    assert named(tmp_path, images) == names
    if len(names) == 2:
        files = [InputFile(Path(image), image.removeprefix("/in/")) for image in images]
        assert names == output_stems(files)


def test_paths_are_known_as_the_reader_tells_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    data = ["./data/a.jpg", "~/a.png", "./data/a.jpg"]
    # As far apart as the folders are, names tell the way from one to the other; a file that stands there twice is one.
    monkeypatch.chdir("/")
    assert named(tmp_path, ["data/a.jpg", "/home/somebody/a.png"], data) == ["data/a", "home/somebody/a"]


def test_an_image_that_is_not_of_the_data_set_has_monais_name(tmp_path: Path) -> None:
    assert named(tmp_path / "own", ["/elsewhere/a.b.png"], []) == ["a.b"]
    save = SaveImage(tmp_path, "mask", ".png", output_name_formatter=MaskNames([]), data_root_dir=".")
    assert MaskNames([])(None, save) == {"subject": "0.nii", "idx": None}
