"""A presentation state draws exactly the border of the mask, and shows the radiograph as it is shown without."""

from __future__ import annotations

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_radiograph import SHAPE, lung_mask, radiograph, write
from PIL import Image
from pydicom.dataset import Dataset
from segmented_radiograph import MODEL

from monai_lungxfer.inference.dicom.source import save_dicom
from monai_lungxfer.inference.overlay import NOTICE

pytest.importorskip("highdicom", reason="the extra dicom is not installed")

from monai_lungxfer.inference.dicom.presentation_state import contour_presentation


def drawn(annotation: Dataset) -> np.ndarray:
    """Return the pixels that the lines of a layer enclose."""
    inside = np.zeros(SHAPE, bool)
    for item in annotation.GraphicObjectSequence:
        assert (item.GraphicType, item.GraphicAnnotationUnits) == ("POLYLINE", "PIXEL")
        points = np.array(item.GraphicData).reshape(-1, 2)
        assert np.array_equal(points[0], points[-1])
        for (x, y), (x_after, y_after) in pairwise(points):
            if x == x_after:
                inside[int(min(y, y_after)) : int(max(y, y_after)), int(x) :] ^= True
    return inside


def read(path: Path, source: Dataset, **options: object) -> Dataset:
    save_dicom(path, contour_presentation(source, lung_mask(), MODEL, **options))
    return pydicom.dcmread(path)


def test_the_lines_enclose_the_mask(tmp_path: Path) -> None:
    (annotation,) = read(tmp_path / "pr.dcm", radiograph()).GraphicAnnotationSequence
    assert np.array_equal(drawn(annotation), lung_mask() == 1)
    assert annotation.GraphicLayer == "LUNGS"
    assert annotation.TextObjectSequence[0].UnformattedTextValue == NOTICE
    assert annotation.ReferencedImageSequence[0].ReferencedSOPInstanceUID == radiograph().SOPInstanceUID


def test_a_layer_and_a_colour_for_each_side(tmp_path: Path) -> None:
    state = read(tmp_path / "pr.dcm", radiograph(), sides=True)
    right, left = state.GraphicAnnotationSequence
    assert [right.GraphicLayer, left.GraphicLayer] == ["RIGHT LUNG", "LEFT LUNG"]
    assert np.array_equal(drawn(right), (lung_mask() == 1) & (np.arange(SHAPE[1]) < 25))
    assert np.array_equal(drawn(left), (lung_mask() == 1) & (np.arange(SHAPE[1]) >= 25))
    colours = [tuple(layer.GraphicLayerRecommendedDisplayCIELabValue) for layer in state.GraphicLayerSequence]
    assert colours == [(46273, 37131, 52089), (45761, 29808, 23959)]  # orange and sky blue


def test_long_lines_are_cut_in_pieces(tmp_path: Path) -> None:
    comb = np.zeros((40, 5000), np.uint8)
    comb[:, ::2] = comb[0] = 1
    source = radiograph(Rows=40, Columns=5000)
    save_dicom(tmp_path / "pr.dcm", contour_presentation(source, comb, MODEL))
    (annotation,) = pydicom.dcmread(tmp_path / "pr.dcm").GraphicAnnotationSequence
    first, second = (np.array(item.GraphicData).reshape(-1, 2) for item in annotation.GraphicObjectSequence)
    corners = 2 * 2500 + 2 * 2499 + 4  # below the teeth, between them, and at the ends of the bar; the first one twice
    assert (len(first), len(second)) == (8000, corners + 1 - 7999)
    assert np.array_equal(first[-1], second[0])
    assert np.array_equal(first[0], second[-1])


@pytest.mark.parametrize(
    ("photometric", "attributes", "shape"),
    [
        ("MONOCHROME1", {}, "INVERSE"),
        ("MONOCHROME2", {}, "IDENTITY"),
        ("MONOCHROME2", {"PresentationLUTShape": "INVERSE"}, "INVERSE"),
    ],
)
def test_the_grey_scale_is_that_of_the_source(tmp_path: Path, photometric: str, attributes: dict, shape: str) -> None:
    display = {"WindowCenter": ["2000", "5"], "WindowWidth": ["300", "2"], "RescaleSlope": 2, "RescaleIntercept": -7}
    state = read(tmp_path / "pr.dcm", radiograph("DX", photometric, **display, **attributes))
    assert state.PresentationLUTShape == shape
    assert (state.RescaleSlope, state.RescaleIntercept) == (2, -7)
    (voi,) = state.SoftcopyVOILUTSequence
    assert (voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction) == (2000, 300, "LINEAR")
    (area,) = state.DisplayedAreaSelectionSequence
    assert list(area.PresentationPixelAspectRatio) == [2000, 3000]
    assert list(area.DisplayedAreaBottomRightHandCorner) == [SHAPE[1], SHAPE[0]]


def test_malformed_display_is_left_out(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [0, 0]
    source = radiograph(WindowCenter="2000", WindowWidth="0", VOILUTSequence=[table], PixelSpacing=None)
    source.ImagerPixelSpacing = None
    state = read(tmp_path / "pr.dcm", source)
    assert "SoftcopyVOILUTSequence" not in state
    assert list(state.DisplayedAreaSelectionSequence[0].PresentationPixelAspectRatio) == [1, 1]


def test_a_look_up_table_is_taken_over(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 12]
    table.add_new("LUTData", "OW", np.arange(4095, -1, -1).astype("<u2").tobytes())
    (voi,) = read(tmp_path / "pr.dcm", radiograph(VOILUTSequence=[table])).SoftcopyVOILUTSequence
    assert list(voi.VOILUTSequence[0].LUTDescriptor) == [4096, 0, 12]
    assert np.frombuffer(voi.VOILUTSequence[0].LUTData, "<u2")[0] == 4095


def test_dcmtk_shows_the_radiograph_by_it(tmp_path: Path) -> None:
    """dcmp2pgm applies the state to the image: a bright pixel of MONOCHROME1 comes out dark."""
    if shutil.which("dcmp2pgm") is None:
        pytest.skip("dcmp2pgm is not installed (Debian: dcmtk)")
    values = np.tile(np.linspace(0, 4095, SHAPE[1]).astype("<u2"), (SHAPE[0], 1))
    source = radiograph("CR", "MONOCHROME1", PixelData=values.tobytes() + b"", PixelSpacing=[0.2, 0.2])
    write(tmp_path / "source.dcm", source)
    save_dicom(tmp_path / "pr.dcm", contour_presentation(source, lung_mask(), MODEL))
    command = ["dcmp2pgm", "-p", tmp_path / "pr.dcm", tmp_path / "source.dcm", tmp_path / "shown.pgm"]
    subprocess.run(command, check=True, capture_output=True)
    shown = np.asarray(Image.open(tmp_path / "shown.pgm")).astype(int)
    assert shown.shape == SHAPE
    assert shown[0, 0] > 250
    assert shown[0, -1] < 5
