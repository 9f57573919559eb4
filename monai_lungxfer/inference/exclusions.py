"""Which of the found files are not to be segmented: results of software, and second images of one exposure."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydicom.dataset import Dataset

from monai_lungxfer.inference.dicom.algorithm_results import RESULT_KEYWORDS, describe_result
from monai_lungxfer.inference.dicom.exposures import EXPOSURE_KEYWORDS, find_raw_twins
from monai_lungxfer.io.formats import recognise_dicom
from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.quiet import quiet

RAW_TWIN = "is the FOR PROCESSING image of an exposure that is also there FOR PRESENTATION"

_READERS = 4  # threads: a header on a network drive is mostly waited for


def find_exclusions(files: Sequence[Path]) -> dict[Path, str]:
    """Return why files are no radiographs of their own, by their DICOM headers; of the others nothing.

    Left out are results of software, ours and others', by
    `monai_lungxfer.inference.dicom.algorithm_results.describe_result`, and FOR PROCESSING images whose exposure
    is among the files FOR PRESENTATION, by `monai_lungxfer.inference.dicom.exposures.find_raw_twins`. A file without a
    header that can be read is not judged: it is reported when it is read.
    """
    with ThreadPoolExecutor(_READERS) as pool:
        read = dict(zip(files, pool.map(_read_header, files), strict=True))
    headers = {file: header for file, header in read.items() if header is not None}
    results = {file: reason for file, header in headers.items() if (reason := describe_result(header)) is not None}
    images = {file: header for file, header in headers.items() if file not in results}
    return results | dict.fromkeys(find_raw_twins(images), RAW_TWIN)


def _read_header(path: Path) -> Dataset | None:
    """Return the attributes that are judged here; ``None`` for other formats, and for what cannot be read."""
    try:
        with path.open("rb") as file:
            if recognise_dicom(file.read(132)) is None:
                return None
        with quiet():
            tags = list(dict.fromkeys((*RESULT_KEYWORDS, *EXPOSURE_KEYWORDS)))
            return read_dataset(path, stop_before_pixels=True, specific_tags=tags)
    except Exception:  # noqa: BLE001 - pydicom raises anything; the reader of the pixels reports it
        return None
