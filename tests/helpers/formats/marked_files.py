"""Radiographs whose every text is a marker, in all formats: none of what a header says may get into a log."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
from dicom_radiograph import as_dicom, write
from nibabel.nifti1 import Nifti1Extension
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from png_writing import chunks, joined, png16
from raster_writing import mha, nrrd

from monai_lungxfer.synthetic.phantoms import portable_radiograph

MARK = "Xqzvwkj"
"""Stands in every text of a header."""

UIDS = "1.2.826.0.1.3680043.8.498.77777"
"""Every UID of an instance, series or study begins so."""

SIZE = (96, 112)

VALUES = {
    "AE": (0x0002_0016, 0x0008_0054, 0x0040_0241),
    "AS": (0x0010_1010,),
    "CS": (
        *(0x0008_0005, 0x0008_0008, 0x0008_0060, 0x0008_0068, 0x0010_0040, 0x0018_0015, 0x0018_5100, 0x0018_5101),
        *(0x0020_0020, 0x0020_0060, 0x0028_0004, 0x0028_1056, 0x2050_0020),
    ),
    "DA": (0x0008_0020, 0x0008_0021, 0x0010_0030),
    "DS": (0x0018_0050, 0x0018_1164, 0x0028_0030, 0x0028_1050, 0x0028_1051, 0x0028_1053, 0x0010_1020),
    "DT": (0x0008_002A, 0x0018_9074),
    "IS": (0x0020_0011, 0x0020_0013, 0x0018_1152, 0x0028_0008),
    "LO": (0x0010_0020, 0x0008_0070, 0x0008_1030, 0x0018_1401),
    "LT": (0x0010_21B0, 0x0010_4000),
    "PN": (0x0010_0010, 0x0008_0090, 0x0008_1070),
    "SH": (0x0008_0050, 0x0020_0010, 0x0008_1010),
    "ST": (0x0008_0081,),
    "TM": (0x0008_0030, 0x0008_0031),
    "UC": (0x0008_0119,),
    "UI": (0x0008_0016, 0x0008_0018, 0x0020_000D, 0x0020_000E, 0x0020_0052),
    "UR": (0x0008_1190, 0x0040_E010),
    "UT": (0x0040_A160, 0x0040_4055),
}
"""Attributes of each value representation whose values are text: some that are read, some that are copied, some not."""

_LONG = {"UC", "UR", "UT", "UN", "OB", "OW", "SQ"}
_CHARSET, _NAME, _ID = 0x0008_0005, 0x0010_0010, 0x0010_0020
_FITTING = ("LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")


def element(tag: int, kind: str, value: bytes) -> bytes:
    """Encode an element (Explicit VR Little Endian) as it is, whatever the standard says about such values."""
    value += b" " * (len(value) % 2)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, kind.encode())
    return head + (struct.pack("<HI", 0, len(value)) if kind in _LONG else struct.pack("<H", len(value))) + value


def with_elements(plain: bytes, *elements: bytes) -> bytes:
    """Put elements into a file in the order of their tags, each for what the file has of that tag."""
    start = plain.index(b"\x08\x00\x16\x00UI")
    held = dict(_elements(plain[start:]))
    held |= {one[:4]: one for one in elements}
    return plain[:start] + b"".join(held[tag] for tag in sorted(held, key=lambda tag: struct.unpack("<HH", tag)))


def _elements(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(body):
        long = body[at + 4 : at + 6].decode() in _LONG
        length = struct.unpack_from("<I" if long else "<H", body, at + (8 if long else 6))[0]
        end = at + (12 if long else 8) + length
        yield body[at : at + 4], body[at:end]
        at = end


def marked_dicom(folder: Path) -> list[Path]:
    """Write DICOM files: one with all that fits, one for each attribute alone, and such as cannot be decoded."""
    folder.mkdir(parents=True, exist_ok=True)
    uids = {"StudyInstanceUID": f"{UIDS}.1.1", "SeriesInstanceUID": f"{UIDS}.1.2"}
    plain = write(folder / "plain.dcm", as_dicom(_pixels(), "MONOCHROME2", **uids)).read_bytes()
    text = f"{MARK}^{MARK}".encode()
    bad = b"\x1b$B\xff\xfe\x81" + text
    files = {
        "all": [element(tag, kind, text) for kind in _FITTING for tag in VALUES[kind]],
        "long": [element(tag, kind, text * 30) for kind in ("PN", "LO", "SH") for tag in VALUES[kind]],
        "private": [element(9 << 16 | 0x10, "LO", text), element(9 << 16 | 0x1001, "UN", text)],
        "undecodable": [element(_CHARSET, "CS", b"ISO 2022 IR 87\\ISO 2022 IR 159"), element(_NAME, "PN", bad)],
        "escape": [element(_CHARSET, "CS", b"ISO_IR 192"), element(_NAME, "PN", b"\xff\x1b$B" + text)],
        "charsets": [element(_CHARSET, "CS", f"ISO_IR 100\\{MARK}".encode()), element(_NAME, "PN", text)],
        "lower_vr": [element(_NAME, "pn", text), element(_ID, "??", text)],
        "backslashes": [element(_NAME, "PN", b"\\".join([text] * 9)), element(_ID, "LO", text + b"\\" + text)],
        "controls": [element(_NAME, "PN", text + b"\x1b\x00\x07" + text), element(_ID, "LO", b"\n" + text)],
    }
    for kind, tags in VALUES.items():
        files |= {f"{kind}_{tag:08X}": [element(tag, kind, text.replace(b"^", b" ")[:16])] for tag in tags}
    written = []
    for number, (name, elements) in enumerate(files.items()):
        if not name.startswith("UI"):
            uid = f"{UIDS}.{number}".encode()
            elements.append(element(0x0008_0018, "UI", uid + b"\0" * (len(uid) % 2)))
        path = folder / f"{name}.dcm"
        path.write_bytes(with_elements(plain, *elements))
        written.append(path)
    (folder / "cut.dcm").write_bytes((folder / "all.dcm").read_bytes()[:-3000])
    (folder / "cut_in_header.dcm").write_bytes((folder / "all.dcm").read_bytes()[:900])
    return [*written, folder / "cut.dcm", folder / "cut_in_header.dcm"]


def _pixels() -> np.ndarray:
    return portable_radiograph(np.random.default_rng(3), *SIZE, "normal")[0]


def marked_pictures(folder: Path) -> list[Path]:
    """Write files of the other formats, whole and damaged, with the marker wherever they have room for a text."""
    folder.mkdir(parents=True, exist_ok=True)
    for write_one in (_png, _jpeg, _tiff, _nifti, _others):
        write_one(folder)
    whole = sorted(folder.iterdir())
    for path in whole:
        content = path.read_bytes()
        (folder / f"cut_{path.name}").write_bytes(content[: len(content) * 2 // 3])
        for number, change in enumerate(_damages(content)):
            (folder / f"damaged{number}_{path.name}").write_bytes(change)
    return sorted(folder.iterdir())


def _damages(content: bytes) -> Iterator[bytes]:
    """Damage a file around each marker, where its lengths and kinds are."""
    at = content.find(MARK.encode())
    while at >= 0:
        for back in (2, 6, 10):
            if at >= back:
                yield content[: at - back] + b"\xff\x7f" + content[at - back + 2 :]
        at = content.find(MARK.encode(), at + 40)


def _png(folder: Path) -> None:
    texts = PngInfo()
    texts.add_text("Comment", MARK)
    texts.add_text(MARK, MARK, zip=True)
    texts.add_itxt("Title", MARK, MARK, MARK)
    texts.add(b"tIME", MARK.encode())
    texts.add(b"iCCP", f"{MARK}\0\0{MARK}".encode())
    Image.fromarray(_pixels()).save(folder / "texts.png", pnginfo=texts, exif=_exif())
    # Of 16 bits with colours, and with a colour profile that is wrong, whose name libpng would quote.
    profile = bytearray(np.random.default_rng(0).bytes(400))
    profile[:4], profile[36:40] = struct.pack(">I", 400), b"acsp"
    named = b"iCCP", f"{MARK}\0\0".encode() + zlib.compress(bytes(profile))
    head, *others = chunks(png16(np.repeat(_pixels()[..., None], 3, axis=2).astype(int) * 257, 2))
    (folder / "profile.png").write_bytes(joined([head, named, *others]))
    (folder / "chunk.png").write_bytes(joined([head, (b"Xqzm", b"ark"), *others]))
    (folder / "critical.png").write_bytes(joined([head, (b"XQZM", b"ark"), *others]))


def _exif() -> bytes:
    exif = Image.Exif()
    for tag in (270, 271, 272, 305, 306, 315, 33432, 37510):
        exif[tag] = MARK
    return exif.tobytes()


def _jpeg(folder: Path) -> None:
    Image.fromarray(_pixels()).save(folder / "comment.jpg", comment=MARK, exif=_exif(), quality=95)


def _tiff(folder: Path) -> None:
    tags = dict.fromkeys((269, 270, 271, 272, 285, 305, 306, 315, 316, 33432, 65000), MARK)
    Image.fromarray(_pixels()).save(folder / "tags.tif", tiffinfo=tags)
    Image.fromarray(_pixels()).save(folder / "packed.tif", tiffinfo=tags, compression="tiff_lzw")


def _nifti(folder: Path) -> None:
    image = nib.Nifti1Image(_pixels().T.astype(np.int16), np.diag([-0.3, -0.3, 1, 1]))
    for name in ("descrip", "aux_file", "intent_name", "db_name", "data_type"):
        image.header[name] = MARK
    image.header.extensions.append(Nifti1Extension("comment", MARK.encode()))
    image.header.extensions.append(Nifti1Extension(2, MARK.encode() * 20))  # DICOM, so it says
    nib.save(image, folder / "texts.nii")
    content = (folder / "texts.nii").read_bytes()
    for name, at, value in (("pixdim", 76, "<f"), ("qform", 252, "<h"), ("sizeof", 40, "<h"), ("code", 70, "<h")):
        changed = content[:at] + struct.pack(value, 999) + content[at + struct.calcsize(value) :]
        (folder / f"bad_{name}.nii").write_bytes(changed)


def _others(folder: Path) -> None:
    Image.fromarray(_pixels()).save(folder / "plain.bmp")
    (folder / "texts.mha").write_bytes(mha(_pixels()))
    (folder / "texts.nrrd").write_bytes(nrrd(_pixels()))
    content = (folder / "texts.mha").read_bytes()
    comment = f"Comment = {MARK}\n{MARK} = {MARK}\nName = {MARK}\n".encode()
    (folder / "texts.mha").write_bytes(content.replace(b"ElementDataFile", comment + b"ElementDataFile"))
    content = (folder / "texts.nrrd").read_bytes()
    comment = f"\n# {MARK}\ncontent: {MARK}\n{MARK}:={MARK}\nsample units: {MARK}\n\n".encode()
    (folder / "texts.nrrd").write_bytes(content.replace(b"\n\n", comment, 1))
    for name, field in (("elsewhere", b"ElementDataFile = LOCAL"), ("number", b"NDims = 2"), ("type", b"MET_UCHAR")):
        content = (folder / "texts.mha").read_bytes()
        (folder / f"{name}.mha").write_bytes(content.replace(field, field.rpartition(b" ")[0] + f" {MARK}".encode()))


MAKERS: dict[str, Callable[[Path], list[Path]]] = {"dicom": marked_dicom, "pictures": marked_pictures}
"""The files by the folder that a test puts them into."""
