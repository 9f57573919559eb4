"""The records of the page: their order, their outlines, and what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from reviewed_run import BRIDGED, IDENTITY, LUNGS, WORST_FIRST, write_radiographs, write_run

from monai_lungxfer.inference.outlines import draw_outline
from monai_lungxfer.inference.quality import FLAGS
from monai_lungxfer.inference.review.records import review_data
from monai_lungxfer.inference.review.results import read_results
from monai_lungxfer.io.mask_writer import save_mask
from monai_lungxfer.utils.errors import InputFileError


def test_the_worst_come_first(tmp_path: Path) -> None:
    done = []
    data = review_data(read_results(write_run(tmp_path)), on_done=lambda: done.append(1))
    assert [record["file"] for record in data["records"]] == WORST_FIRST
    assert len(done) == 6
    assert data["model"] == str(IDENTITY)
    assert data["flags"] == FLAGS
    assert (data["server"], data["pictures"]) == (False, False)


def test_outlines_before_and_after_cleaning(tmp_path: Path) -> None:
    records = {one["file"]: one for one in review_data(read_results(write_run(tmp_path)))["records"]}
    assert records["b.png"]["outline"] == draw_outline(LUNGS)
    assert records["b.png"]["raw"] == draw_outline(BRIDGED)
    assert records["b.png"]["grid"] == [140, 100]
    assert records["ward/a.png"]["raw"] is None
    assert records["c.png"]["outline"] == ""
    assert records["e.png"]["outline"] is None
    assert records["e.png"]["reason"] == "is no picture"


def test_a_mask_that_was_mended_by_hand_is_shown_as_it_is_now(tmp_path: Path) -> None:
    results = read_results(write_run(tmp_path))
    save_mask(tmp_path / "c_mask.png", LUNGS)
    records = {one["file"]: one for one in review_data(results)["records"]}
    assert records["c.png"]["outline"] == draw_outline(LUNGS)


def test_missing_and_wrong_masks_say_so_and_come_first(tmp_path: Path) -> None:
    results = read_results(write_run(tmp_path))
    (tmp_path / "b_mask.png").unlink()
    save_mask(tmp_path / "d_mask.png", np.ones((50, 60), np.uint8))
    first, second, *_ = sorted(review_data(results)["records"], key=lambda one: one["missing"] is None)
    assert {first["file"], second["file"]} == {"b.png", "d.png"}
    told = {one["file"]: one["missing"] for one in (first, second)}
    assert "not there any more" in told["b.png"]
    assert "60×50 pixels" in told["d.png"]
    assert str(tmp_path) not in str(told)


def test_pictures_and_why_there_are_none(tmp_path: Path) -> None:
    def url(row) -> str:
        if row["file"] == "b.png":
            raise InputFileError("cannot be read", source="/home/somebody/b.png")
        return f"data:,{row['file']}"

    data = review_data(read_results(write_run(tmp_path)), url)
    told = {one["file"]: (one["picture"], one["unpictured"]) for one in data["records"]}
    assert data["pictures"]
    assert told["ward/a.png"] == ("data:,ward/a.png", None)
    assert told["b.png"] == (None, "cannot be read.")
    assert told["e.png"] == (None, None)


def keys_of(folder: Path, images: Path | None = None) -> dict[str, str]:
    return {one["file"]: one["key"] for one in review_data(read_results(write_run(folder, images)))["records"]}


def test_a_radiograph_keeps_its_key_when_it_is_segmented_again_and_another_of_its_name_has_its_own(
    tmp_path: Path,
) -> None:
    images = write_radiographs(tmp_path / "in")
    first = keys_of(tmp_path / "x", images)
    assert len(set(first.values())) == 6
    assert keys_of(tmp_path / "y", images) == first
    Image.fromarray(np.zeros(LUNGS.shape, np.uint8)).save(images / "c.png")
    another = keys_of(tmp_path / "z", images)
    assert {name for name in first if first[name] != another[name]} == {"c.png"}


def test_without_a_journal_two_radiographs_of_one_name_have_different_keys(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name) for name in "xy"]
    for folder in folders:
        (folder / "predictions.jsonl").unlink()
    save_mask(folders[1] / "d_mask.png", LUNGS)
    first, second = (
        {one["file"]: one["key"] for one in review_data(read_results(each))["records"]} for each in folders
    )
    assert {name for name in first if first[name] != second[name]} == {"d.png"}


def test_a_corrected_mask_is_shown_where_the_network_found_nothing(tmp_path: Path) -> None:
    results = read_results(write_run(tmp_path))
    save_mask(tmp_path / "corrected" / "c_mask.png", BRIDGED)
    save_mask(tmp_path / "corrected" / "d_mask.png", BRIDGED[1:])
    records = review_data(results)["records"]
    assert [one["file"] for one in records] == WORST_FIRST  # by the network's masks
    shown = {one["file"]: one for one in records}
    assert (shown["c.png"]["outline"], shown["c.png"]["corrected"]) == (draw_outline(BRIDGED), True)
    assert (shown["d.png"]["outline"], shown["d.png"]["corrected"]) == (None, True)
    assert "radiograph's size" in shown["d.png"]["missing"]
    assert "corrected" not in shown["b.png"]


def test_a_corrected_mask_of_another_radiograph_is_not_shown(tmp_path: Path) -> None:
    results = read_results(write_run(tmp_path / "out", write_radiographs(tmp_path / "in")))
    save_mask(tmp_path / "out" / "corrected" / "c_mask.png", BRIDGED)
    (tmp_path / "out" / "corrected" / "corrections.csv").write_text(f"file,input_sample\nc.png,{'0' * 64}\n")
    shown = next(one for one in review_data(results)["records"] if one["file"] == "c.png")
    assert (shown["outline"], shown["corrected"]) == (None, True)
    assert "another radiograph" in shown["missing"]


def test_masks_of_a_folder_named_corrected_are_no_corrections(tmp_path: Path) -> None:
    results = read_results(write_run(tmp_path))
    save_mask(tmp_path / "corrected" / "c_mask.png", BRIDGED)
    results.rows.append({**results.rows[0], "file": "corrected/c.png", "mask": "corrected/c_mask.png"})
    shown = {one["file"]: one for one in review_data(results)["records"]}
    assert shown["c.png"]["outline"] == ""
    assert shown["corrected/c.png"]["outline"] == draw_outline(BRIDGED)
