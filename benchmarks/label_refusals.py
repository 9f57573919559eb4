"""Every kind of request that MONAI Label's server has to refuse with a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from load_requests import PARAMETERS
from PIL import Image

from monai_lungxfer.bundle.files import bundle_path

_INFER = f"/infer/{bundle_path('portable').name}"
_JSON = {"Content-Type": "application/json"}

Wrong = tuple[str, tuple[str, str, dict[str, Any]]]
"""What is wrong; method, path, and arguments of `requests.request`."""


def encode_mask(mask: np.ndarray) -> bytes:
    """Return a mask of {0, 1} as a PNG file."""
    file = BytesIO()
    Image.fromarray(mask * np.uint8(255)).save(file, format="PNG")
    return file.getvalue()


def wrong_requests(bad: dict[str, Path], image: str, png: bytes, mask: np.ndarray, megabytes: int) -> list[Wrong]:
    """Return the requests.

    Parameters
    ----------
    bad : dict of str to pathlib.Path
        Files that are no radiographs, by what is wrong with them.
    image, png, mask : str, bytes, numpy.ndarray
        Id of an image that the server has, its file, and its mask (H, W) of {0, 1}.
    megabytes : int
        Largest request.
    """
    files = {kind: (file.name, file.read_bytes()) for kind, file in bad.items()}
    uploads = [*_uploads("image", "file", "wrong", png, megabytes), *_uploads("label", "label", image, png, megabytes)]
    return [*_inferences(files, image), *_broken(files, image), *uploads, *_labels(image, png, mask), *_others(image)]


def _inferences(files: dict[str, tuple[str, bytes]], image: str) -> Iterator[Wrong]:
    for kind, file in files.items():
        yield f"inference, {kind}", ("POST", _INFER, {"files": {"file": file}})
    texts = PARAMETERS | {
        "a list for a model": '{"model": [1]}',
        "a path": json.dumps({"image": "/etc/passwd"}),
        "a final label": '{"save_label": true, "label_tag": "final"}',
        "another format": '{"result_extension": ".exe"}',
    }
    for kind, text in texts.items():
        yield f"inference, {kind}", ("POST", _INFER, {"params": {"image": image}, "data": {"params": text}})
    queries = {
        "no image": {},
        "unknown image": {"image": "none"},
        "session": {"image": image, "session_id": "x"},
        "traversal": {"image": "../a"},
        "output": {"image": image, "output": "x"},
    }
    for kind, query in queries.items():
        yield f"inference, {kind}", ("POST", _INFER, {"params": query})
    yield "inference, unknown model", ("POST", "/infer/none", {"params": {"image": image}})


def _broken(files: dict[str, tuple[str, bytes]], image: str) -> Iterator[Wrong]:
    for kind, file in files.items():
        if kind != "constant":  # which is refused when it is segmented
            yield f"image, {kind}", ("PUT", "/datastore/image", {"params": {"image": "wrong"}, "files": {"file": file}})
        yield f"label, {kind}", ("PUT", "/datastore/label", {"params": {"image": image}, "files": {"label": file}})


def _uploads(where: str, field: str, image: str, png: bytes, megabytes: int) -> Iterator[Wrong]:
    sent = [(kind, "a.png", png, image, text) for kind, text in PARAMETERS.items()]
    names = {"a long name": "a." + "b" * 300, "no suffix": "a", "another suffix": "a.exe"}
    sent += [(kind, name, b"nothing", image, "{}") for kind, name in names.items()]
    sent += [
        ("traversal", "a.png", png, f"../{image}", "{}"),
        ("a long id", "a.png", png, "a" * 300, "{}"),
        ("too large", "a.png", bytes(megabytes * 1_000_000), image, "{}"),
        ("a score", "a.png", png, image, '{"uncertainty": "x", "strategy": "x"}'),
    ]
    for kind, name, content, id_, text in sent:
        parts = {"params": {"image": id_}, "data": {"params": text}, "files": {field: (name, content)}}
        yield f"{where}, {kind}", ("PUT", f"/datastore/{where}", parts)
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x", "application/json"):
        parts = {"params": {"image": image}, "data": b"--x\r\nab", "headers": {"Content-Type": content_type}}
        yield f"{where}, {content_type}", ("PUT", f"/datastore/{where}", parts)


def _labels(image: str, png: bytes, mask: np.ndarray) -> Iterator[Wrong]:
    sent = {
        "inverted": ("a.png", encode_mask(1 - mask)),
        "of another size": ("a.png", encode_mask(np.zeros((40, 40), np.uint8))),
        "a radiograph": ("a.png", png),
        "too few bytes": ("a.bin", bytes(mask.size - 1)),
    }
    for kind, file in sent.items():
        yield f"label, {kind}", ("PUT", "/datastore/label", {"params": {"image": image}, "files": {"label": file}})
    queries = {"unknown image": {"image": "none"}, "tag": {"image": image, "tag": "../a"}, "no image": {"tag": "a"}}
    for kind, query in queries.items():
        parts = {"params": query, "files": {"label": ("a.png", encode_mask(mask))}}
        yield f"label, {kind}", ("PUT", "/datastore/label", parts)


def _others(image: str) -> Iterator[Wrong]:
    model = _INFER.rpartition("/")[2]
    tasks = (f"/train/{model}", "/train/none", "/scoring/uncertainty", f"/batch/infer/{model}", "/activelearning/x")
    texts = PARAMETERS | {"a count": '{"max_samples": "x", "max_batch_size": "x", "max_epochs": "x"}'}
    for task in tasks:
        for kind, text in texts.items():
            yield f"{task}, {kind}", ("POST", task, {"params": {"run_sync": "true"}, "data": text, "headers": _JSON})
    for path in (
        "/datastore/image?image=none",
        "/datastore/image?image=..%2fa",
        "/datastore/label?label=none&tag=final",
        "/datastore/?output=x",
        "/model/none",
        "/logs/",
        "/static/..%2f..%2fapp.py",
        "/proxy/dicom/x",
        "/none",
    ):
        yield path, ("GET", path, {})
    yield "delete", ("DELETE", "/datastore/image", {"params": {"id": image}})
