"""Everything that was found out about networks and domains, as rows for tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from monai_lungxfer.features.collect import CollectedFeatures
from monai_lungxfer.features.common_units import compare_important, count_detectors, list_ablations, list_units
from monai_lungxfer.features.concepts import UNIFORM
from monai_lungxfer.features.images import ImageSet
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.features.object_units import choose_object_units, list_object_units
from monai_lungxfer.features.patches import Patches, compare_patches
from monai_lungxfer.features.probes import ProbedPixels, probe_network
from monai_lungxfer.features.score import score_donors
from monai_lungxfer.features.similarity import (
    Files,
    Row,
    compare_filters,
    compare_layers,
    compare_units,
    compare_weights,
    compare_with_random,
)
from monai_lungxfer.features.store import load_collection
from monai_lungxfer.features.units import Unit, UnitEffects
from monai_lungxfer.utils.csv_tables import write_rows
from monai_lungxfer.utils.errors import LungXferError

Effects = Mapping[str, Mapping[str, UnitEffects]]
"""What units do, by the labels of network and domain."""


@dataclass(frozen=True)
class FeatureAnalysis:
    """What was found.

    Attributes
    ----------
    networks : tuple of str
        Labels, in the order in which they were named.
    baseline, reference : str
        Labels of the random network, and of the one that donors are scored with, if there is one.
    domains : tuple of ImageSet
        The images.
    layers, nearer, matched, drifts, probes, patches, detectors, important, ablations, objects, scores : tuple of dict
        Rows of `compare_layers`, `compare_with_random`, `compare_filters` with `compare_units`, `compare_weights`,
        `probe_network`, `compare_patches`, `count_detectors`, `compare_important`, `list_ablations`,
        `list_object_units`, and `score_donors`.
    """

    networks: tuple[str, ...]
    baseline: str
    reference: str | None
    domains: tuple[ImageSet, ...]
    layers: tuple[Row, ...]
    nearer: tuple[Row, ...]
    matched: tuple[Row, ...]
    drifts: tuple[Row, ...]
    probes: tuple[Row, ...]
    patches: tuple[Row, ...]
    detectors: tuple[Row, ...]
    important: tuple[Row, ...]
    ablations: tuple[Row, ...]
    objects: tuple[Row, ...]
    scores: tuple[Row, ...]

    def stages(self) -> list[tuple[str, str]]:
        """Return each network that has learnt with the next one that was named."""
        learnt = [label for label in self.networks if label != self.baseline]
        return list(pairwise(learnt))

    def write_layers(self, folder: Path) -> None:
        """Write the numbers of every layer as CSV files."""
        for name, rows in {
            "cka": self.layers,
            "nearer_layers": self.nearer,
            "matching_layers": self.matched,
            "drift_layers": self.drifts,
            "probe_layers": self.probes,
            "patch_layers": self.patches,
            "object_layers": self.objects,
        }.items():
            told = [{column: value for column, value in row.items() if column != "drawn"} for row in rows]
            write_rows(folder / f"{name}.csv", list(told[0]) if told else [], told)


def analyse(
    networks: Sequence[ComparedNetwork],
    domains: Sequence[ImageSet],
    files: Files,
    effects: Effects,
    *,
    seed: int,
    reference: str | None,
    folder: Path,
) -> FeatureAnalysis:
    """Compare what was collected; the table of all units is written at once, since it is long.

    Raises
    ------
    LungXferError
        When there is no network labelled `reference`.
    """
    labels = tuple(network.label for network in networks)
    baseline = next(network.label for network in networks if network.weights is None)
    probes: list[Row] = []
    patches: list[Row] = []
    detectors: list[Row] = []
    objects: list[Row] = []
    units: list[Row] = []
    patients = {domain.name: domain.patients for domain in domains}
    for label in labels:
        kept = {domain.name: load_whole(files[label, domain.name]) for domain in domains}
        probes += [{"network": label, **row} for row in probe_network(_probed(kept, domains))]
        patches += [{"network": label, **row} for row in compare_patches(_patches(kept, domains))]
        detectors += count_detectors(label, kept)
        objects += list_object_units(label, kept, patients, effects[label])
        units += list_units(label, kept, effects[label])
    write_rows(folder / "units.csv", list(units[0]), units)
    layers = tuple(compare_layers(networks, domains, files, seed))
    responses = tuple(compare_units(networks, domains, files))
    return FeatureAnalysis(
        labels,
        baseline,
        reference,
        tuple(domains),
        layers,
        tuple(compare_with_random(networks, domains, files, seed)),
        (*compare_filters(networks), *responses),
        tuple(compare_weights(networks)),
        tuple(probes),
        tuple(patches),
        tuple(detectors),
        tuple(row for label in labels for row in compare_important(label, effects[label])),
        tuple(row for label in labels for row in list_ablations(label, effects[label])),
        tuple(objects),
        tuple(score_donors(labels, baseline, probes, layers, responses, reference)),
    )


def list_chosen(files: Mapping[str, Path], domains: Sequence[ImageSet]) -> list[Unit]:
    """Return the units of a network that respond most to objects, in any domain."""
    found = [choose_object_units(load_whole(files[domain.name]), domain.patients) for domain in domains]
    return list(dict.fromkeys(unit for units in found for unit in units))


def choose_reference(labels: Sequence[str], wanted: str | None, usual: str = "scratch") -> str | None:
    """Return the label of the network that donors are compared with: the one that is wanted, else ``scratch``, if any.

    Raises
    ------
    LungXferError
        When no network has the label that is wanted.
    """
    if wanted is not None and wanted not in labels:
        raise LungXferError(f"no weights are labelled {wanted!r}", remedy=f"Use one of {', '.join(labels)}")
    return wanted or (usual if usual in labels else None)


def load_whole(path: Path) -> CollectedFeatures:
    """Return what a pass has kept; LungXferError is raised when the file has gone."""
    kept = load_collection(path)
    if kept is None:
        raise LungXferError("has gone while it was needed", source=path, remedy="Run the same command again")
    return kept


def _probed(kept: Mapping[str, CollectedFeatures], domains: Sequence[ImageSet]) -> dict[str, ProbedPixels]:
    found = {}
    for domain in domains:
        one = kept[domain.name]
        found[domain.name] = ProbedPixels(one.pixels, one.labels, domain.patients[: len(one.labels)])
    return found


def _patches(kept: Mapping[str, CollectedFeatures], domains: Sequence[ImageSet]) -> dict[str, Patches]:
    found = {}
    for domain in domains:
        one = kept[domain.name]
        pixels = {layer: values[:, UNIFORM] for layer, values in one.pixels.items()}
        found[domain.name] = Patches(pixels, one.traits[:, UNIFORM], domain.patients[: len(one.labels)])
    return found
