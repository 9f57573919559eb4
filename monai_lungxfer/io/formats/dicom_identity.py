"""What tells one DICOM image from all others: its SOP Instance UID, or where it has none, its pixel data."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

_UID = re.compile(r"[0-9.]{1,64}")


def read_text(source: Dataset, keyword: str) -> str:
    """Return an attribute's value as text, several values separated by a backslash, "" when it cannot be read."""
    try:
        value = source.get(keyword)
        if value is None or isinstance(value, (bytes, pydicom.Sequence)):
            return ""
        values: Sequence[object] = value if isinstance(value, (MultiValue, list, tuple)) else [value]
        text = "\\".join(str(item).strip() for item in values)
    # Conversions of malformed values raise anything, and a result must not fail for a field that it can do without.
    except Exception:  # noqa: BLE001
        return ""
    return "".join(character for character in text if character.isprintable())


def read_uid(source: Dataset, keyword: str) -> str:
    """Return a UID, "" for what is none: several values, too long, or of other characters."""
    uid = read_text(source, keyword)
    return uid if _UID.fullmatch(uid) else ""


def instance_uid(source: Dataset) -> str:
    """Return the SOP Instance UID, by the file meta information where the data set has none, or ""."""
    meta = getattr(source, "file_meta", None) or Dataset()
    return read_uid(source, "SOPInstanceUID") or read_uid(meta, "MediaStorageSOPInstanceUID")


def identify(source: Dataset) -> str:
    """Return the SOP Instance UID, or one that the pixel data, as they are stored, always give; "" without both."""
    pixels = source.get("PixelData")
    if (uid := instance_uid(source)) or not isinstance(pixels, bytes):
        return uid
    return derived_uid("instance", hashlib.sha256(pixels).hexdigest())


def derived_uid(*parts: str) -> str:
    """Return the UID that the parts always give: a UUID below 2.25 (PS3.5, B.2) cut out of their SHA-256."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"
