"""Names of reports, and that none is replaced unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_lungxfer.handlers.report_file import is_native, keep_report, name_report
from monai_lungxfer.utils.errors import LungXferError, OutputError
from monai_lungxfer.utils.files import hash_file


def test_own_weights_name_the_section_and_others_their_hash(tmp_path: Path) -> None:
    own, copy, other = (tmp_path / f"{name}.pt" for name in ("own", "copy", "other"))
    own.write_bytes(b"own")
    copy.write_bytes(b"own")
    other.write_bytes(b"other")
    named = tmp_path / f"test-{hash_file(other)[:12]}.json"
    assert name_report(tmp_path, "test", own, own) == name_report(tmp_path, "test", copy, own) == tmp_path / "test.json"
    assert name_report(tmp_path, "test", other, own) == name_report(tmp_path, "test", other, tmp_path / "no") == named


def test_a_report_is_replaced_when_asked_only(tmp_path: Path) -> None:
    report = tmp_path / "test.json"
    keep_report(report, overwrite=False)
    report.touch()
    keep_report(report, overwrite=True)
    with pytest.raises(OutputError, match=r"test\.json: is there already.*--overwrite"):
        keep_report(report, overwrite=False)


def test_the_native_size_and_a_refiner_have_names_of_their_own(tmp_path: Path) -> None:
    own, refiner = tmp_path / "own.pt", tmp_path / "refiner.pt"
    own.write_bytes(b"own")
    refiner.write_bytes(b"refiner")
    assert name_report(tmp_path, "test", own, own, "native") == tmp_path / "test-native.json"
    refined = f"test-native-refined-{hash_file(refiner)[:12]}"
    assert name_report(tmp_path, "test", own, own, "native", refiner) == tmp_path / f"{refined}.json"
    other = name_report(tmp_path, "test", own, tmp_path / "no", "native", refiner)
    assert other == tmp_path / f"{refined}-{hash_file(own)[:12]}.json"


def test_the_place_is_one_of_two_and_a_refiner_needs_the_native_size() -> None:
    assert (is_native("grid"), is_native("native"), is_native("native", "refiner.pt")) == (False, True, True)
    with pytest.raises(LungXferError, match="Use grid or native"):
        is_native("pixels")
    with pytest.raises(LungXferError, match="--at native"):
        is_native("grid", "refiner.pt")
