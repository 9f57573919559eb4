"""`registry` as it is typed, against a real MLflow server with SQLite and artifacts as files."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pytest
from evaluation_report import write_report
from mlflow_servers import tracking_server
from typer.testing import CliRunner

from monai_lungxfer.bundle.files import WEIGHTS, bundle_path
from monai_lungxfer.cli import app
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.utils.files import hash_file

NAME = "portable_cxr_lung_segmentation"
GOOD = np.linspace(0.9, 0.97, 20)


def run(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.stdout if code in (0, 1) else result.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with tracking_server(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.mark.slow
def test_from_registration_to_use(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.chdir(tmp_path)
    hashes = {stage: hash_file(bundle_path(stage) / WEIGHTS) for stage in ("portable", "general")}
    report = write_report(tmp_path / "good.json", hashes["portable"], GOOD.tolist())
    assert f"Registered models:/{NAME}/1" in run("registry", "register", "portable", "--report", report)
    assert "Version 1 of" in run("registry", "promote", NAME)

    report = write_report(tmp_path / "bad.json", hashes["general"], (GOOD - 0.1).tolist())
    words = ("--weights", "general", "--report", report, "--parent", "donor", "--tag", "site=A", "--json")
    assert json.loads(run("registry", "register", "portable", *words))["uri"] == f"models:/{NAME}/2"
    refused = run("registry", "promote", NAME, code=1)
    assert "Dice of the candidate 0.8350, of the champion 0.9350 on 20 images" in refused
    assert "mean difference -0.1000" in refused
    assert "Not promoted: version 1 stays the champion" in refused
    rows = json.loads(run("registry", "list", NAME, "--json"))
    assert [(row["version"], row["aliases"]) for row in rows] == [("2", ["candidate"]), ("1", ["champion"])]
    assert (rows[0]["tags"]["parent"], rows[0]["tags"]["site"]) == ("donor", "A")
    assert "0.9350" in run("registry", "list")

    data = write_phantoms(tmp_path / "data", donor=0, general=0, portable=12, size=64) / "portable"
    image = next((data / "images").iterdir())
    run("predict", image, "--out", "masks", "--weights", f"models:/{NAME}@champion")
    expected = next(Path("masks").glob("*_mask.png")).read_bytes()
    model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    made = model.predict([{"image": base64.b64encode(image.read_bytes()).decode()}])
    assert base64.b64decode(made["mask"][0]) == expected

    options = ("--epochs", 1, "--image-size", 64, "--batch-size", 4, "--set", "tracking_uri=")
    parent = ("--parent", f"models:/{NAME}@champion")
    trained = json.loads(run("train", "portable", "--data", data, "--out", "stage", *parent, *options, "--json"))
    assert trained["sha256"] != hashes["portable"]


def test_tags_need_a_name_and_a_value() -> None:
    assert "'site' is not NAME=VALUE" in run("registry", "register", "portable", "--tag", "site", code=2)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/mlflow.db"
    told = run("registry", "promote", "lungs", "--tracking-uri", database, code=2)
    assert "lungs: there is no version 'candidate'. Register one" in told
    assert json.loads(run("registry", "list", "--json", "--tracking-uri", database)) == []
