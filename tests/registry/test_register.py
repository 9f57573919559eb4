"""What a registered version holds, and that every other part of the package can use it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import mlflow
import pytest
from adapter_files import write_adapter, write_base
from compiled_bundle import small_bundle
from evaluation_report import write_report

from monai_lungxfer.bundle.files import INFERENCE, export_bundle
from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.checks.bundle.network import PIPELINE
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.registry.register import compile_weights, register_bundle
from monai_lungxfer.registry.store import list_versions, registry_at
from monai_lungxfer.serving.mlflow.packaging import input_example
from monai_lungxfer.serving.mlflow.requirements import model_requirements
from monai_lungxfer.utils.errors import RegistryError, TransferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.loading import load_parent
from monai_lungxfer.weights.sidecar import input_size

NAME = "portable_cxr_lung_segmentation"
MODELS = {"model.pt", "model.json", "model.pipeline.onnx", "model.pipeline.json"}


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory, general_sha256: str) -> str:
    """A registry with two versions, the second with a report, a parent and a tag."""
    folder = tmp_path_factory.mktemp("registry")
    uri = f"sqlite:///{folder}/mlflow.db"
    report = write_report(folder / "report.json", general_sha256, [0.9, 0.8])
    known = {"report": report, "parent": f"models:/{NAME}@candidate", "tags": {"data": "abc"}}
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        first = register_bundle("portable", tracking_uri=uri)
        second = register_bundle("portable", weights="general", tracking_uri=uri, **known)
        assert "MLFLOW_TRACKING_URI" not in os.environ
    assert (first.uri, second.uri) == (f"models:/{NAME}/1", f"models:/{NAME}/2")
    return uri


@pytest.fixture
def in_use(registered: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """That registry, as the one that the environment names."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registered)
    return registered


@pytest.mark.slow
def test_tags_tell_all_that_is_known_of_a_version(registered: str, general_sha256: str, portable_sha256: str) -> None:
    newest, oldest = list_versions(tracking_uri=registered)
    assert (newest["version"], newest["aliases"], oldest["aliases"]) == ("2", ["candidate"], [])
    tags = newest["tags"]
    assert tags["intended_use"].startswith("Research")
    assert tags["bundle"] == NAME
    assert tags["weights_sha256"] == general_sha256
    assert tags["input_size"] == "256x256"
    assert (tags["parent"], tags["parent_sha256"]) == (f"models:/{NAME}/1", portable_sha256)
    assert (tags["dice"], tags["images"], tags["section"], tags["split"]) == ("0.8500", "2", "independent", "a" * 64)
    assert tags["data"] == "abc"


def test_a_pipeline_in_the_cache_is_compiled_for_the_bundle_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundle = small_bundle(tmp_path)
    Segmenter.from_bundle(bundle, engine="onnx")
    assert not (bundle / PIPELINE).exists()
    compile_weights(bundle)
    assert (bundle / PIPELINE).is_file()


def test_a_pipeline_of_other_weights_is_no_reason_to_leave_pytorch_out(tmp_path: Path) -> None:
    bundle = small_bundle(tmp_path)
    (bundle / PIPELINE).write_bytes(b"of other weights")
    inference = bundle / INFERENCE
    inference.write_text(inference.read_text().replace("channel_wise: true", "channel_wise: true\n      nonzero: true"))
    compile_weights(bundle)
    assert any(line.startswith("torch") for line in model_requirements(bundle))


@pytest.mark.slow
def test_a_version_holds_its_bundle_and_its_report_without_names_of_files(in_use: str) -> None:
    with registry_at() as client:
        version = client.get_model_version(NAME, "2")
        run = client.get_run(version.run_id)
    assert "Not a medical device" in version.description
    assert version.description.endswith(f"artifacts/{NAME}/docs/README.md")
    assert (run.info.status, run.data.metrics["independent_DICE"]) == ("FINISHED", pytest.approx(0.85))
    held = Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}/2"))
    assert (held / "artifacts" / NAME / "docs" / "README.md").is_file()
    assert held.is_relative_to(Path(in_use.removeprefix("sqlite:///")).parent / "mlflow")
    assert "doe" not in (held / "artifacts" / "report.json").read_text()
    assert not re.findall(r"[\s'\"](?:/|file:)\w.*", (held / "MLmodel").read_text())  # no path of this machine


@pytest.mark.slow
@pytest.mark.usefixtures("in_use")
def test_a_version_is_weights_a_parent_and_a_model(general_sha256: str) -> None:
    newest = f"models:/{NAME}@candidate"
    assert hash_file(resolve_weights(newest)) == general_sha256
    assert input_size(newest) == [256, 256]
    network = DonorUNet()
    transferred = load_parent(network, newest)
    assert transferred is not None
    assert len(transferred.with_status("loaded")) == len(network.state_dict())
    made = mlflow.pyfunc.load_model(newest).predict(input_example())
    assert made["model"][0] == f"{NAME} 0.1.0 {general_sha256[:12]}"


@pytest.mark.slow
def test_what_a_training_left_in_a_bundle_stays_here(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portable_sha256: str
) -> None:
    bundle = export_bundle("portable", tmp_path / "own")
    for name in ("data/images/MEIER^ANNA.dcm", "models/resume.pt", "models/shipped/model.pt", "eval/split.json"):
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).write_text("of patients")
    made = register_bundle(bundle, tracking_uri=database)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    held = Path(mlflow.artifacts.download_artifacts(made.uri)) / "artifacts" / NAME
    assert {path.name for path in held.iterdir()} == {"LICENSE", "configs", "docs", "models"}
    assert {path.name for path in (held / "models").iterdir()} == MODELS
    assert hash_file(resolve_weights(f"models:/{NAME}@candidate")) == portable_sha256


def test_nothing_is_registered_by_a_report_of_other_weights(database: str, tmp_path: Path) -> None:
    report = write_report(tmp_path / "report.json", "0" * 64, [0.9])
    with pytest.raises(RegistryError, match="is of the weights 000000000000"):
        register_bundle("portable", report=report, tracking_uri=database)
    assert list_versions(tracking_uri=database) == []


def test_weights_that_do_not_fit_are_refused(database: str, tmp_path: Path) -> None:
    import torch

    weights = DonorUNet(init_features=4).state_dict()
    del weights["conv.bias"]
    torch.save(weights, tmp_path / "cut.pt")
    with pytest.raises(TransferError, match=r"layers do not fit the network: conv\.bias missing"):
        register_bundle("portable", weights=tmp_path / "cut.pt", tracking_uri=database)


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9: MLflow cannot do this"):
        list_versions(tracking_uri="http://127.0.0.1:9")


def test_a_registered_adapter_names_the_version_of_its_base(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monai_lungxfer.registry.register.compile_weights", lambda _: None)  # which takes long
    base, adapter = tmp_path / "base.pt", tmp_path / "one.pt"
    write_adapter(adapter, base, write_base(base))
    first = register_bundle("general", weights=base, adapters={"ward": adapter}, tracking_uri=database)
    assert first.tags["adapters"] == f"ward {hash_file(adapter)[:12]}"
    assert "base_sha256" not in first.tags
    alone = register_bundle("general", weights=adapter, name="ward", tracking_uri=database)
    assert alone.tags["weights_sha256"] == hash_file(adapter)
    assert (alone.tags["base_sha256"], alone.tags["base"]) == (first.tags["weights_sha256"], first.uri)
    base.unlink()
    with registry_at(database):
        whole = Path(mlflow.artifacts.download_artifacts(alone.uri)) / "artifacts" / "cxr_lung_segmentation"
    assert Segmenter.from_bundle(whole, device="cpu", engine="torch").identity.base_sha256 == alone.tags["base_sha256"]
