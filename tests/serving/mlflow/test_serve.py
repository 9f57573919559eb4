"""`mlflow models serve`, for real: masks over HTTP, bad requests, and what the server's log tells."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from dicom_radiograph import as_dicom, write
from load_mlflow import load_model_server
from marked_files import MAKERS, MARK, UIDS
from mlflow_servers import model_server
from orthanc_server import free_port
from PIL import Image

pytestmark = pytest.mark.slow

NAMES = ("a.png", "b.jpg", "c.tif", "d.nii.gz", "e.dcm", "f.dcm")
SECRET = "DOE-JANE"


@dataclass(frozen=True)
class Served:
    url: str
    inbox: Path
    log: Path

    def post(self, content: Any) -> requests.Response:
        body = content if isinstance(content, str) else json.dumps(content)
        return requests.post(self.url, data=body, headers={"Content-Type": "application/json"}, timeout=120)

    def masks(self, content: Any) -> list[bytes]:
        response = self.post(content)
        assert response.status_code == 200, response.text
        return [base64.b64decode(row["mask"]) for row in response.json()["predictions"]]


@pytest.fixture(scope="module")
def served(saved_model: Path, tmp_path_factory: pytest.TempPathFactory, phantom: np.ndarray) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "inbox").mkdir()
    Image.fromarray(phantom).save(folder / "inbox" / f"{SECRET}.png")
    config = json.dumps({"paths_below": str(folder / "inbox"), "max_megabytes": 1})
    log = folder / "log"
    with model_server(str(saved_model), log, MLFLOW_PYFUNC_INFERENCE_CONFIG=config) as url:
        yield Served(url, folder / "inbox", log)


def test_masks_are_those_of_predict(served: Served, predicted, phantom: np.ndarray) -> None:
    expected = [predicted.masks[name] for name in NAMES]
    assert served.masks({"dataframe_records": [predicted.request(name) for name in NAMES]}) == expected
    image = predicted.request("e.dcm")["image"]
    assert served.masks({"dataframe_split": {"columns": ["image"], "data": [[image]]}}) == expected[4:5]
    assert served.masks({"inputs": [{"image": image}]}) == expected[4:5]
    assert served.masks({"dataframe_records": [{"pixels": phantom.tolist()}]}) == expected[:1]
    assert served.masks({"dataframe_records": [{"path": f"{SECRET}.png"}]}) == expected[:1]


def test_a_bad_row_among_good_ones(served: Served, predicted) -> None:
    rows = [predicted.request("a.png"), {"image": 5}, {"path": "/etc/passwd"}]
    response = served.post({"dataframe_records": rows})
    assert response.status_code == 200
    good, *bad = response.json()["predictions"]
    assert base64.b64decode(good["mask"]) == predicted.masks["a.png"]
    assert good["lung_cm2"] is None
    assert [row["mask"] for row in bad] == [None, None]
    assert bad[0]["error"] == "image is not a text. Give a string."
    assert bad[1]["error"] == "there is no such file below the allowed folder. Check the path."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "The request is not JSON"),
        ("[" * 100_000, "The request is not JSON"),
        ('{"dataframe_records": [{"image": ' + "9" * 6000 + "}]}", "The request is not JSON"),
        ({"dataframe_records": [{"image": "QUJD"}] * 1001}, "1001 rows, over 1000"),
        ({"dataframe_split": {"columns": [{"a": 1}], "data": [["x"]]}}, "The request cannot be read: TypeError"),
        ({}, "exactly one of the input fields"),
        ({"dataframe_records": 5}, "must be a list of records"),
        ({"dataframe_records": [{}]}, "no row with image, path, pixels"),
        ({"dataframe_records": [{"picture": "x"}]}, "no row with image, path, pixels"),
        ({"dataframe_records": [{"image": 5}]}, "image is not a text"),
        ({"dataframe_records": [{"image": {"a": 1}}]}, "image is not a text"),
        ({"dataframe_records": [{"image": "?"}]}, "image is not base64"),
        ({"dataframe_records": [{"image": "QUJD"}]}, "is not an image of a known format"),
        ({"dataframe_records": [{"image": "A" * 2_000_000}]}, "the file is larger than 1 MB"),
        ({"dataframe_records": [{"path": "../log"}]}, "no such file below the allowed folder"),
        ({"dataframe_records": [{"path": "/etc/passwd"}]}, "no such file below the allowed folder"),
        ({"dataframe_records": [{"pixels": [[1, 2], [3]]}]}, "not a two-dimensional array of numbers"),
        ({"dataframe_records": [{"pixels": [[1] * 40] * 40}]}, "constant image"),
        ({"dataframe_records": [{"image": "x", "path": "x"}]}, "Give exactly one of image, path, pixels"),
        ({"dataframe_records": [{"path": "x"}], "params": {"on_error": "x"}}, "on_error must be one of raise, return"),
        ({"dataframe_records": [{"path": "x"}], "params": {"any_view": "maybe"}}, "any_view"),
    ],
)
def test_bad_requests(served: Served, content: Any, message: str) -> None:
    response = served.post(content)
    assert response.status_code == 400
    answer = response.json()
    assert message in answer["message"]
    assert "stack_trace" not in answer


@pytest.mark.parametrize("kind", [None, "text/csv", "application/vnd.apache.parquet"])
def test_requests_that_are_no_json(served: Served, kind: str | None) -> None:
    response = requests.post(
        served.url, data=b"image", headers={} if kind is None else {"Content-Type": kind}, timeout=60
    )
    assert response.status_code == 415
    assert "Requests are JSON" in response.json()["message"]


def test_neither_answers_nor_the_log_name_the_patient(served: Served, phantom: np.ndarray, tmp_path: Path) -> None:
    content = write(tmp_path / "x.dcm", as_dicom(phantom, "MONOCHROME2", SeriesDescription="LATERAL")).read_bytes()
    whole, cut = (base64.b64encode(part).decode() for part in (content, content[: len(content) // 2]))
    rows = [{"image": whole}, {"image": cut}, {"path": f"{SECRET}.png"}, {"path": f"{SECRET}-none.png"}]
    told = [served.post({"dataframe_records": rows}).text, served.post({"dataframe_records": rows[3:]}).text]
    log = served.log.read_text()
    assert "it may be no frontal chest radiograph" in log
    for name in ("Secret", "SECRET-ID", SECRET, str(served.inbox)):
        assert name not in "".join([*told, log])


def test_no_text_of_a_header_is_in_answers_or_the_log(served: Served, tmp_path: Path) -> None:
    files = [file for name, make in MAKERS.items() for file in make(tmp_path / name)]
    rows = [{"image": base64.b64encode(file.read_bytes()).decode()} for file in files]
    answer = served.post({"dataframe_records": rows})
    told = [row["error"] for row in answer.json()["predictions"]]
    assert None in told
    assert len(set(told)) > 5
    for text in (*filter(None, told), served.log.read_text()):
        assert MARK not in text
        assert UIDS not in text


def test_nothing_is_lost_of_a_killed_server_under_load(saved_model: Path, tmp_path: Path) -> None:
    """The short form of `benchmarks/load_mlflow.py`."""
    run = load_model_server(tmp_path, str(saved_model), 60, 16, free_port(), 12, 120)
    assert run.faults == []
    assert (run.answered, run.outcomes["right"]) == (60, 30)
    assert run.resent > 0
