"""Figures with images: masks before and after (Fig. 12 of the paper), and the worst artifacts (Fig. 13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from monai_lungxfer.study.report.case_pictures import CasePictures
from monai_lungxfer.study.report.cases import Case
from monai_lungxfer.study.report.figures.style import FAINT, Drawing, new_figure, styled
from monai_lungxfer.study.report.formatting import finding_title

IMAGE_FIGURES = ("overlays", "artifacts")
"""Names of the figures that show images of patients."""

_OVERLAYS = 6
_ARTIFACTS = 3
_ROW = 2.7  # inches


@styled
def draw_overlays(cases: Sequence[Case], pictures: Mapping[int, CasePictures]) -> Drawing:
    """Draw cases from the lowest to the highest Dice with both masks."""
    positions = np.linspace(0, len(cases) - 1, min(_OVERLAYS, len(cases))).round().astype(int)
    shown = [cases[position] for position in positions]
    figure, panels = new_figure(-(-len(shown) // 3), 3, height=_ROW * -(-len(shown) // 3))
    for axes, case in zip(panels, shown, strict=False):
        _show(
            axes,
            pictures[case.number].both,
            f"{_name(case)}\nDice {case.before['DICE']:.3f} → {case.after['DICE']:.3f}",
        )
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    return Drawing(
        "overlays",
        "Masks before and after the portable stage",
        "Red: before. Blue: after. From the lowest to the highest Dice of the gallery. Compare the paper's Fig. 12.",
        "Radiographs with two contours of the lungs each: " + ", ".join(_name(case) for case in shown) + ".",
        figure,
    )


@styled
def draw_artifacts(cases: Sequence[Case], pictures: Mapping[int, CasePictures]) -> Drawing | None:
    """Draw the cases with most bridges and islands before the portable stage; None when there is none."""
    worst = sorted(cases, key=lambda case: -_artifacts(case.before))[:_ARTIFACTS]
    worst = [case for case in worst if _artifacts(case.before)]
    if not worst:
        return None
    figure, panels = new_figure(2, len(worst), height=2 * _ROW)
    for axes, case in zip(panels, worst, strict=False):
        _show(axes, pictures[case.number].before, f"{_name(case)}\nbefore: {_counted(case.before)}")
    for axes, case in zip(panels[len(worst) :], worst, strict=True):
        _show(axes, pictures[case.number].after, f"after: {_counted(case.after)}")
    return Drawing(
        "artifacts",
        "The worst artifacts, and what became of them",
        "Cases of the gallery with most bridges and islands before the portable stage. Compare the paper's Fig. 13.",
        " ".join(f"{_name(case)}: {_counted(case.before)} before, {_counted(case.after)} after." for case in worst),
        figure,
    )


def _show(axes: Axes, picture: Image.Image, title: str) -> None:
    axes.imshow(np.asarray(picture))
    axes.set_title(title, fontsize=7.5, fontweight="normal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(FAINT)


def _name(case: Case) -> str:
    return f"Case {case.number}, {finding_title(case.finding)}"


def _artifacts(metrics: Mapping[str, float]) -> int:
    return int(metrics["BRIDGES"] + metrics["ISLANDS"])


def _counted(metrics: Mapping[str, float]) -> str:
    bridges, islands = int(metrics["BRIDGES"]), int(metrics["ISLANDS"])
    return f"{bridges} bridge{'s' * (bridges != 1)}, {islands} island{'s' * (islands != 1)}"
