"""Measurements as Markdown: what each contestant takes, and its ratio to the build before and to PyTorch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

TITLES = {
    "dicom": "Cold start: one DICOM file, whole process",
    "small": "A further image of about 512 pixels",
    "native": "A further image of native size",
    "start": "What a start consists of",
}
REFERENCES = ("before", "torch")
_HEAD = ("contestant", "processor, ms", *(f"÷ {name}" for name in REFERENCES), "wall, ms", "memory, MB", "÷ before")

Costs = dict[int, tuple[float, float, float]]
"""By round: milliseconds of the processor and of the clock, for the process or for a further image; memory in MB."""


def costs(measurements: Iterable[dict[str, Any]], task: str) -> dict[str, Costs]:
    """Return what each contestant took for a task, by its name."""
    runs: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for each in measurements:
        if each["task"] == task:
            runs.setdefault(each["name"], {}).setdefault(each["round"], []).append(each)
    return {
        name: {number: _cost(sorted(found, key=lambda run: run["files"])) for number, found in rounds.items()}
        for name, rounds in runs.items()
    }


def _cost(runs: Sequence[dict[str, Any]]) -> tuple[float, float, float]:
    """Return the cost of the only run, or of a further image by the longest run and the shortest."""
    first, last = runs[0], runs[-1]
    files = last["files"] - first["files"]
    taken = [1000 * (last[key] - first[key]) / files if files else 1000 * last[key] for key in ("processor", "wall")]
    return taken[0], taken[1], last["memory"]


def spread(values: Sequence[float], digits: int | None = None) -> str:
    """Format the median with the range."""
    if not values:
        return ""
    middle, least, most = (
        f"{value:.{digits}f}" if digits is not None else f"{value:,.0f}"
        for value in (statistics.median(values), min(values), max(values))
    )
    return f"{middle} ({least} to {most})"


def ratios(one: Costs, other: Costs, place: int) -> list[float]:
    """Return a contestant's cost over that of another, by round."""
    return [one[number][place] / other[number][place] for number in sorted(one.keys() & other.keys())]


def table(measurements: Iterable[dict[str, Any]], task: str) -> str:
    """Return the table of a task."""
    found = costs(measurements, task)
    lines = [f"| {' | '.join(_HEAD)} |", f"|---|{'---:|' * (len(_HEAD) - 1)}"]
    for name, taken in sorted(found.items(), key=lambda item: statistics.median(cost[0] for cost in item[1].values())):
        columns = list(zip(*taken.values(), strict=True))
        to = [spread(ratios(taken, found[other], 0), 3) if other in found else "" for other in REFERENCES]
        memory = spread(ratios(taken, found["before"], 2), 2) if "before" in found else ""
        cells = (name, spread(columns[0]), *to, spread(columns[1]), spread(columns[2]), memory)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def print_report(document: dict[str, Any]) -> None:
    """Print all tables, and what they belong to."""
    measurements = document["measurements"]
    rounds = len({each["round"] for each in measurements})
    for task, title in TITLES.items():
        if any(each["task"] == task for each in measurements):
            print(f"\n{title}; {rounds} rounds, median (range)\n\n{table(measurements, task)}")
    machine = document["machine"]
    sets = ", ".join(machine["instruction_sets"])
    print(
        f"\n{machine['processor']}, {machine['cores']} cores ({sets}), {machine['memory_gb']} GB; "
        f"{machine['system']}, Python {machine['python']}; {document['threads']} threads\n"
    )
    for name, found in document["versions"].items():
        print(f"- {name}: {', '.join(f'{package} {version}' for package, version in found.items())}")
    for name, reason in document["left_out"].items():
        print(f"- left out, {name}: {reason}")
    _print_bounds(document["bounds"])


def _print_bounds(bounds: dict[str, Any]) -> None:
    if "left_out" in bounds:
        print(f"- bounds not measured: {bounds['left_out']}")
        return
    network, taken = bounds["network"], bounds["network"]["seconds"]
    size = " x ".join(map(str, network["size"]))
    print(f"\nNetwork at {size}: {network['gflop']:.2f} GFLOP, {1000 * taken['median']:.1f} ms in PyTorch")
    for kind, speed in bounds["gflop_per_second"].items():
        least = 1000 * network["gflop"] / speed["median"]
        print(f"- matrix product, {kind}: {speed['median']:.0f} GFLOP/s, so {least:.1f} ms a pass at least")
    for kind, files in bounds["decode"].items():
        each = ", ".join(f"{1000 * file['median']:.1f}" for file in files)
        print(f"- decoding, {kind}: {each} ms")
