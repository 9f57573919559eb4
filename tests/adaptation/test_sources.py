"""Own images in each form that is read, and who they are of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from own_images import read_records, write_own_images
from PIL import Image

from monai_lungxfer.adaptation.sources import SourceRules, collect_images
from monai_lungxfer.data.public.item import Collection
from monai_lungxfer.synthetic.dicom_phantoms import write_dicom_phantoms
from monai_lungxfer.utils.errors import DatalistError

EACH = SourceRules(one_image_each=True)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own_images(tmp_path_factory.mktemp("own"), 4)


def draw_first(found: Collection) -> np.ndarray:
    with Image.open(found.items[0].image) as image:
        width, height = image.size
    return found.items[0].mask(height, width).foreground


def read_first(own: Path) -> np.ndarray:
    return np.asarray(Image.open(own / read_records(own)[0]["label"])) > 0


def test_a_datalist_says_the_patients_under_new_names(own: Path) -> None:
    form, found = collect_images(own, SourceRules())
    records = read_records(own)
    assert form == "datalist"
    assert [item.name for item in found.items] == ["case-0001", "case-0002", "case-0003", "case-0004"]
    same = [one["patient"] == records[0]["patient"] for one in records]
    assert [item.patient == found.items[0].patient for item in found.items] == same
    assert found.items[0].patient == "patient-001"
    assert [item.view for item in found.items] == [record["view"] for record in records]
    assert np.array_equal(draw_first(found), read_first(own))


def test_folder_pairs_need_to_say_the_patient(own: Path, tmp_path: Path) -> None:
    for part in ("images", "masks"):
        shutil.copytree(own / part, tmp_path / part)
    with pytest.raises(DatalistError, match=r"nothing says of 4 images which patient.*--patient"):
        collect_images(tmp_path, SourceRules())
    form, found = collect_images(tmp_path, SourceRules(patient=r"000([12])$"))
    assert form == "folder"
    assert [item.patient for item in found.items] == ["patient-001", "patient-002"]
    assert [one.file.stem[-1] for one in found.skipped] == ["3", "4"]
    assert len({item.patient for item in collect_images(tmp_path, EACH)[1].items}) == 4


def test_images_without_masks_are_refused(own: Path, tmp_path: Path) -> None:
    shutil.copytree(own / "images", tmp_path / "images")
    with pytest.raises(DatalistError, match="none of 4 images has a mask"):
        collect_images(tmp_path, EACH)


def test_the_folder_of_monai_label_has_its_labels_below(own: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels" / "final"
    labels.mkdir(parents=True)
    (tmp_path / "labels" / "original").mkdir()
    for record in read_records(own):
        image = tmp_path / Path(record["image"]).name
        shutil.copy(own / record["image"], image)
        shutil.copy(own / record["label"], labels / f"{image.stem}.png")
    form, found = collect_images(tmp_path, EACH)
    assert (form, found.skipped, found.notes) == ("MONAI Label", [], [])
    assert all(item.mask and item.finding is None for item in found.items)
    assert np.array_equal(draw_first(found), read_first(own))


def test_names_before_select_say_the_patient(own: Path, tmp_path: Path) -> None:
    labels = tmp_path / "studies" / "labels" / "final"
    labels.mkdir(parents=True)
    rows = []
    for number, record in enumerate(read_records(own)[:2], 1):
        suffix = Path(record["image"]).suffix
        shutil.copy(own / record["image"], tmp_path / "studies" / f"case-{number:04d}{suffix}")
        shutil.copy(own / record["label"], labels / f"case-{number:04d}.png")
        rows.append(f"case-{number:04d}{suffix},p7_{number}.png")
    (tmp_path / "selected.csv").write_text("\n".join(["image,file", *rows]))
    found = collect_images(tmp_path / "studies", SourceRules(patient=r"^(p\d+)_"))[1]
    assert [item.patient for item in found.items] == ["patient-001", "patient-001"]


def test_a_dicom_header_says_the_patient(own: Path, tmp_path: Path) -> None:
    for file in write_dicom_phantoms(tmp_path / "images", 2, size=96):
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(np.eye(96, 86, dtype=bool)).save(tmp_path / "masks" / f"{file.stem}.png")
    found = collect_images(tmp_path, SourceRules())[1]
    assert [item.patient for item in found.items] == ["patient-001", "patient-002"]


def test_darwin_files_draw_the_masks(own: Path, tmp_path: Path) -> None:
    record = read_records(own)[0]
    image = tmp_path / "images" / Path(record["image"]).name
    image.parent.mkdir()
    shutil.copy(own / record["image"], image)
    width, height = Image.open(image).size
    corners = [{"x": x, "y": y} for x, y in ((10, 10), (40, 10), (40, 50), (10, 50))]
    annotation = {"name": "Lung", "polygon": {"path": corners}}
    content = {"image": {"filename": image.name, "width": width, "height": height}, "annotations": [annotation]}
    (tmp_path / "one.json").write_text(json.dumps(content))
    form, found = collect_images(tmp_path, EACH)
    expected = np.zeros((height, width), bool)
    expected[10:50, 10:40] = True
    assert form == "drawing tool"
    assert np.array_equal(draw_first(found), expected)
    assert (found.items[0].source, found.items[0].mask_convention) == ("own", None)
