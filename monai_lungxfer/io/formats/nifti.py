"""NIfTI files of one slice, through nibabel."""

from __future__ import annotations

import gzip
import io
import math
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.io.formats.picture import Picture, check_single, check_size, valid_spacing
from monai_lungxfer.io.formats.quiet import quiet
from monai_lungxfer.io.orientation import AS_STORED, UPSIDE_DOWN
from monai_lungxfer.utils.errors import InputFileError

if TYPE_CHECKING:  # it takes a while to import, and few files are NIfTI
    import nibabel as nib

_TURNED = "its header says that it is stored upside down, so it is turned upright for the network"

GZIP_MAGIC = b"\x1f\x8b"

_LONGEST_HEAD = 540  # of NIfTI-2
_MOST_BEFORE = 16_000_000  # bytes of header extensions
_MOST_BEHIND = 1_000_000  # bytes of padding

_MAGIC_AT = {"n+1": 344, "n+2": 4}
_MM = {"mm": 1.0, "meter": 1000.0, "micron": 0.001}
_PLACE = (
    *("pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"),
)


def recognise(head: bytes) -> str | None:
    """Return ``"nifti"`` when the (decompressed) first 348 bytes are a NIfTI-1 or NIfTI-2 header."""
    return None if _version(head) is None else "nifti"


def decode(path: Path) -> Picture:
    """Read a NIfTI file of one slice, grey or with three channels.

    The first index is the column and the second the row, as ITK writes a two-dimensional image, hence the transpose.
    The picture is as it is stored; how it stands upright is told apart (see `_runs_upwards`). The spacing is that of
    the header, if it says which unit it is in. Extensions of the header are not looked at.
    """
    with path.open("rb") as file:
        stream = _unpacked(file)
        head = stream.read(_LONGEST_HEAD)
        kind, header = _parsed(head)
        _check(path, header)
        held = path.stat().st_size
        if isinstance(stream, gzip.GzipFile):
            content = head + _rest(path, stream, _length(header) - len(head))
            stream, held = io.BytesIO(content), len(content)
        _check_length(path, held, _length(header))
        values = _values(kind.ImageArrayProxy(stream, header)).reshape(*header.get_data_shape()[:2], -1)
    values = values[..., :3] if values.shape[-1] > 1 else values[..., 0]
    pixels = np.array(values.swapaxes(0, 1), order="C")
    column, row = header.get_zooms()[:2]
    scale = _MM.get(header.get_xyzt_units()[0])
    spacing = None if scale is None else valid_spacing(row * scale, column * scale)
    is_turned = _runs_upwards(header)
    turn, remarks = (UPSIDE_DOWN, (_TURNED,)) if is_turned else (AS_STORED, ())
    return Picture(pixels, spacing, spacing and "pixdim", turn=turn, remarks=remarks)


def mask_image(path: Path, mask: NDArray[np.uint8]) -> nib.Nifti1Image | None:
    """Return the mask of a NIfTI file as an image with the file's shape, place and units, and none of its texts.

    The image of the mask, uint8 (H, W), has the file's version. It is ``None`` when the mask has another size than the
    file's picture. OSError, EOFError or zlib.error is raised when the file cannot be read any more.
    """
    with quiet(), path.open("rb") as file:
        kind, header = _parsed(_unpacked(file).read(_LONGEST_HEAD))
    shape = header.get_data_shape()
    if shape[:2] != mask.T.shape:
        return None
    place = kind.header_class()
    place.set_data_dtype(np.uint8)
    place.set_data_shape(shape[:-1] if _channels(shape) > 1 else shape)
    for field in _PLACE:  # as they are: nibabel would compute one matrix from the other, or refuse what is malformed
        place[field] = header[field]
    return kind(np.ascontiguousarray(mask.T).reshape(place.get_data_shape()), None, place)


def _unpacked(file: IO[bytes]) -> Any:
    compressed = file.read(2) == GZIP_MAGIC
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if compressed else file


def _parsed(head: bytes) -> tuple[type[nib.Nifti1Image], Any]:
    import nibabel as nib

    kind = nib.Nifti2Image if _version(head) == "n+2" else nib.Nifti1Image
    return kind, kind.header_class(head[: kind.header_class.template_dtype.itemsize])


def _runs_upwards(header: Any) -> bool:
    """Tell whether rows are stored from the bottom to the top.

    A matrix with a code says so when its second axis, the rows, points to the head more than anywhere else. Without a
    code, the signs of the matrix tell the program: dcm2niix, which stores radiographs upside down, writes -x and +y.
    ITK, which does not, writes -x and -y, MONAI and nibabel +x and +y.
    """
    from nibabel.spatialimages import HeaderDataError

    if not int(header["sform_code"]) and not int(header["qform_code"]):
        return bool(header["srow_x"][0] < 0 < header["srow_y"][1])
    try:
        affine = next((form for form, _ in (header.get_sform(True), header.get_qform(True)) if form is not None), None)
    except (ValueError, HeaderDataError):
        return False
    return affine is not None and bool(np.abs(affine[:3, 1]).argmax() == 2 and affine[2, 1] > 0)


def _length(header: Any) -> int:
    """Return how many bytes of a file the header accounts for."""
    data: int = math.prod(header.get_data_shape()) * header.get_data_dtype().itemsize
    return header.get_data_offset() + data


def _rest(path: Path, stream: gzip.GzipFile, length: int) -> bytes:
    """Unpack what the header accounts for, and the end, since gzip compares its checksum only there."""
    content = stream.read(max(0, length))
    if len(stream.read(_MOST_BEHIND + 1)) > _MOST_BEHIND:
        raise InputFileError("unpacks to more than its header declares", source=path, remedy="Save it anew")
    return content


def _check_length(path: Path, held: int, declared: int) -> None:
    if held < declared:  # nibabel's own message has the path in it
        problem = f"is cut off: {held} of the {declared} bytes that its header declares"
        raise InputFileError(problem, source=path, remedy="Copy it again from its source")


def _version(head: bytes) -> str | None:
    return next((name for name, at in _MAGIC_AT.items() if head[at : at + 4] == name.encode() + b"\0"), None)


def _check(path: Path, header: Any) -> None:
    if header.get_data_dtype().kind == "c":
        raise InputFileError("holds complex numbers", source=path, remedy="Save their magnitude")
    _check_shape(path, header.get_data_shape(), header.get_data_dtype().itemsize)
    if header.get_data_offset() > _MOST_BEFORE:
        problem = f"its pixels begin only after {header.get_data_offset() // 1_000_000} MB"
        raise InputFileError(problem, source=path, remedy="Save it without extensions of the header")


def _check_shape(path: Path, shape: tuple[int, ...], item_size: int) -> None:
    if len(shape) < 2:
        raise InputFileError(f"its shape is {shape}, which is not a picture", source=path, remedy="Give a radiograph")
    channels = _channels(shape)
    check_single(path, math.prod(shape[2:]) // channels, shape[:2])
    check_size(path, shape[1], shape[0], channels * item_size)


def _channels(shape: tuple[int, ...]) -> int:
    return shape[-1] if len(shape) > 3 and shape[-1] in (3, 4) else 1


def _values(proxy: Any) -> NDArray[Any]:
    if (proxy.slope, proxy.inter) != (1, 0):
        return np.asarray(proxy, dtype=np.float32)  # half the memory of float64, in which it would scale otherwise
    values = np.asanyarray(proxy)
    if values.dtype.names is None:
        return values
    return np.stack([values[name] for name in "RGB"], axis=-1)
