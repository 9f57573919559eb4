"""Try on a GPU what otherwise runs on processors, on phantoms, and print a table with the card's name.

    python scripts/gpu_check.py [--device cuda]

Each check compares the GPU's numbers with the processor's or with float32. What needs a package that is missing is
skipped with the reason. Exit code 1: a check failed. Without a GPU nothing is tried, and the exit code is 0.
"""

from __future__ import annotations

import argparse
import csv
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.bundle.settings import PlainText
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.bundle.workflow import run_bundle
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.export.formats import export_formats, prepare_and_predict
from monai_lungxfer.export.tensorrt import check_tensorrt
from monai_lungxfer.export.writers import EXPORT_FORMATS, build_network, parse_inference
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.training.stage import StageFolder, train_stage
from monai_lungxfer.utils.errors import BundleError, LungXferError
from monai_lungxfer.utils.precision import autocast_dtype, usable_device
from monai_lungxfer.utils.torch_files import read_checkpoint

LEAST_DICE = 0.99  # of masks in reduced precision, or of another device, with those in float32 on the processor


class SkippedError(Exception):
    """What is missing for a check."""


class FailedError(Exception):
    """What a check found to be wrong."""


@dataclass
class Trial:
    """What the checks share: the device, a folder to write to, and phantoms."""

    device: torch.device
    folder: Path
    side: int = 256
    epochs: int = 3
    images: int = 60
    passes: int = 10
    bundle: Path = field(default_factory=lambda: bundle_path("portable"))

    @cached_property
    def data(self) -> Path:
        """Phantoms of portable radiographs."""
        return write_phantoms(self.folder / "data", donor=2, general=14, portable=self.images, size=self.side)

    @cached_property
    def reference(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Prepared phantoms (N, C, h, w) and their logits in float32 on the processor."""
        tensors, logits = prepare_and_predict(self.bundle, [])
        return torch.from_numpy(np.concatenate(tensors)), torch.from_numpy(np.concatenate(logits))

    @cached_property
    def network(self) -> torch.nn.Module:
        """The portable network with its weights, on the device."""
        return build_network(self.bundle, parse_inference(self.bundle)).to(self.device)

    def train(self, name: str, epochs: int) -> StageFolder:
        """Train the paper's portable stage from random weights."""
        settings = {"parent": None, "max_epochs": epochs, "image_size": [self.side] * 2, "tracking_uri": ""}
        settings |= {"device": f"$torch.device({str(self.device)!r})", "hold_out": 0.0}
        return train_stage(STAGES["portable"], self.data, StageFolder(self.folder / name), settings)

    def timed(self, call: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, float]:
        """Return what a call gives, and the milliseconds that it takes once it is warm."""
        with torch.inference_mode():
            for _ in range(2):
                result = call()
            self._wait()
            begun = time.perf_counter()
            for _ in range(self.passes):
                call()
            self._wait()
        return result, 1000 * (time.perf_counter() - begun) / self.passes

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def compare_logits(found: torch.Tensor, trial: Trial) -> str:
    """Compare logits with the reference's; a `FailedError` says what is too far off."""
    expected = trial.reference[1]
    found = found.float().cpu()
    difference = (found.sigmoid() - expected.sigmoid()).abs().max().item()
    mask, truth = found >= 0, expected >= 0
    dice = (2 * (mask & truth).sum() / (mask.sum() + truth.sum())).item()
    said = f"Dice {dice:.5f}, largest difference {difference:.1e}"
    if not dice >= LEAST_DICE:
        raise FailedError(said)
    return said


def check_training(trial: Trial) -> str:
    """Train, and see whether the loss falls."""
    folder = trial.train("training", trial.epochs)
    with (folder.path / "epochs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    first, last = (float(row["train_loss"]) for row in (rows[0], rows[-1]))
    said = f"loss {first:.3f} to {last:.3f}, last epoch {float(rows[-1]['train_seconds']):.1f} s"
    if not last < first:
        raise FailedError(said)
    return said


def check_determinism(trial: Trial) -> str:
    """Compare the weights of two trainings of one seed, bit for bit."""
    one, two = (read_checkpoint(trial.train(f"same-{name}", 1).weights) for name in "ab")
    difference = max((one[name].double() - two[name].double()).abs().max().item() for name in one)
    if difference:
        raise FailedError(f"weights differ by up to {difference:.1e}")
    return "two trainings end in the same weights"


def check_float32(trial: Trial) -> str:
    """Compare the network in float32 with the processor's."""
    images = trial.reference[0].to(trial.device)
    logits, milliseconds = trial.timed(lambda: trial.network(images))
    return f"{compare_logits(logits, trial)}; {milliseconds:.1f} ms for {len(images)} images"


def check_mixed_precision(trial: Trial) -> str:
    """Compare the network in the format that is chosen on this device with float32."""
    dtype = autocast_dtype(trial.device)
    if dtype is None:
        raise SkippedError("this device computes in float32")
    images = trial.reference[0].to(trial.device)
    with torch.autocast(trial.device.type, dtype=dtype):
        logits, milliseconds = trial.timed(lambda: trial.network(images))
    return f"{dtype}: {compare_logits(logits, trial)}; {milliseconds:.1f} ms"


def check_compile(trial: Trial) -> str:
    """Compare the network by torch.compile."""
    images = trial.reference[0].to(trial.device)
    compiled = torch.compile(trial.network)
    logits, milliseconds = trial.timed(lambda: compiled(images))
    return f"{compare_logits(logits, trial)}; {milliseconds:.1f} ms"


def check_inference(trial: Trial) -> str:
    """Compare masks of the inference core with the processor's."""
    files = [record["image"] for record in load_datalist(trial.data / "portable")[:4]]
    masks = []
    for device in (str(trial.device), "cpu"):
        segmenter = Segmenter.from_bundle(trial.bundle, device=device, engine="torch")
        masks.append(np.stack([one.mask for one in segmenter.segment_many(map(read_radiograph, files))]) > 0)
    dice = 2 * (masks[0] & masks[1]).sum() / (masks[0].sum() + masks[1].sum())
    if not dice >= LEAST_DICE:
        raise FailedError(f"Dice {dice:.5f}")
    return f"Dice {dice:.5f} with the processor's masks"


def check_tensorrt_overlay(trial: Trial) -> str:
    """Run the bundle's inference_trt.yaml."""
    try:
        check_tensorrt()
    except BundleError as error:
        raise SkippedError(error.problem) from error
    counts = {}
    for task in ("inference", "inference_trt"):
        out = trial.folder / task
        run_bundle(trial.bundle, task, {"dataset_dir": PlainText(trial.data / "portable/images"), "output_dir": out})
        counts[task] = len(list(out.rglob("*.png")))
    if len(set(counts.values())) > 1 or not counts["inference"]:
        raise FailedError(f"masks written: {counts}")
    return f"{counts['inference']} masks; compare them before you use it"


def check_torchscript(trial: Trial) -> str:
    """Compare the exported TorchScript, loaded onto the device."""
    network = torch.jit.load(_exported(trial, "torchscript"), map_location=trial.device).eval()
    images = trial.reference[0].to(trial.device)
    logits, milliseconds = trial.timed(lambda: network(images))
    return f"{compare_logits(logits, trial)}; {milliseconds:.1f} ms"


def check_onnx(trial: Trial) -> str:
    """Compare the exported ONNX by ONNX Runtime's CUDA provider."""
    try:
        import onnxruntime
    except ImportError as error:
        raise SkippedError("onnxruntime is not installed") from error
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise SkippedError("onnxruntime has no CUDA provider (onnxruntime-gpu)")
    session = onnxruntime.InferenceSession(_exported(trial, "onnx"), providers=["CUDAExecutionProvider"])
    return compare_logits(torch.from_numpy(session.run(["pred"], {"image": trial.reference[0].numpy()})[0]), trial)


def _exported(trial: Trial, name: str) -> Path:
    folder = trial.folder / f"{name}_segmentation"
    shutil.copytree(trial.bundle, folder)
    try:
        export_formats(folder, [name])
    except BundleError as error:
        if "not installed" not in error.problem:
            raise
        raise SkippedError(error.problem) from error
    return folder / "models" / EXPORT_FORMATS[name].file


CHECKS: dict[str, Callable[[Trial], str]] = {
    "training step": check_training,
    "determinism": check_determinism,
    "float32": check_float32,
    "mixed precision": check_mixed_precision,
    "torch.compile": check_compile,
    "inference": check_inference,
    "TensorRT overlay": check_tensorrt_overlay,
    "TorchScript": check_torchscript,
    "ONNX": check_onnx,
}


def run_checks(trial: Trial, checks: dict[str, Callable[[Trial], str]]) -> list[tuple[str, str, float, str]]:
    """Return a row a check: name, result, seconds, and what was measured or is missing."""
    rows = []
    for name, check in checks.items():
        begun = time.perf_counter()
        try:
            result, said = "passed", check(trial)
        except SkippedError as error:
            result, said = "skipped", str(error)
        except FailedError as error:
            result, said = "FAILED", str(error)
        except Exception as error:  # noqa: BLE001 -- one check must not stop the others
            result, said = "FAILED", f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        rows.append((name, result, time.perf_counter() - begun, said))
    return rows


def show(title: str, rows: list[tuple[str, str, float, str]]) -> None:
    """Print the table."""
    table = Table("check", "result", "seconds", "what", title=title)
    for name, result, seconds, said in rows:
        table.add_row(name, result, f"{seconds:.1f}", said)
    Console(width=120).print(table, highlight=False)


def main() -> int:
    """Read the options, try what can be tried, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, ...; cpu tries the checks themselves")
    given = parser.parse_args()
    try:
        device = usable_device(given.device)
    except LungXferError as error:
        show("Untried: no GPU", [(name, "skipped", 0.0, error.problem) for name in CHECKS])
        return 0
    logging.basicConfig(level=logging.ERROR)
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
    with tempfile.TemporaryDirectory() as folder:
        rows = run_checks(Trial(device, Path(folder)), CHECKS)
    show(f"{card}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}", rows)
    return int(any(result == "FAILED" for _, result, _, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
