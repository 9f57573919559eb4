"""Files that are written whole or not at all, also when the writer is killed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.files import atomic_path, remove_leftovers

KILLED = """
import sys, time
from monai_lungxfer.utils.files import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(600)
"""


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["chest_mask.png", "chest_mask.nii.gz", "two.dots and a space.dcm"])
def test_what_a_killed_writer_leaves_is_removed_and_nothing_else(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    target.write_text("old")
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.kill()
    process.wait()
    others = {".chest-a1b2c3d4.txt", f".{target.stem}{target.suffix}", f".{target.stem}-a1b2c3d4{target.suffix}"}
    for other in others:
        (tmp_path / other).touch()
    assert len(names_in(tmp_path)) == len(others) + 2
    remove_leftovers([target, tmp_path / "no folder" / name])
    assert names_in(tmp_path) == {name, *others}
    assert target.read_text() == "old"


def test_what_cannot_be_written_leaves_the_old_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "mask.png"
    target.write_text("old")
    with pytest.raises(OutputError, match="cannot be written"), atomic_path(target) as temporary:
        temporary.unlink()
    assert names_in(tmp_path) == {"mask.png"}
    assert target.read_text() == "old"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_files_have_the_mode_of_new_files_and_the_umask_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int, mode: int
) -> None:
    """Other threads would make their files with an umask that is set for a moment, or for good."""
    before = os.umask(mask)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(os, "umask", lambda mask: pytest.fail(f"the umask was set to {mask}"))
            for writer in (lambda path: path.write_text("new"), (tmp_path / "part").replace):
                (tmp_path / "part").touch(0o600)
                with atomic_path(tmp_path / "mask.png") as temporary:
                    writer(temporary)
                assert stat.S_IMODE((tmp_path / "mask.png").stat().st_mode) == mode
    finally:
        os.umask(before)
