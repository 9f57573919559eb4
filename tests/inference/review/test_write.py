"""The page as a file: self-contained, without pictures unless they are wanted, and whole."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from reviewed_run import LUNGS, WORST_FIRST, write_radiographs, write_run

from monai_lungxfer.inference.review.page import render_page
from monai_lungxfer.inference.review.pictures import check_images, encode_picture
from monai_lungxfer.inference.review.results import RunResults, read_results
from monai_lungxfer.inference.review.write import write_review
from monai_lungxfer.utils.errors import InputFileError, OutputError


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_page_lies_with_the_results_and_loads_nothing(tmp_path: Path) -> None:
    path = write_review(read_results(write_run(tmp_path)))
    assert path == tmp_path / "review.html"
    page = path.read_text(encoding="utf-8")
    assert [record["file"] for record in data_of(page)["records"]] == WORST_FIRST
    assert "Research use only. Not a medical device." in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert set(re.findall(r"https?://[^\s\"'<]*", page)) == {"http://www.w3.org/2000/svg"}
    assert "data:image" not in page
    assert str(tmp_path) not in page


def test_the_policy_allows_the_scripts_of_the_page_and_no_other(tmp_path: Path) -> None:
    page = write_review(read_results(write_run(tmp_path))).read_text(encoding="utf-8")
    policy = dict(
        rule.strip().split(" ", 1)
        for rule in re.search(r'Security-Policy" content="([^"]*)"', page)[1].split(";")  # type: ignore[index]
    )
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].split() == [f"'sha256-{each}'" for each in hashes]
    assert policy["connect-src"] == "'none'"
    assert "unsafe" not in str(policy)


def test_names_and_remarks_cannot_end_the_script(tmp_path: Path) -> None:
    table = write_run(tmp_path) / "predictions.json"
    evil = "</script><script>alert(1)</script><!--.png"
    table.write_text(table.read_text().replace('"file": "b.png"', f'"file": {json.dumps(evil)}'))
    page = write_review(read_results(tmp_path)).read_text(encoding="utf-8")
    assert "alert(1)</script>" not in page
    assert evil in [record["file"] for record in data_of(page)["records"]]


def test_pictures_are_small_and_without_metadata(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    results = read_results(write_run(tmp_path / "out"))
    images = write_radiographs(tmp_path / "in")
    with caplog.at_level(logging.WARNING):
        page = write_review(results, tmp_path / "page.html", images=images).read_text(encoding="utf-8")
    records = {record["file"]: record for record in data_of(page)["records"]}
    header, _, content = records["ward/a.png"]["picture"].partition(",")
    assert header == "data:image/webp;base64"
    picture = Image.open(BytesIO(base64.b64decode(content)))
    assert (picture.size, picture.info.keys() & {"exif", "xmp"}) == ((140, 100), set())
    grey = np.asarray(picture.convert("L")).astype(float)
    assert grey[0, 0] < 20 < 235 < grey[-1, -1]  # as the radiograph lies
    assert "not in the folder" in records["b.png"]["unpictured"]
    assert "not the radiograph that was segmented" in records["d.png"]["unpictured"]  # it has another size
    assert "picture is missing in the page, which says why: 2" in caplog.text


def test_a_large_radiograph_is_reduced(tmp_path: Path) -> None:
    Image.fromarray(np.tile(np.arange(1200, dtype=np.uint16).astype(np.uint8), (900, 1))).save(tmp_path / "x.png")
    run = RunResults(tmp_path, "", [])
    content = encode_picture(run, tmp_path, {"file": "x.png", "width": 1200, "height": 900})
    assert Image.open(BytesIO(content)).size == (512, 384)


def test_a_folder_without_the_radiographs_is_refused(tmp_path: Path) -> None:
    results = read_results(write_run(tmp_path / "out"))
    (tmp_path / "in").mkdir()
    with pytest.raises(InputFileError, match="--images"):
        write_review(results, images=tmp_path / "in")
    assert not (tmp_path / "out" / "review.html").exists()


def test_no_picture_from_outside_of_the_folder(tmp_path: Path) -> None:
    write_radiographs(tmp_path / "secret")
    (tmp_path / "in").mkdir()
    row = {"file": "../secret/c.png", "width": LUNGS.shape[1], "height": LUNGS.shape[0]}
    with pytest.raises(InputFileError, match="outside of its folder"):
        encode_picture(RunResults(tmp_path, "", []), tmp_path / "in", row)


def test_no_outline_on_another_radiograph_of_the_same_name_and_size(tmp_path: Path) -> None:
    images = write_radiographs(tmp_path / "in")
    out = write_run(tmp_path / "out", images)
    Image.fromarray(np.zeros(LUNGS.shape, np.uint8)).save(images / "c.png")
    page = write_review(read_results(out), images=images).read_text(encoding="utf-8")
    records = {record["file"]: record for record in data_of(page)["records"]}
    assert records["ward/a.png"]["picture"]
    assert records["c.png"]["picture"] is None
    assert "not the radiograph that was segmented" in records["c.png"]["unpictured"]


def test_a_name_that_the_table_escapes_has_its_picture(tmp_path: Path) -> None:
    name = "a\tb\\c.png"
    Image.fromarray(np.zeros((40, 50), np.uint8)).save(tmp_path / name)
    row = {"file": "a\\u0009b\\\\c.png", "width": 50, "height": 40}
    run = RunResults(tmp_path, "", [row])
    check_images(run, tmp_path)
    assert Image.open(BytesIO(encode_picture(run, tmp_path, row))).size == (50, 40)


def test_a_page_that_cannot_be_written_leaves_the_earlier_one(tmp_path: Path) -> None:
    results = read_results(write_run(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_review(results, tmp_path / "file" / "review.html")


def test_only_a_served_page_has_the_editor_and_may_ask_its_server() -> None:
    data = {"records": [], "flags": {}}
    alone, served = render_page(data), render_page(data | {"server": True})
    assert "connect-src 'none'" in alone
    assert "connect-src 'self'" in served
    assert len(served) >= len(alone)
