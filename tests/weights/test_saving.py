"""Written weights replace nothing else unasked, and have their own input size beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import Result
from killed_process import kill_at
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import Sidecar, input_size, read_sidecar

WEIGHTS = {"conv.weight": torch.ones(2, 2)}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return save_weights(WEIGHTS, tmp_path / "model.pt", Sidecar([64, 48]))


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("name", ["model.json", "chest.png", "run.1", "model"])
def test_only_names_that_leave_room_for_the_input_size_are_taken(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"must end in \.pt"):
        save_weights(WEIGHTS, tmp_path / name, Sidecar([64, 64]), overwrite=True)
    assert contents(tmp_path) == {}


def test_a_file_with_the_same_weights_is_left_as_it_is(target: Path) -> None:
    torch.save({"state_dict": WEIGHTS}, target)
    before = contents(target.parent)
    assert save_weights(WEIGHTS, target, Sidecar([64, 48])) == target
    assert contents(target.parent) == before


@pytest.mark.parametrize(
    ("weights", "size"),
    [
        ({"conv.weight": torch.zeros(2, 2)}, [64, 48]),
        ({"conv.weight": torch.ones(2, 2).half()}, [64, 48]),
        ({"other.weight": torch.ones(2, 2)}, [64, 48]),
        (WEIGHTS, [64, 64]),
        (WEIGHTS, None),
    ],
)
def test_other_weights_are_replaced_on_demand_alone(
    weights: dict[str, torch.Tensor], size: list[int] | None, target: Path
) -> None:
    before = contents(target.parent)
    with pytest.raises(OutputError, match=r"model\.pt: is there already\..*--overwrite"):
        save_weights(weights, target, Sidecar(size))
    assert contents(target.parent) == before
    save_weights(weights, target, Sidecar(size), overwrite=True)
    found = read_state_dict(target)
    assert {name: value.dtype for name, value in found.items()} == {n: value.dtype for n, value in weights.items()}
    assert all(torch.equal(value, weights[name]) for name, value in found.items())
    assert input_size(target) == (size or [256, 256])


def test_what_lies_where_the_input_size_would_be_is_not_replaced_either(target: Path) -> None:
    target.unlink()
    target.with_suffix(".json").write_text("a datalist")
    with pytest.raises(OutputError, match=r"model\.json: is there already"):
        save_weights(WEIGHTS, target, Sidecar([64, 48]))
    assert contents(target.parent) == {"model.json": b"a datalist"}


@pytest.mark.parametrize("command", [["pack"], ["average", "{source}"]])
def test_commands_replace_on_demand_alone(command: list[str], target: Path) -> None:
    source = save_weights({"conv.weight": torch.zeros(2, 2)}, target.with_name("source.pt"), Sidecar([64, 48]))
    before = contents(target.parent)

    def run(*options: str) -> Result:
        arguments = [word.format(source=source) for word in command]
        return CliRunner().invoke(app, ["weights", *arguments, str(source), "--out", str(target), *options])

    refused = run()
    assert (refused.exit_code, contents(target.parent)) == (2, before)
    assert "--overwrite" in refused.stderr
    assert run("--overwrite").exit_code == 0
    assert torch.equal(read_state_dict(target)["conv.weight"], torch.zeros(2, 2))


def test_a_kill_between_the_two_files_is_made_up_for(tmp_path: Path) -> None:
    network = {"_target_": "monai_lungxfer.networks.donor_unet.DonorUNet", "init_features": 4}
    file = tmp_path / "model.pt"
    kill_at("replace", 2, lambda: save_weights(WEIGHTS, file, Sidecar(None, network)))
    assert [path.suffix for path in sorted(tmp_path.iterdir())] == [".json", ".pt"]
    assert not (tmp_path / "model.json").exists()
    save_weights(WEIGHTS, file, Sidecar(None, network))
    assert read_sidecar(file).network == network
