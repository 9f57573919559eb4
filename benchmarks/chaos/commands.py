"""Every command that writes, with small inputs, and how a user starts it again."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chaos.inputs import FEATURES

_SMALL = ("--image-size", "32", "--set", f"network_def#init_features={FEATURES}")
_HERE = ("--device", "cpu", "--threads", "1")


@dataclass(frozen=True)
class Command:
    """A command in a place of its own.

    Attributes
    ----------
    name : str
        What the table calls it.
    arguments : tuple of str
        What follows ``lungxfer``; ``{place}`` and ``{url}`` are filled in.
    inputs : mapping of str to str
        Files and folders below ``in``, each with its name among the inputs.
    again : tuple of str
        What is added when the command is started again.
    replacing : tuple of str
        What is added when the results are there already, where that is possible.
    victims : str or None
        The input files that may vanish, as a pattern below the place.
    replaceable : bool
        Whether such a file may become another while the command runs.
    makes_store : bool
        Whether it makes a database of MLflow.
    repeatable : bool
        Whether each start makes a new one, as a registry does versions.
    begun : str or None
        The command whose undisturbed results are there from the beginning.
    """

    name: str
    arguments: tuple[str, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    again: tuple[str, ...] = ()
    replacing: tuple[str, ...] = ()
    victims: str | None = None
    replaceable: bool = False
    makes_store: bool = False
    repeatable: bool = False
    begun: str | None = None

    def prepare(self, place: Path, inputs: Path, undisturbed: Path) -> None:
        """Fill a place with what the command is given."""
        if self.begun is not None:
            shutil.copytree(undisturbed / self.begun, place, dirs_exist_ok=True)
            for database in place.glob("*.db"):
                _move_store(database, undisturbed / self.begun, place)
        for name in ("in", "tmp"):
            (place / name).mkdir(parents=True, exist_ok=True)
        for name, source in self.inputs.items():
            target = place / "in" / name
            if (inputs / source).is_dir():
                shutil.copytree(inputs / source, target, dirs_exist_ok=True)
            else:
                shutil.copy2(inputs / source, target)

    def filled(self, place: Path, url: str, *more: str) -> list[str]:
        """Return the arguments for a place and a server."""
        return [text.replace("{place}", str(place)).replace("{url}", url) for text in (*self.arguments, *more)]


def _move_store(database: Path, before: Path, place: Path) -> None:
    """Let a copied database name the folder that it is in now: MLflow stores absolute paths."""
    import sqlite3
    from contextlib import closing

    columns = {
        "experiments": "artifact_location",
        "runs": "artifact_uri",
        "logged_models": "artifact_location",
        "model_versions": "storage_location",
    }
    with closing(sqlite3.connect(database)) as store, store:
        for table, column in columns.items():
            store.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(before), str(place)))  # noqa: S608
        store.execute("UPDATE model_versions SET source = replace(source, ?, ?)", (str(before), str(place)))


_TRAIN = ("train", "portable", "--data", "in/portable", "--parent", "none", "--epochs", "3", "-o", "run")
_REGISTRY = ("--tracking-uri", "sqlite:///{place}/registry.db")
_PORTABLE = {"portable": "phantoms/portable"}
_STORED = ("--format", "dicom-seg", "--to-dicomweb", "{url}/store{place}/archive")

_ALL = (
    Command(
        "predict",
        ("predict", "in/images", "-o", "out", "--overlay", *_HERE),
        {"images": "images"},
        again=("--resume",),
        victims="in/images/*",
        replaceable=True,
    ),
    Command(
        "predict --overwrite",
        ("predict", "in/images", "-o", "out", "--set", "threshold=0.4", "--overwrite", *_HERE),
        {"images": "images"},
        victims="in/images/*",
        begun="predict",
    ),
    Command(
        "predict dicom-seg",
        ("predict", "in/dicom", "-o", "out", *_STORED, *_HERE),
        {"dicom": "dicom"},
        again=("--resume",),
        victims="in/dicom/*",
        replaceable=True,
    ),
    Command(
        "data phantom",
        ("data", "phantom", "out", "--size", "64", "--donor", "4", "--general", "6", "--portable", "6"),
        again=("--overwrite",),
    ),
    Command(
        "data prepare",
        ("data", "prepare", "folder", "--raw", "in/raw", "-o", "out"),
        {"raw": "phantoms/portable"},
        replacing=("--overwrite",),
        victims="in/raw/images/*",
    ),
    Command("data fetch", ("data", "fetch", "v7", "-o", "out", "--url", "{url}/files/archive.zip")),
    Command(
        "data split", ("data", "split", "in/portable", "-o", "out/split.json"), _PORTABLE, victims="in/portable/d*"
    ),
    Command("weights fetch", ("weights", "fetch", "donor", "-o", "out/donor.pt", "--url", "{url}/files/published.pt")),
    Command(
        "weights pack",
        ("weights", "pack", "in/published.pt", "-o", "out/packed.pt"),
        {"published.pt": "published.pt"},
        replacing=("--overwrite",),
        victims="in/*.pt",
    ),
    Command(
        "weights average",
        ("weights", "average", "in/donor.pt", "in/other.pt", "-o", "out/mean.pt"),
        {"donor.pt": "donor.pt", "other.pt": "other.pt"},
        replacing=("--overwrite",),
        victims="in/*.pt",
    ),
    Command("bundles export", ("bundles", "export", "portable", "-o", "out"), replacing=("--overwrite",)),
    Command(
        "train",
        (*_TRAIN, "--precision", "float32", *_SMALL, *_HERE),
        _PORTABLE,
        victims="in/portable/images/*",
        makes_store=True,
    ),
    Command(
        "transfer",
        ("transfer", "--data", "in", "--donor", "in/donor.pt", "--epochs", "2", "-o", "out", *_SMALL, *_HERE),
        {"donor.pt": "donor.pt", "general": "phantoms/general", **_PORTABLE},
        makes_store=True,
    ),
    Command(
        "evaluate",
        ("evaluate", "portable", "--data", "in/portable", "-o", "run", *_SMALL, *_HERE),
        again=("--overwrite",),
        victims="in/portable/images/*",
        begun="train",
    ),
    Command(
        "study run",
        ("study", "run", "plan.yaml"),
        {"../plan.yaml": "plan.yaml", "donor.pt": "donor.pt", "general": "phantoms/general", **_PORTABLE},
        victims="in/*/images/*",
        makes_store=True,
    ),
    Command("study report", ("study", "report", "study", "--device", "cpu"), begun="study run"),
    Command("registry register", ("registry", "register", "portable", *_REGISTRY), makes_store=True, repeatable=True),
    Command(
        "registry promote",
        ("registry", "promote", "portable_cxr_lung_segmentation", *_REGISTRY),
        begun="registry register",
    ),
)
COMMANDS = {command.name: command for command in _ALL}
"""By name; a command that begins with another's results stands behind it."""
