"""How unsure the network is of an image: how far its answers differ when the image is turned and its greys are bent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from monailabel.interfaces.tasks.scoring import ScoringMethod
from monailabel.tasks.activelearning.epistemic import Epistemic
from numpy.typing import NDArray
from scipy import ndimage

from monai_lungxfer.inference.review.marks import MARKS_NAME, read_marks
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.serving.label.infer import RadiographInfer, read_image
from monai_lungxfer.utils.errors import LungXferError

SCORE = "uncertainty"
"""Key of the score in the information of an image, and name of the method and of the strategy that goes by it."""

_ANGLES = (-8.0, 8.0)  # degrees; trainings turn by up to 10
_GAMMAS = (0.7, 1.4)
_LEAST_SHARE = 0.05  # of the image: fewer pixels of lung do not make the score explode


def measure_uncertainty(segmenter: Segmenter, radiograph: Radiograph) -> float:
    """Return the entropy of the mean probability over variants of an image, in bits, for each pixel of lung.

    No network here has dropout that samples could be drawn from. The variants are the image, the image turned to
    either side, and with two other gradations. Where the answers agree and are sure, the entropy is 0.
    """
    pixels = radiograph.pixels
    lowest, highest = float(pixels.min()), float(pixels.max())
    unit = (pixels - lowest) / max(highest - lowest, 1e-6)
    variants = [pixels, *(unit**gamma for gamma in _GAMMAS), *(_turned(pixels, angle) for angle in _ANGLES)]
    found = segmenter.segment_many(replace(radiograph, pixels=np.asarray(variant, np.float32)) for variant in variants)
    answers = [each.probability for each in found]
    turned_back = [_turned(answer, -angle) for answer, angle in zip(answers[-2:], _ANGLES, strict=True)]
    mean = np.clip(np.mean([*answers[:-2], *turned_back], axis=0), 1e-6, 1 - 1e-6)
    entropy = -(mean * np.log2(mean) + (1 - mean) * np.log2(1 - mean))
    return float(entropy.sum() / max(np.count_nonzero(mean >= 0.5), _LEAST_SHARE * mean.size))


def _turned(values: NDArray[np.float32], angle: float) -> NDArray[np.float32]:
    return ndimage.rotate(values, angle, axes=(-2, -1), reshape=False, order=1, mode="nearest")


class UncertaintyScoring(ScoringMethod):
    """Scores the images without a label that were not scored with the present weights yet."""

    def __init__(self, infer: RadiographInfer) -> None:
        super().__init__("Entropy over variants of an image (test-time augmentation)")
        self.infer = infer

    def __call__(self, request: dict[str, Any], datastore: Any) -> dict[str, int]:
        """Score at most ``request["max_samples"]`` images; the others keep their scores."""
        segmenter = self.infer.segmenter()
        digest = segmenter.identity.weights_sha256
        waiting = [
            image
            for image in datastore.get_unlabeled_images()
            if datastore.get_image_info(image).get(f"{SCORE}_weights") != digest
        ]
        counts = {"scored": 0, "unreadable": 0}
        for image in waiting[: int(request.get("max_samples") or 0) or None]:
            try:
                radiograph = read_image(datastore.get_image_uri(image), segmenter.channels)
                score = measure_uncertainty(segmenter, radiograph)
                counts["scored"] += 1
            except LungXferError:  # it stays in the list, where the annotator sees it last
                score = 0.0
                counts["unreadable"] += 1
            datastore.update_image_info(image, {SCORE: score, f"{SCORE}_weights": digest})
        return counts


class CorrectionsFirst(Epistemic):  # type: ignore[misc]
    """Picks what a person marked for correction in the review page, and then what the network is least sure of.

    The marks are those of the `review.csv` in the studies' folder, where there is one. It is read at each request, so
    it can be replaced while the server runs. An image with a label is never picked.
    """

    def __init__(self, studies: str) -> None:
        super().__init__(key=SCORE, desc="What review.csv marks for correction, then what the network is least sure of")
        self._file = Path(studies, MARKS_NAME)

    def __call__(self, request: dict[str, Any], datastore: Any) -> dict[str, Any] | None:
        """Return the id of the next image, or ``None`` when each has a label; InputFileError: see `read_marks`."""
        if self._file.is_file():
            wanted = {mark.file for mark in read_marks(self._file).values() if mark.mark == "correct"}
            waiting = datastore.get_unlabeled_images(request.get("label_tag"), request.get("labels"))
            facts = {image: datastore.get_image_info(image) for image in waiting}
            marked = [image for image in waiting if facts[image].get("name") in wanted]
            free = [image for image in marked if self._is_free(facts[image], request["strategy"])]
            datastore = _Narrowed(datastore, free or waiting)
        return super().__call__(request, datastore)

    def _is_free(self, facts: Mapping[str, Any], strategy: str) -> bool:
        """Tell whether an image was not handed out to somebody within the last day."""
        handed_out = facts.get("strategy", {}).get(strategy, {}).get("ts", 0)
        return bool(time.time() - handed_out >= self.reset)


@dataclass
class _Narrowed:
    """A datastore that tells of some images without a label only."""

    datastore: Any
    images: list[str]

    def get_unlabeled_images(self, *_: Any) -> list[str]:
        return self.images

    def __getattr__(self, name: str) -> Any:
        return getattr(self.datastore, name)
