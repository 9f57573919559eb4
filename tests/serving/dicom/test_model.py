"""The model of a node follows its alias in a real registry, and a broken one never comes into service."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from orthanc_server import free_port

from monai_lungxfer.bundle.files import WEIGHTS, bundle_path
from monai_lungxfer.registry.register import register_bundle
from monai_lungxfer.serving.dicom.model import FollowedModel, load_segmenter
from monai_lungxfer.serving.dicom.settings import NodeModel
from monai_lungxfer.utils.errors import LungXferError, TransferError
from monai_lungxfer.utils.files import hash_file

NAME = "lungs"
CHAMPION = f"models:/{NAME}@champion"


def sha(stage: str) -> str:
    return hash_file(bundle_path(stage) / WEIGHTS)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Version 1 is the portable bundle, version 2 the general one, version 3 is broken."""
    folder = tmp_path_factory.mktemp("registry")
    uri = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        register_bundle("portable", name=NAME, tracking_uri=uri)
        register_bundle("general", name=NAME, tracking_uri=uri)
        broken = folder / "broken" / "bundle"
        (broken / "configs").mkdir(parents=True)
        (broken / "configs" / "metadata.json").write_text(json.dumps({"version": "9"}))
        client = MlflowClient(uri, uri)
        run = client.create_run("0")
        client.log_artifacts(run.info.run_id, str(broken.parent), "model")
        client.create_model_version(NAME, f"{run.info.artifact_uri}/model", run.info.run_id)
    return uri


@pytest.fixture
def client(registry: str) -> MlflowClient:
    client = MlflowClient(registry, registry)
    client.set_registered_model_alias(NAME, "champion", "1")
    return client


def settings(registry: str, weights: str = CHAMPION, **more: float) -> NodeModel:
    return NodeModel.model_validate({"weights": weights, "tracking_uri": registry} | more)


@pytest.mark.slow
def test_the_alias_is_followed_and_moved_back(
    registry: str, client: MlflowClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = FollowedModel(settings(registry), tmp_path)
    assert model().identity.weights_sha256 == sha("portable")
    assert (model.facts.version, model.facts.loads) == ("1", 1)
    assert not model.follow()
    client.set_registered_model_alias(NAME, "champion", "2")
    assert model.follow()
    assert model().identity.weights_sha256 == sha("general")
    assert model().identity.bundle == "cxr_lung_segmentation"
    assert (model.facts.version, model.facts.loads, model.facts.failures) == ("2", 2, 0)
    assert model.facts.model == str(model().identity)

    client.set_registered_model_alias(NAME, "champion", "3")
    caplog.clear()
    assert not model.follow()
    assert model().identity.weights_sha256 == sha("general"), "the model before stays in service"
    assert model.facts.failures == 1
    assert (model.facts.problem or "").startswith("version 3 does not load: ")
    assert len([record for record in caplog.records if "stays" in record.getMessage()]) == 1
    assert not model.follow()
    assert model.facts.failures == 1, "it is not loaded again and again"

    client.set_registered_model_alias(NAME, "champion", "1")
    assert model.follow()
    assert model().identity.weights_sha256 == sha("portable"), "moving the alias back rolls back"
    assert model.facts.problem is None
    kept = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    assert sorted(name.split("-")[1] for name in kept) == ["1", "2"], "this version and the one before"


@pytest.mark.slow
def test_it_starts_without_the_registry(
    registry: str, client: MlflowClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    FollowedModel(settings(registry), tmp_path)
    down = FollowedModel(settings(f"http://127.0.0.1:{free_port()}"), tmp_path)
    assert down.facts.version == "1"
    gone = settings(f"sqlite:///{tmp_path}/gone.db")
    model = FollowedModel(gone, tmp_path)
    assert model().identity.weights_sha256 == sha("portable")
    assert model.facts.version == "1"
    assert "was in service last" in caplog.text
    assert not (tmp_path / "gone.db").exists()
    assert not model.follow()
    assert "no such database" in (model.facts.problem or "")
    with pytest.raises(TransferError, match="no such database"):
        FollowedModel(gone.model_copy(update={"weights": f"models:/{NAME}@other"}), tmp_path)


@pytest.mark.slow
def test_it_starts_with_the_last_model_when_the_alias_stands_at_a_broken_one(
    registry: str, client: MlflowClient, tmp_path: Path
) -> None:
    client.set_registered_model_alias(NAME, "champion", "3")
    with pytest.raises(LungXferError):
        FollowedModel(settings(registry), tmp_path)
    client.set_registered_model_alias(NAME, "champion", "1")
    FollowedModel(settings(registry), tmp_path)
    client.set_registered_model_alias(NAME, "champion", "3")
    model = FollowedModel(settings(registry), tmp_path)
    assert model().identity.weights_sha256 == sha("portable")
    assert model.facts.version == "1"
    assert model.facts.problem
    client.set_registered_model_alias(NAME, "champion", "1")
    model.follow()
    assert model.facts.problem is None


@pytest.mark.slow
def test_a_thread_follows(registry: str, client: MlflowClient, tmp_path: Path) -> None:
    import time

    model = FollowedModel(settings(registry, follow_seconds=0.05), tmp_path)
    model.start()
    client.set_registered_model_alias(NAME, "champion", "2")
    end = time.monotonic() + 60
    while model.facts.version != "2" and time.monotonic() < end:
        time.sleep(0.05)
    model.stop()
    assert model().identity.weights_sha256 == sha("general")


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        (f"models:/{NAME}@nobody", "does not know it, or cannot be reached"),
        ("models:/unknown@champion", "does not know it, or cannot be reached"),
        (f"models:/{NAME}", "is not a name of a registered model"),
    ],
)
def test_names_that_lead_nowhere(registry: str, tmp_path: Path, weights: str, told: str) -> None:
    with pytest.raises(TransferError, match=told):
        FollowedModel(settings(registry, weights), tmp_path)


@pytest.mark.slow
def test_a_number_is_not_followed(registry: str, tmp_path: Path) -> None:
    model = FollowedModel(settings(registry, f"models:/{NAME}/2"), tmp_path)
    assert model().identity.weights_sha256 == sha("general")
    assert not model.follow()


def test_a_bundle_alone_is_enough(tmp_path: Path) -> None:
    model = FollowedModel(NodeModel(), tmp_path / "models")
    assert model().identity.weights_sha256 == sha("portable")
    assert model.facts.version is None
    assert not model.follow()
    assert not (tmp_path / "models").exists()


def test_a_model_that_finds_no_lungs_is_refused() -> None:
    """The donor has learnt glioma in brain MRI."""
    with pytest.raises(LungXferError, match="lung in a phantom"):
        load_segmenter(NodeModel(bundle="donor"))


def test_mlflow_is_left_as_it_was(registry: str, client: MlflowClient, tmp_path: Path) -> None:
    before = mlflow.get_tracking_uri()
    with pytest.raises(TransferError):
        FollowedModel(settings(registry, f"models:/{NAME}@nobody"), tmp_path)
    assert mlflow.get_tracking_uri() == before
