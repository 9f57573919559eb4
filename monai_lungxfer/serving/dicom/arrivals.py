"""The one way into a DICOM node: a radiograph is on the disk and in the journal before its sender is told so."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRBigEndian

from monai_lungxfer.inference.dicom.algorithm_results import describe_result
from monai_lungxfer.inference.dicom.attributes import read_number
from monai_lungxfer.inference.dicom.source import PROJECTIONS
from monai_lungxfer.io.formats import recognise_dicom
from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.dicom_identity import identify, read_text
from monai_lungxfer.io.formats.dicom_view import judge
from monai_lungxfer.io.formats.quiet import quiet
from monai_lungxfer.serving.dicom.journal import NodeJournal
from monai_lungxfer.serving.dicom.journal_rows import Arrival, NodeRow, Source
from monai_lungxfer.serving.dicom.spool import SpoolFolder
from monai_lungxfer.utils.files import hash_file

logger = logging.getLogger(__name__)

_TOLD = (  # what a result takes over from a radiograph, or depends on; a change makes other results
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber"),
    *("StudyInstanceUID", "SeriesInstanceUID", "StudyDate", "StudyTime", "StudyID", "ReferringPhysicianName"),
    *("Rows", "Columns", "BitsStored", "PixelRepresentation", "PhotometricInterpretation", "PatientOrientation"),
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "EstimatedRadiographicMagnificationFactor"),
    *("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PresentationLUTShape"),
    *("PresentationIntentType", "PixelIntensityRelationship", "PixelIntensityRelationshipSign"),
)


class Intake:
    """Takes radiographs from all sources. Threads may use it at the same time.

    Parameters
    ----------
    spool, journal : SpoolFolder, NodeJournal
        Where they are kept, and noted.
    any_view : bool
        Whether those that are no frontal chest radiographs by their headers are taken, too.
    on_new : callable
        Called when there is a radiograph to segment.
    """

    def __init__(
        self, spool: SpoolFolder, journal: NodeJournal, *, any_view: bool, on_new: Callable[[], object]
    ) -> None:
        self._spool, self._journal = spool, journal
        self._any_view, self._on_new = any_view, on_new

    def take_bytes(self, content: bytes, source: Source) -> NodeRow:
        """Take a DICOM file from memory. Errors are those of `take_file`."""
        return self._take(lambda path: path.write_bytes(content), len(content), source)

    def take_file(self, file: Path, source: Source) -> NodeRow:
        """Take a copy of a file, of which nothing is believed: what cannot be read gets a row that says so later.

        Returns
        -------
        NodeRow
            Its row in the journal; that of the first one where the same came before. If that gave no results, it is
            tried again with this file.

        Raises
        ------
        SpoolFullError
            When there is no space, or too many wait.
        OutputError
            When it cannot be written; nothing is left then.
        """
        return self._take(lambda path: shutil.copyfile(file, path), file.stat().st_size, source)

    def _take(self, write: Callable[[Path], object], size: int, source: Source) -> NodeRow:
        self._spool.check_room(size, self._journal.waiting())
        path = self._spool.keep(write)
        try:
            arrival = self._describe(path, source)
            row, is_new = self._journal.add(arrival)
            is_taken_up = not is_new and self._journal.take_up(row, arrival)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        if is_new:
            self._tell(row)
        elif is_taken_up:
            self._spool.radiograph(row.file).unlink(missing_ok=True)
            logger.info("radiograph %d came again, and is tried again", row.number)
            self._on_new()
        else:
            path.unlink()
            logger.info("radiograph %d came again, and was answered as before", row.number)
        return row

    def _tell(self, row: NodeRow) -> None:
        logger.info("radiograph %d was received (%s)", row.number, row.source)
        if row.version > 1:
            logger.warning(
                "radiograph %d has the SOP Instance UID of an earlier one and another content; it is version %d, and"
                " its results get UIDs of their own",
                *(row.number, row.version),
            )
        if row.reason is None:
            self._on_new()
        else:
            logger.info("radiograph %d was left out: %s", row.number, row.reason)

    def _describe(self, path: Path, source: Source) -> Arrival:
        try:
            with quiet():
                dataset = _read(path)
                uid, accession = identify(dataset), read_text(dataset, "AccessionNumber")
                content, reason = hash_content(dataset), self._find_reason(dataset)
        except Exception:  # noqa: BLE001 - pydicom raises anything; why it cannot be read is told when it is segmented
            uid, accession, content, reason = "", "", hash_file(path), None
        return Arrival(path.name, uid or content, accession, content, source, reason)

    def _find_reason(self, dataset: FileDataset) -> str | None:
        if (reason := describe_result(dataset)) is not None:
            return reason
        if "Rows" not in dataset:  # a radiograph without them is broken, which is told when it is segmented
            return None if read_text(dataset, "SOPClassUID") in PROJECTIONS else "is no image"
        return None if self._any_view else judge(dataset).objection


def _read(path: Path) -> FileDataset:
    """Read a DICOM file; ValueError is raised for other formats, which pydicom takes for DICOM without a header."""
    with path.open("rb") as file:
        if recognise_dicom(file.read(132)) is None:
            raise ValueError
    return read_dataset(path)


def hash_content(dataset: FileDataset) -> str:
    """Return what tells a radiograph from another one of its SOP Instance UID: a SHA-256 of pixels and patient.

    Another header otherwise, and uncompressed pixels that were written in another transfer syntax, make no difference.
    """
    digest = hashlib.sha256()
    for keyword in _TOLD:
        digest.update(f"{keyword}={read_text(dataset, keyword)}\0".encode())
    pixels = dataset.get("PixelData") or b""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_compressed:
        bits, samples = read_number(dataset, "BitsAllocated") or 8, read_number(dataset, "SamplesPerPixel") or 1
        length = read_number(dataset, "Rows") * read_number(dataset, "Columns") * samples * bits // 8
        pixels = pixels[:length]  # without a byte of padding
        if syntax == ExplicitVRBigEndian and bits == 16:
            pixels = np.frombuffer(pixels[: len(pixels) // 2 * 2], ">u2").astype("<u2").tobytes()
    digest.update(pixels)
    return digest.hexdigest()
