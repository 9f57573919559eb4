"""Phantoms of portable radiographs as DICOM files, to try what archives and nodes do without patients' images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from monai_lungxfer.io.formats.dicom_identity import derived_uid
from monai_lungxfer.synthetic.chest import FINDINGS, MIN_SIDE, portable_radiograph
from monai_lungxfer.utils.errors import LungXferError, OutputError
from monai_lungxfer.utils.files import atomic_path

PATTERN = "phantom-{:04d}.dcm"

_WIDTH = 400.0  # mm, of the longer side
_BITS = 12


def write_dicom_phantoms(
    folder: str | Path, count: int, *, seed: int = 0, size: int = 256, overwrite: bool = False
) -> list[Path]:
    """Write portable radiographs as DICOM files (CR, frontal), each of a patient and study of its own.

    A file depends on the seed, its number and the size alone, also its UIDs. Its attributes say that it is a phantom.

    Parameters
    ----------
    folder : str or pathlib.Path
        Receives ``phantom-0001.dcm``, …; made if it is missing.
    count : int
        Number of files.
    seed : int
        Another seed gives other phantoms; 0 or above.
    size : int
        Number of rows; there are a tenth less columns.
    overwrite : bool
        Whether files of these names are replaced.

    Returns
    -------
    list of pathlib.Path
        The files.

    Raises
    ------
    LungXferError
        When the size is too small for anatomy.
    OutputError
        When one of the files is there already, or cannot be written.
    """
    if round(size * 0.9) < MIN_SIDE:
        raise LungXferError(
            f"size is {size} pixels, too small for anatomy", remedy=f"Give at least {-(-MIN_SIDE * 10 // 9)}"
        )
    files = [Path(folder) / PATTERN.format(number) for number in range(1, count + 1)]
    there = next((file for file in files if file.exists()), None)
    if there is not None and not overwrite:
        raise OutputError("is there already", source=there, remedy="Choose another folder, or add --overwrite")
    for number, file in enumerate(files, start=1):
        image = _draw(seed, number, size)
        with atomic_path(file) as temporary:
            image.save_as(temporary, enforce_file_format=True)
    return files


def _draw(seed: int, number: int, size: int) -> Dataset:
    finding = FINDINGS[number % len(FINDINGS)]
    pixels, _ = portable_radiograph(np.random.default_rng((seed, 7, number)), size, round(size * 0.9), finding)
    image = _identified(f"{seed}-{number}-{size}", number)
    image.Modality, image.BodyPartExamined, image.ViewPosition = "CR", "CHEST", "AP"
    image.PatientOrientation = ["L", "F"]
    image.ImageType = ["ORIGINAL", "PRIMARY"]
    image.Rows, image.Columns = pixels.shape
    image.ImagerPixelSpacing = [f"{_WIDTH / size:.6g}"] * 2
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, _BITS, _BITS - 1
    image.BurnedInAnnotation = "NO"
    image.PixelData = (pixels.astype("<u2") << (_BITS - 8)).tobytes()
    return image


def _identified(key: str, number: int) -> Dataset:
    """Return a dataset with UIDs, patient, study and series of a phantom."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(derived_uid("phantom", "instance", key))
    image.StudyInstanceUID = derived_uid("phantom", "study", key)
    image.SeriesInstanceUID = derived_uid("phantom", "series", key)
    image.PatientName, image.PatientID = f"Phantom^{number:04d}", f"PHANTOM-{number:04d}"
    image.PatientBirthDate, image.PatientSex = "", "O"
    image.StudyDate = image.SeriesDate = image.ContentDate = "20000101"
    image.StudyTime = image.SeriesTime = image.ContentTime = (
        f"{number // 3600 % 24:02d}{number // 60 % 60:02d}{number % 60:02d}"
    )
    image.AccessionNumber, image.StudyID, image.ReferringPhysicianName = f"PHANTOM{number:04d}", str(number), ""
    image.StudyDescription, image.SeriesDescription = "Phantom, drawn by a computer", "Portable chest, phantom"
    image.Manufacturer = "Phantom"
    image.SeriesNumber, image.InstanceNumber = 1, 1
    return image
