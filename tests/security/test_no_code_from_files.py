"""Whatever is in a file that is data, none of it is run."""

from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.transforms import Compose, Lambdad, RandRotated, ToTensord
from PIL import Image

from monai_lungxfer.bundle.files import bundle_path, export_bundle
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.bundle.workflow import bundle_workflow
from monai_lungxfer.data.cache import decoded_dataset
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.splits import ensure_split
from monai_lungxfer.handlers.best_weights import BestWeights
from monai_lungxfer.handlers.training import ResumePoint
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.training.stage import StageFolder, evaluate_stage, train_stage
from monai_lungxfer.utils.errors import DatalistError, InputFileError, TransferError
from monai_lungxfer.weights.loading import load_weights
from monai_lungxfer.weights.sidecar import input_size

EXPRESSION = "$__import__('pathlib').Path('owned').touch() or 'x'"
TAG = "!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [owned]]"


class Malicious:
    """Makes a file named `owned` in the working directory where it is unpickled without care."""

    def __reduce__(self) -> tuple:
        return (Path("owned").touch, ())


@pytest.fixture(autouse=True)
def nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "owned").exists()


def by_torch(path: Path) -> None:
    torch.save({"conv.weight": Malicious()}, path)


def by_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Malicious()))


both = pytest.mark.parametrize("save", [by_torch, by_pickle])


def test_the_traps_work() -> None:
    pickle.loads(pickle.dumps(Malicious()))
    assert Path("owned").exists()
    Path("owned").unlink()
    eval(EXPRESSION[1:])
    assert Path("owned").exists()
    Path("owned").unlink()


@both
def test_weights(tmp_path: Path, save: Callable[[Path], None]) -> None:
    save(tmp_path / "model.pt")
    with pytest.raises(TransferError, match="hold code are refused"):
        load_weights(torch.nn.Conv2d(1, 1, 1), tmp_path / "model.pt")
    with pytest.raises(TransferError, match="hold code are refused"):
        BestWeights(torch.nn.Conv2d(1, 1, 1), tmp_path / "model.pt", [32, 32]).restore()
    with pytest.raises(TransferError, match="hold code are refused"):
        Segmenter.from_bundle("portable", weights=tmp_path / "model.pt", device="cpu")


@both
def test_resume_point(tmp_path: Path, save: Callable[[Path], None]) -> None:
    save(tmp_path / "resume.pt")
    point = ResumePoint(tmp_path / "resume.pt", {}, Engine(lambda *_: None), {"seed": 0})  # type: ignore[arg-type]
    with pytest.raises(TransferError, match="Start afresh"):
        point.run(Engine(lambda *_: None))


def test_weights_are_no_resume_point(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "resume.pt")
    point = ResumePoint(tmp_path / "resume.pt", {}, Engine(lambda *_: None), {"seed": 0})  # type: ignore[arg-type]
    with pytest.raises(TransferError, match="it is not a resume point"):
        point.run(Engine(lambda *_: None))


def _decoded(number: int) -> np.ndarray:
    return np.full((1, 8, 8), number, np.float32)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:500])


@pytest.mark.parametrize(
    "spoil", [by_torch, by_pickle, _cut, lambda path: path.write_bytes(b""), lambda path: path.write_text("text")]
)
def test_spilled_images_are_made_anew(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    transform = Compose([Lambdad("image", _decoded), ToTensord("image"), RandRotated("image", range_x=0.0)])
    dataset = decoded_dataset([{"image": 7}], transform, memory_limit_gb=1e-9, spill_dir=tmp_path / "decoded")
    assert dataset[0]["image"].sum() == 7 * 64
    (kept,) = (tmp_path / "decoded").glob("*.pt")
    whole = kept.read_bytes()
    spoil(kept)
    assert dataset[0]["image"].sum() == 7 * 64
    assert len(kept.read_bytes()) == len(whole)


def test_errors_of_images_pass_through_the_spill(tmp_path: Path) -> None:
    transform = Compose([Lambdad("image", _failing), ToTensord("image"), RandRotated("image", range_x=0.0)])
    dataset = decoded_dataset([{"image": 7}] * 2, transform, memory_limit_gb=1e-9, spill_dir=tmp_path / "decoded")
    _failing.calls = 0  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError) as caught:
        dataset[0]
    assert isinstance(caught.value.__cause__, InputFileError)
    assert _failing.calls == 1  # type: ignore[attr-defined]


def _failing(number: int) -> np.ndarray:
    calls = _failing.__dict__.get("calls")
    if calls is None:  # when the size is measured
        return _decoded(number)
    _failing.calls = calls + 1  # type: ignore[attr-defined]
    raise InputFileError("is damaged")


@pytest.mark.parametrize("text", [TAG, f"- image: {TAG}\n  patient: p\n"])
def test_datalist_with_a_yaml_tag(tmp_path: Path, text: str) -> None:
    (tmp_path / "datalist.json").write_text(text)
    with pytest.raises(DatalistError, match="is not a JSON file"):
        load_datalist(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Images whose records look like expressions, references and macros of MONAI's configurations."""
    folder = tmp_path / "data"
    folder.mkdir()
    records = []
    for number in range(10):
        name = f"{EXPRESSION}{number}.png"
        Image.fromarray(np.random.default_rng(number).integers(0, 99, (40, 48), dtype=np.uint8)).save(folder / name)
        records.append(
            {"image": name, "label": name, "patient": f"@seed{number}", "finding": EXPRESSION, "note": "%x.json#y"}
        )
    (folder / "datalist.json").write_text(json.dumps(records))
    return folder


def test_records_stay_texts(tmp_path: Path, data: Path) -> None:
    settings = {
        "dataset_dir": str(data),
        "output_dir": str(tmp_path / "out"),
        "image_size": [32, 32],
        "batch_size": 2,
        "hold_out": 0.0,
    }
    parser = bundle_workflow("portable", "train", settings).parser
    dataset = parser.get_parsed_content("train#dataset")
    assert dataset[0]["image"].shape == (3, 32, 32)
    records = parser.get_parsed_content("split").training
    assert {record["finding"] for record in records} == {EXPRESSION}
    assert {record["note"] for record in records} == {"%x.json#y"}
    again = ensure_split(data, tmp_path / "out" / "split.json", seed=0, hold_out=0.0)  # as the file has it
    assert again.training == records


def test_input_size_is_numbers(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "model.pt")
    (tmp_path / "model.json").write_text(json.dumps({"image_size": [EXPRESSION, 32]}))
    with pytest.raises(TransferError, match=r"model\.json: .*input size"):
        input_size(tmp_path / "model.pt")


def test_metadata_stays_text(tmp_path: Path) -> None:
    folder = export_bundle("portable", tmp_path)
    file = folder / "configs" / "metadata.json"
    metadata = json.loads(file.read_text())
    file.write_text(json.dumps(metadata | {"version": EXPRESSION, "task": EXPRESSION, "name": "@seed"}))
    segmenter = Segmenter.from_bundle(folder, device="cpu")
    assert segmenter.identity.version == EXPRESSION
    bundle_workflow(folder, "train", {"output_dir": str(tmp_path)}).parser.get_parsed_content("batch_size")


def test_names_of_files_and_folders_are_no_expressions(tmp_path: Path, data: Path) -> None:
    weights = Path(f"{EXPRESSION}.pt")
    weights.write_bytes((bundle_path("portable") / "models" / "model.pt").read_bytes())
    Segmenter.from_bundle("portable", weights=weights, device="cpu")
    Path(EXPRESSION).symlink_to(data)
    assert "output_dir" in StageFolder(Path(EXPRESSION)).overrides()
    for run in (
        lambda: train_stage(STAGES["portable"], EXPRESSION, StageFolder(tmp_path / "out"), {"parent": "absent.pt"}),
        lambda: evaluate_stage(STAGES["portable"], EXPRESSION, StageFolder(tmp_path / "out"), "$absent.pt", "test"),
    ):
        with pytest.raises(TransferError, match=r"absent\.pt: there is no such weights file"):
            run()


@pytest.mark.parametrize("code", [16, 18, 99])  # pypickle, nibabel's caret, and none
def test_extension_of_nifti(tmp_path: Path, code: int) -> None:
    image = nib.Nifti1Image(np.zeros((40, 60), np.uint8), np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension(code, pickle.dumps(Malicious())))
    for name, content in {"x.nii": image.to_bytes(), "x.nii.gz": gzip.compress(image.to_bytes())}.items():
        (tmp_path / name).write_bytes(content)
        assert read_radiograph(tmp_path / name).pixels.shape == (60, 40)


def test_array_of_objects_is_no_radiograph(tmp_path: Path) -> None:
    values: Any = np.full((40, 60), Malicious(), dtype=object)
    np.save(tmp_path / "image.npy", values, allow_pickle=True)
    with pytest.raises(InputFileError, match="NumPy format, which is not read"):
        read_radiograph(tmp_path / "image.npy")
