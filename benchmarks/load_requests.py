"""Files, bodies and clients of the load on servers: what is accepted, what is refused, and how an answer is judged."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import requests
from mixed_files import BROKEN, WHOLE, Writer, write_dicom
from PIL import Image
from server_load import Request

from monai_lungxfer.synthetic.phantoms import portable_radiograph

NAME = "Marked^Patient"
"""In every DICOM file that is sent; no answer may repeat it."""

_SECRETS = (NAME, "Traceback", "site-packages")

DEEP = "[" * 100_000 + "]" * 100_000
"""JSON of too many levels for Python's reader."""

PARAMETERS = {
    "no JSON": "{",
    "a list": "[1]",
    "deep": DEEP,
    "deep objects": '{"a": ' * 500 + "1" + "}" * 500,
    "infinite": '{"timeout": 1e999}',
    "NaN": '{"a": NaN}',
    "a long number": '{"a": ' + "9" * 5000 + "}",
    "half a character": '{"a": "\\ud800"}',
    "an expression": '{"a": "$exit()"}',
}
"""Texts that are no parameters of a request."""


def _by_pillow(path: Path, pixels: np.ndarray, **options: Any) -> None:
    Image.fromarray(pixels).save(path, **options)


_MORE: dict[str, tuple[Writer, str]] = {
    "JPEG 2000": (partial(_by_pillow, format="JPEG2000"), ".jp2"),
    "WebP": (partial(_by_pillow, format="WEBP", lossless=True), ".webp"),
    "GIF": (partial(_by_pillow, format="GIF"), ".gif"),
}

_NRRD = "NRRD0004\ntype: uint8\ndimension: 2\nsizes: 40 40\nencoding: raw\ndata file: "
_META = "ObjectType = Image\nNDims = 2\nDimSize = 40 40\nElementType = MET_UCHAR\nElementDataFile = "
_REFERRING = {
    "NRRD whose pixels are elsewhere": (".nrrd", f"{_NRRD}/etc/passwd\n\n"),
    "NRRD with a list of files": (".nrrd", f"{_NRRD}LIST\n/etc/passwd\n"),
    "NRRD by another name": (".png", f"{_NRRD}/etc/passwd\n\n"),
    "MetaImage whose pixels are elsewhere": (".mhd", f"{_META}/etc/passwd\n"),
    "MetaImage with a list of files": (".mha", f"{_META}LIST\n/etc/passwd\n"),
}


def write_good(folder: Path, height: int, seed: int = 0) -> dict[str, Path]:
    """Write a phantom's radiograph in every format that servers take, by its kind."""
    return {kind: _write(folder, *each, height, seed + n) for n, (kind, each) in enumerate((WHOLE | _MORE).items())}


def write_bad(folder: Path, height: int, seed: int = 0) -> dict[str, Path]:
    """Write files that are no radiographs, or refer to other files of the machine, by what is wrong with them."""
    found = {kind: _write(folder, *each, height, seed + n) for n, (kind, each) in enumerate(BROKEN.items())}
    named = folder / "named.dcm"
    write_dicom(named, np.zeros((height, height), np.uint8), PatientName=NAME, NumberOfFrames=2)
    found["a DICOM file's first 300 bytes"] = folder / "named_cut.dcm"
    found["a DICOM file's first 300 bytes"].write_bytes(named.read_bytes()[:300])
    found["DICOM with a name"] = named
    for number, (kind, (suffix, text)) in enumerate(_REFERRING.items()):
        found[kind] = folder / f"refers{number}{suffix}"
        found[kind].write_text(text)
    return found


def _write(folder: Path, write: Writer, suffix: str, height: int, seed: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"radiograph{seed}{suffix}"
    pixels = portable_radiograph(np.random.default_rng(seed), height, int(0.8 * height), "normal")[0]
    write(path, pixels)
    return path


def judge(answer: requests.Response, right: Callable[[requests.Response], bool] | None, secrets: Sequence[str]) -> str:
    """Return the outcome of an answer; without `right`, the request is to be refused with a reason and no secret."""
    if answer.status_code >= 500:
        return "5xx"
    if right is not None and answer.ok and right(answer):
        return "right"
    told = len(answer.text) > 10 and not any(each in answer.text for each in (*secrets, *_SECRETS))
    if right is None and told and 400 <= answer.status_code < 500:
        return "refused"
    return f"wrong, {answer.status_code} {answer.text[:200]!r}"


def hang_up(prepared: requests.PreparedRequest, share: float) -> str:
    """Send a share of a request, and close the connection without waiting for an answer."""
    parts = urlsplit(str(prepared.url))
    body = prepared.body if isinstance(prepared.body, bytes) else str(prepared.body or "").encode()
    lines = [f"{prepared.method} {prepared.path_url} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in prepared.headers.items()]
    content = "\r\n".join([*lines, "", ""]).encode() + body
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
            connection.sendall(content[: int(share * len(content))])
    except OSError as error:
        raise requests.ConnectionError from error
    return "hung up"


def mix(
    good: Sequence[Callable[[int], Request]], others: Sequence[Callable[[int], Request]], total: int, seed: int = 0
) -> list[Request]:
    """Return requests by chance, half of them good; each is made with its number."""
    half = total // 2
    makers = [*islice(cycle(good), total - half), *islice(cycle(others), half)]
    random.Random(seed).shuffle(makers)  # noqa: S311 - nothing is kept secret with it
    return [make(number) for number, make in enumerate(makers)]
