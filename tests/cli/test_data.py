"""`lungxfer data`: tables and JSON, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from typer.testing import CliRunner

from monai_lungxfer.checks import suspicious_labels
from monai_lungxfer.checks.label_faults import LabelFault
from monai_lungxfer.checks.suspicious_labels import Suspicion
from monai_lungxfer.cli.data import data_app
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.splits import load_split
from monai_lungxfer.utils.errors import DatalistError, OutputError


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "data[1]"
    folder.mkdir()
    records = []
    for index in range(10):
        pixels = np.random.default_rng(index).integers(0, 255, (33, 41), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
        Image.fromarray(np.eye(33, 41, dtype=np.uint8) * 255).save(folder / f"{index}_mask.png")
        finding = "covid19" if index % 2 else "normal"
        names = {"image": f"{index}.png", "label": f"{index}_mask.png"}
        records.append(names | {"patient": f"p{index}", "finding": finding})
    (folder / "datalist.json").write_text(json.dumps(records))
    return folder


def _run(*arguments: object):
    return CliRunner().invoke(data_app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def test_check_of_good_data(dataset):
    result = _run("check", dataset)
    assert result.exit_code == 0
    assert result.stdout == "10 records, 10 without a problem, 0 with\n"


def test_check_lists_problems(dataset):
    (dataset / "3.png").unlink()
    result = _run("check", dataset)
    assert result.exit_code == 1
    assert "missing file" in result.stdout
    assert "10 records, 9 without a problem, 1 with" in result.stdout


def test_check_as_json(dataset):
    Image.fromarray(np.zeros((33, 41), np.uint8)).save(dataset / "7_mask.png")
    result = _run("check", dataset, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["records"] == 10
    assert [(problem["record"], problem["kind"]) for problem in report["problems"]] == [(7, "empty mask")]
    allowed = _run("check", dataset, "--json", "--allow-empty-masks")
    assert allowed.exit_code == 0
    assert json.loads(allowed.stdout)["problems"] == []


def test_check_warns_of_copies_and_of_the_mix_and_still_ends_well(dataset):
    records = json.loads((dataset / "datalist.json").read_text())
    with Image.open(dataset / records[2]["image"]) as image:
        ImageOps.mirror(image).save(dataset / "copy.png")
    with Image.open(dataset / records[2]["label"]) as mask:
        ImageOps.mirror(mask).save(dataset / "copy_mask.png")
    records.append(records[2] | {"image": "copy.png", "label": "copy_mask.png", "patient": "secret"})
    (dataset / "datalist.json").write_text(json.dumps(records))
    result = _run("check", dataset)
    assert result.exit_code == 0
    assert "secret" not in result.stdout
    assert "mirrored" in result.stdout
    assert "11 records, 11 without a problem, 0 with; warnings: 1" in result.stdout
    (warning,) = json.loads(_run("check", dataset, "--json").stdout)["warnings"]
    assert (warning["record"], warning["kind"]) == (10, "near-duplicate of another patient")


def test_check_warns_of_labels_that_a_model_doubts(dataset, monkeypatch):
    asked = []

    def doubt(records, weights, *, on_done):
        asked.append((len(records), weights))
        remedy, image = "Look at it", records[3]["image"]
        return [Suspicion(number, image, LabelFault.SHIFTED, "fits when moved", remedy, 0.8) for number in (3, 7)]

    monkeypatch.setattr(suspicious_labels, "suspicious_labels", doubt)
    Image.fromarray(np.zeros((33, 41), np.uint8)).save(dataset / "7_mask.png")
    result = _run("check", dataset, "--against-model", "--json", "--allow-empty-masks")
    assert result.exit_code == 0
    warnings = json.loads(result.stdout)["warnings"]
    assert [(one["record"], one["kind"], one["dice"]) for one in warnings] == [
        (3, "shifted mask", 0.8),
        (7, "shifted mask", 0.8),
    ]
    result = _run("check", dataset, "--weights", "general")
    assert result.exit_code == 1
    # What is a problem already is not named again.
    assert result.stdout.count("shifted mask") == 1
    assert asked == [(10, None), (10, "general")]


def test_check_with_a_split(dataset, tmp_path):
    file = tmp_path / "split.json"
    assert _run("split", dataset, "--out", file).exit_code == 0
    assert _run("check", dataset, "--split", file).exit_code == 0
    content = json.loads(file.read_text())
    content["test"].append(content["training"].pop())
    file.write_text(json.dumps(content))
    changed = _run("check", dataset, "--split", file)
    assert isinstance(changed.exception, DatalistError)
    assert "hash" in str(changed.exception)


def test_check_finds_a_patient_in_two_sections(dataset, tmp_path):
    file = tmp_path / "split.json"
    _run("split", dataset, "--out", file)
    records = json.loads((dataset / "datalist.json").read_text())
    split = load_split(file, dataset)
    one, two = (int(Path(part[0]["image"]).stem) for part in (split.training, split.test))
    records[one]["patient"] = records[two]["patient"]
    (dataset / "datalist.json").write_text(json.dumps(records))
    result = _run("check", dataset, "--split", file, "--json")
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)["problems"]
    assert (problem["record"], problem["kind"]) == (max(one, two), "patient in two sections")


def test_split_prints_counts_and_hash(dataset, tmp_path):
    file = tmp_path / "split.json"
    result = _run("split", dataset, "--out", file, "--seed", 5, "--fractions", 0.6, 0.2, 0.2)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["section", "patients", "images", "covid19", "normal"]
    assert lines[1] == ["training", "6", "6", "3", "3"]
    assert lines[4] == ["independent", "0", "0", "0", "0"]
    assert lines[5] == ["locked", "0", "0", "0", "0"]
    assert lines[6] == ["hash", load_split(file, dataset).hash]


def test_split_as_json_with_hold_out(dataset, tmp_path):
    file = tmp_path / "split.json"
    result = _run("split", dataset, "--out", file, "--hold-out", 0.4, "--json")
    report = json.loads(result.stdout)
    assert report["images"]["independent"] == {"normal": 2, "covid19": 2}
    assert report["hash"] == load_split(file, dataset).hash
    assert len(load_datalist(dataset)) == sum(sum(counts.values()) for counts in report["images"].values())


def test_split_again_with_another_seed_is_refused(dataset, tmp_path):
    file = tmp_path / "split.json"
    _run("split", dataset, "--out", file)
    before = file.read_bytes()
    result = _run("split", dataset, "--out", file, "--seed", 1)
    assert isinstance(result.exception, DatalistError)
    assert file.read_bytes() == before


def test_wrong_usage(dataset):
    assert _run("split", dataset).exit_code == 2
    assert _run("split", dataset, "--out", "x.json", "--fractions", 0.6, 0.4).exit_code == 2


def test_phantoms_can_be_checked_and_split(tmp_path):
    out = tmp_path / "phantoms"
    result = _run("phantom", out, "--seed", 3, "--size", 64, "--donor", 16, "--general", 12, "--portable", 18)
    assert result.exit_code == 0
    assert result.stdout.strip() == str(out)
    for name, count in {"lgg": 16, "general": 12, "portable": 18}.items():
        assert len(load_datalist(out / name)) == count
        assert _run("check", out / name, "--allow-empty-masks").exit_code == 0
        assert _run("split", out / name, "--out", tmp_path / f"{name}.json").exit_code == 0
    with Image.open(load_datalist(out / "portable")[0]["image"]) as image:
        assert max(image.size) == 64


def test_phantoms_replace_others_only_when_told(tmp_path):
    small = ("phantom", tmp_path, "--size", 64, "--donor", 4, "--general", 2, "--portable", 2)
    assert _run(*small).exit_code == 0
    assert isinstance(_run(*small, "--seed", 1).exception, OutputError)
    before = Path(load_datalist(tmp_path / "general")[0]["image"]).read_bytes()
    assert _run(*small, "--seed", 1, "--overwrite").exit_code == 0
    assert Path(load_datalist(tmp_path / "general")[0]["image"]).read_bytes() != before
