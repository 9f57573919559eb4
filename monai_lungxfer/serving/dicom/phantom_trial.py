"""A model tried on phantoms before it is in service: that it finds lungs, and that results can be made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from monai_lungxfer.inference.dicom.results import dicom_results
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.serving.dicom.settings import Kind
from monai_lungxfer.synthetic.chest import portable_radiograph
from monai_lungxfer.synthetic.dicom_phantoms import write_dicom_phantoms
from monai_lungxfer.utils.errors import TransferError

_SIDE = 256
_LEAST_LUNG, _MOST_LUNG = 0.05, 0.8  # of the phantom's pixels


def try_on_phantom(segmenter: Segmenter) -> float:
    """Segment a phantom, and return the share of its pixels that is lung.

    TransferError is raised when that is no chest's.
    """
    pixels, _ = portable_radiograph(np.random.default_rng(0), _SIDE, _SIDE, "normal")
    values = pixels.astype(np.float32)
    image = np.stack([values] * 3) if segmenter.channels == "rgb" else values
    share = float(segmenter.segment(Radiograph(image, "array")).mask.mean())
    if not _LEAST_LUNG < share < _MOST_LUNG:
        raise TransferError(
            f"it finds {share:.0%} lung in a phantom of a radiograph, which has about 25%",
            remedy="Check that these are weights of a trained network for chest radiographs",
        )
    return share


def rehearse_results(segmenter: Segmenter, kinds: Sequence[Kind], *, sides: bool) -> None:
    """Make the results of a phantom in DICOM, and forget them.

    What is missing shows before a radiograph comes, and the first one does not wait for highdicom to be imported.
    """
    with TemporaryDirectory() as folder:
        (file,) = write_dicom_phantoms(Path(folder), 1, size=_SIDE)
        found = next(segmenter.run([segmenter.load(file, picture=True)]))
        dicom_results(found, kinds, sides=sides)
