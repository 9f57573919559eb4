"""What is left of a registration that does not end well: nothing."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow.pyfunc  # which `import mlflow` alone loads late, over what is patched
import pytest

from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.registry.register import register_bundle
from monai_lungxfer.registry.run import OWNER
from monai_lungxfer.registry.store import registry_at
from monai_lungxfer.utils.errors import RegistryError


def die(**_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt(**_: Any) -> None:
    raise KeyboardInterrupt


def fail(**_: Any) -> None:
    raise mlflow.MlflowException("no")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def register(database: str, monkeypatch: pytest.MonkeyPatch, temporary: Path) -> Callable[[Callable[..., None]], None]:
    """Register a bundle, where the logging of the model ends otherwise."""
    plain = SimpleNamespace(engine=SimpleNamespace(refiner_sha256=None))
    monkeypatch.setattr(Segmenter, "from_bundle", lambda *_, **__: plain)

    def log(ending: Callable[..., None]) -> Callable[..., None]:
        def logged(*_: Any, **arguments: Any) -> None:
            assert any(temporary.iterdir())
            Path(tempfile.mkdtemp(), "copy").write_text("of the model")
            ending(**arguments)

        return logged

    def registered(ending: Callable[..., None]) -> None:
        monkeypatch.setattr(mlflow.models.Model, "log", log(ending))
        register_bundle("portable", tracking_uri=database)

    return registered


def runs(database: str) -> list[mlflow.entities.Run]:
    with registry_at(database) as client:
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        return client.search_runs(experiments, order_by=["attributes.start_time"])


def test_no_run_stays_open_and_no_temporary_file_stays(
    register: Callable[[Callable[..., None]], None], database: str, temporary: Path
) -> None:
    child = os.fork()
    if child == 0:
        try:
            register(die)
        finally:
            os._exit(1)  # or it would go on with the tests
    os.waitpid(child, 0)
    (left,) = temporary.iterdir()
    (killed,) = runs(database)
    assert killed.info.status == "RUNNING"
    with registry_at(database) as client:
        place = killed.data.tags[OWNER].partition("/")[0]
        for owner in (f"{place}/{temporary.name}", "elsewhere/.lungxfer-00000000"):  # one that lives, and a stranger's
            client.create_run(killed.info.experiment_id, tags={OWNER: owner})
    (temporary / temporary.name).mkdir()
    with pytest.raises(KeyboardInterrupt):
        register(interrupt)
    with pytest.raises(RegistryError):
        register(fail)
    assert [run.info.status for run in runs(database)] == ["FAILED", "RUNNING", "RUNNING", "KILLED", "FAILED"]
    assert not left.exists()
    assert [path.name for path in temporary.iterdir()] == [temporary.name]
    assert tempfile.tempdir == str(temporary)
