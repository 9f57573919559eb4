"""DICOM radiographs of one frame (CR, DX, secondary capture, …), through pydicom 2.4 or 3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydicom.dataset import FileDataset
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit

from monai_lungxfer.io.formats import jpeg
from monai_lungxfer.io.formats.codestream import check_jpeg, check_jpeg_2000
from monai_lungxfer.io.formats.codestream import identify as identify_codestream
from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.dicom_header import complete_header
from monai_lungxfer.io.formats.dicom_identity import identify, instance_uid
from monai_lungxfer.io.formats.dicom_pixels import can_decode, decode_pixels, split_frames
from monai_lungxfer.io.formats.dicom_syntax import settle_syntax
from monai_lungxfer.io.formats.dicom_view import judge, promises_image, read_header
from monai_lungxfer.io.formats.picture import Picture, check_bytes, check_size, valid_spacing
from monai_lungxfer.io.orientation import AS_STORED, Turn, turn_by_patient_orientation
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.memory import is_out_of_memory, too_large

_PIXEL_DATA = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_OVERLAYS = 0x60000000  # the groups from here on hold pictures

_Check = Callable[[Path, bytes, int, int], None]

_CODECS: dict[str, tuple[str, _Check | None]] = {
    **{f"1.2.840.10008.1.2.4.{number}": ("pylibjpeg[libjpeg]", check_jpeg) for number in (5, 6, 7, 8)},
    "1.2.840.10008.1.2.4.9": ("pylibjpeg[openjpeg]", check_jpeg_2000),
    "1.2.840.10008.1.2.4.20": ("pylibjpeg[openjpeg]", check_jpeg_2000),
    "1.2.840.10008.1.2.5": ("pylibjpeg[rle]", None),
}
"""The package that decodes every transfer syntax whose UID starts so (JPEG, JPEG-LS, JPEG 2000, HTJ2K, RLE), and what
checks a codestream before."""

_LARGE = 64_000_000  # bytes, above which a file, maybe a cine, is judged by its header before all of it is read

_JPEG = (JPEGBaseline8Bit, JPEGExtended12Bit)

_OFFSETS = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")


def decode(path: Path, *, frontal_only: bool = False) -> Picture:
    """Read a DICOM file as a viewer would show it, with air dark, but in the values of its own range.

    `monai_lungxfer.io.formats.dicom_pixels.decode_pixels` tells the steps from stored to displayed values.
    `frontal_only` refuses, by a ViewError, what is no frontal chest radiograph by its header, and remarks where that
    leaves it open. No message quotes anything of the file's text.
    """
    try:
        size = path.stat().st_size
        if frontal_only and size > _LARGE and (header := read_header(path)) is not None:
            judge(header).refuse_others(path)
        check_bytes(path, size)
        remarks: list[str] = []
        dataset = read_dataset(path, remarks)
        identity = identify(dataset)
        decision = judge(dataset)
        if frontal_only:
            decision.refuse_others(path)
            remarks += decision.remarks
        _check_is_image(path, dataset)
        complete_header(path, dataset, settle_syntax(path, dataset, remarks), remarks)
        _check(path, dataset)
        _remark_rest(dataset, remarks)
        pixels = decode_pixels(path, dataset, remarks)
        is_damaged = _is_damaged(dataset, remarks)
        turn = _turn(dataset, remarks)
        header = dataset[:_OVERLAYS]
        header.file_meta = dataset.file_meta
        if identity and not instance_uid(header):  # so that nobody reads the file again, which may be another by then
            header.SOPInstanceUID = identity
        return Picture(pixels, *_spacing(dataset), decision.view, turn, tuple(remarks), header, is_damaged)
    except InputFileError:
        raise
    except Exception as error:  # noqa: BLE001 - pydicom and its codecs raise anything, and may quote a patient's name
        if is_out_of_memory(error):
            raise too_large(path) from None
        raise InputFileError(
            f"cannot be decoded as DICOM ({type(error).__name__})",
            source=path,
            remedy="Copy it again from its source, or export it uncompressed",
        ) from None


def _turn(dataset: FileDataset, remarks: list[str]) -> Turn:
    turn = turn_by_patient_orientation(dataset.get("PatientOrientation") or ()) or AS_STORED
    if turn:
        remarks.append("its Patient Orientation says that it is stored turned, so it is turned upright for the network")
    return turn


def _check_is_image(path: Path, dataset: FileDataset) -> None:
    if any(keyword in dataset for keyword in _PIXEL_DATA):
        return
    if promises_image(dataset):
        raise InputFileError(
            "is an image without pixel data, so it was cut short", source=path, remedy="Copy it again from its source"
        )
    raise InputFileError(
        "is not an image: a DICOM file without pixel data",
        source=path,
        remedy="Give the radiograph itself, not a report, presentation state or directory",
    )


def _check(path: Path, dataset: FileDataset) -> None:
    _check_frames(path, int(dataset.get("NumberOfFrames") or 1))
    check_size(path, dataset.Rows, dataset.Columns, dataset.SamplesPerPixel * dataset.BitsAllocated / 8)
    syntax = dataset.file_meta.TransferSyntaxUID
    package, check = next((codec for start, codec in _CODECS.items() if syntax.startswith(start)), (None, None))
    if not can_decode(syntax):
        raise InputFileError(
            f"its pixel data is compressed as {syntax.name if syntax.is_valid else 'an unknown transfer syntax'}, "
            "and there is no decoder for that",
            source=path,
            remedy=f'Run: pip install "{package}"' if package else "Export it uncompressed",
        )
    if syntax.is_encapsulated:
        _check_codestream(path, dataset, check)


def _is_damaged(dataset: FileDataset, remarks: list[str]) -> bool:
    """Remark, and tell, that JPEG pixel data of 8 bits is damaged, which the decoder of DICOM keeps to itself."""
    if dataset.file_meta.TransferSyntaxUID not in _JPEG:
        return False
    (frame,) = split_frames(dataset.PixelData)
    found = identify_codestream(frame)
    mode = None if found is None or found.bits != 8 else {1: "L", 3: "RGB"}.get(found.components or 0)
    if mode is None or not jpeg.decode_strictly(frame, mode)[1]:
        return False
    remarks.append(jpeg.DAMAGED)
    return True


def _remark_rest(dataset: FileDataset, remarks: list[str]) -> None:
    """Remark that uncompressed pixel data go on behind the pixels, as they do where Rows or Columns is too small."""
    values = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel
    rest = len(dataset.get("PixelData") or b"") - values * dataset.BitsAllocated // 8
    if rest > 1 and not dataset.file_meta.TransferSyntaxUID.is_compressed:
        remarks.append("its pixel data is longer than its Rows and Columns say: look at the mask")


def _check_frames(path: Path, frames: int) -> None:
    if frames != 1:
        raise InputFileError(
            f"holds {frames} frames", source=path, remedy="Give one file for each radiograph, not a cine or a volume"
        )


def _check_codestream(path: Path, dataset: FileDataset, check: _Check | None) -> None:
    """Refuse compressed pixel data that are not of one frame, or not of the size that the header declares."""
    for keyword in _OFFSETS:  # of more than one frame; by them a codec would get other bytes than are checked here
        if keyword in dataset:
            delattr(dataset, keyword)
    frames = split_frames(dataset.PixelData)
    _check_frames(path, len(frames))
    if check is not None:
        check(path, frames[0], dataset.Rows, dataset.Columns)


def _spacing(dataset: FileDataset) -> tuple[tuple[float, float] | None, str | None]:
    """Return the distance between (rows, columns) in mm and the keyword of the attribute that it was taken from.

    Pixel Spacing (0028,0030) is calibrated to the patient, or should be. Imager Pixel Spacing (0018,1164) holds at the
    detector, so it is divided by the Estimated Radiographic Magnification Factor (0018,1114). Nominal Scanned Pixel
    Spacing (0018,2010) holds on the scanned film. PS3.3, section 10.7.1.3.
    """
    divisors = {"PixelSpacing": 1.0, "ImagerPixelSpacing": _magnification(dataset), "NominalScannedPixelSpacing": 1.0}
    for keyword, divisor in divisors.items():
        try:
            row, column = dataset.get(keyword)
            spacing = valid_spacing(float(row) / divisor, float(column) / divisor)
        except (TypeError, ValueError):
            continue  # absent, empty or malformed
        if spacing is not None:
            return spacing, keyword
    return None, None


def _magnification(dataset: FileDataset) -> float:
    try:
        factor = float(dataset.get("EstimatedRadiographicMagnificationFactor"))
    except (TypeError, ValueError):
        return 1.0
    return factor if valid_spacing(factor, factor) else 1.0
