"""The input size that travels beside a weights file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.weights.sidecar import (
    Sidecar,
    copy_sidecar,
    input_size,
    input_sizing,
    mri_channel,
    read_sidecar,
    save_sidecar,
    sidecar_file,
)

TRANSLATOR = {"_target_": "monai_lungxfer.networks.translator_unet.TranslatorUNet", "kind": "tail", "depth": 3}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "model.pt").touch()
    return tmp_path / "model.pt"


def test_what_was_saved_is_read(weights: Path) -> None:
    save_sidecar(weights, Sidecar([128, 96]))
    assert (weights.parent / "model.json").is_file()
    assert input_size(weights) == [128, 96]


def test_weights_from_elsewhere_want_the_papers(weights: Path) -> None:
    assert input_size(weights) == [256, 256]


def test_a_sizing_is_kept_copied_and_square_where_nothing_is_said(weights: Path) -> None:
    assert input_sizing(weights) == "square"
    save_sidecar(weights, Sidecar([96, 96]))
    assert "sizing" not in json.loads(sidecar_file(weights).read_text())  # as in files from before there were others
    save_sidecar(weights, Sidecar([96, 96], sizing="aspect"))
    copy_sidecar(weights, weights.with_name("other.pt"))
    assert read_sidecar(weights.with_name("other.pt")).sizing == "aspect"
    assert input_size(weights) == [96, 96]


def test_a_sizing_that_there_is_not_is_named(weights: Path) -> None:
    sidecar_file(weights).write_text('{"image_size": [96, 96], "sizing": "oblong"}')
    with pytest.raises(TransferError, match=r"model\.json: .*no sizing 'oblong'"):
        input_sizing(weights)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match=r"none\.pt"):
        input_size(tmp_path / "none.pt")


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{}", '{"image_size": 3}', '{"image_size": ["a", 1]}', "[" * 100_000),
        *('{"image_size": [-1, 0]}', '{"image_size": [1e999, 1]}', '{"image_size": [96.5, 96]}'),
    ],
)
def test_a_damaged_size_is_named(weights: Path, content: str) -> None:
    (weights.parent / "model.json").write_text(content)
    with pytest.raises(TransferError, match=r"model\.json"):
        input_size(weights)


@pytest.mark.parametrize(
    "network",
    [
        {"_target_": "$__import__('os').abort()"},
        {"_target_": "a.B`reboot`"},
        {"_target_": "a.B", "_mode_": 1},
        {"_target_": "a.B", "$print(1)": 1},
        {"_target_": "a.B", "command": "reboot"},
    ],
)
def test_a_network_that_a_configuration_would_run_is_refused(weights: Path, network: dict) -> None:
    sidecar_file(weights).write_text(json.dumps({"network": network}))
    with pytest.raises(TransferError, match="network is not a class") as refused:
        read_sidecar(weights)
    assert "reboot" not in str(refused.value)


def test_the_sequence_of_an_mri_slice_is_kept(weights: Path) -> None:
    save_sidecar(weights, Sidecar([64, 64], channels="flair"))
    assert (read_sidecar(weights).channels, mri_channel(weights)) == ("flair", "flair")
    copy_sidecar(weights, weights.with_name("copy.pt"))
    assert read_sidecar(weights.with_name("copy.pt")).channels == "flair"
    save_sidecar(weights, Sidecar([64, 64]))
    assert mri_channel(weights) is None
    sidecar_file(weights).write_text('{"image_size": [64, 64], "channels": "$1"}')
    with pytest.raises(TransferError, match=r"model\.json.*not a sequence"):
        read_sidecar(weights)


@pytest.mark.parametrize("known", ["network", "base"])
def test_an_adapter_without_its_kind_or_its_base_is_named(weights: Path, known: str) -> None:
    """Weights of a tail fit a dilated one, too, so a kind must not be guessed."""
    told = {"network": TRANSLATOR, "base": {"sha256": "0" * 64, "network": {"_target_": "a.B"}}}
    content = {"image_size": [64, 64], known: told[known]}
    sidecar_file(weights).write_text(json.dumps(content))
    with pytest.raises(TransferError, match="not described together"):
        read_sidecar(weights)
    sidecar_file(weights).write_text(json.dumps(content | told))
    assert read_sidecar(weights).base.sha256 == "0" * 64


def test_a_base_that_is_no_adapter_has_none_below(weights: Path) -> None:
    base = {"sha256": "0" * 64, "network": {"_target_": "a.B"}}
    sidecar_file(weights).write_text(json.dumps({"network": TRANSLATOR, "base": base | {"base": base}}))
    with pytest.raises(TransferError, match="not described together"):
        read_sidecar(weights)
