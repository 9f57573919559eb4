"""nnU-Net's own environment and the calls of its commands, so that it never mixes with this package's libraries."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import atomic_path

__all__ = ["DEFAULT_ENVIRONMENT", "NnUnet", "make_environment"]

DEFAULT_ENVIRONMENT = Path.home() / ".cache" / "monai_lungxfer" / "nnunet"
PACKAGES = ("torch==2.13.0", "nnunetv2==2.8.1")
_HERE = Path(__file__).resolve().parent
TRAINER = _HERE / "trainer" / "wall_time.py"


def make_environment(folder: Path) -> None:
    """Make a virtual environment that holds nnU-Net, unless it is there.

    Parameters
    ----------
    folder : pathlib.Path
        Where; about 2 GB with PyTorch's build for processors.

    Raises
    ------
    LungXferError
        When an installation fails.
    """
    if (folder / "bin" / "nnUNetv2_train").is_file():
        return
    install = [folder / "bin" / "python", "-m", "pip", "install", "--constraint", _HERE / "constraints.txt", *PACKAGES]
    for command in ([sys.executable, "-m", "venv", folder], install):
        if subprocess.run([str(part) for part in command], check=False).returncode:  # noqa: S603 - our own words
            raise LungXferError(
                "nnU-Net could not be installed", source=folder, remedy="See pip's message above, and delete the folder"
            )


class NnUnet:
    """The commands of an installed nnU-Net, for one working folder.

    Parameters
    ----------
    environment : pathlib.Path
        The virtual environment that it is installed in.
    work : pathlib.Path
        Holds `nnUNet_raw`, `nnUNet_preprocessed`, `nnUNet_results`, and `nnunet.log` with all that it says.

    Raises
    ------
    LungXferError
        When nnU-Net is not there.
    """

    def __init__(self, environment: Path, work: Path) -> None:
        self.binaries = environment / "bin"
        self.log = work / "nnunet.log"
        if not (self.binaries / "nnUNetv2_train").is_file():
            raise LungXferError("holds no nnU-Net", source=environment, remedy="Add --make-env, or give another --env")
        self._install_trainer()
        self.variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
            "nnUNet_raw": str(work / "nnUNet_raw"),
            "nnUNet_preprocessed": str(work / "nnUNet_preprocessed"),
            "nnUNet_results": str(work / "nnUNet_results"),
            # One process beside the training's own; by default 12 and 8, which is for workstations.
            "nnUNet_n_proc_DA": "1",
            "nnUNet_def_n_proc": "1",
            "nnUNet_compile": "f",  # nnU-Net never compiles on processors
        }

    def run(self, command: str, arguments: Sequence[object], variables: dict[str, str] | None = None) -> None:
        """Run one of nnU-Net's commands; what it says goes to the end of the log.

        Parameters
        ----------
        command : str
            Such as ``"nnUNetv2_train"``.
        arguments : sequence
            Become text.
        variables : dict of str to str, optional
            Environment variables beside nnU-Net's own.

        Raises
        ------
        LungXferError
            When it fails.
        """
        words = [str(self.binaries / command), *(str(argument) for argument in arguments)]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"\n$ {' '.join(words)}\n")
            log.flush()
            environment = self.variables | (variables or {})
            ended = subprocess.run(words, env=environment, stdout=log, stderr=log, check=False)  # noqa: S603
        if ended.returncode:
            raise LungXferError(
                f"{command} ended with the code {ended.returncode}", source=self.log, remedy="See the end of this log"
            )

    def _install_trainer(self) -> None:
        """Put our trainer beside nnU-Net's own, where it looks first.

        The folder that nnUNet_extTrainer names comes last, after every variant of nnU-Net was imported, and some of
        these need torchvision, whose build on PyPI does not go with PyTorch's build for processors.
        """
        folders = list(self.binaries.parent.glob("lib/python3*/site-packages/nnunetv2/training/nnUNetTrainer"))
        if len(folders) != 1:
            raise LungXferError(
                "holds no nnU-Net that is whole", source=self.binaries.parent, remedy="Delete it, and add --make-env"
            )
        with atomic_path(folders[0] / TRAINER.name) as temporary:
            shutil.copyfile(TRAINER, temporary)

    def versions(self) -> dict[str, str]:
        """Return the versions of what computes."""
        code = (
            "import importlib.metadata as m, json, torch;"
            "print(json.dumps({'nnunetv2': m.version('nnunetv2'), 'torch': torch.__version__}))"
        )
        words = [str(self.binaries / "python"), "-c", code]
        found: dict[str, str] = json.loads(subprocess.check_output(words, env=self.variables))  # noqa: S603
        return found
