"""The tables of the analysis: numbers for programs, and the same as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from monai_lungxfer.features.similarity import Row
from monai_lungxfer.study.report.table import Cell, Table, number_cell, word_cell

DIGITS = 3


class Column(NamedTuple):
    """A column: its name in the rows, its heading, and decimals of a number."""

    name: str
    heading: str
    digits: int = DIGITS


PAIR = (Column("domain", "Images"), Column("first", "First"), Column("second", "Second"))


def make_table(name: str, title: str, note: str, columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    """Return a table of rows, by columns."""
    numbers = pd.DataFrame(list(rows), columns=[column.name for column in columns])
    cells = [tuple(_cell(row.get(column.name), column) for column in columns) for row in rows]
    return Table(name, title, note, tuple(column.heading for column in columns), cells, numbers)


def _cell(value: Any, column: Column) -> Cell:
    if value is None or isinstance(value, str):
        return word_cell(value or "")
    return number_cell(float(value), column.digits)


def similarity_table(rows: Sequence[Row]) -> Table:
    """Return the mean CKA of layers with the same name, for each two networks; see `summarise_similarity`."""
    return make_table(
        "similarity",
        "How alike the layers of two networks are (CKA)",
        "Unbiased linear CKA of layers of the same name: 0 is unrelated, 1 is equal up to rotation and scale. All "
        "numbers are means over layers, also the ends of the 95 % intervals. Random: the mean CKA of the two networks "
        "with the random one; above it, the likeness has been learnt. Shuffled: the 97.5th percentile where images are "
        "paired at random. Without layers of the same name, the most alike layer of the second counts.",
        (
            *PAIR,
            Column("layers", "Layers", 0),
            Column("cka", "CKA"),
            Column("low", "95 % from"),
            Column("high", "to"),
            Column("random", "Random"),
            Column("shuffled", "Shuffled"),
            Column("images", "Images compared", 0),
        ),
        rows,
    )


def matching_table(rows: Sequence[Row]) -> Table:
    """Return how units are matched, layer by layer."""
    return make_table(
        "matching",
        "Filter reuse: the best matching of units before and after",
        "Each unit of the first network gets one of the second, so that the sum of their similarities is the largest. "
        "Without images: the cosine of their weights; with images: the correlation of their responses. Own: similarity "
        "of units with the same number; stayed: the share that is matched with it. Shuffled: the matched similarity "
        "after weights or images were shuffled.",
        (
            *PAIR,
            Column("layer", "Layer"),
            Column("units", "Units", 0),
            Column("matched", "Matched"),
            Column("own", "Own"),
            Column("stayed", "Stayed"),
            Column("shuffled", "Shuffled"),
        ),
        rows,
    )


def drift_table(rows: Sequence[Row]) -> Table:
    """Return how far weights and batch norms have gone, layer by layer."""
    return make_table(
        "drift",
        "How far each layer has gone",
        "Distance of the second network's weights from the first's, relative to their length: 0 is unchanged. Scale, "
        "shift, mean and variance are of batch norms.",
        (
            *PAIR[1:],
            Column("layer", "Layer"),
            Column("weight_drift", "Weights"),
            Column("bias_drift", "Bias"),
            Column("scale_drift", "Scale"),
            Column("shift_drift", "Shift"),
            Column("mean_drift", "Mean"),
            Column("variance_drift", "Variance"),
        ),
        rows,
    )


def summarise_similarity(rows: Sequence[Row], baseline: str) -> list[Row]:
    """Return the mean CKA over layers for each two networks and domain, and that with the random network."""
    table = pd.DataFrame(list(rows))
    table = table[table["first"] != table["second"]]
    found: list[Row] = []
    for (domain, first, second), group in table.groupby(["domain", "first", "second"], sort=False):
        layers = pair_layers(group)
        means = {name: float(layers[name].mean()) for name in ("cka", "low", "high", "shuffled")}
        told = {"domain": domain, "first": first, "second": second, "layers": len(layers)}
        found.append(told | means | {"images": int(group.images.iloc[0])})
    by_pair = {(row["domain"], frozenset((row["first"], row["second"]))): row["cka"] for row in found}
    for row in found:
        both = [by_pair.get((row["domain"], frozenset((row[side], baseline)))) for side in ("first", "second")]
        known = [value for value in both if value is not None]
        row["random"] = sum(known) / len(known) if baseline not in (row["first"], row["second"]) else None
    return found


def pair_layers(group: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of layers with the same name, or else, for each layer of the first, of the most alike one."""
    same = group[group.first_layer == group.second_layer]
    if len(same):
        return same
    known = group.dropna(subset=["cka"])
    return known.loc[known.groupby("first_layer", sort=False).cka.idxmax()]


def counted(rows: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """Return the different values of a column, in their order."""
    return list(dict.fromkeys(row[name] for row in rows))
