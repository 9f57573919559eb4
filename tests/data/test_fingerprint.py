"""The hash of a data set follows its content and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.fingerprint import data_hash
from monai_lungxfer.utils.errors import DatalistError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two records; what is in their files matters to nobody here."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("1.png", "2.png", "1_mask.png", "2_mask.png"):
        (folder / name).write_bytes(name.encode())
    write(folder, [entry(1), entry(2)])
    return folder


def entry(number: int, **fields: str) -> dict[str, str]:
    return {"image": f"{number}.png", "label": f"{number}_mask.png", "patient": f"p{number}", **fields}


def write(folder: Path, records: list[dict[str, str]]) -> None:
    (folder / "datalist.json").write_text(json.dumps(records))


def hashed(folder: Path) -> str:
    return data_hash(load_datalist(folder), folder)


def test_neither_place_nor_order_nor_remarks_change_it(data: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(data, tmp_path / "moved"))
    write(moved, [entry(2, license="CC0"), entry(1)])
    assert hashed(moved) == hashed(data)
    assert len(hashed(data)) == 64


@pytest.mark.parametrize("name", ["2.png", "1_mask.png"])
def test_another_image_or_mask_changes_it(data: Path, name: str) -> None:
    before = hashed(data)
    (data / name).write_bytes(b"another")
    assert hashed(data) != before


@pytest.mark.parametrize(
    "changed", [[entry(1)], [entry(1), entry(2, finding="normal")], [entry(1), entry(2, patient="p1")]]
)
def test_other_records_change_it(data: Path, changed: list[dict[str, str]]) -> None:
    before = hashed(data)
    write(data, changed)
    assert hashed(data) != before


def test_a_missing_file_is_named(data: Path) -> None:
    (data / "2_mask.png").unlink()
    with pytest.raises(DatalistError, match=r"2_mask\.png: cannot be read"):
        hashed(data)
