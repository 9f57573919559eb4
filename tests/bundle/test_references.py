"""The ways to name weights: files, bundles, stages, and MLflow URIs."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest

from monai_lungxfer.bundle.references import absolute_reference, names_weights, resolve_weights
from monai_lungxfer.utils.errors import TransferError


def test_bundle_folders(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "metadata.json").write_text("{}")
    with pytest.raises(TransferError, match=r"no weights.*Train it first.*OUT/models/model\.pt"):
        resolve_weights(tmp_path)
    (tmp_path / "models" / "model.pt").touch()
    assert resolve_weights(tmp_path) == tmp_path / "models" / "model.pt"
    with pytest.raises(TransferError, match="no such weights file, bundle or stage"):
        resolve_weights(tmp_path / "nothing.pt")


def test_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlruns.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlruns.db")
    client = mlflow.MlflowClient()
    run = client.create_run(client.create_experiment("e", artifact_location=(tmp_path / "artifacts").as_uri()))
    (tmp_path / "model.pt").write_bytes(b"weights")
    client.log_artifact(run.info.run_id, str(tmp_path / "model.pt"), "weights")
    assert resolve_weights(f"runs:/{run.info.run_id}/weights").read_bytes() == b"weights"
    with pytest.raises(TransferError, match="MLflow cannot provide it"):
        resolve_weights(f"runs:/{run.info.run_id}/nothing")


def test_weights_in_a_bundle_go_before_others_that_a_training_left_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monai_lungxfer.bundle.references._downloaded", lambda uri: tmp_path)
    for name in ("shipped/model.pt", "model.pt"):
        file = tmp_path / "artifacts" / "my_segmentation" / "models" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert resolve_weights("models:/lungs@champion") == file
    (tmp_path / "artifacts" / "other" / "models").mkdir(parents=True)
    (tmp_path / "artifacts" / "other" / "models" / "model.pt").touch()
    with pytest.raises(TransferError, match=r"holds 2 files named model\.pt"):
        resolve_weights("models:/lungs@champion")


def test_the_weights_of_the_papers_way_have_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monai_lungxfer.bundle.references.bundles_root", lambda: tmp_path)
    with pytest.raises(TransferError, match=r"^paper: .* are not installed.*packaging/stages"):
        resolve_weights("paper")
    file = tmp_path / "portable_cxr_lung_segmentation" / "models" / "paper" / "model.pt"
    file.parent.mkdir(parents=True)
    file.touch()
    assert resolve_weights("paper") == file


def test_a_file_goes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hub").touch()
    assert resolve_weights("hub") == Path("hub")


@pytest.mark.parametrize("name", ["portable", "hub", "paper", "models:/lungs@champion", "runs:/0/weights"])
def test_names_and_uris_are_the_same_in_every_folder(tmp_path: Path, name: str) -> None:
    assert absolute_reference(name, tmp_path) == name


def test_paths_are_those_of_their_folder(tmp_path: Path) -> None:
    assert absolute_reference("run/model.pt", tmp_path) == str(tmp_path / "run" / "model.pt")
    assert absolute_reference(tmp_path / "model.pt", Path("other")) == str(tmp_path / "model.pt")
    (tmp_path / "portable").touch()  # a file goes before a stage of its name, as in resolve_weights
    assert absolute_reference("portable", tmp_path) == str(tmp_path / "portable")


@pytest.mark.parametrize("reference", [None, "none", "None", "NONE", "null", "Null"])
def test_words_for_no_weights(reference: str | None) -> None:
    assert not names_weights(reference)


@pytest.mark.parametrize("reference", ["portable", "./none", Path("none.pt"), "nullius"])
def test_names_of_weights(reference: str | Path) -> None:
    assert names_weights(reference)


@pytest.mark.parametrize(
    ("program", "options", "expected"),
    [
        ("/lib/monai/bundle/__main__.py", ["run", "--parent", "None"], False),
        ("/lib/monai/bundle/__main__.py", ["run", "--parent=None", "--seed", "1"], False),
        ("/lib/monai/bundle/__main__.py", ["run", "--tracking_run", "None"], True),
        ("/lib/monai/bundle/__main__.py", ["run", "--parent", "portable", "None"], True),
        ("/bin/other", ["run", "--parent", "None"], True),
    ],
)
def test_none_on_monais_command_line(
    program: str, options: list[str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [program, *options])
    assert names_weights("cxr_lung_segmentation") is expected
