"""`train`, `evaluate` and `transfer` as they are typed, on phantoms and with a small network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.cli.options import NumberFormat, SizingName
from monai_lungxfer.cli.report_tables import metrics_table
from monai_lungxfer.metrics.summary import summarise_report
from monai_lungxfer.networks.sizing import SIZINGS
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.utils.precision import PRECISIONS

SMALL = ["--image-size", "64", "--batch-size", "8", "--precision", "float32"]
NARROW = ["--set", "network_def#init_features=4", "--set", "learning_rate=0.01", "--set", "tracking_uri="]


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), donor=24, general=30, portable=36, size=96)


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


def test_train_then_evaluate(phantoms: Path, tmp_path: Path) -> None:
    out = tmp_path / "general"
    first = ["train", "general", "--data", phantoms, "--out", out, "--parent", "none", *SMALL, *NARROW]
    trained = json.loads(run(*first, "--epochs", 10, "--json"))
    assert Path(trained["weights"]) == out / "models" / "model.pt"
    report = json.loads(
        run("evaluate", "general", "--data", phantoms, "--out", out, *SMALL[:2], *NARROW, "--section", "test", "--json")
    )
    assert report["split"] == json.loads((out / "split.json").read_text())["hash"]
    assert report["weights_sha256"] == trained["sha256"]
    assert report["all"]["DICE_HARD"]["mean"] > 0.5
    assert report["report_file"] == str(out / "test.json")
    assert report["by"] == {}
    arguments = ["evaluate", "general", "--data", phantoms, "--out", out, *SMALL[:2], *NARROW]
    shown = run(*arguments, "--set", "section=validation", "--by", "finding", "--by", "age")
    assert "general, validation: " in shown
    assert "By finding" in shown
    assert "Failed (Dice of the mask below 0.90)" in shown
    grouped = json.loads((out / "validation.json").read_text())["by"]
    assert {group: part["images"] for group, part in grouped["age"].items()} == {"unknown": 6}
    assert len(grouped["finding"]) > 1
    assert "cannot be grouped by patient" in run(*arguments, "--by", "patient", "--overwrite", code=2)
    assert (
        "Training had already ended after epoch 10"
        in CliRunner().invoke(app, [str(word) for word in [*first, "--epochs", 10]]).stderr
    )


def test_a_mean_that_leaves_images_out_says_so() -> None:
    rows = [{"AUC": value, "HD95": 4.0, "distances_in": "mm"} for value in (0.75, 0.25, None)]
    rows[2] |= {"distances_in": "pixels"}
    report = summarise_report(rows, ["AUC", "HD95", "SENS"])
    (cells,) = (column._cells for column in metrics_table("", {"mean ± SD": report}).columns[1:])
    assert cells == ["0.5000 ± 0.3536 (n = 2 of 3)", "4.0000 ± 0.0000 (n = 2 of 3)", "undefined (n = 0 of 3)"]
    assert list(metrics_table("", {"mean ± SD": report}).columns[0]._cells) == ["AUC", "HD95, mm", "SENS"]


def test_a_mask_of_another_size_is_refused_and_named(phantoms: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(phantoms / "general", data)
    for mask in (data / "masks").iterdir():
        with Image.open(mask) as image:
            image.crop((0, 0, image.width, image.height - 1)).save(mask)
    command = ["train", "general", "--data", data, "--out", tmp_path / "x", "--parent", "none", *SMALL, *NARROW]
    assert "Make the mask in the image's own size" in run(*command, code=2)


def test_transfer_compares_before_and_after(phantoms: Path, tmp_path: Path) -> None:
    out = tmp_path / "all"
    command = ["transfer", "--data", phantoms, "--out", out, "--epochs", "1,2,3", *SMALL, *NARROW]
    table = run(*command)
    assert "before" in table
    assert "Not a medical device" in table
    after = json.loads((out / "after.json").read_text())
    before = json.loads((out / "before.json").read_text())
    assert after["split"] == before["split"] == json.loads((out / "portable" / "split.json").read_text())["hash"]
    assert after["weights_sha256"] != before["weights_sha256"]
    assert after["images"] == len(json.loads((out / "portable" / "split.json").read_text())["independent"])
    rows = (out / "before_after.csv").read_text().splitlines()
    assert rows[0] == "finding,metric,images,before_mean,before_sd,after_mean,after_sd"
    dice = next(row for row in rows if row.startswith("all,DICE,")).split(",")
    assert float(dice[3]) == pytest.approx(before["all"]["DICE"]["mean"])
    assert float(dice[5]) == pytest.approx(after["all"]["DICE"]["mean"])
    overlays, masks = sorted((out / "overlays").glob("*.png")), sorted((out / "masks").glob("*_mask.png"))
    assert len(overlays) == len(masks) == 6
    for mask in masks:
        original = next((phantoms / "portable" / "images").glob(mask.name.removesuffix("_mask.png") + ".*"))
        assert Image.open(mask).size == Image.open(original).size


def test_wrong_words_are_refused_before_anything_is_done(phantoms: Path, tmp_path: Path) -> None:
    data = ["--data", phantoms, "--out", tmp_path / "x"]
    assert "there is no stage or bundle named 'knee'" in run("train", "knee", *data, code=2)
    assert "is not a multiple of 16" in run("train", "general", *data, "--image-size", 100, code=2)
    assert "half" in run("train", "general", *data, "--precision", "half", code=2)
    assert "is not ID=VALUE" in run("train", "general", *data, "--set", "seed", code=2)
    assert "there is no device 'foo'" in run("train", "general", *data, "--device", "foo", code=2)
    for command in ("train", "evaluate"):
        for device in (("--device", "cuda:99"), ("--set", "device=cuda:99")):
            assert "the device cuda:99 cannot be used" in run(command, "general", *data, *device, code=2)
    known = "Use training, validation, test, independent or locked"
    assert known in run("evaluate", "general", *data, "--section", "foo", code=2)
    assert "neither one number nor three" in run("transfer", *data, "--epochs", "1,2", code=2)
    assert "there is no such folder" in run("train", "general", "--data", tmp_path / "nothing", code=2)
    assert not (tmp_path / "x").exists()


def test_the_command_line_knows_the_number_formats_of_the_package() -> None:
    assert tuple(NumberFormat) == PRECISIONS


def test_the_command_line_knows_the_sizings_of_the_package() -> None:
    assert tuple(SizingName) == SIZINGS
