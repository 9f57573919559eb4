"""What requests leave behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

from monai_lungxfer.serving.label.leftovers import remove_old_files


def test_old_files_go_and_new_ones_and_folders_stay(tmp_path: Path) -> None:
    old, new, folder = tmp_path / "old.dcm", tmp_path / "new.dcm", tmp_path / "work"
    old.touch()
    new.touch()
    folder.mkdir()
    for path, hours in ((old, 2), (new, 0.5), (folder, 2)):
        then = time.time() - 3600 * hours
        os.utime(path, (then, then))
    remove_old_files(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.dcm", "work"]
