"""The base of an adapter is found by its hash, and no other weights pass for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from adapter_files import write_adapter, write_base

from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.bases import find_base, kept_base, require_adapter
from monai_lungxfer.weights.sidecar import sidecar_file


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    base, adapter = tmp_path / "elsewhere" / "general.pt", tmp_path / "run" / "adapter.pt"
    write_adapter(adapter, base, write_base(base))
    return base, adapter


def test_a_base_that_is_given_must_have_the_hash(files: tuple[Path, Path], tmp_path: Path) -> None:
    base, adapter = files
    assert find_base(adapter, base) == base
    write_base(tmp_path / "other.pt", seed=5)
    found, wanted = hash_file(tmp_path / "other.pt")[:12], hash_file(base)[:12]
    with pytest.raises(TransferError, match=rf"other.pt: is not the base.*{found}.*{wanted}.*--weights FILE"):
        find_base(adapter, tmp_path / "other.pt")


def test_a_base_is_found_beside_the_adapter_and_nowhere_else(files: tuple[Path, Path]) -> None:
    base, adapter = files
    with pytest.raises(TransferError, match=rf"{hash_file(base)[:12]}.*neither next to it.*--weights BASE --adapter"):
        find_base(adapter)
    assert find_base(adapter, near=[base]) == base
    write_base(adapter.with_name("a.pt"), seed=5)
    kept = kept_base(adapter.parent, require_adapter(adapter))
    shutil.copyfile(base, kept)
    assert find_base(adapter) == kept
    kept.rename(adapter.with_name("b.pt"))
    assert find_base(adapter) == adapter.with_name("b.pt")


def test_a_bundle_keeps_its_weights_above_its_adapters(files: tuple[Path, Path], tmp_path: Path) -> None:
    base, adapter = files
    models = tmp_path / "bundle" / "models"
    (models / "adapters").mkdir(parents=True)
    for file in (adapter, sidecar_file(adapter)):
        shutil.copyfile(file, models / "adapters" / file.name)
    shutil.copyfile(base, models / "model.pt")
    assert find_base(models / "adapters" / "adapter.pt") == models / "model.pt"


def test_what_is_no_adapter_or_lost_its_sidecar_is_refused(files: tuple[Path, Path]) -> None:
    base, adapter = files
    sidecar_file(adapter).unlink()
    for file in files:
        with pytest.raises(TransferError, match=r"is not an adapter, or lacks the \.json file"):
            find_base(file, base)
