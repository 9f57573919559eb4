"""A trial from data to page: what is written, continued, skipped and refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from monai_lungxfer.robustness import unit_runners
from monai_lungxfer.robustness.design import Design
from monai_lungxfer.robustness.run import TrialResult, run_trial
from monai_lungxfer.utils.errors import LungXferError, OutputError, TransferError

DESIGN = Design(("pacemaker", "markers"), (0.0, 1.0), 2)


@pytest.fixture(scope="module")
def trial(marked_data: Path, small_weights: list[Path], tmp_path_factory: pytest.TempPathFactory) -> TrialResult:
    out = tmp_path_factory.mktemp("trial")
    return run_trial(list(map(str, small_weights)), marked_data, out, DESIGN, device="cpu")


def test_what_is_written(trial: TrialResult) -> None:
    folder = trial.page.parent
    assert trial.skipped == 0
    pairs = pd.read_csv(folder / "pairs.csv")
    assert len(pairs) == 2 * 4 * 2 * 2 * 2  # weights, images, objects, doses, draws
    assert pairs.groupby(["weights", "image", "object", "dose"]).seed.nunique().eq(2).all()
    assert pairs[pairs.dose == 0].DICE_HARD_change.eq(0).all()
    assert (pairs[(pairs.dose == 1) & (pairs.object == "pacemaker")].DICE_HARD_change != 0).any()
    by_weights = [part.drop(columns="weights").reset_index(drop=True) for _, part in pairs.groupby("weights")]
    pd.testing.assert_series_equal(by_weights[0].footprint, by_weights[1].footprint)  # the same objects
    images = pd.read_csv(folder / "images.csv")
    assert images.marked_share.notna().sum() == 2
    assert len(images) == 8
    summary = pd.read_csv(folder / "tables" / "summary.csv")
    row = summary[(summary.object == "pacemaker") & (summary.dose == 1) & (summary.metric == "DICE_HARD")].iloc[0]
    mean = pairs[(pairs.weights == row.weights) & (pairs.object == "pacemaker") & (pairs.dose == 1)].DICE_HARD_change
    assert row.change == pytest.approx(mean.mean())
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    assert {"tables/compared.csv", "tables/observed.md", "figures/by_object.svg", "figures/by_dose.png"} <= names


def test_the_page_tells_nobodys_name(trial: TrialResult, small_weights: list[Path]) -> None:
    page = trial.page.read_text()
    assert "Not a medical device" in page
    assert "{{" not in page
    texts = [page] + [path.read_text() for path in trial.page.parent.rglob("*.csv")]
    assert not [text for text in texts if "Smith" in text or str(small_weights[0]) in text]
    assert "<img" not in page
    assert "data:image" not in page


def test_the_same_seeds_give_the_same(trial: TrialResult, marked_data, small_weights, tmp_path) -> None:
    again = run_trial(list(map(str, small_weights)), marked_data, tmp_path, DESIGN, device="cpu")
    for name in ("pairs.csv", "images.csv", "tables/summary.csv", "tables/observed.csv"):
        assert (again.page.parent / name).read_bytes() == (trial.page.parent / name).read_bytes()


def test_resume_measures_only_what_is_left(
    trial: TrialResult, marked_data, small_weights, tmp_path, monkeypatch
) -> None:
    weights = list(map(str, small_weights))
    first = run_trial(weights[:1], marked_data, tmp_path / "out", DESIGN, limit=2, device="cpu")
    assert len(first.outcome.plain) == 2
    journal = tmp_path / "out" / "robustness.jsonl"
    with journal.open("a") as file:
        file.write('{"key": ["half a line')
    measured = []
    original = unit_runners.measure_image
    monkeypatch.setattr(unit_runners, "measure_image", lambda *given: measured.append(given[2]) or original(*given))
    run_trial(weights, marked_data, tmp_path / "out", DESIGN, resume=True, device="cpu")
    assert len(measured) == 6
    for name in ("pairs.csv", "tables/summary.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (trial.page.parent / name).read_bytes()
    with pytest.raises(OutputError, match="other objects, doses or seeds"):
        run_trial(weights, marked_data, tmp_path / "out", Design(doses=(1.0,)), resume=True, device="cpu")
    with pytest.raises(OutputError, match="is there already"):
        run_trial(weights, marked_data, tmp_path / "out", DESIGN, device="cpu")


def test_a_bad_image_is_reported_and_skipped(marked_data, small_weights, tmp_path, caplog) -> None:
    data = shutil.copytree(marked_data, tmp_path / "Smith")
    file = data / "images" / "1.png"
    file.write_bytes(file.read_bytes()[:50])
    (data / "masks" / "2.png").unlink()
    result = run_trial([str(small_weights[0])], data, tmp_path / "out", Design(("markers",), (1.0,), 1), device="cpu")
    assert result.skipped == 2
    assert result.outcome.plain.image.tolist() == ["images/0.png", "images/3.png"]
    skipped = [record.getMessage() for record in caplog.records if "was skipped" in record.getMessage()]
    assert {message.split()[0] for message in skipped} == {"images/1.png", "images/2.png"}
    assert not any("Smith" in message for message in skipped)
    assert "2 measurements skipped" in result.page.read_text()


def test_an_image_that_does_not_fit_into_memory_is_skipped(marked_data, small_weights, tmp_path, monkeypatch) -> None:
    original = unit_runners.measure_image

    def measure(segmenter, record, name, design):
        if name == "images/2.png":
            raise MemoryError
        return original(segmenter, record, name, design)

    monkeypatch.setattr(unit_runners, "measure_image", measure)
    design = Design(("markers",), (1.0,), 1)
    result = run_trial([str(small_weights[0])], marked_data, tmp_path, design, device="cpu")
    assert (result.skipped, len(result.outcome.plain)) == (1, 3)
    monkeypatch.setattr(unit_runners, "measure_image", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_trial([str(small_weights[0])], marked_data, tmp_path, design, overwrite=True, device="cpu")


def test_what_is_refused(marked_data, small_weights, tmp_path) -> None:
    weights = str(small_weights[0])
    with pytest.raises(LungXferError, match="named twice"):
        run_trial([weights, weights], marked_data, tmp_path, DESIGN)
    with pytest.raises(TransferError, match="no such weights file"):
        run_trial([weights, "nothing.pt"], marked_data, tmp_path, DESIGN)
    (tmp_path / "robustness.jsonl").write_text(json.dumps({"format": "another"}) + "\n")
    with pytest.raises(OutputError, match="by another version"):
        run_trial([weights], marked_data, tmp_path, DESIGN, resume=True)
    (tmp_path / "robustness.jsonl").write_text("x\n")
    with pytest.raises(OutputError, match="is damaged, or not a journal"):
        run_trial([weights], marked_data, tmp_path, DESIGN, resume=True)
