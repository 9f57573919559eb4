"""Phantoms: their anatomy, their masks, and the data sets made of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from monai_lungxfer.data.checks import check_datalist
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.synthetic.chest import FINDINGS
from monai_lungxfer.synthetic.phantoms import brain_slice, chest_radiograph, portable_radiograph, write_phantoms
from monai_lungxfer.utils.errors import LungXferError, OutputError

CHESTS = [chest_radiograph, portable_radiograph]
SEEDS = range(7)
BOTH_NEIGHBOURS = np.ones((3, 3))
FIELDS = {"image", "label", "patient", "finding", "finding_text", "view", "source", "license", "ignore_fraction"}


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _dice(one: np.ndarray, two: np.ndarray) -> float:
    return float(2 * (one & two).sum() / (one.sum() + two.sum()))


def _noise(image: np.ndarray, mask: np.ndarray) -> float:
    """Estimate the noise's deviation in the lungs after Immerkaer (1996): edges and lines have no part in it."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    residual = np.abs(ndimage.convolve(image.astype(float), kernel))
    return float(np.sqrt(np.pi / 2) * residual[mask].mean() / 6)


def _otsu(image: np.ndarray) -> int:
    counts = np.bincount(image.ravel(), minlength=256).astype(float)
    weights, sums = counts.cumsum()[:-1], (counts * np.arange(256)).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (sums[-1] / counts.sum() * weights - sums[:-1]) ** 2 / (weights * (counts.sum() - weights))
    return int(np.nanargmax(between))


@pytest.mark.parametrize("draw", CHESTS)
@pytest.mark.parametrize(("height", "width"), [(48, 48), (96, 80), (110, 130)])
def test_every_mask_has_two_lungs_and_the_right_one_is_larger(draw, height, width):
    ratios = []
    for seed in SEEDS:
        image, mask = draw(_rng(seed), height, width, FINDINGS[seed % 3])
        assert (image.shape, image.dtype, mask.shape, mask.dtype) == ((height, width), np.uint8, (height, width), bool)
        labels, count = ndimage.label(mask, BOTH_NEIGHBOURS)
        assert count == 2
        by_column = sorted((1, 2), key=lambda label: ndimage.center_of_mass(labels == label)[1])
        right, left = ((labels == label).sum() for label in by_column)
        ratios.append(right / left)
    # The patient's right lung is on the image's left; the heart takes its room from the other.
    assert np.mean(ratios) > 1.08


def test_mirroring_is_noticed():
    overlaps = []
    for seed in SEEDS:
        _, mask = chest_radiograph(_rng(seed), 128, 110, "normal")
        mirrored = mask[:, ::-1]
        shift = round(ndimage.center_of_mass(mask)[1] - ndimage.center_of_mass(mirrored)[1])
        overlaps.append(_dice(mask, np.roll(mirrored, shift, axis=1)))
    assert np.mean(overlaps) < 0.92


@pytest.mark.parametrize("finding", FINDINGS)
def test_lungs_are_darker_than_what_lies_between_them(finding):
    for seed in SEEDS:
        image, mask = chest_radiograph(_rng(seed), 128, 110, finding)
        columns = np.arange(mask.shape[1])
        centre = ndimage.center_of_mass(mask)[1]
        between = (np.cumsum(mask, axis=1) > 0) & (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] > 0) & ~mask
        between &= np.abs(columns - centre) < 8
        assert image[mask].mean() < image[between].mean() - 40


def test_opacities_brighten_the_lungs_and_stay_in_the_mask():
    pairs = {name: [chest_radiograph(_rng(seed), 128, 110, name) for seed in SEEDS] for name in FINDINGS}
    means = {name: np.mean([image[mask].mean() for image, mask in pairs[name]]) for name in FINDINGS}
    assert means["normal"] < means["pathological"] < means["covid19"]
    for (_, clear), (_, hazy) in zip(pairs["normal"], pairs["covid19"], strict=True):
        np.testing.assert_array_equal(clear, hazy)  # opaque lung is lung


@pytest.mark.parametrize("draw", CHESTS)
def test_a_threshold_is_no_solution(draw):
    for seed in SEEDS:
        image, mask = draw(_rng(seed), 128, 110, FINDINGS[seed % 3])
        assert _dice(image <= _otsu(image), mask) < 0.85
        assert max(_dice(image <= threshold, mask) for threshold in range(5, 250, 5)) < 0.85


def test_an_average_mask_is_no_solution():
    masks = [chest_radiograph(_rng(seed), 96, 96, "normal")[1] for seed in range(20)]
    average = np.mean(masks, axis=0) > 0.5
    assert np.mean([_dice(average, mask) for mask in masks]) < 0.86


def test_portable_has_less_contrast_and_more_noise():
    contrasts, noises = [], []
    for draw in CHESTS:
        pairs = [draw(_rng(seed), 160, 140, "normal") for seed in SEEDS]
        rims = [ndimage.binary_dilation(mask, iterations=10) & ~ndimage.binary_dilation(mask, iterations=3)
                for _, mask in pairs]  # fmt: skip
        contrasts.append(np.mean([i[rim].mean() - i[m].mean() for (i, m), rim in zip(pairs, rims, strict=True)]))
        noises.append(np.mean([_noise(image, mask) for image, mask in pairs]))
    assert contrasts[1] < 0.75 * contrasts[0]
    assert noises[1] > 1.3 * noises[0]


def test_the_portable_mask_fits_its_tilted_image():
    for seed in range(6):
        image, mask = portable_radiograph(_rng(seed), 160, 140, "normal")
        smooth = ndimage.gaussian_filter(image.astype(float), 1.5)
        inner = ndimage.binary_erosion(mask, iterations=4)
        outer = ndimage.binary_dilation(mask, iterations=6) & ~ndimage.binary_dilation(mask, iterations=3)
        assert smooth[inner].mean() < smooth[outer].mean() - 10
        _, upright = chest_radiograph(_rng(seed), 160, 140, "normal")
        assert 0.4 < _dice(mask, upright) < 0.995


def test_a_wrong_finding_or_size_is_refused():
    with pytest.raises(ValueError, match="measles"):
        chest_radiograph(_rng(0), 64, 64, "measles")
    with pytest.raises(ValueError, match="30x64"):
        portable_radiograph(_rng(0), 30, 64, "normal")


def test_brain_lesions_are_bright_in_flair_and_absent_in_half():
    empty = 0
    for seed in range(36):
        image, mask = brain_slice(_rng(seed), 96)
        assert (image.shape, image.dtype, mask.shape, mask.dtype) == ((96, 96, 3), np.uint8, (96, 96), bool)
        if not mask.any():
            empty += 1
            continue
        ring = ndimage.binary_dilation(mask, iterations=6) & ~ndimage.binary_dilation(mask, iterations=2)
        flair, pre = image[..., 1].astype(float), image[..., 0].astype(float)
        assert flair[mask].mean() > 1.15 * flair[ring].mean()
        assert flair[mask].mean() / flair[ring].mean() > pre[mask].mean() / pre[ring].mean() + 0.15
        assert 0.001 < mask.mean() < 0.15
    assert 9 < empty < 27


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory) -> Path:
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), seed=5, donor=14, general=15, portable=12, size=80)


def test_an_image_depends_on_seed_set_and_number_alone(phantoms, tmp_path):
    one = _digests(phantoms)
    two = _digests(write_phantoms(tmp_path / "b", seed=5, donor=6, general=18, portable=12, size=80))
    common = {name for name in one if name in two and name != "general/datalist.json"}
    assert len(common) == 2 * 6 + 2 * 15 + 2 * 12 + 1
    assert {name: one[name] for name in common} == {name: two[name] for name in common}
    other = _digests(write_phantoms(tmp_path / "c", seed=6, donor=2, general=2, portable=2, size=80))
    pictures = [
        name for name in other if name in one and "mask" not in name and name.endswith((".png", ".jpg", ".tif"))
    ]
    assert pictures
    assert all(one[name] != other[name] for name in pictures)
    assert len({one[name] for name in one}) == len(one) - _equal_masks(phantoms)


def _equal_masks(folder: Path) -> int:
    """Count the masks that say the same as another one: the empty ones of brain slices."""
    empty = sum(record["finding"] == "no lesion" for record in load_datalist(folder / "lgg"))
    return max(0, empty - 1)


def test_radiographs_are_read_by_the_package(phantoms):
    for name, views in (("general", {"PA"}), ("portable", {"AP", "AP Supine"})):
        records = load_datalist(phantoms / name)
        assert check_datalist(records) == []
        assert {record["view"] for record in records} == views
        assert all(set(record) == FIELDS | {"original_width", "original_height"} for record in records)
        assert {(r["source"], r["license"]) for r in records} == {("phantom", "CC0-1.0")}
        counts = Counter(record["finding"] for record in records)
        assert set(counts) == set(FINDINGS)
        assert max(counts.values()) - min(counts.values()) <= 3
        images = Counter(record["patient"] for record in records)
        assert set(images.values()) <= {1, 2, 3}
        assert len({(record["patient"], record["finding"]) for record in records}) == len(images)


def test_radiographs_have_the_announced_form(phantoms):
    records = load_datalist(phantoms / "general")
    shapes = set()
    for record in records:
        with Image.open(record["image"]) as image, Image.open(record["label"]) as mask:
            assert image.size == mask.size == (record["original_width"], record["original_height"])
            assert (image.mode, mask.mode, max(image.size)) == ("L", "1", 80)
            assert 0.84 < image.width / image.height < 1.21
            shapes.add(image.size)
    assert len(shapes) > 3
    assert {Path(record["image"]).suffix for record in records} == {".png", ".jpg"}


def test_slices_have_the_kaggle_layout(phantoms):
    records = load_datalist(phantoms / "lgg")
    assert len(records) == 14
    assert {record["finding"] for record in records} == {"lesion", "no lesion"}
    patients = Counter(record["patient"] for record in records)
    assert all(3 <= count <= 5 for patient, count in patients.items() if patient != max(patients))
    for record in records:
        with Image.open(record["image"]) as image, Image.open(record["label"]) as mask:
            assert (image.mode, mask.mode, image.size, mask.size) == ("RGB", "L", (80, 80), (80, 80))
            assert set(np.unique(np.asarray(mask))) <= {0, 255}


def test_phantoms_are_replaced_on_demand_only(tmp_path):
    write_phantoms(tmp_path, donor=2, general=2, portable=2, size=64)
    before = _digests(tmp_path)
    with pytest.raises(OutputError, match="lgg: holds phantoms already"):
        write_phantoms(tmp_path, seed=1, donor=2, general=2, portable=2, size=64)
    assert _digests(tmp_path) == before
    write_phantoms(tmp_path, seed=1, donor=0, general=1, portable=2, size=64, overwrite=True)
    assert not (tmp_path / "lgg").exists()
    assert len(list((tmp_path / "general" / "images").iterdir())) == 1


@pytest.mark.parametrize("name", ["general/images/cohen-1.jpg", "lgg/kaggle_3m/TCGA_CS_4942_19970222/a.tif"])
def test_real_data_are_never_replaced(tmp_path, name):
    real = tmp_path / name
    real.parent.mkdir(parents=True)
    real.write_bytes(b"real")
    with pytest.raises(OutputError, match="no phantom"):
        write_phantoms(tmp_path, donor=1, general=1, portable=1, size=64, overwrite=True)
    assert set(_digests(tmp_path)) == {name}


@pytest.mark.parametrize("content", ['[{"image": "a.png", "source": "cohen-v7"}]', "{}", "broken"])
def test_a_datalist_of_real_data_is_never_replaced(tmp_path, content):
    (tmp_path / "portable").mkdir()
    (tmp_path / "portable" / "datalist.json").write_text(content)
    with pytest.raises(OutputError, match="no phantom"):
        write_phantoms(tmp_path, donor=1, general=1, portable=1, size=64, overwrite=True)
    assert (tmp_path / "portable" / "datalist.json").read_text() == content


@pytest.mark.parametrize(
    ("wrong", "said"), [({"seed": -1}, "seed is -1"), ({"general": -2}, "general is -2"), ({"size": 40}, "size is 40")]
)
def test_wrong_numbers_are_refused_before_anything_is_written(tmp_path, wrong, said):
    with pytest.raises(LungXferError, match=said):
        write_phantoms(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()
