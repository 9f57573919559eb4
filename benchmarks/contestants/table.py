"""Measurements as Markdown: what each contestant takes, and its ratio to the build before and to PyTorch."""

from __future__ import annotations

import re
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
DEFAULTS = ("onnx", "openvino")
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


def joined(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the results of several calls as one, with more rounds; the machine and the bounds are the first one's."""
    first = documents[0]
    versions, left_out = {}, {}
    measurements: list[dict[str, Any]] = []
    for document in documents:
        if document["machine"] != first["machine"]:
            raise SystemExit("the results are of two machines, so no ratio between them means anything")
        rounds = 1 + max((each["round"] for each in measurements), default=-1)
        measurements += [each | {"round": rounds + each["round"]} for each in document["measurements"]]
        versions |= document["versions"]
        left_out |= document["left_out"]
    measured = {each["name"] for each in measurements}
    return first | {
        "command": "`, then `".join(document["command"] for document in documents),
        "versions": versions,
        "left_out": {name: reason for name, reason in left_out.items() if name not in measured},
        "measurements": measurements,
    }


def answer(measurements: Sequence[dict[str, Any]]) -> str:
    """Return a table of the engine that is the default, the first one of them that was measured, against before."""
    lines = ["| prediction | this build | before | ratio | memory, ratio |", "|---|---:|---:|---:|---:|"]
    for task in ("dicom", "small", "native"):
        found = costs(measurements, task)
        name = next((each for each in DEFAULTS if each in found), None)
        if name is None or "before" not in found:
            continue
        middles = [statistics.median(cost[0] for cost in found[each].values()) for each in (name, "before")]
        to = [spread(ratios(found[name], found["before"], place), digits) for place, digits in ((0, 3), (2, 2))]
        lines.append(f"| {TITLES[task]} | {' | '.join([*(f'{middle:,.0f} ms' for middle in middles), *to])} |")
    return "\n".join(lines)


def setting(document: dict[str, Any]) -> str:
    """Return the machine, the versions, and who was left out, as Markdown."""
    machine = document["machine"]
    sets = ", ".join(machine["instruction_sets"])
    told = (
        f"{machine['processor']}, {machine['cores']} cores ({sets}), {machine['memory_gb']} GB; {machine['system']}, "
        f"Python {machine['python']}; `{document['command']}`"
    )
    lines = [told, ""]
    for name, found in document["versions"].items():
        lines.append(f"- {name}: {', '.join(f'{package} {version}' for package, version in found.items())}")
    lines += [f"- left out, {name}: {reason}" for name, reason in document["left_out"].items()]
    return "\n".join(lines)


def bounds(found: dict[str, Any]) -> str:
    """Return what bounds the speed as a table."""
    if "left_out" in found:
        return f"Not measured: {found['left_out']}"
    network = found["network"]
    size = " x ".join(map(str, network["size"]))
    rows = [(f"one pass of the network at {size} in PyTorch, ms", _milliseconds([network["seconds"]]))]
    for kind, speed in found["gflop_per_second"].items():
        rows.append((f"matrix product in {kind}, GFLOP/s", spread([speed[key] for key in ("least", "median", "most")])))
        least = 1000 * network["gflop"] / speed["median"]
        rows.append((f"{network['gflop']:.2f} GFLOP of one pass at that speed, ms", f"{least:.1f}"))
    for kind, files in found["decode"].items():
        rows.append((f"decoding, {kind}, ms, of {len(files)} files", _milliseconds(files)))
    head = ["| one thread | median (range) |", "|---|---:|"]
    return "\n".join([*head, *(f"| {name} | {value} |" for name, value in rows)])


def _milliseconds(times: Sequence[dict[str, float]]) -> str:
    medians = [1000 * time["median"] for time in times]
    if len(medians) > 1:
        return spread(medians, 1)
    return spread([1000 * times[0][key] for key in ("least", "median", "most")], 1)


def parts(document: dict[str, Any]) -> dict[str, str]:
    """Return the tables and the setting by their names, which are those of the marks in a page."""
    measurements = document["measurements"]
    tasks = [task for task in TITLES if any(each["task"] == task for each in measurements)]
    found = {"answer": answer(measurements)} | {task: table(measurements, task) for task in tasks}
    return found | {"bounds": bounds(document["bounds"]), "setting": setting(document)}


def filled(page: str, document: dict[str, Any]) -> str:
    """Return a page with the parts between their marks, ``<!-- NAME -->`` and ``<!-- /NAME -->``."""
    for name, text in parts(document).items():
        page = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda found, text=text: f"{found[1]}{text}\n{found[2]}",
            page,
            flags=re.DOTALL,
        )
    return page


def print_report(document: dict[str, Any]) -> None:
    """Print all tables, and what they belong to."""
    for name, text in parts(document).items():
        rounds = len({each["round"] for each in document["measurements"] if each["task"] == name})
        print(f"\n{TITLES[name]}; {rounds} rounds, median (range)\n\n{text}" if name in TITLES else f"\n{text}")
