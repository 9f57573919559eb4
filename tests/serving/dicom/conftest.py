"""A segmenter, and nodes in this process, for the tests of the DICOM node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dicom_node import node_settings

pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.serving.dicom.node import DicomNode


@pytest.fixture(scope="session")
def portable() -> Segmenter:
    return Segmenter.from_bundle("portable_cxr_lung_segmentation", engine="onnx")


@pytest.fixture
def start(tmp_path: Path, portable: Segmenter) -> Iterator[Callable[..., DicomNode]]:
    """Start nodes, whose settings are those of `node_settings`; all are stopped in the end."""
    nodes: list[DicomNode] = []

    def start_one(folder: Path = tmp_path, source: Callable[[], Segmenter] | None = None, **tables: Any) -> DicomNode:
        node = DicomNode(node_settings(folder, **tables), source or (lambda: portable))
        node.start()
        nodes.append(node)
        return node

    yield start_one
    for node in nodes:
        node.stop()
