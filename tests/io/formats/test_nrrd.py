from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from raster_writing import nrrd

from monai_lungxfer.io.formats.attached import DETACHED
from monai_lungxfer.io.orientation import AS_STORED, Turn
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(bytes(range(100, 200)) * 24)
    return tmp_path / "x.nrrd"


@pytest.mark.parametrize("name", ["data file", "datafile", "Data File", "DATAFILE", "data file "])
@pytest.mark.parametrize(
    "elsewhere", ["secret", "./secret", "{folder}/secret", "LIST", "LIST 2\nsecret", "s%d 1 1 1", ""]
)
def test_pixels_of_another_file_are_refused(path: Path, picture: np.ndarray, name: str, elsewhere: str) -> None:
    """Whether the pixels are there, too, or not."""
    line = f"{name}: {elsewhere.format(folder=path.parent)}"
    for file in (path, path.with_suffix(".nhdr")):
        content = nrrd(picture, *line.splitlines())
        for whole in (content, content[: -picture.size], content[: -picture.size - 1]):
            file.write_bytes(whole)
            with pytest.raises(InputFileError, match=DETACHED):
                read_radiograph(file)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"dimension": "1", "sizes": "60"}, "not of two to four dimensions"),
        ({"dimension": None}, "dimension in its header is malformed"),
        ({"sizes": None}, "sizes in its header is malformed"),
        ({"sizes": "60 -40"}, "sizes in its header is malformed"),
        ({"dimension": "3", "sizes": "3 60 40"}, "holds 40 slices"),
        ({"dimension": "3", "sizes": "6 60 40", "kinds": "vector domain domain"}, "6 components"),
        ({"dimension": "3", "sizes": "2 60 40", "kinds": "complex domain domain"}, "neither grey nor in colour"),
        ({"kinds": "domain"}, "kinds in its header is malformed"),
        ({"type": "block"}, "a type that is not read"),
        ({"type": None}, "a type that is not read"),
        ({"type": "float", "endian": None}, "does not say the byte order"),
        ({"encoding": "ascii"}, "an encoding that is not read"),
        ({"encoding": "hex"}, "an encoding that is not read"),
        ({"encoding": "bzip2"}, "an encoding that is not read"),
        ({"encoding": None}, "an encoding that is not read"),
        ({"byte_skip": "-1"}, "do not follow its header"),
        ({"line_skip": "1"}, "do not follow its header"),
        ({"lineskip": "1"}, "do not follow its header"),
        ({"spacings": "0.2"}, "spacings in its header is malformed"),
        ({"spacings": "0.2 inf"}, "spacings in its header is malformed"),
        ({"space_directions": "(1,0)"}, "space directions in its header is malformed"),
        ({"space_directions": "(1,0) (0,x)"}, "space directions in its header is malformed"),
        ({"space_directions": "(1,0) none"}, "space directions in its header is malformed"),
        ({"content": "x\nno field"}, "a line that is not a field"),
        ({"content": "x\nsizes: 60 40"}, "says one thing twice"),
    ],
)
def test_headers_that_are_refused(path: Path, picture: np.ndarray, fields: dict[str, str], problem: str) -> None:
    path.write_bytes(nrrd(picture, **fields))
    with pytest.raises(InputFileError, match=problem) as caught:
        read_radiograph(path)
    assert caught.value.source == str(path)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("fields", "spacing"),
    [
        ({}, None),
        ({"spacings": "1 1"}, None),
        ({"spacings": "nan NaN"}, None),
        ({"spacings": "0.2 0.3"}, (0.3, 0.2)),
        ({"spacings": "0.02 0.03", "units": '"cm" "cm"'}, (0.3, 0.2)),
        ({"spacings": "0.2 0.3", "units": '"mm" "pixel"'}, None),
        ({"spacings": "200 300", "units": '"um" "um"'}, (0.3, 0.2)),
        ({"space_dimension": "2", "space_directions": "(0.2,0) (0,0.3)"}, (0.3, 0.2)),
        ({"space_dimension": "2", "space_directions": "(0.12, 0.16) (-.16,.12)"}, (0.2, 0.2)),
        ({"content": "a text: with a colon", "type": "unsigned  char", "endian": None}, None),
    ],
)
def test_headers_that_are_read(
    path: Path, picture: np.ndarray, fields: dict[str, str], spacing: tuple[float, float] | None
) -> None:
    path.write_bytes(nrrd(picture, "# a comment", "key:=value: of a pair", **fields))
    radiograph = read_radiograph(path)
    np.testing.assert_array_equal(radiograph.pixels, picture)
    assert radiograph.spacing == (spacing and pytest.approx(spacing))
    assert radiograph.turn == AS_STORED


@pytest.mark.parametrize(
    ("space", "directions", "turn"),
    [
        ("left-posterior-superior", "(0.2,0,0) (0,0,-0.3)", AS_STORED),
        ("LPS", "(0.2,0,0) (0,0,0.3)", Turn(flip_rows=True)),
        ("right-anterior-superior", "(-0.2,0,0) (0,0,-0.3)", AS_STORED),
        ("RAS", "(0.2,0,0) (0,0,0.3)", Turn(flip_rows=True, flip_columns=True)),
        ("left-anterior-superior", "(0,0,-0.2) (0.3,0,0)", Turn(transpose=True)),
        ("3D-right-handed", "(0.2,0,0) (0,0,0.3)", AS_STORED),
        ("LPS", "(0.2,0,0) (0,0.3,0)", AS_STORED),
        ("LPS", "(0,0,0) (0,0,0.3)", AS_STORED),
    ],
)
def test_spaces(path: Path, picture: np.ndarray, space: str, directions: str, turn: Turn) -> None:
    path.write_bytes(nrrd(picture[None], space=space, space_directions=f"{directions} (0,1,0)"))
    radiograph = read_radiograph(path)
    np.testing.assert_array_equal(radiograph.pixels, picture)
    assert radiograph.turn == turn


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("has_depth", [False, True])
def test_channels_of_any_axis(path: Path, picture: np.ndarray, axis: int, has_depth: bool) -> None:
    colours = np.stack([picture, picture // 2, picture // 5])
    values, kinds = np.moveaxis(colours, 0, 2 - axis), ["domain"] * 3
    kinds[axis] = "RGB-color"
    if has_depth:
        values, kinds = values[None], [*kinds, "domain"]
    path.write_bytes(nrrd(np.ascontiguousarray(values), kinds=" ".join(kinds)))
    np.testing.assert_array_equal(read_radiograph(path, "rgb").pixels, colours)


def test_line_ends_of_windows(path: Path, picture: np.ndarray) -> None:
    head, end, data = nrrd(picture).partition(b"\n\n")
    path.write_bytes((head + end).replace(b"\n", b"\r\n") + data)
    np.testing.assert_array_equal(read_radiograph(path).pixels, picture)


def test_a_mask_of_the_label_server_is_read(path: Path, picture: np.ndarray) -> None:
    """Its NRRD masks are of three dimensions, and are sent back as labels."""
    fields = {"space": "left-posterior-superior", "space_directions": "(0.3,0,0) (0,0.3,0) (0,0,1)"}
    path.write_bytes(nrrd(picture[None], **fields, space_origin="(0,0,0)", kinds="domain domain domain"))
    radiograph = read_radiograph(path)
    np.testing.assert_array_equal(radiograph.pixels, picture)
    assert radiograph.spacing == pytest.approx((0.3, 0.3))


def test_values_of_the_header_are_not_told(path: Path, picture: np.ndarray) -> None:
    for name in ("type", "dimension", "sizes", "encoding", "kinds", "spacings", "space directions", "data file"):
        path.write_bytes(nrrd(picture, **{name: "SMITH^JOHN"}))
        with pytest.raises(InputFileError) as caught:
            read_radiograph(path)
        assert "SMITH" not in str(caught.value)
