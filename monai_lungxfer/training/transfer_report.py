"""What a run of all stages shows: the table before and after, overlays, and masks of held-out radiographs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.data.records import image_name
from monai_lungxfer.data.splits import load_split
from monai_lungxfer.inference.batch import predict_files
from monai_lungxfer.inference.inputs import InputFile, find_inputs, output_stems
from monai_lungxfer.inference.outputs import OutputOptions
from monai_lungxfer.inference.overlay import draw_comparison, save_picture, thumbnail
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.metrics.summary import paired_reports
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.training.stage import TransferResult, stage_data
from monai_lungxfer.utils.csv_tables import write_rows
from monai_lungxfer.utils.files import atomic_path
from monai_lungxfer.utils.json_files import load_json

SIZE = 96
REDUCED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "donor": {"image_size": [SIZE, SIZE], "batch_size": 8, "max_epochs": 6},
        "general": {"image_size": [SIZE, SIZE], "batch_size": 8, "max_epochs": 12},
        "portable": {"image_size": [SIZE, SIZE], "batch_size": 8, "max_epochs": 20},
    }
)
"""Settings that let the phantoms pass through all stages within minutes on two processor cores."""

# What training and inference must agree in.
SHARED = ("image_size", "sizing", "network_def", "precision")
PHANTOMS: Mapping[str, int] = MappingProxyType({"donor": 96, "general": 120, "portable": 80})
SHOWN = 6


def make_phantoms(out: str | Path, seed: int) -> Path:
    """Make the phantoms of a run without data, unless they are there from a run that was interrupted.

    Returned is the folder that holds `lgg/`, `general/` and `portable/`.
    """
    folder = Path(out) / "phantoms"
    done = folder / "complete.json"
    wanted = {"seed": seed, **PHANTOMS}
    if not done.is_file() or load_json(done) != wanted:
        write_phantoms(folder, seed=seed, size=2 * SIZE, overwrite=True, **PHANTOMS)
        with atomic_path(done) as temporary:
            temporary.write_text(json.dumps(wanted), encoding="utf-8")
    return folder


def write_showcase(
    result: TransferResult, data: str | Path, out: str | Path, settings: Mapping[str, Any]
) -> dict[str, Path]:
    """Write tables, overlays and masks of the independent half, and return what was written where, in words.

    Parameters
    ----------
    result : TransferResult
        What the stages gave.
    data, out : str or pathlib.Path
        The data that they were trained on, and the output folder.
    settings : mapping
        Of the portable stage; those that inference shares are used again.
    """
    out = Path(out).absolute()
    shared = {name: value for name, value in settings.items() if name.partition("#")[0] in SHARED}
    chosen = _spread_cases(result.after["rows"])
    root = stage_data(data, STAGES["portable"])
    split = load_split(result.folders["portable"].split, root)
    paths = {image_name(record["image"], split.root): record["image"] for record in split.independent}
    images = find_inputs([paths[name] for name in chosen])
    before, after = (
        Segmenter.from_bundle(name, weights=result.folders[name].weights, overrides=shared, engine="torch")
        for name in ("general", "portable")
    )
    _write_comparisons(images, before, after, out / "overlays")
    predict_files(after, images, out / "masks", OutputOptions(overlay=True), overwrite=True)
    write_tables(result, out / "before_after")
    return {
        "Table": out / "before_after.md",
        "Overlays, red before and blue after": out / "overlays",
        "Masks of held-out radiographs": out / "masks",
        "MLflow runs": out / "mlruns.db",
    }


def _spread_cases(rows: list[dict[str, Any]]) -> list[str]:
    """Choose images from the worst to the best Dice, so that failures are seen too."""
    ranked = sorted(rows, key=lambda row: row["DICE"])
    positions = np.linspace(0, len(ranked) - 1, min(SHOWN, len(ranked))).round().astype(int)
    return [ranked[position]["image"] for position in positions]


def _write_comparisons(images: list[InputFile], before: Segmenter, after: Segmenter, folder: Path) -> None:
    for image, stem in zip(images, output_stems(images), strict=True):
        radiograph = read_radiograph(image.path, name=image.name)
        masks = (before.segment(radiograph).mask, after.segment(radiograph).mask)
        save_picture(folder / f"{stem}.png", draw_comparison(thumbnail(radiograph.pixels), *masks))


def _comparison_rows(result: TransferResult) -> Iterator[list[Any]]:
    before, after = (
        {"all": report["all"], **report["by_finding"]} for report in paired_reports(result.before, result.after)
    )
    for group, summary in after.items():
        for metric, values in summary.items():
            moments = (before[group][metric], values)
            yield [group, metric, values["n"], *(one[key] for one in moments for key in ("mean", "std"))]


def write_tables(result: TransferResult, stem: str | Path) -> None:
    """Write the metrics before and after the portable stage, overall and by finding, as `stem`.csv and `stem`.md.

    Means are over the images that have a value both before and after; the column `images` says how many these are.
    """
    header = ["finding", "metric", "images", "before_mean", "before_sd", "after_mean", "after_sd"]
    rows = list(_comparison_rows(result))
    write_rows(f"{stem}.csv", header, (dict(zip(header, row, strict=True)) for row in rows))
    unit = paired_reports(result.before, result.after)[1]["distance_unit"]
    lines = [
        "Independent portable half before and after the portable stage; mean ± standard deviation over the",
        "images that have a value both before and after.",
        f"Split {result.after['split'][:12]}, distances in {unit}.",
        "",
        "| finding | metric | images | before | after |",
        "|---|---|---|---|---|",
        *(f"| {row[0]} | {row[1]} | {row[2]} | {_cell(*row[3:5])} | {_cell(*row[5:7])} |" for row in rows),
    ]
    with atomic_path(f"{stem}.md") as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cell(mean: float | None, deviation: float | None) -> str:
    if mean is None:
        return "undefined"
    return f"{mean:.4f}" if deviation is None else f"{mean:.4f} ± {deviation:.4f}"
