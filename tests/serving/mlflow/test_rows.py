"""One row of a request: what is refused, and that no message tells more than the sender may know."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from dicom_radiograph import as_dicom, write
from PIL import Image

from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.serving.mlflow.rows import read_row
from monai_lungxfer.serving.mlflow.settings import Settings
from monai_lungxfer.utils.errors import InputFileError

SECRET = "DOE^JANE"


def encoded(content: bytes) -> dict[str, str]:
    return {"image": base64.b64encode(content).decode()}


@pytest.fixture
def inbox(tmp_path: Path, phantom: np.ndarray) -> Path:
    folder = tmp_path / "inbox"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(phantom).save(folder / "sub" / f"{SECRET}.png")
    Image.fromarray(phantom).save(tmp_path / "outside.png")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "folder.png").mkdir()
    return folder


def test_paths_are_refused_unless_a_folder_is_allowed(inbox: Path) -> None:
    with pytest.raises(InputFileError, match="paths are refused here"):
        read_row({"path": str(inbox / "sub" / f"{SECRET}.png")}, Settings())


@pytest.mark.parametrize("absolute", [False, True])
def test_a_path_below_the_allowed_folder(inbox: Path, phantom: np.ndarray, absolute: bool) -> None:
    path = Path("sub", f"{SECRET}.png")
    given = read_row({"path": str(inbox / path if absolute else path)}, Settings(paths_below=str(inbox)))
    assert np.array_equal(given.pixels, phantom)


@pytest.mark.parametrize(
    "path",
    [
        "../outside.png",
        "sub/../../outside.png",
        "link.png",
        "loop",
        "missing.png",
        "folder.png",
        "/etc/passwd",
        "nul\0.png",
        "x" * 5000,
        "",
    ],
)
def test_whatever_is_not_below_it_is_not_there(inbox: Path, path: str) -> None:
    with pytest.raises(InputFileError) as caught:
        read_row({"path": path}, Settings(paths_below=str(inbox)))
    assert str(caught.value) == "there is no such file below the allowed folder. Check the path."


def test_a_link_as_the_allowed_folder(inbox: Path, tmp_path: Path, phantom: np.ndarray) -> None:
    (tmp_path / "alias").symlink_to(inbox)
    settings = Settings(paths_below=str(tmp_path / "alias"))
    assert np.array_equal(read_row({"path": f"sub/{SECRET}.png"}, settings).pixels, phantom)


def test_size_limits_hold_before_anything_is_decoded(inbox: Path) -> None:
    settings = Settings(paths_below=str(inbox), max_megabytes=0.001)
    with pytest.raises(InputFileError, match=r"larger than 0\.001 MB"):
        read_row({"path": f"sub/{SECRET}.png"}, settings)
    with pytest.raises(InputFileError, match=r"larger than 0\.001 MB"):
        read_row({"image": "!" * 1400}, settings)  # not base64, which was not looked at
    with pytest.raises(InputFileError, match="is not base64"):
        read_row({"image": "!" * 1300}, settings)


def test_base64_may_have_line_breaks(predicted) -> None:
    text = base64.encodebytes((predicted.folder / "a.png").read_bytes()).decode()
    assert "\n" in text
    expected = read_radiograph(predicted.folder / "a.png").pixels
    assert np.array_equal(read_row({"image": text}, Settings()).pixels, expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"a text", "is not an image of a known format"),
        (b"ObjectType = Image\nNDims = 2\nDimSize = 64 64\nElementDataFile = /etc/passwd\n", "in another file"),
        (b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 64 64\ndata file: /etc/passwd\n\n", "in another file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "cannot be read"),
    ],
)
def test_files_that_are_no_radiograph(content: bytes, message: str) -> None:
    with pytest.raises(InputFileError, match=message):
        read_row(encoded(content), Settings())


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        ([[1, 2], [3]], "not a two-dimensional array of numbers"),
        ([1, 2, 3], "not a two-dimensional array of numbers"),
        (np.zeros((3, 40, 40)), "not a two-dimensional array of numbers"),
        ([["a"] * 40] * 40, "not a two-dimensional array of numbers"),
        ([[None] * 40] * 40, "not a two-dimensional array of numbers"),
        (5, "not a two-dimensional array of numbers"),
        (np.zeros((10, 40)), "too small: 40 x 10 pixels"),
        (np.full((40, 40), np.nan), "holds NaN or infinity in 1600 pixels"),
        (np.full((40, 40), 1e300), "holds NaN or infinity in 1600 pixels"),
    ],
)
def test_pixels_that_are_no_radiograph(pixels: object, message: str) -> None:
    with pytest.raises(InputFileError, match=message):
        read_row({"pixels": pixels}, Settings())


@pytest.mark.parametrize("row", [{}, {"image": None, "path": float("nan")}, {"image": "x", "pixels": [[1]]}])
def test_exactly_one_input(row: dict) -> None:
    with pytest.raises(InputFileError, match="Give exactly one of image, path, pixels"):
        read_row(row, Settings())


def test_a_model_of_three_channels_gets_them(predicted, phantom: np.ndarray) -> None:
    expected = np.stack([phantom] * 3)
    for row in (predicted.request("a.png"), {"pixels": phantom}):
        assert np.array_equal(read_row(row, Settings(), "rgb").pixels, expected)


@pytest.mark.parametrize("name", ["image", "path"])
def test_what_is_no_text(inbox: Path, name: str) -> None:
    for value in (5, ["x"], {"x": 1}, b"x"):
        with pytest.raises(InputFileError, match=f"{name} is not a text"):
            read_row({name: value}, Settings(paths_below=str(inbox)))


def test_a_lateral_view_is_left_out_as_by_predict(tmp_path: Path, phantom: np.ndarray) -> None:
    file = write(tmp_path / "lateral.dcm", as_dicom(phantom, "MONOCHROME2", ViewPosition="LATERAL"))
    row = encoded(file.read_bytes())
    with pytest.raises(InputFileError, match=r"its view is not frontal \(lateral\)"):
        read_row(row, Settings())
    assert read_row(row, Settings(), any_view=True).view == "lateral"


def test_neither_messages_nor_logs_name_the_patient(
    inbox: Path, tmp_path: Path, phantom: np.ndarray, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    image = as_dicom(phantom, "MONOCHROME2", SeriesDescription=f"{SECRET} LATERAL")
    content = write(inbox / f"{SECRET}.dcm", image).read_bytes()
    (inbox / f"{SECRET}-cut.dcm").write_bytes(content[: len(content) // 2])
    settings = Settings(paths_below=str(inbox))
    messages = []
    for name in (f"{SECRET}.dcm", f"{SECRET}-cut.dcm", f"{SECRET}-none.dcm"):
        try:
            read_row({"path": name}, settings)
        except InputFileError as error:
            messages.append(str(error))
    assert len(messages) == 2
    assert "it may be no frontal chest radiograph" in caplog.text
    told = " ".join([*messages, caplog.text, *capfd.readouterr()])
    for name in (SECRET, "Secret", "SECRET-ID", str(inbox)):
        assert name not in told
