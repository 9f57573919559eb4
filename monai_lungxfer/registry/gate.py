"""The promotion gate: a paired comparison of two models by their reports on images that neither has learnt from."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from monai_lungxfer.metrics.summary import is_report, same_reference
from monai_lungxfer.utils.errors import RegistryError
from monai_lungxfer.utils.json_files import load_json

logger = logging.getLogger(__name__)

METRIC = "DICE"
"""What models are compared by, see `monai_lungxfer.metrics.per_image`."""

REPORT_ARTIFACT = "report"
"""Name of the artifact that is the report; the file is called so too, with the suffix of JSON."""

MARGIN = 0.005
"""How much lower Dice may be without mattering: a little more than what docs/results/recipe.md calls no difference
(0.003). It is more than the portable stage gains there for the network that ships (0.0042 at most)."""

SIGNIFICANCE = 0.05
"""Greatest probability of passing a model that is worse by the margin."""

_SECTIONS = ("independent", "test")


def read_report(path: str | Path, weights_sha256: str) -> dict[str, Any]:
    """Read a report of a model on images that it has not learnt from.

    Parameters
    ----------
    path : str or pathlib.Path
        Written by ``lungxfer evaluate``, see `monai_lungxfer.handlers.image_table.ImageTable.write`.
    weights_sha256 : str
        SHA-256 of the weights that it must be of.

    Raises
    ------
    RegistryError
        When it is no such report, of another section, or of other weights.
    """
    remedy = "Give what lungxfer evaluate STAGE --weights WEIGHTS --section independent has written"
    try:
        report = load_json(path)
        measured, section = report["weights_sha256"], report["section"]
        unusable = not all(isinstance(row[METRIC], float | int) and row["image"] for row in report["rows"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RegistryError("is not a report of an evaluation", source=path, remedy=remedy) from error
    if unusable or not report["rows"]:
        raise RegistryError("has no images, or images that were not measured", source=path, remedy=remedy)
    if not is_report(report) or not isinstance(report.get("all", {}).get(METRIC, {}).get("mean"), float | int):
        raise RegistryError("is not a report of an evaluation", source=path, remedy=remedy)
    if section not in _SECTIONS:
        raise RegistryError(f"was made on the section {section!r}, which the model knows", source=path, remedy=remedy)
    if measured != weights_sha256:
        raise RegistryError(
            f"is of the weights {measured[:12]}, not of {weights_sha256[:12]}", source=path, remedy=remedy
        )
    return without_names(report)


def without_names(report: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the names of images, which may be those of patients, by one hash of all of them in their order.

    Where the report lies is left out as well.
    """
    names = "\n".join(row["image"] for row in report["rows"])
    rows = [{key: value for key, value in row.items() if key != "image"} for row in report["rows"]]
    kept = {key: value for key, value in report.items() if key != "report_file"}
    return {**kept, "rows": rows, "images_sha256": hashlib.sha256(names.encode()).hexdigest()}


def mean_metric(report: Mapping[str, Any]) -> float:
    """Return the mean of the metric that models are compared by."""
    return float(report["all"][METRIC]["mean"])


@dataclass(frozen=True)
class Comparison:
    """What a comparison found; differences are candidate minus champion.

    Attributes
    ----------
    images, pairs : int
        Images, and differences that were tested: one for each patient where the reports tell which images are of
        one patient, else one for each image.
    candidate, champion : float
        Mean Dice over the images.
    difference : float
        Mean of the tested differences.
    worst : float
        The lowest of them.
    p_value : float
        Probability of differences as good as these, if the candidate were worse by `MARGIN`.
    """

    images: int
    pairs: int
    candidate: float
    champion: float
    difference: float
    worst: float
    p_value: float

    @property
    def passes(self) -> bool:
        """Whether the candidate is not worse than the champion."""
        return self.p_value <= SIGNIFICANCE and self.difference >= -MARGIN

    def __str__(self) -> str:
        return (
            f"Dice of the candidate {self.candidate:.4f}, of the champion {self.champion:.4f} on {self.images} images; "
            f"mean difference {self.difference:+.4f}, lowest {self.worst:+.4f}; "
            f"p = {self.p_value:.2g} ({self.pairs} pairs) against the candidate's being worse by {MARGIN:g}"
        )


def compare(candidate: Mapping[str, Any], champion: Mapping[str, Any]) -> Comparison:
    """Test whether a candidate is not worse than the champion.

    A test for a difference would pass every candidate, however bad, if only the images are few enough. So it is the
    candidate that has to prove itself: a one-sided Wilcoxon signed-rank test must reject, at `SIGNIFICANCE`, that
    its paired differences of Dice lie around minus `MARGIN` or below (non-inferiority). Ranks, since Dice has a
    long tail to the left and no normal distribution; and because ranks hardly see a few images that fail
    altogether, the mean difference must not lie below that either. A model compared with itself passes, given five
    pairs.

    Parameters
    ----------
    candidate, champion : mapping
        As `read_report` returns them.

    Raises
    ------
    RegistryError
        When the reports are not of the same images, or of other masks.
    """
    for name, what in (("section", "sections"), ("split", "splits"), ("images_sha256", "images")):
        if candidate[name] != champion[name]:
            raise RegistryError(
                f"the two reports are of different {what} "
                f"({candidate[name][:12]} of the candidate, {champion[name][:12]} of the champion)",
                remedy="Measure both models on the same split, of which neither has learnt the independent half",
            )
    if not all(map(same_reference, candidate["rows"], champion["rows"])):
        raise RegistryError(
            "the two reports were measured against different masks of the same images",
            remedy="Measure both models again, on the same data set",
        )
    for model, report in (("candidate", candidate), ("champion", champion)):
        for one in report.get("learnt", ()):
            told = (model, one["images"], len(report["rows"]))
            logger.warning("The %s, or weights that it stems from, learnt from %d of the %d measured images", *told)
    differences = _paired(candidate["rows"], champion["rows"])
    shifted = differences + MARGIN
    return Comparison(
        images=len(candidate["rows"]),
        pairs=differences.size,
        candidate=mean_metric(candidate),
        champion=mean_metric(champion),
        difference=float(differences.mean()),
        worst=float(differences.min()),
        p_value=float(wilcoxon(shifted, alternative="greater").pvalue) if shifted.any() else 1.0,
    )


def _paired(candidate: list[Mapping[str, Any]], champion: list[Mapping[str, Any]]) -> NDArray[np.float64]:
    """Return the differences, averaged over the images of a patient, since these are not independent."""
    differences = np.array([own[METRIC] - other[METRIC] for own, other in zip(candidate, champion, strict=True)])
    patients = [row.get("patient", number) for number, row in enumerate(candidate)]
    _, groups = np.unique(patients, return_inverse=True)
    return np.bincount(groups, weights=differences) / np.bincount(groups)
