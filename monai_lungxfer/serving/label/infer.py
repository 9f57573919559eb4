"""MONAI Label's inference task over the one inference core."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from numpy.typing import NDArray

from monai_lungxfer.bundle.files import METADATA, WEIGHTS, bundle_metadata
from monai_lungxfer.inference.exclusions import find_exclusions
from monai_lungxfer.inference.segmentation import Segmentation
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.channels import Channels
from monai_lungxfer.io.radiograph import Radiograph, read_radiograph
from monai_lungxfer.serving.label.bundles import load_segmenter
from monai_lungxfer.utils.errors import InputFileError, LungXferError, ViewError

LABELS = {"lungs": 1}
"""The values of a mask."""

UNNAMED = "a radiograph"
"""Stands in the log for the name of every image."""


def read_image(image: str | Path, channels: Channels = "grey", *, any_view: bool = False) -> Radiograph:
    """Read an image of a datastore: a file, or the first frontal radiograph of a DICOM series' folder.

    Results of software in the folder, and second images of an exposure, do not count (`find_exclusions`). What is no
    frontal chest radiograph by its header is refused (`ViewError`), unless `any_view` is set.
    """
    path = Path(image)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    excluded = find_exclusions(files) if path.is_dir() else {}
    files = [file for file in files if file not in excluded]
    refusal = InputFileError("there is no such image", remedy="Choose another one")
    for file in files:
        try:
            return read_radiograph(file, channels, name=UNNAMED, any_view=False)
        except ViewError as error:
            refusal = error
    if any_view and files:
        return read_radiograph(files[0], channels, name=UNNAMED)
    remedy = 'Choose a frontal chest radiograph, or allow others ("any_view": true)'
    raise type(refusal)(refusal.problem, remedy=remedy)


class RadiographInfer(InferTask):
    """Segments an image of the datastore, or one that was sent, as ``lungxfer predict`` does.

    The folder `bundle` is the copy that is served. After a training its new weights are loaded with the next request.
    An `adapter` is a file of that bundle, and stays on the weights that it was trained on.
    """

    def __init__(self, bundle: Path, device: str = "auto", adapter: Path | None = None) -> None:
        self.bundle = bundle
        self.device = device
        self.adapter = adapter
        super().__init__(InferType.SEGMENTATION, LABELS, 2, str(bundle_metadata(bundle).get("description", "")))
        self._loaded: tuple[Any, Segmenter] | None = None
        self.segmenter()  # wrong weights stop the server from starting

    def segmenter(self) -> Segmenter:
        """Return the inference core with the weights that the bundle has now."""
        state = [(status.st_mtime_ns, status.st_ino) for status in map(Path.stat, self._files())]
        if self._loaded is None or self._loaded[0] != state:
            self._loaded = (state, load_segmenter(self.bundle, self.device, self.adapter))
        return self._loaded[1]

    def _files(self) -> list[Path]:
        return [self.bundle / WEIGHTS, self.bundle / METADATA, *([self.adapter] if self.adapter else [])]

    def is_valid(self) -> bool:
        """Return ``True``: a task without its bundle cannot be made."""
        return True

    def info(self) -> dict[str, Any]:
        """Return what ``/info/`` tells, with the bundle's version and the hash of the weights."""
        identity = self.segmenter().identity
        base = {} if identity.base_sha256 is None else {"base_sha256": identity.base_sha256}
        return {**super().info(), "version": identity.version, "weights_sha256": identity.weights_sha256, **base}

    def __call__(self, request: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Segment ``request["image"]``; ``result_extension`` is .nii.gz (the default), .png or .nrrd."""
        segmenter = self.segmenter()
        radiograph = read_image(request["image"], segmenter.channels, any_view=bool(request.get("any_view")))
        found = segmenter.segment(radiograph)
        if request.get("strict"):
            found.refuse_flagged()
        look_at = {"flags": list(found.flags), "remarks": list(found.remarks)}
        told = {"label_names": LABELS, "model": str(found.model), **found.areas, **found.dice, **look_at}
        return _written(found, request.get("result_extension") or ".nii.gz"), told


def _written(found: Segmentation, suffix: str) -> str:
    if suffix not in (".png", ".nii.gz", ".nrrd"):
        raise LungXferError("result_extension is none of .png, .nii.gz and .nrrd", remedy="Ask for one of them")
    handle, name = tempfile.mkstemp(suffix=suffix)  # MONAI Label deletes it when it is sent
    os.close(handle)
    if suffix == ".nrrd":
        _write_nrrd(name, found.mask, found.spacing)
    else:
        found.save(name, overwrite=True)
    return name


def _write_nrrd(name: str, mask: NDArray[np.uint8], spacing: tuple[float, float] | None) -> None:
    """Write a mask for OHIF, which takes the bytes as they are: row by row, not compressed."""
    import nrrd

    row, column = spacing or (1.0, 1.0)
    header = {
        "encoding": "raw",
        "space": "left-posterior-superior",
        "space directions": np.diag([column, row, 1.0]),
        "space origin": np.zeros(3),
    }
    nrrd.write(name, np.ascontiguousarray(mask.T)[:, :, None], header, index_order="F")
