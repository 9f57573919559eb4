"""`lungxfer data prepare` and `lungxfer data fetch`: exit codes, texts, JSON."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from file_server import serving
from PIL import Image
from typer.testing import CliRunner

from monai_lungxfer.cli.data import data_app
from monai_lungxfer.cli.prepare import NAMES
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.public.adapters import ADAPTERS
from monai_lungxfer.utils.errors import DatalistError, DownloadError


@pytest.fixture
def raw(tmp_path):
    for finding in ("covid19", "normal"):
        for index in range(2):
            seed = 10 * index + len(finding)
            path = tmp_path / "raw" / finding / f"p{seed}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.random.default_rng(seed).integers(0, 255, (35, 47), dtype=np.uint8)).save(path)
            Image.fromarray(np.eye(35, 47, dtype=np.uint8) * 255).save(path.with_name(f"{path.stem}_mask.png"))
    return tmp_path / "raw"


def _run(*arguments: object):
    return CliRunner().invoke(data_app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def test_help_names_all_data_sets():
    assert NAMES.replace(" or ", ", ").split(", ") == list(ADAPTERS)


def test_prepare(tmp_path, raw):
    out = tmp_path / "out"
    options = ("--view", "AP Supine", "--license", "private", "--device", "X", "--mask-convention", "v7")
    result = _run("prepare", "folder", "--raw", raw, "--out", out, *options, "--patient", r"^(p\d+)")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "4 images (2 covid19, 2 normal), 4 masks, 4 patients, 0 files skipped",
        str(out),
    ]
    record = load_datalist(out)[0]
    assert [record[key] for key in ("view", "license", "device", "mask_convention")] == [
        "AP Supine",
        "private",
        "X",
        "v7",
    ]
    assert _run("check", out).exit_code == 0


def test_prepare_with_a_broken_file_as_json(tmp_path, raw):
    broken = raw / "normal" / "p16.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    result = _run("prepare", "folder", "--raw", raw, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["images"], report["findings"]) == (3, {"covid19": 2, "normal": 1})
    assert [one["file"] for one in report["skipped"]] == [str(broken)]
    assert report["notes"]


def test_anonymise(tmp_path, raw):
    (raw / "normal" / "p16.png").rename(raw / "normal" / "Doe_Jane.png")
    result = _run("prepare", "folder", "--raw", raw, "--out", tmp_path / "out", "--anonymise")
    assert isinstance(result.exception, DatalistError)
    assert "Doe_Jane" in str(result.exception)


def test_fetch(tmp_path):
    archive = tmp_path / "made.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a/data.csv", "x")
    with serving(archive.read_bytes()) as server:
        result = _run("fetch", "hannover", "--out", tmp_path / "raw", "--url", server.url)
    assert result.exit_code == 0
    assert result.stdout.strip() == str(tmp_path / "raw")
    assert (tmp_path / "raw" / "a" / "data.csv").read_text() == "x"


def test_fetch_by_hand(tmp_path):
    result = _run("fetch", "jsrt", "--out", tmp_path / "raw")
    assert isinstance(result.exception, DownloadError)
    assert "http://db.jsrt.or.jp" in str(result.exception)


def test_mixed_masks_need_a_word(tmp_path, raw):
    out = tmp_path / "out"
    _run("prepare", "folder", "--raw", raw, "--out", out)
    records = json.loads((out / "datalist.json").read_text())
    for index, record in enumerate(records):
        record["mask_convention"] = "v7" if index else "scr"
    (out / "datalist.json").write_text(json.dumps(records))
    assert _run("check", out).exit_code == 1
    assert _run("check", out, "--allow-mixed-masks").exit_code == 0
    split = ("split", out, "--out", tmp_path / "split.json", "--fractions", 0.5, 0.25, 0.25)
    assert isinstance(_run(*split).exception, DatalistError)
    assert _run(*split, "--allow-mixed-masks").exit_code == 0


def test_inverted_masks_are_skipped_by_name_and_odd_ones_are_noted(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / "raw" / folder).mkdir(parents=True)
    lungs = np.zeros((60, 80), np.uint8)
    lungs[10:50, 10:30] = lungs[10:50, 50:70] = 255
    speck = np.zeros((60, 80), np.uint8)
    speck[30:33, 30:33] = 255
    for number, mask in enumerate((lungs, 255 - lungs, np.pad(255 - lungs, 12)[4:64, 4:84], speck)):
        pixels = np.random.default_rng(number).integers(0, 255, (60, 80), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "raw" / "images" / f"p{number}.png")
        Image.fromarray(mask).save(tmp_path / "raw" / "masks" / f"p{number}.png")
    result = _run("prepare", "folder", "--raw", tmp_path / "raw", "--out", tmp_path / "out", "--patient", r"^(p\d+)")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line.partition(": ")[2].rpartition("/")[2] for line in lines if "looks inverted" in line] == [
        "p1.png: its mask looks inverted: 100% of the edge around it is foreground",
        "p2.png: its mask looks inverted: 100% of the edge around it is foreground",
    ]
    assert "p3.png: its mask covers 0.2% of the image" in result.stdout
    assert "2 images (2 unnamed), 2 masks, 2 patients, 2 files skipped" in result.stdout
