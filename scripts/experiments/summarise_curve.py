"""Write figure, tables and verdict of docs/results/learning_curve.md from a study with `training_images`.

    python scripts/experiments/summarise_curve.py STUDY docs/results/learning_curve

The folder gets curve.png, and curve.csv and curve_fit.csv with all digits. In the page next to it, what stands between
the marks `<!-- verdict -->`, `<!-- tables -->`, `<!-- plan -->` and their ends is replaced, so that the page tells of
the study that was run. The study may still be running.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.curve import ENOUGH
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.analysis.statistics import over_repetitions
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.study.report.curve_tables import curve_tables, curve_title
from monai_lungxfer.study.report.figures.curve import draw_curve
from monai_lungxfer.utils.csv_tables import as_text_cell
from monai_lungxfer.utils.files import write_text

HIDDEN = ("data", "out", "experiment", "stages")


def main() -> None:
    """Read the study, and write what the page shows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    analysis = Analysis(StudyResults.read(given.study))
    if analysis.curve.empty:
        parser.error("no repetition has finished a number of images of an arm together with all images")
    given.folder.mkdir(parents=True, exist_ok=True)
    tables = curve_tables(analysis)
    for table in tables:
        write_text(given.folder / f"{table.name}.csv", table.numbers.map(as_text_cell).to_csv(index=False))
    drawing = draw_curve(analysis)
    (given.folder / "curve.png").write_bytes(drawing.png())
    picture = f"![{drawing.alt}]({given.folder.name}/curve.png)\n\n{drawing.caption}"
    page = given.folder.with_suffix(".md")
    text = replace_between(page.read_text(encoding="utf-8"), "verdict", "\n".join(state_verdict(analysis)))
    text = replace_between(text, "tables", "\n".join([picture, "", *(one.markdown() for one in tables)]))
    write_text(page, replace_between(text, "plan", show_plan(analysis.results)))


def replace_between(text: str, mark: str, content: str) -> str:
    """Replace what stands between a mark and its end."""
    return re.sub(
        rf"<!-- {mark} -->.*<!-- end of {mark} -->",
        lambda _: f"<!-- {mark} -->\n\n{content.strip()}\n\n<!-- end of {mark} -->",
        text,
        flags=re.DOTALL,
    )


def show_plan(results: StudyResults) -> str:
    """Return what differs from a plan's defaults, without its paths, as YAML."""
    plan = results.plan.model_dump(mode="json")
    default = StudyPlan(data=results.plan.data, out=results.plan.out).model_dump(mode="json")
    told: dict[str, Any] = {"data": "DATA", "out": "STUDY"}
    told |= {name: plan[name] for name in plan if plan[name] != default[name] and name not in HIDDEN}
    stage, usual = plan["stages"]["portable"], default["stages"]["portable"]
    told["stages"] = {"portable": {name: stage[name] for name in stage if stage[name] != usual[name]}}
    return f"```yaml\n{yaml.safe_dump(told, sort_keys=False, default_flow_style=None, width=100)}```"


def state_verdict(analysis: Analysis) -> Iterator[str]:
    """Return a line for each arm, and how much of the study is in it."""
    dice = analysis.curve[analysis.curve.metric == "DICE_HARD"]
    for _, rows in dice.groupby(["arm", "choice"], sort=False):
        lines = rows.to_dict("records")
        fits = analysis.curve_fits
        fit = fits[(fits.arm == lines[0]["arm"]) & (fits.choice == lines[0]["choice"])] if len(fits) else fits
        yield f"- **{curve_title(analysis, lines[0])}: {_reached(lines, fit)}**{_around(lines)}"
    before = over_repetitions(analysis.results.before(), "DICE_HARD")[0]
    yield f"- At their own size of input, the general weights reach {before:.3f} without any portable image."
    counts = dice.groupby("arm", sort=False).repetitions.first()
    finished = ", ".join(f"{count} in “{analysis.results.arm_title(str(arm))}”" for arm, count in counts.items())
    yield f"\nRepetitions with all numbers of images that are shown, of {analysis.results.planned} planned: {finished}."


def _reached(lines: list[dict[Any, Any]], fit: Any) -> str:
    whole = f"all {lines[-1]['images_trained']:.0f}"
    if not len(fit):
        return f"too few numbers of images are finished to compare with {whole}."
    enough = float(fit.enough.iloc[0])
    if math.isnan(enough):
        return f"no smaller number comes within {ENOUGH} Dice of {whole} images."
    return f"{enough:.0f} images come within {ENOUGH} Dice of {whole}."


def _around(lines: list[dict[Any, Any]]) -> str:
    return " Dice of masks: " + ", ".join(f"{row['mean']:.3f} with {row['images_trained']:.0f}" for row in lines) + "."


if __name__ == "__main__":
    main()
