"""Tiny raw sets in the layouts of the public ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from raw_pieces import COHEN_TITLES, LEFT, PACEMAKER, RIGHT, cohen_row, write_darwin, write_picture


@pytest.fixture
def cohen(tmp_path) -> Path:
    """A raw folder `cohen` as GitHub's archive unpacks."""
    folder = tmp_path / "raw" / "cohen" / "covid-chestxray-dataset-master"
    rows = [
        cohen_row("7", "Pneumonia/Viral/COVID-19", "PA", "X-ray", "a.jpg", "CC BY-NC-SA"),
        cohen_row("7", "Pneumonia/Viral/COVID-19", "L", "X-ray", "b.jpg"),
        cohen_row("8", "Pneumonia/Fungal/Pneumocystis", "AP Supine", "X-ray", "c.png", ""),
        cohen_row("9", "No Finding", "AP", "X-ray", "d.png"),
        cohen_row("10", "Pneumonia/Viral/SARS", "Axial", "CT", "e.jpg"),
        cohen_row("11", "todo", "PA", "X-ray", "f.png"),
    ]
    folder.mkdir(parents=True)
    (folder / "metadata.csv").write_text("\n".join([COHEN_TITLES, *rows]) + "\n", encoding="utf-8-sig")
    for seed, name in enumerate(("a.jpg", "b.jpg", "c.png", "d.png", "e.jpg", "f.png")):
        write_picture(folder / "images" / name, seed)
    return folder.parent


@pytest.fixture
def kermany(tmp_path) -> Path:
    """A raw folder `kermany` with the second copy and the resource forks of Kaggle's archive."""
    folder = tmp_path / "raw" / "kermany" / "chest_xray"
    names = (
        "train/PNEUMONIA/person12_bacteria_46.jpeg",
        "test/PNEUMONIA/person12_virus_3.jpeg",
        "train/NORMAL/IM-0115-0001.jpeg",
        "test/NORMAL/NORMAL2-IM-0588-0001-0002.jpeg",
        "val/NORMAL/NORMAL2-IM-0115-0001.jpeg",
    )
    for seed, name in enumerate(names):
        write_picture(folder / name, 100 + seed)
        write_picture(folder / "chest_xray" / name, 100 + seed)
    fork = folder / "__MACOSX" / "train" / "NORMAL" / "._IM-0115-0001.jpeg"
    fork.parent.mkdir(parents=True)
    fork.write_bytes(b"fork")
    return folder.parent


@pytest.fixture
def v7(tmp_path) -> Path:
    """Annotations of images of both sets, with a lateral radiograph that has tags only, and one whose image is gone."""
    folder = tmp_path / "raw" / "v7" / "all-images"
    tag = {"name": "Viral Pneumonia", "tag": {}}
    write_darwin(folder / "101.json", "a.jpg", LEFT, RIGHT, PACEMAKER, tag, {"name": "COVID-19", "tag": {}})
    write_darwin(folder / "102.json", "b.jpg", tag)
    write_darwin(folder / "103.json", "person12_bacteria_46.jpeg", LEFT)
    write_darwin(folder / "104.json", "IM-0115-0001.jpeg", RIGHT)
    write_darwin(folder / "105.json", "gone.jpeg", LEFT)
    write_darwin(folder.parent / "covid-only" / "101.json", "a.jpg", LEFT, RIGHT, PACEMAKER)
    (folder.parent / "coco.json").write_text(json.dumps({"images": [], "annotations": []}))
    return folder.parent
