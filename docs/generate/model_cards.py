"""The model cards of the bundles, `bundles/*/docs/README.md`.

    python docs/generate/model_cards.py
    python docs/generate/model_cards.py --report REPORT.json --bundle portable --set "independent half of split 0"

A card is made of the bundle's `metadata.json`, weights, `docs/data_license.txt` and `docs/results.csv`, by a template
in `docs/generate/cards/`. Its head is what Hugging Face reads. `--report` first takes the figures of a report of
`lungxfer evaluate` into the results, in place of those of the same set.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import yaml

from monai_lungxfer.bundle.files import PAPER_WEIGHTS, WEIGHTS, bundle_metadata, bundles_root
from monai_lungxfer.bundle.stages import STAGES, Stage, stage_named
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.bundle_facts import CARD
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.sidecar import IMAGE_DIGITS, input_size, read_sidecar

__all__ = ["RESULTS", "Results", "report_rows", "write_card"]

RESULTS = Path("docs") / "results.csv"
COLUMNS = ("weights", "set", "group", "images", "metric", "mean", "sd", "low", "high")
ROOT = Path(__file__).resolve().parents[2]
_TEMPLATES = Path(__file__).resolve().parent / "cards"
_REPORTED = ("DICE", "DICE_HARD", "HD95", "ISLANDS", "BRIDGES")
_INDEXED = {"DICE_HARD": "Dice of the mask", "DICE": "Dice of predicted values", "HD95": "Hausdorff 95, pixels"}
_TAGS = ("medical", "radiology", "segmentation", "transfer-learning", "monai", "u-net")
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of batch normalisation; no parameters


class Results:
    """The figures of a bundle, each by its set of images, group and metric.

    Parameters
    ----------
    path : Path
        A CSV file with `COLUMNS`: ``weights`` are the first 12 digits of their SHA-256.
    """

    def __init__(self, path: Path) -> None:
        with path.open(newline="", encoding="utf-8") as file:
            self.rows = list(csv.DictReader(file))
        self._found = {(row["set"], row["group"], row["metric"]): row for row in self.rows}

    def row(self, images: str, group: str, metric: str) -> dict[str, str]:
        """Return a row; a KeyError says which one there is not."""
        return self._found[images, group, metric]

    def show(self, images: str, group: str, metric: str, digits: int = 4) -> str:
        """Return mean ± standard deviation, the mean alone, or a dash for a figure that was not measured."""
        if (images, group, metric) not in self._found:
            return "–"
        row = self.row(images, group, metric)
        return " ± ".join(f"{float(row[name]):.{digits}f}" for name in ("mean", "sd") if row[name])

    def percent(self, images: str, group: str) -> str:
        """Return the share of failures with its 95 % interval."""
        row = self.row(images, group, "FAILED")
        mean, *ends = (f"{100 * float(row[name]):.1f}" for name in ("mean", "low", "high") if row[name])
        return f"{mean} %" + (f" ({' to '.join(ends)})" if ends else "")

    def n(self, images: str, group: str = "all", metric: str = "DICE") -> int:
        """Return how many images a figure is of."""
        return int(self.row(images, group, metric)["images"])

    def counts(self, sets: Iterable[str], group: str, metric: str) -> str:
        """Return how many images the figures of several sets are of, in brackets; nothing where none is told."""
        found = [self._found.get((images, group, metric), {}).get("images") for images in sets]
        told = list(dict.fromkeys(filter(None, found)))
        return f" ({', '.join(told if len(told) == 1 else map(str, found))})" if told else ""

    def mean(self, *sets: str, metric: str = "DICE_HARD") -> float:
        """Return the mean over sets of images."""
        return statistics.mean(float(self.row(images, "all", metric)["mean"]) for images in sets)

    def index(self, weights: str, target: str) -> list[dict[str, Any]]:
        """Return the figures of weights over all images of each set, as Hugging Face reads them."""
        sets: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            if row["weights"] == weights and row["group"] == "all" and row["metric"] in _INDEXED:
                metric = {"type": row["metric"].lower(), "name": _INDEXED[row["metric"]], "value": float(row["mean"])}
                sets.setdefault(row["set"], []).append(metric)
        return [
            {
                "task": {"type": "image-segmentation"},
                "dataset": {"type": "held-out", "name": f"{target}, {name}"},
                "metrics": metrics,
            }
            for name, metrics in sets.items()
        ]


def report_rows(report: Mapping[str, Any], name: str) -> Iterator[dict[str, str]]:
    """Return the rows of a report of `lungxfer evaluate`, for a set of images of this name."""
    known = {"weights": report["weights_sha256"][:IMAGE_DIGITS], "set": name}
    groups = {"all": {"metrics": report["all"], "failures": report["failures"]}}
    for groups_of_field in report.get("by", {}).values():
        groups |= groups_of_field
    for group, measured in groups.items():
        for metric in _REPORTED:
            given = measured["metrics"][metric]
            figures = {"mean": f"{given['mean']:.6g}", "sd": f"{given['std']:.6g}"}
            yield {**known, "group": group, "images": str(given["n"]), "metric": metric, **figures}
        share = measured["failures"]
        figures = {"mean": f"{share['share']:.6g}", "low": f"{share['low']:.6g}", "high": f"{share['high']:.6g}"}
        yield {**known, "group": group, "images": str(share["n"]), "metric": "FAILED", **figures}


def take_report(bundle: Path, report: Path, name: str) -> None:
    """Put the figures of a report into a bundle's results, in place of those of the same set."""
    rows = [row for row in Results(bundle / RESULTS).rows if row["set"] != name]
    rows += report_rows(json.loads(report.read_text(encoding="utf-8")), name)
    with (bundle / RESULTS).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_card(stage: Stage) -> str:
    """Return the model card of a stage's bundle."""
    bundle = bundles_root() / stage.bundle
    metadata, results = bundle_metadata(bundle), Results(bundle / RESULTS)
    weights = {"model": bundle / WEIGHTS, "paper": bundle / PAPER_WEIGHTS}
    facts = {name: _weights_facts(path) for name, path in weights.items() if path.is_file()}
    shipped = facts["model"]["sha256"]  # alone, since Hugging Face reads all figures of a card as those of one model
    index = {"name": f"{stage.bundle} (SHA-256 {shipped})", "results": results.index(shipped, stage.target)}
    head = {
        "license": "other",
        "license_name": "apache-2.0-for-code-terms-of-the-data-for-weights",
        "license_link": "data_license.txt",
        "library_name": "monai",
        "pipeline_tag": "image-segmentation",
        "tags": [*_TAGS, "mri" if stage.parent is None else "chest-x-ray"],
        "model-index": [index],
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown of our own
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(f"{stage.name}.md.jinja").render(
        head=yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1000),
        stage=stage,
        parent=STAGES.get(stage.parent or ""),
        metadata=metadata,
        results=results,
        weights=facts,
        data_license=(bundle / "docs" / "data_license.txt").read_text(encoding="utf-8"),
        paper=_paper(),
    )


@cache
def _paper() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["preferred-citation"]


def _weights_facts(path: Path) -> dict[str, Any]:
    state = read_state_dict(path)
    parameters = sum(value.numel() for name, value in state.items() if not name.endswith(_STATISTICS))
    height, width = input_size(path)
    network = (read_sidecar(path).network or {})["_target_"].rpartition(".")[2]
    digest = hash_file(path)[:IMAGE_DIGITS]
    return {"sha256": digest, "parameters": f"{parameters:,}", "size": f"{height}×{width}", "network": network}


def main() -> None:
    """Write the cards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, help="a report of lungxfer evaluate")
    parser.add_argument("--bundle", choices=list(STAGES), help="whose results receive it")
    parser.add_argument("--set", help="the name of its set of images in the results")
    arguments = parser.parse_args()
    if arguments.report is not None:
        if not arguments.bundle or not arguments.set:
            parser.error("--report needs --bundle and --set")
        take_report(bundles_root() / stage_named(arguments.bundle).bundle, arguments.report, arguments.set)
    for stage in STAGES.values():
        path = bundles_root() / stage.bundle / CARD
        path.write_text(write_card(stage), encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
