"""Files that are written whole or not at all, also when the writer is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from monai_lungxfer.errors import OutputError
from monai_lungxfer.files import atomic_path, remove_leftovers

KILLED = """
import sys, time
from monai_lungxfer.files import atomic_path
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
    others = {".chest-a1b2c3d4.txt", f".{target.stem}{target.suffix}", f".{target.stem}-notes{target.suffix}"}
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
