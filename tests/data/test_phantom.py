"""Phantoms: their anatomy, their masks, their files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.degrade import (
    collimated,
    low_contrast,
    marked,
    portable_degraded,
    quantum_noise,
    scattered,
    tubed,
)
from monai_lungxfer.data.phantom import write_phantoms
from monai_lungxfer.data.phantom_brain import brain_slice
from monai_lungxfer.data.phantom_chest import FINDINGS, chest_radiograph, portable_radiograph
from monai_lungxfer.errors import OutputError

SEEDS = range(6)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("finding", FINDINGS)
def test_chest_has_two_unequal_lungs_that_are_dark(seed: int, finding: str) -> None:
    image, mask = chest_radiograph(rng(seed), 120, 100, finding)
    assert (image.shape, image.dtype, mask.shape, mask.dtype) == ((120, 100), np.uint8, (120, 100), bool)
    lungs, count = ndimage.label(mask)
    assert count == 2
    left_half, right_half = mask[:, :50].sum(), mask[:, 50:].sum()
    assert left_half > 1.1 * right_half > 0  # the heart takes its room from the patient's left lung
    middle = image[50:80, 44:56]
    assert image[mask].mean() < middle.mean() - 40
    assert 0.15 < mask.mean() < 0.5


@pytest.mark.parametrize("draw", [chest_radiograph, portable_radiograph])
def test_a_threshold_is_no_solution(draw) -> None:
    best = []
    for seed in SEEDS:
        image, mask = draw(rng(seed), 128, 110, "covid19")
        dices = [2 * (mask & (image < t)).sum() / (mask.sum() + (image < t).sum()) for t in range(5, 250, 5)]
        best.append(max(dices))
    assert np.mean(best) < 0.85


def test_findings_brighten_the_lungs() -> None:
    means = {}
    for finding in FINDINGS:
        pairs = [chest_radiograph(rng(seed), 120, 100, finding) for seed in SEEDS]
        means[finding] = np.mean([image[mask].mean() for image, mask in pairs])
    assert means["normal"] < means["pathological"] < means["covid19"]


def test_an_unknown_finding_is_refused() -> None:
    with pytest.raises(ValueError, match="measles"):
        chest_radiograph(rng(), 64, 64, "measles")


def test_portable_has_less_contrast_and_more_noise() -> None:
    contrasts, noises = [], []
    for draw in (chest_radiograph, portable_radiograph):
        pairs = [draw(rng(seed), 160, 140, "normal") for seed in SEEDS]
        contrasts.append(np.mean([image[60:100, 40:100].astype(float).std() for image, _ in pairs]))
        fine = [image - ndimage.median_filter(image.astype(float), 5) for image, _ in pairs]
        noises.append(np.mean([values[60:100, 40:100].std() for values in fine]))
    assert contrasts[1] < 0.8 * contrasts[0]
    assert noises[1] > 1.3 * noises[0]


def test_degrading_turns_image_and_mask_alike() -> None:
    image = np.zeros((120, 150), np.float32)
    image[20:50, 90:130] = 1
    mask = image > 0
    turned_image, turned_mask = portable_degraded(image, mask, rng(3))
    smooth = ndimage.gaussian_filter(turned_image, 3)
    centre_mask = np.array(ndimage.center_of_mass(turned_mask))
    bright = smooth > 0.5 * (smooth[turned_mask].mean() + np.median(smooth[~turned_mask]))
    labels, _ = ndimage.label(bright)
    label = labels[tuple(centre_mask.astype(int))]
    assert label > 0
    np.testing.assert_allclose(ndimage.center_of_mass(labels == label), centre_mask, atol=4)
    assert np.abs(centre_mask - (34.5, 109.5)).max() > 1


def test_parts_of_the_degradation() -> None:
    image = np.full((80, 100), 0.2, np.float32)
    image[:, 50:] = 0.8
    np.testing.assert_allclose(low_contrast(image, 0.5, 0.4)[0, [0, 99]], [0.3, 0.6], atol=1e-6)
    veiled = scattered(image, 0.5)
    assert veiled[40, 45] > 0.25 and veiled[40, 0] == pytest.approx(0.2, abs=1e-3)
    field = collimated(image, (0.1, 0.2, 0.05, 0.0))
    assert field[:7].max() == field[-15:].max() == field[:, :4].max() == 0
    np.testing.assert_allclose(field[20:60, 10:98], image[20:60, 10:98])
    lettered = marked(image, "AP", (0.1, 0.1))
    assert lettered[:40, :40].max() > 0.6 and (lettered[40:] == image[40:]).all()
    tube = tubed(image, rng(1)) - image
    assert tube.max() == pytest.approx(0.2, abs=0.06) and 0 < (tube > 0.1).mean() < 0.05


def test_quantum_noise_grows_with_absorption_and_falls_with_dose() -> None:
    def deviation(value: float, photons: float) -> float:
        return float(quantum_noise(np.full((200, 200), value, np.float32), photons, rng(0)).std())

    assert quantum_noise(np.full((200, 200), 0.4, np.float32), 500, rng(0)).mean() == pytest.approx(0.4, abs=0.01)
    assert deviation(0.8, 500) > 1.5 * deviation(0.2, 500)
    assert deviation(0.4, 2000) == pytest.approx(deviation(0.4, 500) / 2, rel=0.05)


def test_brain_has_a_lesion_that_is_bright_in_flair() -> None:
    image, mask = brain_slice(rng(2), 128)
    assert (image.shape, image.dtype) == ((128, 128, 3), np.uint8)
    brain = image[..., 1] > 50
    assert image[..., 1][mask].mean() > 1.4 * image[..., 1][brain & ~mask].mean()
    assert image[..., 0][mask].mean() < image[..., 1][mask].mean() - 30
    assert not brain_slice(rng(2), 128, lesion=False)[1].any()


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_data_sets_are_read_by_the_package_and_reproducible(tmp_path: Path) -> None:
    first = write_phantoms(tmp_path / "a", seed=5, donor=8, general=6, portable=6, size=64)
    second = write_phantoms(tmp_path / "b", seed=5, donor=4, general=12, portable=6, size=64)
    one, two = digests(first), digests(second)
    shared = {name for name in one if name in two and not name.endswith("datalist.json")}
    assert len(shared) == 2 * 4 + 2 * 6 + 2 * 6
    assert all(one[name] == two[name] for name in shared)
    assert one["portable/datalist.json"] == two["portable/datalist.json"]
    assert digests(write_phantoms(tmp_path / "c", seed=6, donor=8, general=6, portable=6, size=64)) != one
    donor, general = load_datalist(first / "lgg"), load_datalist(first / "general")
    assert [record["finding"] for record in donor] == ["lesion", "no lesion"] * 4
    assert len({record["patient"] for record in donor}) == 2
    assert [record["finding"] for record in general] == [*FINDINGS, *FINDINGS]
    assert len({record["patient"] for record in general}) == 4
    for record in general:
        with Image.open(record["image"]) as image, Image.open(record["label"]) as mask:
            assert image.size == mask.size == (record["original_width"], record["original_height"])
            assert max(image.size) == 64 and mask.mode == "1"


def test_existing_data_are_not_replaced_unasked(tmp_path: Path) -> None:
    write_phantoms(tmp_path, donor=4, general=3, portable=3, size=64)
    before = digests(tmp_path)
    with pytest.raises(OutputError, match="lgg: is there already"):
        write_phantoms(tmp_path, seed=1, donor=4, general=3, portable=3, size=64)
    assert digests(tmp_path) == before
    write_phantoms(tmp_path, seed=1, donor=4, general=3, portable=3, size=64, overwrite=True)
    assert digests(tmp_path) != before


def test_real_data_are_never_replaced(tmp_path: Path) -> None:
    write_phantoms(tmp_path, donor=4, general=3, portable=3, size=64)
    (tmp_path / "portable" / "images" / "chest.png").write_bytes(b"a radiograph")
    before = digests(tmp_path)
    with pytest.raises(OutputError, match=r"portable: holds 1 files that are no phantoms, such as chest\.png"):
        write_phantoms(tmp_path, donor=4, general=3, portable=3, size=64, overwrite=True)
    assert digests(tmp_path) == before
