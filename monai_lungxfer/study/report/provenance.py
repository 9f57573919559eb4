"""Where results come from and how far they reach: the plan, the environment, and the limits."""

from __future__ import annotations

import yaml

from monai_lungxfer.bundle.redaction import redact_paths
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.report.formatting import finding_title

FEW_IMAGES = 10


def format_plan(results: StudyResults) -> str:
    """Return the plan as YAML, without paths."""
    return yaml.safe_dump(redact_paths(results.plan.model_dump(mode="json")), sort_keys=False, allow_unicode=True)


def list_environment(results: StudyResults) -> dict[str, str]:
    """Return what the steps were computed by; where it changed on the way, every value that there was."""
    found: dict[str, list[str]] = {"monai_lungxfer": [str(version) for version in results.steps.version]}
    for one in results.steps.environment:
        for name, value in one.items():
            found.setdefault(name, []).append(str(value))
    return {name: ", ".join(dict.fromkeys(values)) for name, values in found.items()}


def list_limits(results: StudyResults, *, with_images: bool) -> list[str]:
    """Return what a reader must know before drawing conclusions."""
    after = results.after()
    counts = after.drop_duplicates("image").finding.value_counts()
    rare = [f"{finding_title(str(name))} ({count})" for name, count in counts.items() if count < FEW_IMAGES]
    return [
        _NO_DEVICE,
        _SHARED.format(images=after.image.nunique(), patients=after.patient.nunique()),
        _PAPER,
        _RAW,
        _distances(results),
        _MEANING,
        *([f"Findings with few images, of which little can be said: {', '.join(rare)}."] if rare else []),
        *([_BURNT_IN] if with_images else []),
    ]


_NO_DEVICE = "Not a medical device. These are results of research; nothing here supports a diagnosis or a treatment."
_SHARED = (
    "The independent halves hold {images} different images of {patients} patients. The repetitions share them, so more "
    "repetitions make the mean of these images surer, and not that of others."
)
_PAPER = (
    "The paper's figures are of its own images, of which the portable ones are private, and of other masks. It splits "
    "by image; here no patient is on two sides of a split. A difference may come from any of these."
)
_RAW = (
    "Masks are measured as the network draws them, at the size of its input. What a user gets is cleaned and has the "
    "size of the radiograph."
)
_MEANING = (
    "Tests and intervals say how sure a difference is, not whether it matters. Thresholds of flags are preliminary: no "
    "radiologist has validated them."
)
_BURNT_IN = "Images are shown without names; text that is burnt into their pixels is not removed."


def _distances(results: StudyResults) -> str:
    after = results.after()
    left_out = int(after.HD95.isna().sum())
    unit = "pixels of the network's input" if results.distance_unit == "pixels" else "mm"
    why = "the mask or the prediction is empty, or they are in another unit"
    rest = f" {left_out} of {len(after)} values are left out: {why}." if left_out else ""
    return f"Distances are in {unit}.{rest} Areas are shares of the image."
