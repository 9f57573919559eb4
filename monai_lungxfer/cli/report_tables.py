"""What ``lungxfer evaluate`` prints below the means: failures, calibration, and one table a field of ``--by``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

SMALL = 10
"""A group of fewer images is greyed out: its means say little."""


def report_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a report says of failed masks and of calibration, a line each."""
    failures, errors = report["failures"], report["calibration_error"]
    if failures["n"]:
        counts = f"{failures['failed']} of {failures['n']} images"
        share = f"% (95 % interval): {_share(failures)}"
        yield f"Failed (Dice of the mask below {failures['below']:.2f}): {counts}, {share}"
    if errors["border"] is not None:
        yield f"Calibration error: {errors['all']:.4f} over all pixels, {errors['border']:.4f} near the drawn border"


def group_tables(report: Mapping[str, Any]) -> Iterator[Table]:
    """Yield for each field that a report is grouped by a table with a row a group; small groups are greyed out."""
    from rich.table import Table

    unit = f", {report['distance_unit']}" if report["distance_unit"] else ""
    for field, groups in report["by"].items():
        table = Table(field, title=f"By {field}")
        for title in ("images", "DICE", "HD95" + unit, "failed, % (95 % interval)"):
            table.add_column(title, justify="right")
        for value, group in groups.items():
            small = group["images"] < SMALL
            images = f"(n={group['images']})" if small else str(group["images"])
            means = (_mean(group["metrics"].get(name), digits) for name, digits in (("DICE", 4), ("HD95", 1)))
            table.add_row(value, images, *means, _share(group["failures"]), style="dim" if small else None)
        yield table


def _mean(summary: Mapping[str, float | None] | None, digits: int) -> str:
    if summary is None or summary["mean"] is None:
        return "–"
    return f"{summary['mean']:.{digits}f}" + ("" if summary["std"] is None else f" ± {summary['std']:.{digits}f}")


def _share(failures: Mapping[str, Any]) -> str:
    if failures["share"] is None:
        return "–"
    share, low, high = (100 * failures[name] for name in ("share", "low", "high"))
    return f"{share:.1f} ({low:.1f} to {high:.1f})"
