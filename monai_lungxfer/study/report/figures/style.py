"""How every figure looks, and how it is written: SVG for print and screens, PNG for everything else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO, StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from monai_lungxfer.utils.files import atomic_path

# Okabe and Ito's colours, told apart by every kind of colour vision. Vermilion is before, blue is after.
VERMILION, BLUE, GREEN, PURPLE = "#D55E00", "#0072B2", "#009E73", "#CC79A7"
INK, FAINT, RULE = "#22262b", "#6b7280", "#d9dce1"

WIDTH = 6.9  # inches: across a page
STYLE: Any = MappingProxyType(
    {
        "font.family": "DejaVu Sans",
        "font.size": 8,
        "axes.titlesize": 8.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 8,
        "axes.labelcolor": INK,
        "axes.edgecolor": FAINT,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "text.color": INK,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "grid.color": RULE,
        "grid.linewidth": 0.5,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "lines.linewidth": 1.5,
        "svg.fonttype": "none",  # text stays text
        "figure.constrained_layout.use": True,
    }
)


_DOTS_PER_INCH = 300

styled = mpl.rc_context(dict(STYLE))
"""Decorator of functions that draw."""


@dataclass(frozen=True)
class Drawing:
    """A figure with its words: a title of one line, and a caption that says what is drawn.

    `name` is that of its files without the ending, and `alt` what is seen, for those who do not see it.
    """

    SUFFIXES: ClassVar = ("svg", "png")

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure

    @cached_property
    def svg(self) -> str:
        """The picture as SVG with a transparent ground; the same numbers give the same text."""
        with mpl.rc_context({**STYLE, "svg.hashsalt": self.name}):
            buffer = StringIO()
            self.figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        return buffer.getvalue()

    @styled
    def png(self) -> bytes:
        """Return the picture as PNG on white."""
        buffer = BytesIO()
        self.figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH, facecolor="white")
        return buffer.getvalue()

    def write(self, folder: str | Path) -> None:
        """Write NAME.svg and NAME.png, each all or nothing."""
        for suffix, content in zip(self.SUFFIXES, (self.svg.encode(), self.png()), strict=True):
            with atomic_path(Path(folder) / f"{self.name}.{suffix}") as temporary:
                temporary.write_bytes(content)


def new_figure(rows: int, columns: int = 1, *, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    """Make a figure across a page, `height` inches high, with its axes row by row, see `Figure.subplots`."""
    figure = Figure(figsize=(WIDTH, height))
    return figure, list(figure.subplots(rows, columns, squeeze=False, **options).flat)


def tidy(axes: Axes, grid: str = "y") -> None:
    """Draw the grid of one axis, and no tick marks."""
    axes.grid(axis=grid)  # type: ignore[arg-type]
    axes.tick_params(length=0)
