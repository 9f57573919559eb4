"""MONAI Label's server with this package's app: masks, labels, scores, training, and what happens to a killed one."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import nibabel as nib
import numpy as np
import psutil
import pytest
import requests
from label_servers import LABEL_MODEL, LabelServer, label_server
from load_label import Load, serve_label
from load_requests import NAME
from marked_files import MAKERS, MARK, UIDS
from orthanc_server import free_port
from PIL import Image
from raster_writing import mha, nrrd
from server_load import put_load

from monai_lungxfer.bundle.files import WEIGHTS, bundle_path
from monai_lungxfer.inference.review.marks import ReviewMark, write_marks
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.mask_writer import encode_png, save_mask
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.synthetic.phantoms import portable_radiograph
from monai_lungxfer.utils.files import hash_file

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(label_python: Path, predicted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelServer]:
    folder = tmp_path_factory.mktemp("label")
    shutil.copytree(predicted.folder, folder / "Secret^Name")  # a folder named after a patient, as they are
    with label_server(folder / "Secret^Name", folder / "out", "--max-megabytes", "20") as running:
        yield running


def stem(name: str) -> str:
    return name.partition(".")[0]


def test_info_tells_model_label_and_version(server: LabelServer) -> None:
    told = requests.get(f"{server.url}/info/", timeout=60).json()
    assert told["labels"] == ["lungs"]
    assert list(told["models"]) == list(told["trainers"]) == [LABEL_MODEL]
    model = told["models"][LABEL_MODEL]
    metadata = json.loads((bundle_path("portable") / "configs" / "metadata.json").read_text())
    assert (model["version"], model["weights_sha256"]) == (metadata["version"], metadata["weights_sha256"])
    assert (model["type"], model["dimension"], model["labels"]) == ("segmentation", 2, {"lungs": 1})
    assert told["datastore"]["total"] == 6


@pytest.mark.parametrize("name", ["a.png", "b.jpg", "c.tif", "d.nii.gz", "e.dcm", "f.dcm"])
def test_masks_are_those_of_predict(server: LabelServer, predicted, name: str) -> None:
    """Byte for byte: an image of the datastore, and one that is sent."""
    assert server.infer(stem(name)).content == predicted.masks[name]
    assert server.infer(file=predicted.folder / name).content == predicted.masks[name]


def test_masks_of_real_dicom_files_are_those_of_predict(server: LabelServer, shared_data: Path) -> None:
    """Of JPEG, JPEG-LS and JPEG 2000 among others, though pydicom and numpy are older where the server runs."""
    segmenter = Segmenter.from_bundle("portable", device="cpu")
    for file in sorted((shared_data / "dicom").glob("*.dcm")):
        expected = encode_png(segmenter.segment(read_radiograph(file)).mask)
        assert server.infer(file=file, any_view=True).content == expected, file.name


def test_other_formats_of_masks_have_its_orientation(server: LabelServer, predicted, tmp_path: Path) -> None:
    expected = _mask(predicted, "d.nii.gz")
    for suffix in (".nii.gz", ".nrrd"):
        file = tmp_path / f"mask{suffix}"
        file.write_bytes(server.infer("d", result_extension=suffix).content)
        assert np.array_equal(read_mask(file), expected)
    stored = nib.load(tmp_path / "mask.nii.gz")
    assert np.array_equal(np.asarray(stored.dataobj).T, expected)
    assert stored.header.get_zooms()[:2] == pytest.approx((0.4, 0.5))
    content = (tmp_path / "mask.nrrd").read_bytes()
    header, _, pixels = content.partition(b"\n\n")
    assert b"encoding: raw" in header
    assert np.array_equal(np.frombuffer(pixels, np.uint8).reshape(expected.shape), expected)  # what OHIF does


def _mask(predicted, name: str) -> np.ndarray:
    return (np.asarray(Image.open(BytesIO(predicted.masks[name]))) > 0).astype(np.uint8)


def test_what_cannot_be_segmented_is_refused_with_the_reason(server: LabelServer, tmp_path: Path) -> None:
    (tmp_path / "Smith.png").write_bytes(b"no image")
    answer = server.infer(file=tmp_path / "Smith.png")
    assert answer.status_code == 400
    assert "not an image" in answer.json()["detail"]
    assert server.infer("Smith").json()["detail"].startswith("there is no such image")
    assert server.infer("a", model="Smith").status_code == 400
    assert server.infer("a", result_extension=".exe").status_code == 400
    broken = {"data": {"params": "{"}, "timeout": 60}
    for endpoint, field in (("image", "file"), ("label", "label")):
        sent = {field: ("Smith.png", b"anything")}
        url = f"{server.url}/datastore/{endpoint}"
        assert requests.put(url, params={"image": "a"}, files=sent, **broken).status_code == 400
    url = f"{server.url}/infer/{LABEL_MODEL}"
    both = {"file": ("Smith.png", b"no image"), "label": ("Smith.png", b"anything")}
    assert requests.post(url, files=both, timeout=60).status_code == 400
    assert requests.post(url, params={"image": "a", "output": "dicom_seg"}, timeout=60).status_code == 400
    assert list((server.out / "tmp").glob("*.*")) == []  # nothing that was sent stays
    assert "Smith" not in server.log.read_text()


def test_pixels_of_another_file_of_the_machine_are_not_read(server: LabelServer, predicted, tmp_path: Path) -> None:
    """Of a label, an image that is added, and one that is segmented, in each kind of header."""
    mask = _mask(predicted, "a.png")
    (tmp_path / "secret").write_bytes(mask.tobytes())
    elsewhere = str(tmp_path / "secret")
    headers = {
        "x.mha": mha(mask, ElementDataFile=elsewhere),
        "x.mhd": mha(mask, ElementDataFile=f"LIST\n{elsewhere}"),
        "x.nrrd": nrrd(mask, data_file=elsewhere),
        "x.nhdr": nrrd(mask, datafile=f"LIST\n{elsewhere}"),
    }
    for name, content in headers.items():
        header = content[: -mask.size]
        for sent in (header, content):
            assert "in another file" in server.label("a", sent, name, tag="x").json()["detail"]
            file = {"file": (f"{name}.png", sent)}
            url = f"{server.url}/datastore/image"
            added = requests.put(url, params={"image": "new"}, files=file, timeout=60)
            assert (added.status_code, "in another file" in added.json()["detail"]) == (400, True)
            (tmp_path / name).write_bytes(sent)
            assert "in another file" in server.infer(file=tmp_path / name).json()["detail"]
    attached = nrrd(mask, pack=True)
    assert server.label("a", attached, "x.nrrd", tag="x").ok
    told = requests.get(f"{server.url}/datastore/", params={"output": "all"}, timeout=60).json()["objects"]
    assert "new" not in told
    assert np.array_equal(read_mask(server.studies / "labels" / "x" / "a.png"), mask)
    scribbles = {"label": ("x.bin", bytes(mask.size))}
    answer = requests.post(f"{server.url}/infer/{LABEL_MODEL}", params={"image": "a"}, files=scribbles, timeout=60)
    assert (answer.status_code, answer.json()["detail"]) == (400, "an inference takes no label")


def test_what_is_not_for_others_is_refused(server: LabelServer, predicted) -> None:
    """The guard's own tests try more; here it stands in front of the real server."""
    outside = str(predicted.folder / "a.png")
    assert server.infer("../a").status_code == 400
    assert server.infer(outside).status_code == 400
    assert server.infer("a", image=outside).status_code == 400  # in the form, where it would replace the id
    assert server.label("a", predicted.masks["a.png"], tag="../../a").status_code == 400
    sent = {"file": ("a.png", b"0" * 21_000_000)}
    url = f"{server.url}/datastore/image"
    assert requests.put(url, params={"image": "a"}, files=sent, timeout=60).status_code == 413
    prepared = requests.Request("PUT", url, files=sent).prepare()
    body, kind = prepared.body, {"Content-Type": prepared.headers["Content-Type"]}
    pieces = (body[start : start + 100_000] for start in range(0, len(body), 100_000))  # no length is told
    assert requests.put(url, data=pieces, headers=kind, timeout=60).status_code == 413
    same = {"file": ("a.png", (predicted.folder / "a.png").read_bytes())}
    content = same["file"][1]
    other = {"file": ("a.png", predicted.masks["a.png"])}
    assert requests.put(url, params={"image": "a"}, files=other, timeout=60).status_code == 400  # it is not replaced
    assert requests.put(url, params={"image": "a"}, files=same, timeout=60).json() == {"image": "a"}  # sent again
    for image, name in (("a.png", "x"), ("a.png", "x.png"), ("notes", "notes.txt"), ("A", "A.exe")):
        sent = {"file": (name, content[::-1])}
        assert requests.put(url, params={"image": image}, files=sent, timeout=60).status_code == 400
    assert (server.studies / "a.png").read_bytes() == content
    assert requests.delete(url, params={"id": "a"}, timeout=60).status_code == 403
    weights = {"file": ("model.pt", b"0")}
    assert requests.put(f"{server.url}/model/{LABEL_MODEL}", files=weights, timeout=60).status_code == 403
    assert requests.get(f"{server.url}/model/{LABEL_MODEL}", timeout=60).status_code == 404
    assert (
        requests.get(f"{server.url}/info/", headers={"Origin": "http://other.example"}, timeout=60).status_code == 403
    )
    listening = [
        each.laddr.ip for each in psutil.Process(server.process.pid).net_connections() if each.status == "LISTEN"
    ]
    assert listening == ["127.0.0.1"]


def test_labels_are_kept_as_masks_of_their_image(server: LabelServer, predicted) -> None:
    assert server.label("a", predicted.masks["a.png"]).json() == {"image": "a", "label": "a"}
    raw = _mask(predicted, "e.dcm").tobytes()
    assert server.label("e", raw, "label.bin").ok  # as OHIF sends it
    for image in ("a", "e"):
        kept = read_mask(server.studies / "labels" / "final" / f"{image}.png")
        assert np.array_equal(kept, _mask(predicted, "a.png" if image == "a" else "e.dcm"))
    answer = server.label("b", raw[1:], "label.bin")
    assert (answer.status_code, answer.json()["detail"].partition(".")[0]) == (
        400,
        "the label is not of its image's size",
    )


def test_a_radiograph_is_no_label(server: LabelServer, predicted) -> None:
    """A threshold would make a mask of it."""
    answer = server.label("a", (predicted.folder / "a.png").read_bytes())
    assert answer.status_code == 400
    assert "grey values" in answer.json()["detail"]


def test_results_are_kept_as_labels_of_their_own_tag(server: LabelServer, predicted) -> None:
    """And a batch needs no GPU, which MONAI Label shares it out among."""
    assert server.infer("a", save_label=True).content == predicted.masks["a.png"]
    body = {"max_batch_size": 2, "max_workers": 1, "label_tag": "batch"}
    url = f"{server.url}/batch/infer/{LABEL_MODEL}?run_sync=true"
    assert list(requests.post(url, json=body, timeout=120).json()) == ["a", "b"]
    for tag, image, name in (("original", "a", "a.png"), ("batch", "b", "b.jpg")):
        kept = read_mask(server.studies / "labels" / tag / f"{image}.png")
        assert np.array_equal(kept, _mask(predicted, name))
    answer = server.infer("a", save_label=True, label_tag="../a")
    assert answer.status_code == 400
    end = time.monotonic() + 10
    while list((server.out / "tmp").glob("*.*")) and time.monotonic() < end:  # it deletes them after it has answered
        time.sleep(0.1)
    assert list((server.out / "tmp").glob("*.*")) == []


def test_the_image_that_the_network_is_least_sure_of_comes_first(server: LabelServer) -> None:
    clear, _ = portable_radiograph(np.random.default_rng(1), 160, 128, "normal")
    noise = np.random.default_rng(2).normal(0, 60, clear.shape)
    for name, pixels in (("clear", clear), ("poor", np.clip(clear + noise, 0, 255))):
        file = server.out.parent / f"{name}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(file)
        sent = {"file": (file.name, file.read_bytes())}
        assert requests.put(f"{server.url}/datastore/image", params={"image": name}, files=sent, timeout=60).ok
    done = requests.post(f"{server.url}/scoring/uncertainty?run_sync=true", timeout=240).json()
    assert done["unreadable"] == 0
    assert done["scored"] >= 4
    url = f"{server.url}/datastore/image/info"
    scores = {i: requests.get(url, params={"image": i}, timeout=60).json() for i in ("b", "c", "clear", "poor")}
    assert max(scores, key=lambda image: scores[image]["uncertainty"]) == "poor"
    assert scores["clear"]["uncertainty"] > 0
    picked = requests.post(f"{server.url}/activelearning/uncertainty", json={}, timeout=60).json()
    assert picked["id"] == "poor"
    again = requests.post(f"{server.url}/activelearning/uncertainty", json={}, timeout=60).json()
    assert again["id"] != "poor"  # it was handed out to somebody
    assert requests.post(f"{server.url}/scoring/uncertainty?run_sync=true", timeout=240).json()["scored"] == 0


def test_what_the_review_page_marked_for_correction_comes_first(server: LabelServer) -> None:
    marks = server.studies / "review.csv"
    write_marks(
        marks, [ReviewMark("f.dcm", "correct"), ReviewMark("e.dcm", "reject"), ReviewMark("gone.png", "correct")]
    )
    try:
        picked = [requests.post(f"{server.url}/activelearning/uncertainty", json={}, timeout=60).json() for _ in "12"]
        assert picked[0]["id"] == "f"
        assert picked[1]["id"] != "f"  # it was handed out to somebody
        marks.write_text("file;mark\nf.dcm;correct\n")
        refused = requests.post(f"{server.url}/activelearning/uncertainty", json={}, timeout=60)
        assert not refused.ok
        assert "holds no marks" in refused.text
    finally:
        marks.unlink()


def test_training_changes_what_is_served_and_the_package_not(server: LabelServer, predicted) -> None:
    own = hash_file(bundle_path("portable") / WEIGHTS)
    for name in ("a.png", "b.jpg", "c.tif", "d.nii.gz", "e.dcm"):
        empty = np.zeros_like(_mask(predicted, name))
        empty[:20, :20] = 1  # what no radiograph says, so that the change is seen
        file = server.out.parent / "drawn.png"
        save_mask(file, empty)
        assert server.label(stem(name), file.read_bytes()).ok
    before = server.infer("f").content
    body = {"max_epochs": 3, "learning_rate": 0.01}
    assert requests.post(f"{server.url}/train/{LABEL_MODEL}", json=body, timeout=60).ok
    state = server.wait_for("train")
    assert state["status"] == "DONE", state
    assert server.weights() == hash_file(server.out / "model" / LABEL_MODEL / WEIGHTS) != own
    assert server.infer("f").content != before
    assert hash_file(bundle_path("portable") / WEIGHTS) == own
    answer = requests.post(f"{server.url}/train/{LABEL_MODEL}?run_sync=true", json={"max_epochs": 0}, timeout=60)
    assert answer.json()["detail"].startswith("max_epochs is 0")


def test_wrong_weights_are_refused_while_it_runs(server: LabelServer) -> None:
    weights = server.out / "model" / LABEL_MODEL / WEIGHTS
    kept = weights.read_bytes()
    shutil.copyfile(bundle_path("general") / WEIGHTS, weights)
    answer = server.infer("a")
    assert answer.status_code == 400
    assert "does not have the hash" in answer.json()["detail"]
    weights.write_bytes(kept)
    assert server.infer("a").ok


def test_no_text_of_a_header_is_in_answers_or_the_log(server: LabelServer, tmp_path: Path) -> None:
    """Of files whose every text is a marker, with the older libraries that the server has."""
    files = [file for name, make in MAKERS.items() for file in make(tmp_path / name)]
    told = [answer.text for file in files if not (answer := server.infer(file=file)).ok]
    assert len(told) > 20
    for file in files:
        if file.name.startswith("cut"):
            sent = {"file": (file.name, file.read_bytes())}
            told.append(requests.put(f"{server.url}/datastore/image", files=sent, timeout=60).text)
            told.append(server.label("a", file.read_bytes(), file.name).text)
    assert not [text for text in (*told, server.log.read_text()) if MARK in text or UIDS in text]


def test_the_log_tells_no_names(server: LabelServer) -> None:
    log = server.log.read_text()
    assert "POST /infer 200" in log
    assert not {"Secret", "clear", "poor", str(server.studies)} & set(log.replace("/", " ").split())
    assert "Secret" not in log


def test_nothing_is_lost_of_a_killed_server_under_load(label_python: Path, tmp_path: Path) -> None:
    """The short form of `benchmarks/load_label.py`."""
    load = Load(tmp_path, 120)
    lefts = [tmp_path / "label/tmp/left.dcm", tmp_path / "studies/.lungxfer-01234567.png"]
    lefts += [tmp_path / "studies/labels/seen/.lungxfer-01234567.png"]
    for left in lefts:
        left.parent.mkdir(exist_ok=True, parents=True)
        left.write_bytes(b"of an earlier server")
    server = serve_label(load.studies, tmp_path / "label", free_port(), tmp_path / "log")
    server.start()
    try:
        requests.post(f"{server.url}/train/{LABEL_MODEL}", json={}, timeout=60)
        run = put_load(server, load.make_requests(60), 16, 12)
        load.check(server.url, run)
    finally:
        server.kill()
    assert run.faults == []
    assert (run.answered, run.outcomes["right"]) == (60, 30)
    assert run.resent > 0
    assert run.lost == run.doubled == 0
    assert not [left for left in lefts if left.exists()]
    assert not [text for text in (NAME, str(load.studies)) if text in (tmp_path / "log").read_text()]
