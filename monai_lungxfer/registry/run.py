"""The MLflow run of a registration, and its temporary files: neither outlives the process."""

from __future__ import annotations

import hashlib
import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow import MlflowClient

from monai_lungxfer.registry.store import experiment_named
from monai_lungxfer.utils.temporary import temporary_folder, tidy

OWNER = "lungxfer.register"
"""The tag of a run that names the temporary folder of its process."""


@contextmanager
def own_temporary_files() -> Iterator[Path]:
    """Give a folder that holds all temporary files of this process while the block runs, MLflow's copies among them.

    A killed process leaves it behind; then the next such block removes it.
    """
    parent, before = Path(tempfile.gettempdir()), tempfile.tempdir
    tidy(parent)
    with temporary_folder(parent) as folder:
        tempfile.tempdir = str(folder)
        try:
            yield folder
        finally:
            tempfile.tempdir = before


@contextmanager
def registration_run(client: MlflowClient, experiment: str, folder: Path, tags: Mapping[str, str]) -> Iterator[None]:
    """Open a run that ends as FINISHED, FAILED, or (when the process is interrupted or terminated) KILLED.

    Runs of this machine whose process was killed meanwhile end as FAILED.

    Parameters
    ----------
    client : mlflow.MlflowClient
        Of the tracking server that is in use.
    experiment : str
        Its name; it is made when it is missing.
    folder : pathlib.Path
        What `own_temporary_files` gives.
    tags : mapping of str to str
        Of the run.
    """
    identity = experiment_named(client, experiment)
    # Hashed, since names of machines and folders are nobody's business elsewhere.
    place = hashlib.sha256(f"{platform.node()} {folder.parent}".encode()).hexdigest()[:16]
    _end_abandoned(client, identity, place, folder.parent)
    owned = {**tags, OWNER: f"{place}/{folder.name}"}
    with mlflow.start_run(experiment_id=identity, run_name="register", tags=owned):
        try:
            yield
        except Exception:
            raise
        except BaseException:
            mlflow.end_run("KILLED")  # MLflow itself takes an interruption for a failure
            raise


def _end_abandoned(client: MlflowClient, experiment: str, place: str, parent: Path) -> None:
    """End the runs of processes whose temporary folder is gone: it lives as long as its process."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        where, _, name = run.data.tags.get(OWNER, "").partition("/")
        if where == place and not (parent / name).exists():
            client.set_terminated(run.info.run_id, "FAILED")
