"""Quantise parts of a compiled pipeline to 8 bits, and measure what that costs the masks and saves in time.

    python scripts/experiments/quantise_pipeline.py DATA/portable --calibrate DATA/general --work DIR

ONNX Runtime's static quantisation, by channel, calibrated on images of other patients. The first and the last layer
stay in float32. Masks are compared at native size, after cleaning, with those of float32 and with the drawn ones.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from measure_masks import at_one_size
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.inference.engines.pipeline_file import pipeline_beside
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.metrics.per_image import image_metrics
from monai_lungxfer.morphology.cleaning import clean_lungs_once
from monai_lungxfer.study.analysis.statistics import worst_tenth

_CALIBRATE = 64
_PARTS = ("decoder", "decoder and 1x1", "all")


class _Images(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, files: list[Path]) -> None:
        self._inputs: Iterator[dict[str, Any]] = (pipeline_input(file) for file in files)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._inputs, None)


def pipeline_input(file: Path) -> dict[str, Any]:
    """Return what a pipeline takes."""
    radiograph = read_radiograph(file)
    upright = np.ascontiguousarray(radiograph.turn.apply(radiograph.pixels)[None, None], dtype=np.float32)
    return {"image": upright, "fix_polarity": np.array(False)}


def open_session(file: Path, save: Path | None = None) -> onnxruntime.InferenceSession:
    """Open a pipeline for one thread; with `save`, only after what needs no processor's layout was merged."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if save is not None:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(save)
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def quantised(merged: Path, part: str, images: list[Path]) -> Path:
    """Quantise the convolutions of a part of the network, and what lies between them."""
    nodes = [node for node in onnx.load(merged).graph.node if node.name.startswith("/network")]
    names = [node.name for node in nodes if node.op_type == "Conv" and _is_in(node.name, part)]
    if part != "decoder":
        names += [node.name for node in nodes if node.op_type in ("Clip", "Relu", "Add")]
    target = merged.with_name(f"{part.replace(' ', '_')}.onnx")
    quantize_static(
        merged,
        target,
        _Images(images),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_quantize=names,
    )
    return target


def _is_in(name: str, part: str) -> bool:
    if name.endswith(("decoder/conv/Conv", "image/image.0/Conv")) or "stem" in name:
        return False
    return "/decoder/" in name or part == "all" or (part != "decoder" and not name.endswith("layers.4/Conv"))


def segment(session: onnxruntime.InferenceSession, given: dict[str, Any]) -> tuple[NDArray[np.uint8], float]:
    """Return a cleaned mask, and the processor time of the pipeline in ms."""
    start = time.process_time()
    probability = session.run(["probability"], given)[0][0, 0]
    spent = 1000 * (time.process_time() - start)
    return clean_lungs_once(probability >= 0.5)[0].view(np.uint8), spent


def _dice(mask: NDArray[Any], other: NDArray[Any]) -> float:
    sized = [one.reshape(1, 1, *one.shape[-2:]) for one in (mask, other > 0)]
    return float(image_metrics(*sized, ["DICE_HARD"])["DICE_HARD"])


def main() -> None:
    """Quantise, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--calibrate", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--bundle", default="portable")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    file = pipeline_beside(bundle_path(given.bundle) / "models/model.pt")
    open_session(file, given.work / "merged.onnx")
    others = load_datalist(given.calibrate)
    chosen = np.random.default_rng(0).permutation(len(others))[:_CALIBRATE]
    images = [Path(others[at]["image"]) for at in chosen]
    sessions = {"float32": open_session(file)}
    sessions |= {part: open_session(quantised(given.work / "merged.onnx", part, images)) for part in _PARTS}
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in sessions}
    for record in load_datalist(given.data):
        taken, drawn = pipeline_input(Path(record["image"])), at_one_size(read_mask(record["label"]))
        first, _ = segment(sessions["float32"], taken)
        for name, session in sessions.items():
            mask, spent = segment(session, taken)
            rows[name].append((_dice(mask, first), _dice(at_one_size(mask), drawn), spent))
    print_table({name: np.array(values) for name, values in rows.items()})


def print_table(rows: dict[str, NDArray[np.float64]]) -> None:
    """Print a row for each part: its Dice with float32, its Dice, and its time over that of float32."""
    print("| in 8 bits | Dice with float32, mean and lowest | Dice, mean | worst tenth | time, ratio |")
    print("|---|---|---|---|---|")
    for name, values in rows.items():
        own, drawn, spent = values.T
        figures = f"{own.mean():.4f}, {own.min():.4f} | {drawn.mean():.4f} | {worst_tenth(drawn)[1]:.4f}"
        print(f"| {name} | {figures} | {np.median(spent / rows['float32'][:, 2]):.2f} |")


if __name__ == "__main__":
    main()
