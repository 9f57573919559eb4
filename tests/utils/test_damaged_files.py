"""A short run of damaged JSON, YAML, CSV and zip files through all that read them: each is read, or refused by us."""

from __future__ import annotations

import io
import json
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from evaluation_report import report_of
from text_mutations import Dump, mutated, spoiled

from monai_lungxfer.bundle.files import bundle_metadata, bundle_path
from monai_lungxfer.checks.bundle.layout import check_files, check_sizes
from monai_lungxfer.checks.bundle.metadata import check_requirements, check_schema, check_version
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.partition import make_split
from monai_lungxfer.data.public.darwin import draw_annotation, read_annotation
from monai_lungxfer.data.public.raw import read_table
from monai_lungxfer.data.public.unpack import unpack
from monai_lungxfer.data.splits import load_split, save_split
from monai_lungxfer.export.manifest import checked_formats
from monai_lungxfer.handlers.epoch_table import EPOCH_COLUMNS, read_epochs
from monai_lungxfer.metrics.per_image import METRICS
from monai_lungxfer.registry.gate import compare, mean_metric, read_report
from monai_lungxfer.serving.deploy.settings import output_options
from monai_lungxfer.study.analysis.report_comparison import compare_reports, read_evaluation
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.weights.sidecar import read_sidecar

TIMES = 60
WEIGHTS = "ab" * 32

DATALIST = [
    {"image": f"{n}.png", "label": f"{n}_mask.png", "patient": f"p{n}", "finding": ("normal", "covid19")[n % 2]}
    for n in range(6)
]
REPORT = report_of(
    WEIGHTS,
    [0.9, 0.8, 0.7, 0.95, 0.6],
    patient=[1, 1, 2, 3, 4],
    finding=["normal"] * 5,
    distances_in=["mm"] * 5,
    **{name: list(np.linspace(0.1, 0.9, 5)) for name in METRICS if name != "DICE"},
)
DARWIN = {
    "item": {"name": "a.png", "slots": [{"width": 64, "height": 64, "source_files": [{"file_name": "a.png"}]}]},
    "annotations": [
        {"id": "1", "name": "Lung", "polygon": {"paths": [[{"x": 1, "y": 2}, {"x": 30, "y": 2}, {"x": 20, "y": 40}]]}},
        {"name": "PA", "tag": {}},
    ],
}
LARGE = {"large_files": [{"path": "docs/a.bin", "url": "https://zoo.example/a", "hash_type": "md5", "hash_val": "0"}]}
PLAN = {
    "data": "data",
    "out": "out",
    "arms": ["paper"],
    "repetitions": 2,
    "stages": {"general": {"settings": {"a": 1}}},
}

Read = Callable[[Path], Any]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a bundle that are read here, without its weights."""
    source, folder = bundle_path("portable"), tmp_path_factory.mktemp("damaged") / "portable_cxr_lung_segmentation"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("model.*", "eval", "shipped"))
    (folder / "models" / "model.pt").write_bytes(b"weights")
    return folder


def check(read: Read, file: Path, make: Callable[[random.Random], bytes]) -> None:
    """Read damaged files; any exception that is not ours fails the test."""
    draw = random.Random(0)
    kept = file.read_bytes() if file.is_file() else None
    refused = 0
    for _ in range(TIMES):
        file.write_bytes(make(draw))
        try:
            read(file)
        except LungXferError:
            refused += 1
    if kept is not None:
        file.write_bytes(kept)
    assert refused > TIMES / 10


def damaged(content: Any, dump: Dump = json.dumps) -> Callable[[random.Random], bytes]:
    return lambda draw: mutated(content, draw, dump)


def as_yaml(content: Any) -> str:
    try:
        return yaml.safe_dump(content)
    except (ValueError, yaml.YAMLError):  # a text that cannot be written
        return json.dumps(content)


def test_datalists_and_splits(tmp_path: Path) -> None:
    def draw_split(file: Path) -> None:
        make_split(load_datalist(file), 0, root=tmp_path)

    check(draw_split, tmp_path / "d.json", damaged(DATALIST))
    check(draw_split, tmp_path / "d.json", damaged({"training": DATALIST, "test": ["a.png"]}))
    (tmp_path / "datalist.json").write_text(json.dumps(DATALIST))
    save_split(make_split(load_datalist(tmp_path), 0, root=tmp_path), tmp_path / "split.json")
    split = json.loads((tmp_path / "split.json").read_text())
    check(lambda file: load_split(file, tmp_path), tmp_path / "split.json", damaged(split))


def test_reports(tmp_path: Path) -> None:
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps(REPORT))

    def gate(file: Path) -> None:
        mean_metric(read_report(file, WEIGHTS))
        compare(read_report(whole, WEIGHTS), read_report(file, WEIGHTS))

    check(gate, tmp_path / "report.json", damaged(REPORT))
    check(read_evaluation, tmp_path / "report.json", damaged(REPORT))
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    assert compare_reports(read_evaluation(whole), read_evaluation(tmp_path / "report.json")).pairs == 5


def test_annotations_and_tables(tmp_path: Path) -> None:
    def draw_lungs(file: Path) -> None:
        annotation = read_annotation(file)
        if annotation is not None:
            draw_annotation(annotation, 64, 64)

    check(draw_lungs, tmp_path / "a.json", damaged(DARWIN))
    table = b'patientid,filename\n1,a.png\n2,"b,c.png"\n'
    check(lambda file: read_table(file, ["patientid"]), tmp_path / "a.csv", lambda draw: spoiled(table, draw))
    epochs = ",".join(EPOCH_COLUMNS).encode() + b"\n1,0.5,0.4,0.9,0.001,20.5,3.5\n"
    check(read_epochs, tmp_path / "epochs.csv", lambda draw: spoiled(epochs, draw))


def test_files_of_a_bundle(bundle: Path) -> None:
    def read_metadata(_: Path) -> None:
        bundle_metadata(bundle)
        for one in (check_schema, check_version, check_requirements):
            one(bundle, bundle.parent)

    metadata = json.loads((bundle / "configs" / "metadata.json").read_text())
    check(read_metadata, bundle / "configs" / "metadata.json", damaged(metadata))
    sidecar = {"network": {"_target_": "a.B", "in_channels": 3}, "image_size": [64, 64], "learnt": []}
    check(lambda _: read_sidecar(bundle / "models" / "model.pt"), bundle / "models" / "model.json", damaged(sidecar))
    manifest = {"weights_sha256": WEIGHTS, "formats": {"onnx": {"sha256": {"model.onnx": "ab"}}}}
    check(lambda _: checked_formats(bundle), bundle / "models" / "exports.json", damaged(manifest))

    def read_large_files(_: Path) -> None:
        check_sizes(bundle, bundle)
        check_files(bundle, bundle)

    check(read_large_files, bundle / "large_files.yml", damaged(LARGE, as_yaml))


def test_plans_and_settings(tmp_path: Path) -> None:
    check(StudyPlan.from_file, tmp_path / "plan.yaml", damaged(PLAN, as_yaml))
    check(output_options, tmp_path / "app.yaml", damaged({"results": {"sides": True}}, as_yaml))


def zipped(entries: list[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    "entries",
    [
        [("a", b"1"), ("a/b", b"2")],
        [("a/b", b"2"), ("a", b"1")],
        [("a/b", b"1"), ("a/./b", b"2")],
        [("n" * 300, b"1")],
        [("a/" * 600 + "b", b"1")],
        [(".", b"1")],
    ],
)
def test_places_that_no_file_can_have(tmp_path: Path, entries: list[tuple[str, bytes]]) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(entries))
    (tmp_path / "out").mkdir()
    with pytest.raises(LungXferError, match="is not unpacked"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_archives(tmp_path: Path) -> None:
    whole = zipped([("a/b.txt", b"hello" * 99), ("a/c", b""), ("d/", b"")])

    def spoil(draw: random.Random) -> bytes:
        content = bytearray(whole)
        for _ in range(draw.choice((1, 2, 5))):
            content[draw.randrange(len(content))] = draw.randrange(256)
        return bytes(content[: draw.randrange(len(content))] if draw.random() < 0.2 else content)

    def read(file: Path) -> None:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        (tmp_path / "out").mkdir()
        unpack(file, tmp_path / "out")

    check(read, tmp_path / "a.zip", spoil)
