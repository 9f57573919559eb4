"""`lungxfer features` as it is typed, on phantoms."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from related_weights import write_related_weights
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.features import jobs
from monai_lungxfer.features import run as features_run
from monai_lungxfer.synthetic.phantoms import write_phantoms


def invoke(*arguments: object, code: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with phantoms, `data/`, and weights of two networks, the one made from the other."""
    folder = tmp_path_factory.mktemp("features")
    write_phantoms(folder / "data", donor=24, general=0, portable=16, size=80)
    write_related_weights(folder)
    return folder


@pytest.fixture(scope="module")
def command(place: Path) -> list[object]:
    weights = f"before={place / 'before.pt'},after={place / 'after.pt'},random"
    sets = [f"cxr={place / 'data' / 'portable'}", f"mri={place / 'data' / 'lgg' / 'kaggle_3m'}"]
    return ["features", "--weights", weights, "--data", *sets, "--limit", 12, "--out"]


@pytest.fixture(scope="module")
def written(place: Path, command: list[object]) -> Iterator[Path]:
    text, _ = invoke(*command, place / "out")
    assert "Not a medical device" in text
    return place / "out"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_network_is_like_itself_and_like_what_stems_from_it(written: Path) -> None:
    found = {
        (row["domain"], row["first"], row["second"]): float(row["cka"])
        for row in rows(written / "tables" / "cka.csv")
        if row["first_layer"] == row["second_layer"] == "enc2.1"
    }
    for domain in ("cxr", "mri"):
        assert found[domain, "before", "before"] == pytest.approx(1, abs=1e-4)
        assert found[domain, "before", "after"] > found[domain, "before", "random"]
    nearer = rows(written / "tables" / "nearer.csv")
    assert [(row["domain"], row["layer"]) for row in nearer] == [
        (domain, layer) for domain in ("cxr", "mri") for layer in ("bottleneck.2", "mean of all")
    ]
    assert all(float(row["low"]) <= float(row["nearer"]) <= float(row["high"]) for row in nearer)
    assert all(float(row["nearer"]) > 0 for row in nearer if row["layer"] == "mean of all")
    matched = [row for row in rows(written / "tables" / "matching_layers.csv") if not row["domain"]]
    stems = [float(row["matched"]) for row in matched if (row["first"], row["second"]) == ("before", "after")]
    others = [float(row["matched"]) for row in matched if (row["first"], row["second"]) == ("before", "random")]
    assert min(stems) > max(others)
    assert {row["second"] for row in rows(written / "tables" / "drift.csv")} == {"after", "random"}


def test_the_page_is_whole_and_needs_no_network(written: Path) -> None:
    html = (written / "features.html").read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert all(address.startswith(("#", "data:,")) for address in re.findall(r'\b(?:src|href)="([^"]*)"', html))
    assert html.count("Not a medical device") >= 3
    assert "12 images of" in html
    drawn = {path.stem for path in (written / "figures").glob("*.svg")}
    assert drawn == {path.stem for path in (written / "figures").glob("*.png")}
    assert drawn == {"scores", "similarity", "alignment", "reuse", "probes", "units", "patches"}
    assert {f"figure-{name}" for name in drawn} <= set(ids)
    shown = {name.removeprefix("table-") for name in ids if name.startswith("table-")}
    assert shown == {path.stem for path in (written / "tables").glob("*.md")}


def test_donors_are_scored_in_each_domain(written: Path) -> None:
    scores = rows(written / "tables" / "scores.csv")
    assert {(row["domain"], row["network"]) for row in scores} == {
        (domain, network) for domain in ("cxr", "mri") for network in ("before", "after")
    }
    assert all(float(row["score"]) < 1 for row in scores)
    assert {row["alike"] for row in scores} == {""}  # there is no network to compare with


def test_nothing_names_a_patient_or_a_path(written: Path, place: Path) -> None:
    for path in written.rglob("*.*"):
        if path.suffix in (".csv", ".md", ".tex", ".html", ".svg", ".yaml"):
            text = path.read_text(encoding="utf-8")
            assert "TCGA_PH" not in text
            assert "portable-0" not in text
            assert str(place) not in text


def test_resume_takes_what_was_collected(written: Path, command: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    _, told = invoke(*command, written, code=2)
    assert "is there already" in told
    for name in ("collect_features", "measure_effects"):
        monkeypatch.setattr(jobs, name, None)  # what calls it fails
    for name in ("analyse", "write_page", "list_metrics"):
        monkeypatch.setattr(features_run, name, lambda *_, **__: None)
    document = json.loads(invoke(*command, written, "--resume", "--json")[0])
    assert document["images"] == {"cxr": 12, "mri": 12}


def test_a_bad_image_is_told_and_left_out(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("analyse", "write_page", "list_metrics"):
        monkeypatch.setattr(features_run, name, lambda *_, **__: None)
    data = Path(shutil.copytree(place / "data" / "portable", tmp_path / "portable"))
    bad = sorted((data / "images").iterdir())[3]
    bad.write_bytes(bad.read_bytes()[:200])
    arguments = [
        "features",
        "--weights",
        f"a={place / 'before.pt'}",
        "--data",
        f"cxr={data}",
        "--out",
        tmp_path / "out",
    ]
    text, _ = invoke(*arguments, code=1)
    assert f"Skipped in cxr: images/{bad.name}" in text.replace("\n", " ")
    assert "15 of cxr" in text


@pytest.mark.parametrize(
    ("weights", "data", "told"),
    [
        ("nothing.pt", "cxr=x", "no such weights"),
        ("random", "cxr=x", "no weights are named"),
        ("a=before.pt,a=after.pt", "cxr=x", "same label"),
        ("a=before.pt", "cxr", "is not NAME=DIR"),
        ("a=before.pt", "cxr=x", "does not exist"),
    ],
)
def test_wrong_usage(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str, data: str, told: str
) -> None:
    monkeypatch.chdir(place)
    _, error = invoke("features", "--weights", weights, "--data", data, "--out", tmp_path / "out", code=2)
    assert told in " ".join(error.split())
