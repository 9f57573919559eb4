"""Checkpoints: equal content has equal bytes, and no file takes more memory than its size."""

from __future__ import annotations

import errno
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_lungxfer.utils.errors import OutputError, TransferError
from monai_lungxfer.utils.torch_files import read_checkpoint, save_checkpoint


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    save_checkpoint({"epoch": 3, "weights": [torch.arange(4.0)]}, tmp_path / "new" / "a.pt")
    content = read_checkpoint(tmp_path / "new" / "a.pt")
    assert content["epoch"] == 3
    assert content["weights"][0].tolist() == [0, 1, 2, 3]


def test_equal_content_has_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.pt", "b.pt"):
        save_checkpoint({"weight": torch.ones(8)}, tmp_path / name)
    save_checkpoint({"weight": torch.zeros(8)}, tmp_path / "c.pt")
    first, second, other = ((tmp_path / name).read_bytes() for name in ("a.pt", "b.pt", "c.pt"))
    assert first == second != other


def test_a_file_in_the_way_of_a_folder_is_our_error(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        save_checkpoint({}, tmp_path / "models" / "a.pt")


class FillingDisk(io.RawIOBase):
    """A file whose first bytes still find room; of what follows, PyTorch's own writer makes a RuntimeError."""

    left = 100

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.left -= len(data)
        if self.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(data)


def test_a_full_disk_is_our_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "open", lambda *_, **__: FillingDisk())
    with pytest.raises(OutputError, match=r"a\.pt: .*No space left on device"):
        save_checkpoint({"weight": torch.zeros(8)}, tmp_path / "a.pt")
    assert list(tmp_path.iterdir()) == []


def test_older_checkpoints_are_read(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(3)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert read_checkpoint(tmp_path / "old.pt")["weight"].sum() == 3


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """PyTorch itself reads it: 64 MB of zeros out of a file of less than 100 kB."""
    save_checkpoint({"weight": torch.zeros(16 << 20)}, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as stored, zipfile.ZipFile(tmp_path / "bomb.pt", "w") as bomb:
        for entry in stored.infolist():
            bomb.writestr(entry.filename, stored.read(entry), compress_type=zipfile.ZIP_DEFLATED)
    assert (tmp_path / "bomb.pt").stat().st_size < 100_000
    assert torch.load(tmp_path / "bomb.pt", weights_only=True)["weight"].numel() == 16 << 20
    with pytest.raises(TransferError, match="not a PyTorch checkpoint") as caught:
        read_checkpoint(tmp_path / "bomb.pt")
    assert "would unpack to 67" in str(caught.value.__cause__)
