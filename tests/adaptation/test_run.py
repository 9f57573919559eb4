"""From phantoms to an adapted model, once from end to end; the parts have tests of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from own_images import read_records, write_own_images, write_tiny_weights
from typer.testing import CliRunner

from monai_lungxfer.adaptation import run as adaptation
from monai_lungxfer.bundle.files import WEIGHTS
from monai_lungxfer.cli import app
from monai_lungxfer.registry.gate import compare, read_report
from monai_lungxfer.utils.files import hash_file


def call(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, dict]:
    """Adapt with one file damaged and one image twice, and return the folder, the exit code and what was printed."""
    folder = tmp_path_factory.mktemp("doe-jane")
    data, weights, out = write_own_images(folder / "own"), write_tiny_weights(folder / "tiny.pt"), folder / "out"
    records = read_records(data)
    (data / records[0]["image"]).write_bytes(b"no image")
    (data / records[3]["image"]).write_bytes((data / records[2]["image"]).read_bytes())
    (data / records[3]["label"]).write_bytes((data / records[2]["label"]).read_bytes())
    command = ("adapt", data, "-o", out, "--weights", weights, "--minutes", 0.1, "--translator", "tail:1", "--json")
    code, printed, errors = call(*command, "--threads", 1)
    assert printed, errors
    return out, code, json.loads(printed)


@pytest.mark.slow
def test_bad_files_are_told_and_skipped(adapted: tuple[Path, int, dict]) -> None:
    out, code, told = adapted
    assert code == 1
    assert [Path(file).name for file, _ in told["skipped"]] == [
        "phantom-portable-0001.png",
        "phantom-portable-0004.jpg",
    ]
    assert "same pixels" in told["skipped"][1][1]
    assert len(json.loads((out / "data" / "datalist.json").read_text())) == 22


@pytest.mark.slow
def test_the_answer_is_of_the_locked_part_and_of_the_bundle(adapted: tuple[Path, int, dict]) -> None:
    out, _, told = adapted
    split = json.loads((out / "split.json").read_text())
    after = read_report(out / "after.json", hash_file(Path(told["bundle"]) / WEIGHTS))
    assert told["images"] == len(split["independent"]) == after["images"]
    before = read_report(out / "before.json", json.loads((out / "before.json").read_text())["weights_sha256"])
    changes = [own["DICE_HARD"] - other["DICE_HARD"] for own, other in zip(after["rows"], before["rows"], strict=True)]
    assert told["difference"] == pytest.approx(sum(changes) / len(changes))
    assert compare(after, before).images == told["images"]
    assert told["failed_checks"] == []


@pytest.mark.slow
def test_nothing_of_a_name_is_left_in_what_is_passed_on(adapted: tuple[Path, int, dict]) -> None:
    out, _, told = adapted
    card = Path(told["bundle"]) / "docs" / "README.md"
    for file in (out / "report.html", card, out / "after.json", Path(told["bundle"]) / "configs" / "metadata.json"):
        text = file.read_text()
        assert not [word for word in ("doe-jane", "phantom-portable", "portable-00") if word in text], file
    assert told["sentence"] in card.read_text()
    assert "not a medical device" in (out / "report.html").read_text().lower()


@pytest.mark.slow
def test_the_same_command_repeats_nothing(adapted: tuple[Path, int, dict], monkeypatch: pytest.MonkeyPatch) -> None:
    out, _, told = adapted
    for name in ("prepare_images", "lock_split", "evaluate_stage", "make_bundle", "verify", "measure_cost"):
        monkeypatch.setattr(adaptation, name, lambda *_, name=name, **__: pytest.fail(f"{name} was called again"))
    data, weights = out.parent / "own" / "portable", out.parent / "tiny.pt"
    same = ("-o", out, "--weights", weights, "--translator", "tail:1", "--json")
    assert json.loads(call("adapt", data, *same, "--minutes", 0.1)[1]) == told
    others = {
        "minutes was 0.1, is 5": (data, "--minutes", 5),
        f"data was {data}, is {data.parent}": (data.parent, "--minutes", 0.1),
        "one_image_each was False, is True": (data, "--minutes", 0.1, "--one-image-each"),
    }
    for difference, (folder, *options) in others.items():
        code, _, errors = call("adapt", folder, *same, *options)
        assert code == 2
        assert difference in " ".join(errors.split())
