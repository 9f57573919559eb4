"""Files that the tools' libraries wrote are read as others read them; see helpers/annotation_files.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from dicom_radiograph import lung_mask, radiograph, save_dicom_seg, write
from PIL import Image

from monai_lungxfer.data.public.annotations.collect import collect
from monai_lungxfer.inference.segmentation import ModelIdentity

FILES = Path(__file__).parent / "files"
EXACT = ("cvat_masks", "cvat_whole_masks", "cvat_segmentation_mask", "coco_runs", "slicer", "label_studio_brush")
POLYGONS = ("cvat_polygons", "coco_polygons", "label_studio_polygons")


def _read(tmp_path: Path, tool: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mask as the package reads it, and the expected one."""
    expected = np.asarray(Image.open(FILES / "expected" / f"{tool}.png")) > 0
    shutil.copytree(FILES / tool, tmp_path / "raw")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, expected.shape, dtype=np.uint8)).save(
        tmp_path / "raw" / "p1.png"
    )
    found = collect(tmp_path / "raw")
    assert found.skipped == []
    (item,) = found.items
    return item.mask(*expected.shape).foreground, expected


@pytest.mark.parametrize("tool", EXACT)
def test_painted_regions_are_the_same_to_the_pixel(tmp_path, tool):
    mask, expected = _read(tmp_path, tool)
    assert expected.sum() == 922
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("tool", POLYGONS)
def test_polygons_are_the_same_but_for_their_border(tmp_path, tool):
    mask, expected = _read(tmp_path, tool)
    outline = np.pad(expected, 1)
    inner = expected & outline[:-2, 1:-1] & outline[2:, 1:-1] & outline[1:-1, :-2] & outline[1:-1, 2:]
    assert not (inner & ~mask).any()
    assert 2 * (mask & expected).sum() / (mask.sum() + expected.sum()) > 0.97
    # The area of two polygons of 24 corners in ellipses, by their formula.
    area = 12 * np.sin(2 * np.pi / 24) * (19 * 9 + 16 * 8.5)
    assert mask.sum() == pytest.approx(area, rel=0.01)


@pytest.mark.parametrize("sides", [False, True])
def test_a_dicom_seg_finds_its_radiograph_by_uid(tmp_path, sides):
    pytest.importorskip("highdicom")
    source = write(tmp_path / "a.dcm", radiograph())
    write(tmp_path / "b.dcm", radiograph("DX", SOPInstanceUID="1.2.3.4"))
    identity = ModelIdentity("bundle", "1", "0" * 64)
    save_dicom_seg(tmp_path / "seg.dcm", source, lung_mask(), identity, sides=sides)
    items = {item.image.name: item for item in collect(tmp_path).items}
    assert sorted(items) == ["a.dcm", "b.dcm"]
    assert items["b.dcm"].mask is None
    mask = items["a.dcm"].mask(*lung_mask().shape).foreground
    np.testing.assert_array_equal(mask, lung_mask().astype(bool))


def test_a_dicom_seg_without_its_radiograph_is_told(tmp_path):
    pytest.importorskip("highdicom")
    source = write(tmp_path / "a.dcm", radiograph())
    save_dicom_seg(tmp_path / "seg.dcm", source, lung_mask(), ModelIdentity("bundle", "1", "0" * 64))
    source.unlink()
    write(tmp_path / "b.dcm", radiograph("DX", SOPInstanceUID="1.2.3.4"))
    (skipped,) = collect(tmp_path).skipped
    assert skipped.reason == "the radiograph that it refers to is not there"
