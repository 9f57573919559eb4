"""The model as MLflow loads it: the masks of `lungxfer predict`, and rows that cannot be segmented."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import pytest
from adapter_files import write_adapter, write_base
from mlflow.pyfunc import PyFuncModel

from monai_lungxfer.bundle.files import export_bundle
from monai_lungxfer.export.weights import install_adapter, install_weights
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.serving.mlflow.model import LungModel, RequestError
from monai_lungxfer.serving.mlflow.packaging import input_example
from monai_lungxfer.serving.mlflow.requirements import model_requirements
from monai_lungxfer.serving.mlflow.signature import COLUMNS
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import hash_file

NAMES = ("a.png", "b.jpg", "c.tif", "d.nii.gz", "e.dcm", "f.dcm")
AREAS = ("lung", "right_lung", "left_lung")


@pytest.fixture(scope="module")
def model(saved_model: Path) -> PyFuncModel:
    return mlflow.pyfunc.load_model(str(saved_model))


def test_every_format_gives_the_mask_of_predict(model: PyFuncModel, predicted) -> None:
    made = model.predict([predicted.request(name) for name in NAMES]).to_dict("records")
    for name, row in zip(NAMES, made, strict=True):
        assert base64.b64decode(row["mask"]) == predicted.masks[name], name
        expected = predicted.rows[name]
        assert (row["height"], row["width"], row["flags"]) == (150, 118, expected["flags"])
        assert row["remarks"] == expected["remarks"]
        for area in AREAS:
            assert row[f"{area}_px"] == expected[f"{area}_px"]
            assert row[f"{area}_cm2"] == pytest.approx(expected[f"{area}_cm2"], abs=1e-6)
        for dice in ("dice_expected", "dice_low", "dice_high"):
            assert row[dice] == pytest.approx(expected[dice], abs=1e-6)
        assert row["error"] is None
        assert row["model"].startswith("portable_cxr_lung_segmentation 0.1.0 ")
    assert made[0]["lung_px"] > 1000
    assert 0 < made[0]["dice_low"] <= made[0]["dice_expected"] <= made[0]["dice_high"] < 1
    assert made[0]["lung_cm2"] is None
    assert made[4]["mask"] == made[5]["mask"]  # the same picture, of either photometric interpretation
    assert made[3]["lung_cm2"] == pytest.approx(made[3]["lung_px"] * 0.2 / 100)


@pytest.mark.slow
def test_real_dicom_files(model: PyFuncModel, shared_data: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from monai_lungxfer.cli import app

    names = ("gdcm_CR_MONO1_10_chest.dcm", "rsna_3_AP.dcm")
    files = [shared_data / "dicom" / name for name in names]
    result = CliRunner().invoke(app, ["predict", *map(str, files), "--any-view", "--out", str(tmp_path), "--json"])
    rows = json.loads(result.stdout)["predictions"]
    request = [{"image": base64.b64encode(file.read_bytes()).decode()} for file in files]
    made = model.predict(request, params={"any_view": True})
    for mask, row in zip(made["mask"], rows, strict=True):
        assert base64.b64decode(mask) == (tmp_path / row["mask"]).read_bytes()


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float64])
def test_pixels_are_those_of_the_file(model: PyFuncModel, predicted, phantom: np.ndarray, kind: type) -> None:
    for pixels in (phantom.astype(kind), phantom.astype(kind).tolist()):
        row = model.predict(pd.DataFrame({"pixels": [pixels]})).iloc[0]
        assert base64.b64decode(row["mask"]) == predicted.masks["a.png"]


def test_the_result_keeps_the_index_and_is_strict_json(model: PyFuncModel) -> None:
    table = input_example().rename(index={0: "first"})
    made = model.predict(table)
    assert list(made.index) == ["first"]
    assert tuple(made.columns) == COLUMNS
    assert '"lung_cm2": null' in json.dumps(made.to_dict("records"), allow_nan=False)


def test_a_bad_row_costs_no_other_row_its_result(model: PyFuncModel, predicted, phantom: np.ndarray) -> None:
    rows = [predicted.request("a.png"), {"image": "no base64!"}, {"pixels": phantom.tolist()}, {}]
    made = model.predict(rows).to_dict("records")
    assert base64.b64decode(made[0]["mask"]) == base64.b64decode(made[2]["mask"]) == predicted.masks["a.png"]
    assert [row["mask"] is None for row in made] == [False, True, False, True]
    assert made[1]["error"].startswith("image is not base64. Encode the bytes")
    assert made[3]["error"] == "the row has no radiograph. Give exactly one of image, path, pixels."
    assert set(made[1]) == set(COLUMNS)


def test_strict_refuses_the_row(model: PyFuncModel, predicted) -> None:
    noise = np.random.default_rng(0).random((64, 64)).tolist()
    rows = [{"pixels": noise}, predicted.request("a.png")]
    made = model.predict(rows, params={"strict": True}).to_dict("records")
    assert "(no_chest)" in made[0]["error"]
    assert made[0]["mask"] is None
    loose = model.predict(rows).to_dict("records")
    assert "no_chest" in loose[0]["flags"]
    assert base64.b64decode(made[1]["mask"]) == predicted.masks["a.png"]


def test_when_nothing_can_be_segmented_it_raises_unless_told_otherwise(model: PyFuncModel) -> None:
    rows = [{"pixels": [[1, 2], [3]]}] * 7
    with pytest.raises(
        RequestError, match=r"No radiograph could be segmented\. Row 0: pixels is not a two.*And 2 more"
    ):
        model.predict(rows)
    made = model.predict(rows, params={"on_error": "return"})
    assert made["error"].notna().all()
    with pytest.raises(RequestError, match="on_error must be one of raise, return"):
        model.predict(rows, params={"on_error": "ignore"})


def test_a_request_without_a_known_column_is_no_empty_result(model: PyFuncModel) -> None:
    for rows in ([{"picture": "x"}], [{}], pd.DataFrame({"image": pd.Series([], dtype=object)})):
        with pytest.raises(RequestError, match="no row with image, path, pixels"):
            model.predict(rows)
        assert len(model.predict(rows, params={"on_error": "return"})) == 0


def test_the_model_says_what_it_is_not(model: PyFuncModel) -> None:
    assert "Not a medical device" in model.metadata.metadata["notice"]


def test_nothing_is_pickled(saved_model: Path) -> None:
    names = [path.name for path in saved_model.rglob("*") if path.is_file()]
    assert "model_code.py" in names
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))]
    requirements = (saved_model / "requirements.txt").read_text().split()
    assert f"mlflow=={mlflow.__version__}" in requirements
    assert not [line for line in requirements if "+" in line]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"paths_below": "/no/such/folder"}, "paths_below is not a folder"),
        ({"batch_size": 0}, "batch_size is 0, not 1 or more"),
        ({"max_megabytes": "many"}, "max_megabytes is 'many', not above 0"),
    ],
)
def test_a_wrong_configuration_does_not_load(saved_model: Path, config: dict, message: str) -> None:
    with pytest.raises(LungXferError, match=message):
        mlflow.pyfunc.load_model(str(saved_model), model_config=config)


def test_a_model_serves_its_adapters_by_their_names(tmp_path: Path) -> None:
    network = write_base(tmp_path / "base.pt")
    bundle = export_bundle("general", tmp_path)
    install_weights(tmp_path / "base.pt", bundle, pack=False)
    for seed, name in enumerate(("one", "two")):
        write_adapter(tmp_path / f"{name}.pt", tmp_path / "base.pt", copy.deepcopy(network), seed=seed)
        install_adapter(tmp_path / f"{name}.pt", bundle, name)
    model = LungModel()
    model.load_context(SimpleNamespace(model_config={"device": "cpu"}, artifacts={"bundle": str(bundle)}))
    networks = [model._segmenters[name].engine._parts.network for name in ("one", "two")]
    assert networks[0].base is networks[1].base
    rows = {name: model.predict(None, input_example(), {"adapter": name}).to_dict("records") for name in ("", "one")}
    assert f"{hash_file(tmp_path / 'one.pt')[:12]} on {hash_file(tmp_path / 'base.pt')[:12]}" in rows["one"][0]["model"]
    expected = Segmenter.from_bundle(bundle, adapter=tmp_path / "one.pt", device="cpu")
    assert rows["one"][0]["model"] == str(expected.identity)
    assert rows["one"][0]["mask"] != rows[""][0]["mask"]
    assert "torch" in " ".join(model_requirements(bundle))
    with pytest.raises(RequestError, match="adapter must be one of one, two"):
        model.predict(None, input_example(), {"adapter": "three"})
