from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from monai_lungxfer.bundle.files import bundle_metadata, bundle_path
from monai_lungxfer.cli import app
from monai_lungxfer.cli.bundles import Format
from monai_lungxfer.export.writers import EXPORT_FORMATS


def run(*arguments):
    return CliRunner().invoke(app, ["bundles", *map(str, arguments)])


def test_list_as_json():
    rows = json.loads(run("list", "--json").stdout)
    assert [row["stage"] for row in rows] == ["donor", "general", "portable"]
    for row in rows:
        path = bundle_path(row["name"])
        metadata = bundle_metadata(path)
        assert row["path"] == str(path)
        assert (row["version"], row["task"]) == (metadata["version"], metadata["task"])
        assert row["weights"] is (path / "models" / "model.pt").is_file()


def test_list_as_table():
    result = run("list")
    assert result.exit_code == 0
    for word in ("donor", "lgg_mri_segmentation", "portable_cxr_lung_segmentation", str(bundle_path("donor").parent)):
        assert word in result.stdout


def test_path_is_one_plain_line():
    assert run("path", "general").stdout == f"{bundle_path('general')}\n"


def test_path_of_nothing():
    result = run("path", "general2")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: general2: there is no such stage, bundle or folder.")


def test_export_several(tmp_path):
    result = run("export", "donor", "portable_cxr_lung_segmentation", "--out", tmp_path / "out")
    copies = [tmp_path / "out" / name for name in ("lgg_mri_segmentation", "portable_cxr_lung_segmentation")]
    assert result.stdout.splitlines() == list(map(str, copies))
    assert all((copy / "configs" / "metadata.json").is_file() for copy in copies)


def test_export_with_one_wrong_name_writes_nothing(tmp_path):
    assert run("export", "donor", "donner", "--out", tmp_path / "out").exit_code == 2
    assert not (tmp_path / "out").exists()


def test_export_compared_on_nothing_writes_nothing(tmp_path):
    options = ("--format", "torchscript", "--compare-on", tmp_path / "none.png")
    assert run("export", "donor", "--out", tmp_path / "out", *options).exit_code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("options", "code"), [((), 2), (("--overwrite",), 0)])
def test_export_twice(tmp_path, options, code):
    run("export", "donor", "--out", tmp_path)
    mark = tmp_path / "lgg_mri_segmentation" / "mine.txt"
    mark.write_text("")
    assert run("export", "donor", "--out", tmp_path, *options).exit_code == code
    assert mark.exists() == (code == 2)


def test_export_with_a_format(tmp_path):
    result = run("export", "general", "--out", tmp_path, "--format", "torchscript")
    assert result.exit_code == 0, result.output
    assert "torchscript (model.ts): Dice with PyTorch's masks at least 1.00000 on 4 images" in result.output
    assert (tmp_path / "cxr_lung_segmentation" / "models" / "model.ts").is_file()


def test_every_format_can_be_chosen():
    assert [choice.value for choice in Format] == list(EXPORT_FORMATS)


def test_verify_tells_what_is_wrong_where_and_what_to_do(tmp_path):
    run("export", "general", "--out", tmp_path)
    bundle = tmp_path / "cxr_lung_segmentation"
    (bundle / "LICENSE").unlink()
    (bundle / "models" / "model.pt").unlink()
    result = run("verify", bundle)
    assert result.exit_code == 1
    words = " ".join(result.stdout.split())
    assert words.startswith("cxr_lung_segmentation check result found files failed LICENSE: is missing. Write it, or")
    assert "weights skipped there is no models/model.pt" in words
    assert words.endswith("7 ok, 8 skipped, 2 failed")


def test_verify_as_json(tmp_path):
    run("export", "donor", "--out", tmp_path)
    bundle = tmp_path / "lgg_mri_segmentation"
    result = run("verify", bundle, "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["passed"] is True
    assert [row["check"] for row in report["checks"]][:3] == ["files", "sizes", "schema"]
    assert report["checks"][-1] == {
        "bundle": "lgg_mri_segmentation",
        "check": "adapters",
        "status": "skipped",
        "detail": "there is no models/adapters",
        "file": None,
        "remedy": None,
    }
    (bundle / "docs" / "README.md").unlink()
    result = run("verify", bundle, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["passed"] is False
    assert [row["file"] for row in report["checks"] if row["status"] == "failed"] == ["docs/README.md"]


def test_verify_without_running_anything(tmp_path):
    run("export", "donor", "--out", tmp_path)
    result = run("verify", tmp_path / "lgg_mri_segmentation", "--no-run", "--json")
    assert result.exit_code == 0
    skipped = [row["check"] for row in json.loads(result.stdout)["checks"] if "--no-run" in row["detail"]]
    assert skipped == [
        "targets",
        "properties",
        "network",
        "weights",
        "prediction",
        "pipeline",
        "torchscript",
        "adapters",
    ]


def test_verify_a_wrong_name_or_an_archive_runs_nothing(tmp_path):
    (tmp_path / "bundle.zip").write_bytes(b"PK")
    for name in ("donner", tmp_path / "bundle.zip"):
        result = run("verify", "donor", name)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "there is no such stage, bundle or folder" in result.stderr
