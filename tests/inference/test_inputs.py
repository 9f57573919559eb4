"""Which files an input stands for, and the names that results get."""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import sys
from pathlib import Path

import pytest

from monai_lungxfer.inference.inputs import InputFile, find_inputs, output_stems
from monai_lungxfer.utils.errors import DatalistError, InputFileError


def make(root: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def names(*inputs) -> list[str]:
    return [item.name for item in find_inputs(inputs)]


def test_folder_is_searched_recursively_and_sorted(tmp_path) -> None:
    make(tmp_path, "b.PNG", "a.jpeg", "sub/deep/c.nii.gz", "sub/d.dcm", "notes.txt", "table.csv")
    assert names(tmp_path) == ["a.jpeg", "b.PNG", "sub/d.dcm", "sub/deep/c.nii.gz"]


def test_every_format_that_is_read_is_found_in_folders(tmp_path) -> None:
    suffixes = ["bmp", "dcm", "jpg", "mha", "mhd", "nii", "nrrd", "png", "tif"]  # of docs/data.md
    make(tmp_path, *(f"x.{suffix}" for suffix in suffixes))
    assert names(tmp_path) == [f"x.{suffix}" for suffix in suffixes]
    assert output_stems([InputFile(tmp_path / "x.bmp", "x.bmp")]) == ["x"]


def test_what_is_no_image_is_counted(tmp_path, caplog) -> None:
    make(tmp_path, "x.png", "photo.xyz", "sub/film.avi", ".hidden", "x_mask.png")
    with caplog.at_level(logging.INFO):
        assert names(tmp_path, tmp_path / "x.png") == ["x.png"]
    assert "no images: 2" in caplog.text
    assert "film" not in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO):
        find_inputs([tmp_path / "x.png"])
    assert not caplog.records


def test_dicom_without_a_suffix_is_known_by_its_content(tmp_path) -> None:
    make(tmp_path, "IM0001", "image.ima", "DICOMDIR", content=b"\0" * 128 + b"DICM" + b"\0" * 10)
    make(tmp_path, "README", "short")
    assert names(tmp_path) == ["IM0001", "image.ima"]


def test_hidden_files_and_results_are_left_out_of_folders(tmp_path, caplog) -> None:
    make(tmp_path, "x.png", ".hidden.png", ".cache/y.png", "out/x_mask.png", "out/x_overlay.png", "x_mask.nii.gz")
    assert names(tmp_path) == ["x.png"]
    assert "3 files named *_mask or *_overlay were left out" in caplog.text


def test_a_named_file_is_always_taken(tmp_path) -> None:
    make(tmp_path, "x_mask.png", "odd.xyz")
    assert names(tmp_path / "x_mask.png", tmp_path / "odd.xyz") == ["x_mask.png", "odd.xyz"]


def test_patterns(tmp_path) -> None:
    make(tmp_path, "p1/x.png", "p2/x.png", "p2/y.jpg", "p2/x_mask.png")
    assert names(f"{tmp_path}/*/x.png") == ["p1/x.png", "p2/x.png"]
    assert names(f"{tmp_path}/**/*.png") == ["p1/x.png", "p2/x.png"]
    with pytest.raises(InputFileError, match="no file fits"):
        find_inputs([f"{tmp_path}/*.dcm"])


def test_a_file_with_brackets_in_its_name_is_no_pattern(tmp_path) -> None:
    make(tmp_path, "scan[1].png")
    assert names(tmp_path / "scan[1].png") == ["scan[1].png"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such names")
def test_a_name_that_is_no_utf8_is_shown_by_its_bytes(tmp_path) -> None:
    (tmp_path / os.fsdecode(b"R\xf6ntgen.png")).write_bytes(b"x")
    (item,) = find_inputs([tmp_path])
    assert item.name == "R\\xf6ntgen.png"
    assert item.path.read_bytes() == b"x"
    assert output_stems([item]) == ["R\\xf6ntgen"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such names")
def test_control_characters_are_shown_by_their_codes(tmp_path) -> None:
    make(tmp_path, "a\nb.png", r"a\u000ab.png", "c\x1b[31m/\x7f\x85\u2028 é.png")
    found = {item.path.relative_to(tmp_path).as_posix(): item.name for item in find_inputs([tmp_path])}
    assert found == {
        "a\nb.png": r"a\u000ab.png",
        r"a\u000ab.png": r"a\\u000ab.png",  # still another name
        "c\x1b[31m/\x7f\x85\u2028 é.png": r"c\u001b[31m/\u007f\u0085\u2028 é.png",
    }


def test_relative_inputs_and_parents(tmp_path, monkeypatch) -> None:
    make(tmp_path, "in/x.png", "work/keep.txt")
    monkeypatch.chdir(tmp_path / "work")
    (found,) = find_inputs(["../in"])
    assert found == InputFile(tmp_path / "in" / "x.png", "x.png")


def test_every_file_once(tmp_path) -> None:
    make(tmp_path, "x.png", "y.png")
    assert names(tmp_path / "y.png", tmp_path, f"{tmp_path}/*.png") == ["y.png", "x.png"]


def test_several_inputs_are_named_from_their_common_folder(tmp_path) -> None:
    make(tmp_path, "left/x.png", "right/x.png", "right/sub/z.png")
    assert names(tmp_path / "left", tmp_path / "right") == ["left/x.png", "right/x.png", "right/sub/z.png"]
    assert names(tmp_path / "left" / "x.png", tmp_path / "right" / "x.png") == ["left/x.png", "right/x.png"]
    assert names(tmp_path / "right" / "x.png", tmp_path / "right" / "sub" / "z.png") == ["x.png", "sub/z.png"]


def write_datalist(path: Path, *images: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([{"image": image, "patient": f"p{n}"} for n, image in enumerate(images)]))


def test_datalist_and_folder_that_holds_one(tmp_path) -> None:
    make(tmp_path, "images/a.png", "images/b.png", "labels/a.png")
    write_datalist(tmp_path / "datalist.json", "images/b.png")
    assert names(tmp_path / "datalist.json") == names(tmp_path) == ["images/b.png"]


def test_data_sets_in_subfolders_are_read_through_their_datalists(tmp_path) -> None:
    for stage in ("general", "portable"):
        make(tmp_path, *(f"{stage}/{folder}/{name}.png" for folder in ("images", "masks") for name in ("a", "b")))
    write_datalist(tmp_path / "general" / "datalist.json", "images/b.png", "images/a.png")
    write_datalist(tmp_path / "portable" / "datalist.json", "images/a.png")
    make(tmp_path, "x.png")
    assert names(tmp_path) == ["x.png", "general/images/b.png", "general/images/a.png", "portable/images/a.png"]
    make(tmp_path, "portable/datalist.json", content=b"{")
    with pytest.raises(DatalistError):
        find_inputs([tmp_path])


def test_datalist_of_images_elsewhere(tmp_path) -> None:
    make(tmp_path, "store/a.png")
    write_datalist(tmp_path / "lists" / "datalist.json", "../store/a.png")
    assert names(tmp_path / "lists") == ["store/a.png"]


def test_malformed_datalist(tmp_path) -> None:
    make(tmp_path, "datalist.json", content=b"{")
    with pytest.raises(DatalistError):
        find_inputs([tmp_path / "datalist.json"])


def test_missing_and_empty(tmp_path) -> None:
    with pytest.raises(InputFileError, match="does not exist"):
        find_inputs([tmp_path / "nothing.png"])
    make(tmp_path, "only/notes.txt", "masks/x_mask.png")
    for folder in ("only", "masks"):
        with pytest.raises(InputFileError, match="holds no image"):
            find_inputs([tmp_path / folder])


def test_a_folder_that_may_not_be_read_is_not_passed_over(tmp_path, monkeypatch) -> None:
    make(tmp_path, "a/x.png", "locked/y.png")
    scandir = os.scandir

    def guarded(path):
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(InputFileError, match=r"locked: the folder cannot be searched \(Permission denied\)"):
        find_inputs([tmp_path])


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_pipes_are_not_waited_for(tmp_path, monkeypatch) -> None:
    make(tmp_path, "in/x.png")
    for name in ("pipe", "pipe.png", "datalist.json"):
        os.mkfifo(tmp_path / "in" / name)
    opened = Path.open

    def guarded(path, mode):
        assert path.is_file(), f"{path} was opened, which waits for a writer"
        return opened(path, mode)

    monkeypatch.setattr(Path, "open", guarded)
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path / "in")  # since addresses must be short
        server.bind("socket.dcm")
        assert names(tmp_path / "in") == ["x.png"]
    with pytest.raises(InputFileError, match=r"pipe\.png: is a pipe, a socket or a device, not a file"):
        find_inputs([tmp_path / "in" / "pipe.png"])


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_broken_links_are_listed_to_be_reported(tmp_path) -> None:
    make(tmp_path, "x.png")
    for name in ("gone", "gone.png"):
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    assert names(tmp_path) == ["gone", "gone.png", "x.png"]


def stems(*given: str) -> list[str]:
    return output_stems([InputFile(Path("/in") / name, name) for name in given])


def test_stems() -> None:
    assert stems("a/x.png", "b/x.png", "c.nii.gz", "IM.0001", "d.DCM") == ["a/x", "b/x", "c", "IM.0001", "d"]


def test_same_stem_keeps_the_suffix() -> None:
    assert stems("x.png", "x.jpg", "y.png") == ["x.png", "x.jpg", "y"]
    assert stems("x.png", "X.jpg") == ["x.png", "X.jpg"]


def test_a_stem_that_is_another_ones_full_name() -> None:
    assert stems("x.png", "x.jpg", "x.png.tif") == ["x.png", "x.jpg", "x.png.tif"]


@pytest.mark.parametrize("letter", ["x", "ü", "肺"])
def test_long_names_leave_room_for_the_ending_of_a_result(letter: str) -> None:
    long = letter * (250 // len(letter.encode()))
    first, second, short = stems(f"a/{long}1.png", f"a/{long}2.png", "a/y.png")
    assert short == "a/y"
    assert first != second
    for stem in (first, second):
        assert stem.startswith(f"a/{letter * 70}")
        assert 225 <= len(stem.removeprefix("a/").encode()) <= 230
