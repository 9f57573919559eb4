"""What ``lungxfer evaluate`` prints: means, failures, calibration, and one table a field of ``--by``."""

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
        share, low, high = (f"{100 * failures[name]:.1f}" for name in ("share", "low", "high"))
        interval = f"{share} % (95 % interval {low} to {high})"
        yield f"Failed (Dice of the mask below {failures['below']:.2f}): {counts}, {interval}"
    yield from _agreement_lines(report.get("against"))
    if errors["border"] is not None:
        yield f"Calibration error: {errors['all']:.4f} over all pixels, {errors['border']:.4f} near the drawn border"


def _agreement_lines(found: Mapping[str, Any] | None) -> Iterator[str]:
    if found is None or found["ceiling"] is None:
        return
    who = "a second reader" if found["readers"] == 1 else f"{found['readers']} readers, combined by STAPLE"
    yield (
        f"Readers agree with {who}: Dice {found['ceiling']:.4f}, the network {found['network']:.4f} "
        f"({found['difference']:+.4f}) on the same {found['images']} images"
    )


def group_tables(report: Mapping[str, Any]) -> Iterator[Table]:
    """Yield for each field that a report is grouped by a table with a row a group; small groups are greyed out."""
    from rich.table import Table

    unit = f", {report['distance_unit']}" if report["distance_unit"] else ""
    for field, groups in report["by"].items():
        table = Table(field, title=f"By {field}")
        columns = {"DICE": 4, "HD95": 1} | ({"DICE_READERS": 4} if report.get("against") else {})
        titles = (name + (unit if name == "HD95" else "") for name in columns)
        for title in ("images", *titles, "failed, % (95 % interval)"):
            table.add_column(title, justify="right")
        for value, group in groups.items():
            small = group["images"] < SMALL
            images = f"(n={group['images']})" if small else str(group["images"])
            means = (_mean(group["metrics"].get(name), digits) for name, digits in columns.items())
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


def metrics_table(title: str, reports: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a row a metric and a column a report; a mean that leaves images out says so."""
    from rich.table import Table

    from monai_lungxfer.metrics.per_image import LENGTHS

    table = Table("metric", *reports, title=title)
    first = next(iter(reports.values()))
    for name in first["all"]:
        unit = f", {first['distance_unit']}" if name in LENGTHS and first["distance_unit"] else ""
        table.add_row(
            name + unit, *(_mean_and_spread(report["all"][name], report["images"]) for report in reports.values())
        )
    return table


def _mean_and_spread(summary: dict[str, float | None], images: int) -> str:
    if summary["mean"] is None:
        return f"undefined (n = 0 of {images})"
    spread = "" if summary["std"] is None else f" ± {summary['std']:.4f}"
    left_out = "" if summary["n"] == images else f" (n = {summary['n']} of {images})"
    return f"{summary['mean']:.4f}{spread}{left_out}"
