"""Files that hold pictures in formats which are not read: they are named, not passed over in silence."""

from __future__ import annotations

from pathlib import Path

_MAGICS: dict[bytes, str] = {
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"\x93NUMPY": "NumPy",
    b"8BPS": "Photoshop",
    b"v/1\x01": "OpenEXR",
    b"SIMPLE  =": "FITS",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"MATLAB 5.0 MAT-file": "MATLAB",
    b"\x0a\x05\x01": "PCX",
    **{f"P{kind}{end}".encode(): "PNM" for kind in "2356" for end in "\n\r \t"},
}
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIF", b"heix": "HEIF", b"mif1": "HEIF", b"msf1": "HEIF"}
"""Of ISO base media files, behind ``ftyp`` (ISO 23008-12)."""

_SUFFIXES = {
    "JPEG XL": (".jxl",),
    "NumPy": (".npy", ".npz"),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif"),
    "PNM": (".pgm", ".ppm", ".pnm"),
    "PCX": (".pcx",),
    "TGA": (".tga",),
    "Photoshop": (".psd",),
    "OpenEXR": (".exr",),
    "FITS": (".fits",),
    "HDF5": (".h5", ".hdf5"),
    "MATLAB": (".mat",),
    "raw": (".img", ".raw"),
}
_RAW = "raw"
_HEADERS = (".mhd", ".nhdr", ".hdr")  # which raw data may belong to; reading them says what is wrong
_HEAD = 32


def name_unread_format(path: Path) -> str | None:
    """Return the name of the format that a file's content, or else its suffix, is known by, and that is not read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    found = next((name for magic, name in _MAGICS.items() if head.startswith(magic)), None)
    if found is None and head[4:8] == b"ftyp":
        found = _BRANDS.get(head[8:12])
    found = found or next((name for name, known in _SUFFIXES.items() if path.suffix.lower() in known), None)
    has_header = found == _RAW and any(path.with_suffix(suffix).exists() for suffix in _HEADERS)
    return None if has_header else found
