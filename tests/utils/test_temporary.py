"""Leftovers of killed processes are removed, and only they; what they had moved away is put back."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from killed_process import kill_at

from monai_lungxfer.utils import temporary
from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.files import atomic_path, find_folder, remove_leftovers, staged_folder, write_text
from monai_lungxfer.utils.temporary import TEMPORARY, scratch_folder, temporary_file, temporary_folder, tidy

MARK = "datalist.json"


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def replace_folder(target: Path, text: str = "new") -> None:
    with staged_folder(target, overwrite=True, mark=MARK) as new:
        (new / "images").mkdir()
        (new / "images" / "one.png").write_text(text)
        (new / MARK).write_text(text)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A folder that is there already."""
    target = tmp_path / "set"
    replace_folder(target, "old")
    return target


def test_the_next_write_into_a_folder_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    target = tmp_path / "model.pt"
    write_text(target, "old")
    kill_at("fsync", 1, lambda: write_text(target, "new"))
    assert len(names_in(tmp_path)) == 2
    temporary._tidied.discard(tmp_path)  # as in a process of its own
    write_text(tmp_path / "model.json", "new")
    assert names_in(tmp_path) == {"model.pt", "model.json"}
    assert target.read_text() == "old"


def test_what_a_living_process_writes_and_what_others_have_made_stays(tmp_path: Path) -> None:
    others = {f"{TEMPORARY}notes.txt", f"{TEMPORARY}0a1b2c3", ".model-0a1b2c3d.pt", f"{TEMPORARY}0a1b2c3d.tar.gz"}
    for name in others:
        (tmp_path / name).touch()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    link = tmp_path / f"{TEMPORARY}00000000"
    link.symlink_to(outside)
    with temporary_file(tmp_path, ".pt") as file, temporary_folder(tmp_path) as folder:
        (folder / "deep").mkdir()
        tidy(tmp_path)
        assert names_in(tmp_path) == {*others, outside.name, link.name, file.name, folder.name}
        assert names_in(folder) == {"deep", "owner"}
    assert names_in(tmp_path) == {*others, outside.name, link.name}
    assert names_in(outside) == {"kept"}
    tidy(tmp_path / "no folder")


@pytest.mark.parametrize(
    ("call", "number"),
    [("mkdir", 2), ("open", 1), ("write", 1), ("sync", 1), ("replace", 1), ("replace", 2), ("unlink", 1), ("rmdir", 3)],
)
def test_a_folder_whose_replacing_was_killed_is_old_or_new_and_nothing_else_is_left(
    call: str, number: int, begun: Path
) -> None:
    kill_at(call, number, lambda: replace_folder(begun))
    assert find_folder(begun)
    remove_leftovers([begun])
    assert names_in(begun.parent) == {begun.name}
    told = {(begun / MARK).read_text(), (begun / "images" / "one.png").read_text()}
    assert told in ({"old"}, {"new"})
    replace_folder(begun, "newest")
    assert (begun / MARK).read_text() == "newest"


def test_a_kill_between_two_renames_is_mended_before_anything_is_read(begun: Path) -> None:
    kill_at("replace", 2, lambda: replace_folder(begun))
    assert not begun.exists()
    with pytest.raises(OutputError, match="is there already"), staged_folder(begun, mark=MARK):
        pass
    assert (begun / MARK).read_text() == "old"


def test_an_interruption_between_two_renames_puts_back_what_was_there(
    begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def interrupt(source: Path, target: Path) -> None:
        if Path(target) == begun:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replace_folder(begun)
    assert names_in(begun.parent) == {begun.name}
    assert (begun / MARK).read_text() == "old"


def test_what_cannot_be_put_back_is_not_removed(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.rename
    kill_at("replace", 2, lambda: replace_folder(begun))
    (left,) = begun.parent.iterdir()

    def refuse(source: Path, target: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "rename", refuse)
    assert not find_folder(begun)
    assert (left / "old" / MARK).read_text() == "old"
    monkeypatch.setattr(os, "rename", real)
    assert find_folder(begun)


def test_nothing_is_put_anywhere_else(begun: Path) -> None:
    kill_at("replace", 2, lambda: replace_folder(begun))
    (left,) = begun.parent.iterdir()
    (left / "owner").write_text("../elsewhere")
    tidy(begun.parent)
    assert (left / "old" / MARK).is_file()
    assert names_in(begun.parent) == {left.name}


def test_where_files_have_no_locks_leftovers_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary, "fcntl", None)
    kill_at("fsync", 1, lambda: write_text(tmp_path / "a.txt", "half"))
    with temporary_folder(tmp_path):
        tidy(tmp_path)
        assert len(names_in(tmp_path)) == 2
    with atomic_path(tmp_path / "b.txt"):
        pass
    assert len(names_in(tmp_path)) == 2


def test_what_a_killed_process_left_among_the_systems_temporary_files_goes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def work() -> None:
        with scratch_folder() as folder:
            (folder / "of a patient").touch()
            os.sync()

    kill_at("sync", 1, work)
    (left,) = tmp_path.iterdir()
    with scratch_folder() as folder:
        assert list(folder.iterdir()) == []
        assert not left.exists()
    assert list(tmp_path.iterdir()) == []


def test_folders_are_not_remembered_without_end(tmp_path: Path) -> None:
    for number in range(1200):
        folder = tmp_path / str(number)
        folder.mkdir()
        with temporary_file(folder):
            pass
    assert len(temporary._tidied) <= 1000
