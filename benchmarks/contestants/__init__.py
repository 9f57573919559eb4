"""What `../benchmark_predict.py` compares: each contestant is a command that turns a folder of files into masks."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_DONOR = _HERE.parents[1] / "bundles" / "lgg_mri_segmentation" / "models" / "model.pt"
PEERS = (
    "torch==2.13.0",
    "torchvision==0.28.0",
    "torchxrayvision==1.4.0",
    "nnunetv2==2.8.1",
    "pydicom==3.0.2",
    "pylibjpeg[libjpeg,openjpeg]==2.1.0",
)
"""What the environment of the peers has."""


@dataclass(frozen=True)
class Contestant:
    """A program that segments radiographs.

    Attributes
    ----------
    name : str
        In tables.
    command : callable
        Takes the folder of files and the folder for masks, and returns the words of the command.
    slow : bool
        Whether it takes so long that few files are enough.
    as_png : bool
        Whether it reads nothing but PNG, named as nnU-Net does.
    tasks : tuple of str
        What it takes part in: a cold start with a DICOM file, small images, and images of native size.
    fallback : str
        What it prints when another program does the work in its place.
    """

    name: str
    command: Callable[[Path, Path], list[str]]
    slow: bool = False
    as_png: bool = False
    tasks: tuple[str, ...] = ("dicom", "small", "native")
    fallback: str | None = None


def _predict(python: Path, *options: str) -> Callable[[Path, Path], list[str]]:
    words = [str(python.with_name("lungxfer")), "predict"]
    return lambda files, out: [*words, str(files), "--out", str(out), "--device", "cpu", "--any-view", *options]


def own_contestants(threads: int) -> list[Contestant]:
    """Return this build's engines, the donor's network by a few lines of PyTorch, and by a stock MONAI bundle."""
    python, told = Path(sys.executable), ("--threads", str(threads))
    engines = ("torch", "onnx", "openvino")
    kinds = [(engine, (*told, "--jobs", "1", "--engine", engine)) for engine in engines]
    kinds += [("openvino --fast", (*kinds[-1][1], "--fast"))]
    config = str(_HERE / "stock_inference.yaml")
    run = [str(python), "-m", "monai.bundle", "run", "--config_file", config, "--weights", str(_DONOR)]
    eager = [str(python), str(_HERE / "segment_by_donor.py")]
    return [
        *(Contestant(name, _predict(python, *options), fallback="The engine is torch") for name, options in kinds),
        Contestant("stock MONAI bundle", lambda files, out: [*run, "--images", str(files), "--out", str(out)]),
        Contestant("donor, eager PyTorch", lambda files, out: [*eager, str(files), str(out), str(_DONOR)]),
    ]


def build_before(checkout: Path, threads: int) -> list[Contestant]:
    """Return the build of another checkout, which has its environment in ``.venv``."""
    python = checkout.resolve() / ".venv" / "bin" / "python"
    return [Contestant("before", _predict(python, "--threads", str(threads)))]


def peer_contestants(environment: Path, work: Path) -> list[Contestant]:
    """Return networks of others, with random weights in `work`."""
    programs, weights, model = environment.resolve() / "bin", work / "pspnet", work / "nnunet"
    pspnet = [str(programs / "python"), str(_HERE / "segment_by_pspnet.py")]
    nnunet = [str(programs / "nnUNetv2_predict_from_modelfolder"), "-m", str(model), "-f", "0", "-device", "cpu"]
    nnunet += ["-npp", "1", "-nps", "1", "--disable_progress_bar"]
    return [
        Contestant(
            "torchxrayvision PSPNet", lambda files, out: [*pspnet, str(files), str(out), str(weights)], slow=True
        ),
        *(
            Contestant(
                name,
                lambda files, out, more=more: [*nnunet, "-i", str(files), "-o", str(out), *more],
                slow=True,
                as_png=True,
                tasks=("dicom", "small"),  # its model is planned for small images
            )
            for name, more in {"nnU-Net v2": [], "nnU-Net v2 --disable_tta": ["--disable_tta"]}.items()
        ),
    ]


def make_peers(environment: Path, images: Path, work: Path) -> None:
    """Make the environment of the peers unless it is there, and nnU-Net's model for PNG images."""
    python = environment / "bin" / "python"
    if not python.is_file():
        venv.create(environment, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS], check=True)  # noqa: S603
    if not (work / "nnunet").is_dir():
        script = str(_HERE / "nnunet_model.py")
        subprocess.run([str(python), script, str(images), str(work / "nnunet")], check=True)  # noqa: S603
