"""The inference core, with a network whose answer is known: what is brighter than the image's mean is lung."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from monai_lungxfer.bundle.files import export_bundle
from monai_lungxfer.bundle.workflow import bundle_workflow, run_bundle
from monai_lungxfer.inference import segmenter as core
from monai_lungxfer.inference.content_check import TURNED_ROUND
from monai_lungxfer.inference.foreign_objects import FOREIGN_OBJECT
from monai_lungxfer.inference.overlay import thumbnail
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import Radiograph, read_mask, read_radiograph
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.utils.errors import BundleError, InputFileError, LungXferError, TransferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.sidecar import Sidecar, save_sidecar

BRIGHT_IS_LUNG = {
    "network_def": {"_target_": "torch.nn.Conv2d", "in_channels": 3, "out_channels": 1, "kernel_size": 1},
    "precision": "float32",
}


@pytest.fixture(scope="module")
def bright_weights(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "model.pt"
    torch.save({"weight": torch.full((1, 3, 1, 1), 10 / 3), "bias": torch.zeros(1)}, path)
    return path


@pytest.fixture(scope="module")
def bright(bright_weights: Path) -> Segmenter:
    return Segmenter.from_bundle(weights=bright_weights, device="cpu", overrides=BRIGHT_IS_LUNG)


@pytest.fixture(scope="module")
def small_unet(tmp_path_factory) -> Segmenter:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("unet") / "model.pt"
    network = DonorUNet(init_features=4)
    torch.nn.init.normal_(network.conv.weight, std=5)  # probabilities on both sides of the threshold
    torch.save(network.state_dict(), path)
    return Segmenter.from_bundle("portable", weights=path, device="cpu", overrides={"network_def#init_features": 4})


def radiograph(pixels: np.ndarray, spacing: tuple[float, float] | None = None) -> Radiograph:
    return Radiograph(np.ascontiguousarray(pixels, dtype=np.float32), "png", spacing, None, False)


def shapes(height: int, width: int) -> np.ndarray:
    """Two bright rectangles, unlike in every mirrored, rotated or transposed form."""
    pixels = np.full((height, width), 20.0)
    pixels[height // 10 : height // 2, width // 8 : width // 3] = 200
    pixels[height // 5 : (9 * height) // 10, (5 * width) // 8 : (7 * width) // 8] = 200
    return pixels


def test_mask_is_exact_where_nothing_is_resized(bright: Segmenter) -> None:
    pixels = shapes(256, 256)
    segmentation = bright.segment(radiograph(pixels))
    assert segmentation.mask.dtype == np.uint8
    assert np.array_equal(segmentation.mask, (pixels > pixels.mean()).astype(np.uint8))
    normalised = (pixels - pixels.mean()) / pixels.std()
    assert np.allclose(segmentation.probability, 1 / (1 + np.exp(-10 * normalised)), atol=1e-4)


@pytest.mark.parametrize("size", [(300, 120), (120, 700), (97, 211), (1000, 640)])
def test_native_size_not_shifted_mirrored_or_transposed(bright: Segmenter, size: tuple[int, int]) -> None:
    pixels = shapes(*size)
    expected = pixels > 100
    segmentation = bright.segment(radiograph(pixels))
    assert segmentation.mask.shape == segmentation.probability.shape == size
    assert segmentation.probability.dtype == np.float32
    # An edge may move by as much as half a pixel of 256, and by one of its own.
    differs = segmentation.mask != expected
    rows, columns = (int(np.ceil(side / 512)) + 1 for side in size)
    near = np.zeros(size, bool)
    for edge in (*np.flatnonzero(np.diff(expected, axis=0).any(axis=1)),):
        near[max(0, edge - rows + 1) : edge + rows + 1] = True
    for edge in (*np.flatnonzero(np.diff(expected, axis=1).any(axis=0)),):
        near[:, max(0, edge - columns + 1) : edge + columns + 1] = True
    assert not differs[~near].any()
    assert differs.mean() < 0.02


def test_result_does_not_depend_on_the_batch(small_unet: Segmenter) -> None:
    random = np.random.default_rng(3)
    sizes = [(120, 90), (64, 200), (256, 256), (310, 150), (33, 47)]
    radiographs = [radiograph(random.normal(100, 30, size)) for size in sizes]
    together = small_unet.segment_many(radiographs)
    assert [item.mask.shape for item in together] == sizes
    assert 0 < together[0].mask.mean() < 1
    for alone, item in zip((small_unet.segment(one) for one in radiographs), together, strict=True):
        assert np.allclose(alone.probability, item.probability, atol=1e-6)
        assert np.array_equal(alone.mask, item.mask)
    reverse = small_unet.segment_many(radiographs[::-1])
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(reverse[::-1], together, strict=True))


def test_probability_is_what_the_mask_is_thresholded_from(small_unet: Segmenter) -> None:
    segmentation = small_unet.segment(radiograph(np.random.default_rng(1).normal(100, 30, (70, 110))))
    assert np.array_equal(segmentation.raw, segmentation.probability >= 0.5)
    assert not np.array_equal(segmentation.mask, segmentation.raw)


def with_dot(height: int, width: int) -> np.ndarray:
    pixels = shapes(height, width)
    pixels[height - 20 : height - 5, 5:20] = 200
    return pixels


def test_cleaning_is_on_and_the_raw_mask_is_kept(bright: Segmenter) -> None:
    segmentation = bright.segment(radiograph(with_dot(256, 256)))
    assert np.array_equal(segmentation.mask, shapes(256, 256) > 100)
    assert np.array_equal(segmentation.raw, with_dot(256, 256) > 100)
    assert segmentation.raw.dtype == segmentation.mask.dtype == np.uint8


def test_cleaning_can_be_switched_off(bright_weights: Path) -> None:
    segmenter = Segmenter.from_bundle(weights=bright_weights, device="cpu", overrides=BRIGHT_IS_LUNG | {"clean": False})
    segmentation = segmenter.segment(radiograph(with_dot(256, 256)))
    assert np.array_equal(segmentation.mask, with_dot(256, 256) > 100)
    assert np.array_equal(segmentation.raw, segmentation.mask)
    assert "clean=False" in str(segmenter.identity)


def test_preprocessing_equals_that_of_the_yaml_from_the_file(
    bright: Segmenter, bright_weights: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 170), dtype=np.uint8)).save(path)
    workflow = bundle_workflow("portable", "inference", {"weights": str(bright_weights)})
    from_file = workflow.parser.get_parsed_content("preprocessing")({"image": path})
    in_memory = bright.prepare(read_radiograph(path))
    assert in_memory.image.shape == (3, 256, 256)
    assert torch.equal(in_memory.image.as_tensor(), from_file["image"].as_tensor())
    assert in_memory.size == (300, 170)


def test_equals_a_run_of_the_bundle(bright: Segmenter, bright_weights: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(shapes(150, 230).astype(np.uint8)).save(tmp_path / "in" / "x.png")
    folders = {"dataset_dir": str(tmp_path / "in"), "output_dir": str(tmp_path / "out")}
    run_bundle("portable", "inference", BRIGHT_IS_LUNG | folders | {"weights": str(bright_weights)})
    (written,) = (tmp_path / "out").rglob("*.nii.gz")
    assert np.array_equal(read_mask(written), bright.segment(read_radiograph(tmp_path / "in" / "x.png")).mask)


def test_an_inverted_grey_scale_is_turned_round_and_told(
    bright_weights: Path, shared_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pixels = read_radiograph(min((shared_data / "native" / "images").iterdir())).pixels
    path = tmp_path / "Roe" / "x.png"
    path.parent.mkdir()
    Image.fromarray((255 - pixels).astype(np.uint8)).save(path)
    segmenter, kept = (
        Segmenter.from_bundle(weights=bright_weights, device="cpu", overrides=BRIGHT_IS_LUNG | one)
        for one in ({}, {"fix_polarity": False})
    )
    with caplog.at_level(logging.WARNING):
        (found,) = segmenter.run([segmenter.load(path, name="x.png", picture=True)])
    told = [record.getMessage() for record in caplog.records if record.name == core.__name__]
    assert told == [f"x.png: {TURNED_ROUND}"]
    assert found.remarks[0] == TURNED_ROUND
    assert {*found.remarks[1:]} <= {FOREIGN_OBJECT}
    assert "inverted_grey" in found.flags
    found.refuse_flagged()  # it was mended
    assert found.radiograph.picture is not None
    assert np.array_equal(found.radiograph.picture, thumbnail(255 - pixels))  # as it is stored
    plain = segmenter.segment(radiograph(pixels))
    assert not {"inverted_grey"} & set(plain.flags)
    assert np.mean(found.mask == plain.mask) > 0.999
    as_stored = kept.segment_file(path)
    assert "inverted_grey" in as_stored.flags
    assert TURNED_ROUND not in as_stored.remarks
    assert np.mean(as_stored.mask == plain.mask) < 0.5
    with pytest.raises(InputFileError, match="inverted_grey"):
        as_stored.refuse_flagged()


def test_a_preprocessing_without_the_look_is_given_it(bright_weights: Path, shared_data: Path) -> None:
    """As in copies of bundles that earlier versions made."""
    steps = bundle_workflow("portable", "inference", {}).parser["preprocessing"]["transforms"]
    older = [step for step in steps if "polarity" not in step["_target_"]]
    assert len(older) == len(steps) - 1
    overrides = BRIGHT_IS_LUNG | {"preprocessing#transforms": older}
    segmenter = Segmenter.from_bundle(weights=bright_weights, device="cpu", overrides=overrides)
    pixels = read_radiograph(min((shared_data / "native" / "images").iterdir())).pixels
    found = segmenter.segment(radiograph(-pixels))
    assert "inverted_grey" in found.flags
    assert not found.remarks


def test_area_and_spacing(bright: Segmenter) -> None:
    pixels = shapes(256, 256)
    segmentation = bright.segment(radiograph(pixels, spacing=(0.2, 0.3)))
    assert segmentation.spacing == (0.2, 0.3)
    assert segmentation.mask.sum() == (pixels > 100).sum()
    assert bright.segment(radiograph(pixels)).spacing is None


def test_nothing_to_segment(bright: Segmenter) -> None:
    assert bright.segment_many([]) == []


@pytest.mark.parametrize("size", [(1, 1), (40, 60)])
def test_constant_image_is_refused(bright: Segmenter, size: tuple[int, int]) -> None:
    with pytest.raises(InputFileError, match="constant image: every pixel is 42"):
        bright.segment(radiograph(np.full(size, 42)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(bright: Segmenter, value: float) -> None:
    with pytest.raises(InputFileError, match="holds NaN or infinity"):
        bright.segment(radiograph(np.array([[0, 1, value, 3]])))


def test_one_row_of_pixels(bright: Segmenter) -> None:
    mask = bright.segment(radiograph(np.array([[0, 0, 0, 0, 9, 9, 9, 9]]))).mask
    assert mask.tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]]


def test_input_is_not_changed(bright: Segmenter) -> None:
    given = radiograph(shapes(80, 60))
    before = given.pixels.copy()
    bright.segment(given)
    assert np.array_equal(given.pixels, before)


def test_batches_are_finished_one_by_one(bright: Segmenter) -> None:
    results = bright.run([bright.prepare(radiograph(shapes(80, 60))), bright.prepare(radiograph(shapes(50, 90)))])
    assert next(results).mask.shape == (80, 60)
    assert next(results).mask.shape == (50, 90)
    assert next(results, None) is None


def test_threshold_can_be_overridden(bright_weights: Path) -> None:
    segmenter = Segmenter.from_bundle(
        weights=bright_weights, device="cpu", overrides=BRIGHT_IS_LUNG | {"threshold": 0.999}
    )
    segmentation = segmenter.segment(radiograph(np.random.default_rng(0).normal(size=(60, 90))))
    assert np.array_equal(segmentation.raw, segmentation.probability >= 0.999)
    assert "threshold=0.999" in str(segmenter.identity)


def test_identity(bright: Segmenter, bright_weights: Path) -> None:
    identity = bright.identity
    assert identity.bundle == "portable_cxr_lung_segmentation"
    assert identity.weights_sha256 == hash_file(bright_weights)
    assert str(identity).startswith(f"{identity.bundle} {identity.version} {identity.weights_sha256[:12]} ")


def test_missing_weights_say_what_to_do(tmp_path: Path) -> None:
    copy = export_bundle("portable", tmp_path)
    (copy / "models" / "model.pt").unlink(missing_ok=True)
    with pytest.raises(BundleError, match=r"no weights.*lungxfer train portable.*--weights FILE"):
        Segmenter.from_bundle(copy, device="cpu")


def test_weights_of_another_network(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(2, 3, 1, 1)}, tmp_path / "model.pt")
    with pytest.raises(TransferError):
        Segmenter.from_bundle(weights=tmp_path / "model.pt", device="cpu", overrides=BRIGHT_IS_LUNG)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"treshold": 0.4}, "no 'treshold' to override"),
        ({"network_def#_target_": "no.such.Network"}, "of its inference.yaml cannot be built .*no.such.Network"),
        ({"postprocessing#transforms": []}, "0 AsDiscreted"),
        ({"weights": "other.pt"}, "to override 'weights' has no effect here.*--weights"),
        ({"output_dir": "elsewhere"}, "to override 'output_dir' has no effect here"),
        ({"dataset#data": []}, "to override 'dataset#data' has no effect here"),
        ({"image_size": 64}, "image_size would be 64, not two numbers"),
        ({"threshold": "half"}, "threshold would be 'half', not a number"),
        ({"threshold": 2}, "threshold would be 2, not a number above 0 and below 1"),
        ({"clean": "maybe"}, "clean would be 'maybe', not true or false"),
        ({"fix_polarity": 1}, "fix_polarity would be 1, not true or false"),
    ],
)
def test_overrides_that_do_not_hold(bright_weights: Path, overrides: dict, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        Segmenter.from_bundle(weights=bright_weights, device="cpu", overrides=overrides)


def test_postprocessing_without_the_way_back_to_native_size(bright_weights: Path) -> None:
    threshold = {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.5}
    overrides = BRIGHT_IS_LUNG | {"postprocessing#transforms": [threshold]}
    segmenter = Segmenter.from_bundle(weights=bright_weights, device="cpu", overrides=overrides)
    with pytest.raises(BundleError, match=r"shape \(1, 256, 256\) for a radiograph of \(80, 60\)"):
        segmenter.segment(radiograph(shapes(80, 60)))


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"preprocessing#transforms#3#keys": "picture"}, r"preprocessing of .* cannot be run \(KeyError"),
        ({"postprocessing#transforms#0#keys": "mask"}, r"postprocessing of .* cannot be run \(KeyError"),
        ({"preprocessing#transforms#6#repeats": 4}, r"inferer of .* cannot be run \(RuntimeError"),
    ],
)
def test_parts_that_cannot_be_run_are_named(bright_weights: Path, overrides: dict, told: str) -> None:
    segmenter = Segmenter.from_bundle(weights=bright_weights, device="cpu", overrides=BRIGHT_IS_LUNG | overrides)
    with pytest.raises(BundleError, match=told):
        segmenter.segment(radiograph(shapes(64, 64)))


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_devices_that_are_not_there(bright_weights: Path, device: str) -> None:
    with pytest.raises(LungXferError, match="device"):
        Segmenter.from_bundle(weights=bright_weights, device=device, overrides=BRIGHT_IS_LUNG)


def test_weights_bring_their_input_size_and_the_caller_has_the_last_word(bright_weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model.pt"
    copy.write_bytes(bright_weights.read_bytes())
    save_sidecar(copy, Sidecar([48, 64]))
    network = {"_target_": "torch.nn.Conv2d", "in_channels": 3, "out_channels": 1, "kernel_size": 1}
    radiograph = Radiograph(np.arange(40 * 50, dtype=np.float32).reshape(40, 50), "png")
    for overrides, size in (({}, (48, 64)), ({"image_size": [32, 32]}, (32, 32))):
        segmenter = Segmenter.from_bundle(weights=copy, device="cpu", overrides={"network_def": network, **overrides})
        assert segmenter.prepare(radiograph).image.shape[1:] == size
