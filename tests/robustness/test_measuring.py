"""The unit of work, against what the inference core and a few lines of NumPy say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import distance_transform_edt

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.orientation import Turn
from monai_lungxfer.io.radiograph import Radiograph, read_mask, read_radiograph
from monai_lungxfer.robustness.design import Condition, Design
from monai_lungxfer.robustness.measuring import MEASURED, _draw, flatten_pairs, measure_image
from monai_lungxfer.robustness.unit_runners import UnitModel
from monai_lungxfer.synthetic import object_doses
from monai_lungxfer.synthetic.object_doses import draw_objects
from monai_lungxfer.utils.errors import InputFileError, LungXferError


@pytest.fixture(scope="module")
def segmenter(small_weights: list[Path]) -> Segmenter:
    return UnitModel(str(small_weights[0]), "cpu").load()


def dice(mask: np.ndarray, truth: np.ndarray) -> float:
    return 2 * (mask & truth).sum() / (mask.sum() + truth.sum())


def test_weights_bring_their_size_and_channels(segmenter: Segmenter) -> None:
    prepared = segmenter.prepare(Radiograph(np.random.default_rng(0).random((50, 70), np.float32), "array"))
    assert prepared.image.shape == (3, 32, 32)


def test_dose_0_changes_nothing(segmenter: Segmenter, marked_data: Path) -> None:
    unit = measure_image(segmenter, load_datalist(marked_data)[1], "a", Design(doses=(0.0,), seeds=1))
    assert len(unit["pairs"]) == 5
    for pair in unit["pairs"]:
        assert pair["footprint"] == 0.0
        assert pair["with"] == pair["without"]
        assert pair["without"]["DICE_INSIDE"] is None
        assert pair["without"]["DICE_OUTSIDE"] == pytest.approx(unit["plain"]["DICE_HARD"])


def test_a_pair_against_numpy(segmenter: Segmenter, marked_data: Path) -> None:
    record = load_datalist(marked_data)[1]
    unit = measure_image(segmenter, record, "a", Design(("pacemaker",), (1.0,), 2))
    radiograph, truth = read_radiograph(record["image"]), read_mask(record["label"]).astype(bool)
    assert unit["size"] == "64x64"
    for pair, seed in zip(unit["pairs"], range(2), strict=True):
        state = Condition("pacemaker", 1.0, seed).random_state("a")
        pixels = draw_objects(radiograph.pixels, "pacemaker", 1.0, state)
        plain, drawn = (
            segmenter.segment(one).raw.astype(bool) for one in (radiograph, replace(radiograph, pixels=pixels))
        )
        footprint = np.abs(pixels - radiograph.pixels) > np.ptp(radiograph.pixels) / 255
        region = distance_transform_edt(~footprint) <= 0.01 * np.hypot(64, 64)
        assert pair["footprint"] == pytest.approx(footprint.mean())
        assert pair["covered"] == pytest.approx((footprint & truth).sum() / truth.sum())
        for side, mask in (("without", plain), ("with", drawn)):
            assert pair[side]["DICE_HARD"] == pytest.approx(dice(mask, truth))
            assert pair[side]["DICE_INSIDE"] == pytest.approx(dice(mask & region, truth & region))
            assert pair[side]["DICE_OUTSIDE"] == pytest.approx(dice(mask & ~region, truth & ~region))
        assert (plain != drawn).any()


@pytest.mark.parametrize("turn", [Turn(), Turn(flip_columns=True), Turn(transpose=True, flip_rows=True)])
@pytest.mark.parametrize("name", ["markers", "all"])
def test_the_letter_l_stands_at_the_patients_left(turn: Turn, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_doses, "MARKERS", ("L",))
    monkeypatch.setattr(object_doses, "MOST_MARKERS", 1)
    upright = np.ones((300, 200), np.float32)  # on which nothing but letters, at 0.97, can be seen
    upright[0, 0] = 0
    stored = Radiograph(np.ascontiguousarray(turn.undo(upright)), "array", turn=turn)
    for seed in range(5):
        drawn = turn.apply(_draw(stored, Condition(name, 1.0, seed), "a").radiograph.pixels)
        columns = np.argwhere(drawn < 0.99)[1:, 1]
        assert columns.size > 4
        assert columns.min() > 0.6 * 200


def test_rows_of_pairs_have_changes(segmenter: Segmenter, marked_data: Path) -> None:
    unit = measure_image(segmenter, load_datalist(marked_data)[1], "a", Design(("tubes",), (1.0,), 1))
    (row,) = flatten_pairs(unit, {"image": "a"})
    assert (row["image"], row["object"], row["dose"], row["seed"]) == ("a", "tubes", 1.0, 0)
    for name in MEASURED:
        before, after, change = (row[f"{name}_{side}"] for side in ("without", "with", "change"))
        assert change is None if before is None else change == pytest.approx(after - before)


def test_marked_objects(segmenter: Segmenter, marked_data: Path) -> None:
    records = load_datalist(marked_data)
    design = Design(("markers",), (0.0,), 1, margin=0.0)
    marked = measure_image(segmenter, records[0], "a", design)["marked"]
    mask = segmenter.segment_file(records[0]["image"]).raw.astype(bool)
    truth, marks = (read_mask(records[0][key]).astype(bool) for key in ("label", "ignore"))
    assert marked == {
        "share": pytest.approx(100 / 64**2),
        "DICE_INSIDE": pytest.approx(dice(mask & marks, truth & marks)),
        "DICE_OUTSIDE": pytest.approx(dice(mask & ~marks, truth & ~marks)),
    }
    assert measure_image(segmenter, records[1], "b", design)["marked"] is None


def test_a_mask_of_another_size_is_refused(segmenter: Segmenter, marked_data: Path, tmp_path: Path) -> None:
    Image.fromarray(np.ones((40, 50), bool)).save(tmp_path / "m.png")
    record = load_datalist(marked_data)[0] | {"label": str(tmp_path / "m.png")}
    with pytest.raises(InputFileError, match=r"has 40 x 50 pixels .*its image 64 x 64"):
        measure_image(segmenter, record, "a", Design())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"objects": ("tube",)}, "did you mean 'tubes'"),
        ({"doses": (-1.0,)}, "the dose -1 is not 0 or more"),
        ({"doses": (float("nan"),)}, "the dose nan"),
        ({"seeds": 0}, "nothing to draw"),
        ({"objects": ("tubes", "tubes")}, "named twice"),
        ({"attribution": ("seg_gradcam",)}, "did you mean 'seg_grad_cam'"),
    ],
)
def test_a_design_that_cannot_be(given, message) -> None:
    with pytest.raises(LungXferError, match=message):
        Design(**given)


def test_draws_differ_by_image_object_and_seed_but_not_by_dose() -> None:
    state = Condition("tubes", 1.0, 0).random_state("a")
    assert Condition("tubes", 2.0, 0).random_state("a") == state
    others = [("tubes", 1, "a"), ("all", 0, "a"), ("tubes", 0, "b")]
    assert all(Condition(name, 1.0, seed).random_state(image) != state for name, seed, image in others)
