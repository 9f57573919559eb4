"""Which images weights have learnt from, and those that they stem from, to say when they are measured on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.redaction import redact_weights
from monai_lungxfer.bundle.references import names_weights, resolve_weights
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.sidecar import IMAGE_DIGITS, LearntImages, read_sidecar


def digest_images(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the first digits of the SHA-256 of each record's image file, by which an image is known elsewhere."""
    return [hash_file(record["image"])[:IMAGE_DIGITS] for record in records]


def inherit_learnt(parent: str | Path | None) -> tuple[LearntImages, ...]:
    """Return what is known of the images of a parent, see `Sidecar.learnt`; a parent with a name is called by it.

    Raises
    ------
    TransferError
        When there is no such parent, or the file beside it is damaged.
    """
    if not names_weights(parent):
        return ()
    *older, own = read_sidecar(resolve_weights(parent)).learnt or [None]
    name = redact_weights(parent)
    return () if own is None else (*older, own if name.startswith("file ") else own._replace(by=name))


def find_learnt(weights: str | Path, records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Count which of the records' images weights know: a row for each training that learnt from one at least.

    Returns
    -------
    list of dict
        `by`, what the trained weights are called; `own`, whether these are `weights` and not ones that they stem from;
        `images`, how many. It is empty where nothing is recorded.
    """
    learnt = read_sidecar(Path(weights)).learnt
    digests = digest_images(records) if learnt else []
    counts = [sum(digest in one.images for digest in digests) for one in learnt]
    return [
        {"by": one.by, "own": one is learnt[-1], "images": count}
        for one, count in zip(learnt, counts, strict=True)
        if count
    ]
