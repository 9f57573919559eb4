"""Data sets of phantoms: their layout, and what they never replace."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.data.checks import check_datalist
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.synthetic.chest import FINDINGS
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.utils.errors import LungXferError, OutputError

FIELDS = {"image", "label", "patient", "finding", "finding_text", "view", "source", "license", "ignore_fraction"}


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory) -> Path:
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), seed=5, donor=14, general=15, portable=12, size=80)


def test_an_image_depends_on_seed_set_and_number_alone(phantoms, tmp_path):
    one = _digests(phantoms)
    two = _digests(write_phantoms(tmp_path / "b", seed=5, donor=6, general=18, portable=12, size=80))
    common = {name for name in one if name in two and name != "general/datalist.json"}
    assert len(common) == 2 * 6 + 2 * 15 + 2 * 12 + 1
    assert {name: one[name] for name in common} == {name: two[name] for name in common}
    other = _digests(write_phantoms(tmp_path / "c", seed=6, donor=2, general=2, portable=2, size=80))
    pictures = [
        name for name in other if name in one and "mask" not in name and name.endswith((".png", ".jpg", ".tif"))
    ]
    assert pictures
    assert all(one[name] != other[name] for name in pictures)
    assert len({one[name] for name in one}) == len(one) - _equal_masks(phantoms)


def _equal_masks(folder: Path) -> int:
    """Count the masks that say the same as another one: the empty ones of brain slices."""
    empty = sum(record["finding"] == "no lesion" for record in load_datalist(folder / "lgg"))
    return max(0, empty - 1)


def test_radiographs_are_read_by_the_package(phantoms):
    for name, views in (("general", {"PA"}), ("portable", {"AP", "AP Supine"})):
        records = load_datalist(phantoms / name)
        assert check_datalist(records) == []
        assert {record["view"] for record in records} == views
        assert all(set(record) == FIELDS | {"original_width", "original_height"} for record in records)
        assert {(r["source"], r["license"]) for r in records} == {("phantom", "CC0-1.0")}
        counts = Counter(record["finding"] for record in records)
        assert set(counts) == set(FINDINGS)
        assert max(counts.values()) - min(counts.values()) <= 3
        images = Counter(record["patient"] for record in records)
        assert set(images.values()) <= {1, 2, 3}
        assert len({(record["patient"], record["finding"]) for record in records}) == len(images)


def test_radiographs_have_the_announced_form(phantoms):
    records = load_datalist(phantoms / "general")
    shapes = set()
    for record in records:
        with Image.open(record["image"]) as image, Image.open(record["label"]) as mask:
            assert image.size == mask.size == (record["original_width"], record["original_height"])
            assert (image.mode, mask.mode, max(image.size)) == ("L", "1", 80)
            assert 0.84 < image.width / image.height < 1.21
            shapes.add(image.size)
    assert len(shapes) > 3
    assert {Path(record["image"]).suffix for record in records} == {".png", ".jpg"}


def test_slices_have_the_kaggle_layout(phantoms):
    records = load_datalist(phantoms / "lgg")
    assert len(records) == 14
    assert {record["finding"] for record in records} == {"lesion", "no lesion"}
    patients = Counter(record["patient"] for record in records)
    assert all(3 <= count <= 5 for patient, count in patients.items() if patient != max(patients))
    for record in records:
        with Image.open(record["image"]) as image, Image.open(record["label"]) as mask:
            assert (image.mode, mask.mode, image.size, mask.size) == ("RGB", "L", (80, 80), (80, 80))
            assert set(np.unique(np.asarray(mask))) <= {0, 255}


def test_phantoms_are_replaced_on_demand_only(tmp_path):
    write_phantoms(tmp_path, donor=2, general=2, portable=2, size=64)
    before = _digests(tmp_path)
    with pytest.raises(OutputError, match="lgg: holds phantoms already"):
        write_phantoms(tmp_path, seed=1, donor=2, general=2, portable=2, size=64)
    assert _digests(tmp_path) == before
    write_phantoms(tmp_path, seed=1, donor=0, general=1, portable=2, size=64, overwrite=True)
    assert not (tmp_path / "lgg").exists()
    assert len(list((tmp_path / "general" / "images").iterdir())) == 1


@pytest.mark.parametrize("name", ["general/images/cohen-1.jpg", "lgg/kaggle_3m/TCGA_CS_4942_19970222/a.tif"])
def test_real_data_are_never_replaced(tmp_path, name):
    real = tmp_path / name
    real.parent.mkdir(parents=True)
    real.write_bytes(b"real")
    with pytest.raises(OutputError, match="not a phantom"):
        write_phantoms(tmp_path, donor=1, general=1, portable=1, size=64, overwrite=True)
    assert set(_digests(tmp_path)) == {name}


@pytest.mark.parametrize("content", ['[{"image": "a.png", "source": "cohen-v7"}]', "{}", "broken"])
def test_a_datalist_of_real_data_is_never_replaced(tmp_path, content):
    (tmp_path / "portable").mkdir()
    (tmp_path / "portable" / "datalist.json").write_text(content)
    with pytest.raises(OutputError, match="not a phantom"):
        write_phantoms(tmp_path, donor=1, general=1, portable=1, size=64, overwrite=True)
    assert (tmp_path / "portable" / "datalist.json").read_text() == content


@pytest.mark.parametrize(
    ("wrong", "said"), [({"seed": -1}, "seed is -1"), ({"general": -2}, "general is -2"), ({"size": 40}, "size is 40")]
)
def test_wrong_numbers_are_refused_before_anything_is_written(tmp_path, wrong, said):
    with pytest.raises(LungXferError, match=said):
        write_phantoms(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()
