"""All images of a pool in the order in which they would be drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monai_lungxfer.selection.choice import ChoiceRules, choose, standardise
from monai_lungxfer.selection.duplicates import find_near_duplicates
from monai_lungxfer.selection.survey import SurveyedImage


def rank_images(images: Sequence[SurveyedImage], patients: Sequence[str]) -> list[int]:
    """Return the places of images in the order in which ``lungxfer select`` would choose them.

    Each patient gives one image, then each a second one, and so on. Near-duplicates of others come last.

    Parameters
    ----------
    images : sequence of SurveyedImage
        From `monai_lungxfer.selection.survey.survey_images`.
    patients : sequence of str
        Of each image.

    Returns
    -------
    list of int
        Each place once.
    """
    if not images:
        return []
    features = standardise(np.stack([image.features for image in images]))
    doubt = np.array([image.uncertainty for image in images])
    pairs = find_near_duplicates(np.stack([image.detail for image in images]))
    rules, groups = ChoiceRules(count=len(images)), [""] * len(images)
    order: list[int] = []
    for barred in ({pair.left_out for pair in pairs}, set()):
        while chosen := choose(features, doubt, patients, groups, rules, labelled=order, barred=barred):
            order += [choice.place for choice in chosen]
    return order
