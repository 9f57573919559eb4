"""Plans of commands: what they give, what comes before them, and what is told of a run."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from monai_lungxfer.cli import app
from monai_lungxfer.features import networks as feature_networks
from monai_lungxfer.features import run as feature_run
from monai_lungxfer.features.run import WrittenFeatures


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command `features` asks for, which is not done."""
    found: dict[str, Any] = {}

    def parse(references: list[str], seed: int, image_size: int | None) -> list[str]:
        return found.setdefault("weights", references) and found.setdefault("seed", [seed])

    def analyse(networks: Any, data: dict[str, Path], out: Path, settings: Any, *_: Any) -> WrittenFeatures:
        found.update(data=data, out=out, settings=settings)
        out.mkdir(parents=True, exist_ok=True)
        return WrittenFeatures(out / "page", out, out, {})

    monkeypatch.setattr(feature_networks, "parse_networks", parse)
    monkeypatch.setattr(feature_run, "analyse_features", analyse)
    return found


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["features", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def said(result: Result) -> str:
    return " ".join(result.stderr.replace("│", " ").split())


def write(folder: Path, **plan: object) -> Path:
    path = folder / "features.yaml"
    path.write_text(yaml.safe_dump(plan))
    return path


def test_a_plan_gives_options_and_the_command_line_comes_first(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "after.pt").touch()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    weights = ["donor", "after=after.pt", "random"]
    data = {"cxr": "portable", "mri": "/lgg"}
    plan = write(tmp_path, weights=weights, data=data, out="report", limit=32, seed=3, resume=True, precision="float32")
    run("--plan", plan)
    assert given["weights"] == ["donor", f"after={tmp_path / 'after.pt'}", "random"]
    assert given["data"] == {"cxr": tmp_path / "portable", "mri": Path("/lgg")}
    assert (given["out"], given["seed"]) == (tmp_path / "report", [3])
    assert (given["settings"].limit, given["settings"].resume, given["settings"].precision) == (32, True, "float32")
    run("--plan", plan, "--limit", 8, "--data", "a=/b")
    assert (given["settings"].limit, given["data"]) == (8, {"a": Path("/b")})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("limits: 3", "lungxfer features has no option 'limits'; did you mean 'limit'?"),
        ("plan: x", "has no option 'plan'"),
        ("limit: 3\nlimit: 4", "the key 'limit' is there twice"),
        ("ray-address: a\nray_address: b", "is there twice"),
        ("{weights: a, data: {b: c}, out: d, limit: many}", "'--limit': Input should be a valid integer"),
        ("{weights: a, data: {b: c}, out: d, resume: perhaps}", "'--resume': Input should be a valid boolean"),
        ("- limit", "holds no keys"),
        ("limit: 8", "Missing option"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    assert told in said(run("--plan", tmp_path / "plan.yaml", code=2))


def test_the_plan_of_a_run_names_no_path_and_can_be_run_again(given: dict[str, Any], tmp_path: Path) -> None:
    home = tmp_path / "Smith"
    home.mkdir()
    (home / "after.pt").write_bytes(b"weights")
    out = tmp_path / "out"
    weights = f"donor,after={home / 'after.pt'},random"
    tracked = ["--tracking-uri", "", "--experiment", "mine"]
    run("--weights", weights, "--data", f"cxr={home}", f"mri={home}", "--out", out, "--limit", 9, *tracked)
    text = (out / "plan.yaml").read_text()
    assert "Smith" not in text
    assert str(tmp_path) not in text
    told = yaml.safe_load(text)
    digits = sha256(b"weights").hexdigest()[:12]
    assert told["weights"] == ["donor", f"after=file {digits}", "random"]
    assert told["data"] == {"cxr": "(a path)", "mri": "(a path)"}
    assert (told["limit"], told["experiment"]) == (9, "mine")
    assert not {"out", "resume", "overwrite", "json", "plan", "tracking_uri", "ray_address"} & set(told)
    assert "Missing option '--weights'" in said(run("--plan", out / "plan.yaml", "--out", out, code=2))
    run("--plan", out / "plan.yaml", "--out", out, "--weights", weights, "--data", f"cxr={home}")
    assert given["settings"].limit == 9
