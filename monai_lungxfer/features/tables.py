"""The tables of the analysis: numbers for programs, and the same as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd

from monai_lungxfer.features.analysis import FeatureAnalysis
from monai_lungxfer.features.matching import DRIFTS
from monai_lungxfer.features.similarity import ALL_LAYERS, Row
from monai_lungxfer.features.summaries import average, concept_title, summarise_probes, summarise_similarity
from monai_lungxfer.study.report.table import Cell, Table, number_cell, word_cell

MOST_ABLATED = 40
"""Units of the table of units that were switched off."""


class Column(NamedTuple):
    """A column: its name in the rows, its heading, and decimals of a number."""

    name: str
    heading: str
    digits: int = 3


class TableLayout(NamedTuple):
    """A table without its rows: title, note and columns."""

    title: str
    note: str
    columns: tuple[Column, ...]


def feature_tables(analysis: FeatureAnalysis) -> list[Table]:
    """Return the tables of the report, the score of donors first."""
    tables = [
        make_table("scores", analysis.scores),
        make_table("similarity", summarise_similarity(analysis)),
        make_table("nearer", [row for row in analysis.nearer if row["deepest"] or row["layer"] == ALL_LAYERS]),
        make_table("matching", average(analysis.matched, ("domain", "first", "second"), _MATCHED)),
        make_table("drift", average(analysis.drifts, ("first", "second"), DRIFTS)),
        make_table("probes", summarise_probes(analysis)),
        make_table("detectors", _titled(analysis.detectors, analysis)),
        make_table("important_units", analysis.important),
        make_table("ablations", sorted(analysis.ablations, key=lambda row: -abs(row["drop"]))[:MOST_ABLATED]),
        make_table("object_units", [row for row in analysis.objects if row["chosen"]]),
        make_table("patches", average(analysis.patches, ("network", "first", "second"), _NEAR)),
    ]
    return [table for table in tables if len(table.numbers)]


def _titled(rows: Sequence[Row], analysis: FeatureAnalysis) -> list[Row]:
    return [row | {"concept": concept_title(row["concept"], analysis.domains)} for row in rows]


def make_table(name: str, rows: Sequence[Row]) -> Table:
    """Return a table of the report with these rows."""
    title, note, columns = _LAYOUTS[name]
    numbers = pd.DataFrame(list(rows), columns=[column.name for column in columns])
    cells = [tuple(_cell(row.get(column.name), column) for column in columns) for row in rows]
    return Table(name, title, note, tuple(column.heading for column in columns), cells, numbers)


def _cell(value: Any, column: Column) -> Cell:
    if isinstance(value, str):
        return word_cell(value)
    return number_cell(float("nan") if value is None else float(value), column.digits)


_MATCHED = ("units", "matched", "own", "stayed", "shuffled")
_NEAR = ("patches", "across", "within", "mutual", "brightness", "contrast")
_PAIR = (Column("domain", "Images"), Column("first", "First"), Column("second", "Second"))
_PLACE = (Column("network", "Network"), Column("first", "In"), Column("second", "And in"))


_LAYOUTS: Mapping[str, TableLayout] = MappingProxyType(
    {
        "scores": TableLayout(
            "Score of each network as a donor, before any training",
            "The mean of its parts: 0 is what random features bring, 1 the best that there could be. Readable: "
            "the target is read off the layers. Common: probes from another domain work here. Alike, reused: "
            "layers and units as in the network that donors are compared with (--reference). A network that has "
            "learnt the domain scores high for that reason. The score orders donors; it does not predict Dice."
            " From, to: 95 % interval by patient of the probes; alike and reused are not drawn again.",
            (
                *(Column("domain", "For"), Column("network", "Donor"), Column("score", "Score")),
                *(Column("low", "From"), Column("high", "To")),
                *(Column(name, name.capitalize()) for name in ("readable", "common", "alike", "reused")),
            ),
        ),
        "similarity": TableLayout(
            "How alike the layers of two networks are (CKA)",
            "Unbiased linear CKA of layers of the same name: 0 is unrelated, 1 is equal up to rotation and scale."
            " All numbers are means over layers, also the ends of the 95 % intervals. Random: the mean CKA of the"
            " two networks with the random one; above it, the likeness has been learnt. Shuffled: the 97.5th "
            "percentile where images are paired at random. Without layers of the same name, the most alike layer "
            "of the second counts. cka.csv has every two layers.",
            (
                *(
                    *_PAIR,
                    Column("layers", "Layers", 0),
                    Column("cka", "CKA"),
                    Column("low", "From"),
                    Column("high", "To"),
                ),
                *(Column("random", "Random"), Column("shuffled", "Shuffled"), Column("images", "n", 0)),
            ),
        ),
        "nearer": TableLayout(
            "Is a network more like one before it than like the random one?",
            "CKA of the same layer of two networks, and of the second with the random network; nearer: the difference,"
            " with its 95 % interval by patient. Above 0, the second has more of the first than of random features. A"
            " network that started from the first is near to it for that reason. The bottleneck, and the mean of all"
            " layers; nearer_layers.csv has each.",
            (
                *_PAIR,
                *(Column("layer", "Layer"), Column("cka", "CKA"), Column("random", "With random")),
                *(Column("nearer", "Nearer"), Column("low", "From"), Column("high", "To")),
            ),
        ),
        "matching": TableLayout(
            "Filter reuse: the best matching of units before and after",
            "Each unit of the first network gets one of the second, so that the sum of their similarities is the "
            "largest. Without images: the cosine of their weights; with images: the correlation of their "
            "responses. Own: similarity of units with the same number; stayed: the share that is matched with it."
            " Shuffled: the matched similarity after weights or images were shuffled. Means over layers; "
            "matching_layers.csv has each.",
            (
                *(*_PAIR, Column("layers", "Layers", 0), Column("matched", "Matched"), Column("own", "Own")),
                *(Column("stayed", "Stayed"), Column("shuffled", "Shuffled")),
            ),
        ),
        "drift": TableLayout(
            "How far the weights have gone",
            "Distance of the second network's weights from the first's, relative to their length: 0 is unchanged."
            " Scale, shift, mean and variance are of batch norms. Means over layers; drift_layers.csv has each.",
            (*_PAIR[1:], *(Column(name, name.removesuffix("_drift").capitalize()) for name in DRIFTS)),
        ),
        "probes": TableLayout(
            "What can be read off the layers by a linear probe",
            "Area under the ROC curve of pixels: 0.5 is chance, 1 perfect. Mean over layers with the mean ends of"
            " the 95 % intervals by patient; the best layer; the mean of the random network. Within one domain, "
            "the probe saw no patient that it is tested on. From one domain in another: near the value within, "
            "the feature is common. Edge direction: along the columns or the rows. probe_layers.csv has each "
            "layer.",
            (
                *(Column("network", "Network"), Column("concept", "Concept"), Column("trained", "Learnt on")),
                *(Column("tested", "Tested on"), Column("auc", "AUC"), Column("low", "From"), Column("high", "To")),
                *(Column("best", "Best"), Column("best_layer", "Best layer"), Column("random", "Random")),
            ),
        ),
        "detectors": TableLayout(
            "Units that find a concept in both domains",
            "A unit finds a concept when the overlap (IoU) of its most active cells with it is at least twice "
            "that of chance. By chance: how many would do so in both, if one had nothing to do with the other. "
            "Correlation: Spearman's, of the overlaps of all units. units.csv has each.",
            (
                *(_PLACE[0], Column("concept", "Concept"), *_PLACE[1:], Column("units", "Units", 0)),
                *(Column("in_first", "In the first", 0), Column("in_second", "In the second", 0)),
                *(Column("in_both", "In both", 0), Column("by_chance", "By chance", 1)),
                Column("correlation", "Correlation"),
            ),
        ),
        "important_units": TableLayout(
            "Do the same units matter for the masks of both domains?",
            "The twentieth of all units with the largest estimated effect on Dice counts as those that matter. "
            "Overlap: those in both over those in either; by chance: of as many units drawn at random. "
            "Correlation: Spearman's, of the estimates of all units.",
            (
                *(
                    *_PLACE,
                    Column("top", "Matter in each", 0),
                    Column("shared", "In both", 0),
                    Column("jaccard", "Overlap"),
                ),
                *(Column("chance", "By chance"), Column("correlation", "Correlation")),
            ),
        ),
        "ablations": TableLayout(
            "Single units switched off: the largest changes of Dice",
            "Loss: soft Dice of the whole network less that without the unit, on the first images of each domain;"
            " below 0, the mask is better without. Estimate: by the gradient, for all units alike. A network that"
            " has not learnt a domain has little to lose there.",
            (
                *(
                    Column("network", "Network"),
                    Column("domain", "Images"),
                    Column("layer", "Layer"),
                    Column("unit", "Unit", 0),
                ),
                *(Column("dice", "Dice", 4), Column("drop", "Loss", 4), Column("estimate", "Estimate", 4)),
            ),
        ),
        "object_units": TableLayout(
            "Units that respond most to drawn objects",
            "Response: by how much a unit's mean activation under a drawn tube and electrodes rises above that without"
            " them, in standard deviations of the unit, with a 95 % interval by patient. Below 0, it falls. Loss: Dice"
            " of the whole network less that without the unit, on images without drawn objects; near 0, the mask does"
            " not need the unit. Two units of each network and domain; object_layers.csv has the first of each layer,"
            " units.csv all. Compare with the random network.",
            (
                *(Column("network", "Network"), Column("domain", "Images"), Column("layer", "Layer")),
                *(Column("unit", "Unit", 0), Column("response", "Response", 2), Column("low", "From", 2)),
                *(Column("high", "To", 2), Column("drop", "Loss", 4), Column("patients", "Patients", 0)),
            ),
        ),
        "patches": TableLayout(
            "Nearest patches across domains by deep features",
            "Cosine of each patch's features with those of the nearest patch of the other domain (across), and of"
            " another patient of its own (within). Mutual: the share of patches that are their nearest one's "
            "nearest. Brightness, contrast: their correlation between a patch and its nearest; 0 is chance. Means"
            " over layers; patch_layers.csv has each. Compare Fig. 5 of the paper.",
            (
                *(_PLACE[0], Column("first", "Patches of"), Column("second", "Nearest in"), Column("patches", "n", 0)),
                *(Column("across", "Across"), Column("within", "Within"), Column("mutual", "Mutual")),
                *(Column("brightness", "Brightness"), Column("contrast", "Contrast")),
            ),
        ),
    }
)
