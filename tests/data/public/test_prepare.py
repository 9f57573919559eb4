"""Prepared sets: files, records, what is skipped, and that nothing is left half-written."""

from __future__ import annotations

import json

import numpy as np
import pytest
from killed_process import kill_at
from PIL import Image
from raw_pieces import HEIGHT, WIDTH, write_mask, write_picture

from monai_lungxfer.data.checks import check_datalist
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.public import prepare as module
from monai_lungxfer.data.public.item import Facts
from monai_lungxfer.data.public.prepare import prepare
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.utils.errors import DatalistError, LungXferError, OutputError
from monai_lungxfer.utils.temporary import TEMPORARY


@pytest.fixture
def raw(tmp_path):
    """Two images of a finding each, with masks."""
    folder = tmp_path / "raw"
    for seed, name in enumerate(("covid19/p1", "normal/p2")):
        write_picture(folder / "images" / f"{name}.png", seed)
        write_mask(folder / "masks" / f"{name}.png", slice(5, 20), slice(5 + seed, 25))
    return folder


def test_general_becomes_a_datalist_that_passes_the_checks(tmp_path, cohen, kermany, v7):
    out = tmp_path / "general"
    prepared = prepare("general", cohen.parent, out)
    assert (prepared.images, prepared.masks, prepared.patients, prepared.skipped) == (3, 3, 3, ())
    assert prepared.findings == {"covid19": 1, "pathological": 1, "normal": 1}
    records = load_datalist(out)
    assert check_datalist(records) == []
    assert json.loads((out / "datalist.json").read_text())[0] == {
        "image": "images/cohen-a.jpg",
        "label": "masks/cohen-a.png",
        "patient": "cohen-7",
        "finding": "covid19",
        "finding_text": "Pneumonia/Viral/COVID-19",
        "view": "PA",
        "source": "cohen-v7",
        "license": "CC BY-NC-SA",
        "url": "http://x",
        "ignore_fraction": round(40 / (HEIGHT * WIDTH), 6),
        "mask_convention": "v7",
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "ignore": "ignore/cohen-a.png",
    }
    assert [("ignore" in record, record.get("ignore_fraction")) for record in records[1:]] == [(False, 0.0)] * 2
    assert read_mask(records[0]["ignore"]).sum() == 40
    raw_image = cohen / "covid-chestxray-dataset-master" / "images" / "a.jpg"
    assert (out / "images" / "cohen-a.jpg").read_bytes() == raw_image.read_bytes()
    mask = read_mask(records[0]["label"])
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask.sum() == 1200
    with Image.open(records[0]["label"]) as opened:
        assert opened.mode == "1"


def test_set_without_masks(tmp_path, kermany):
    prepared = prepare("kermany", kermany, tmp_path / "out")
    assert (prepared.images, prepared.masks, prepared.patients) == (5, 0, 3)
    records = load_datalist(tmp_path / "out", labels_required=False)
    assert all("label" not in record and "mask_convention" not in record for record in records)


def test_images_without_a_mask_are_left_out_of_a_set_with_masks(tmp_path, raw):
    (raw / "masks" / "normal" / "p2.png").unlink()
    prepared = prepare("folder", raw, tmp_path / "out")
    assert (prepared.images, prepared.masks) == (1, 1)
    assert "1 images have no mask and were left out" in prepared.notes


@pytest.mark.parametrize("broken", ["images", "masks"])
def test_a_broken_file_is_reported_and_the_rest_done(tmp_path, raw, broken):
    file = raw / broken / "covid19" / "p1.png"
    file.write_bytes(file.read_bytes()[:60])
    prepared = prepare("folder", raw, tmp_path / "out")
    assert [one.file for one in prepared.skipped] == [raw / "images" / "covid19" / "p1.png"]
    assert (str(file) in prepared.skipped[0].reason) == (broken == "masks")
    assert [path.name for path in (tmp_path / "out" / "images").iterdir()] == ["normal-p2.png"]
    assert [path.name for path in (tmp_path / "out" / "masks").iterdir()] == ["normal-p2.png"]


def test_empty_mask_is_skipped(tmp_path, raw):
    write_mask(raw / "masks" / "covid19" / "p1.png", slice(0), slice(0))
    prepared = prepare("folder", raw, tmp_path / "out")
    assert [one.reason for one in prepared.skipped] == ["its mask has no foreground"]


def test_nothing_usable_leaves_nothing(tmp_path, raw):
    for file in (raw / "images").rglob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(DatalistError, match=r"no image can be used.*empty"):
        prepare("folder", raw, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_interruption_leaves_nothing(tmp_path, raw):
    def watch(items):
        yield items[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare("folder", raw, tmp_path / "out", watch=watch)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_full_disk_leaves_nothing(tmp_path, raw, monkeypatch):
    def save(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "save_datalist", save)
    with pytest.raises(OutputError, match="No space left"):
        prepare("folder", raw, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_only_a_prepared_set_is_replaced_and_only_when_told(tmp_path, raw):
    out = tmp_path / "out"
    prepare("folder", raw, out)
    with pytest.raises(OutputError, match="is there already"):
        prepare("folder", raw, out)
    (raw / "images" / "normal" / "p2.png").unlink()
    (raw / "masks" / "normal" / "p2.png").unlink()
    assert prepare("folder", raw, out, overwrite=True).images == 1
    assert [path.name for path in (out / "images").iterdir()] == ["covid19-p1.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "raw"]
    (out / "datalist.json").unlink()
    with pytest.raises(OutputError, match="holds other files"):
        prepare("folder", raw, out, overwrite=True)


@pytest.mark.parametrize("out", [".", "below", ".."])
def test_output_apart_from_the_raw_folder(raw, out):
    with pytest.raises(OutputError, match="raw folder"):
        prepare("folder", raw, raw / out, overwrite=True)


def test_names_are_safe_and_unique(tmp_path):
    raw = tmp_path / "raw"
    for seed, name in enumerate(("a b/x:1.png", "a_b/x_1.png", "A_b/X_1.png")):
        write_picture(raw / name, seed)
    prepare("folder", raw, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out" / "images").iterdir())
    assert names == ["A_b-X_1.png", "a_b-x_1-2.png", "a_b-x_1-3.png"]


def test_jsrt_keeps_12_bits(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    density = (np.arange(2048 * 2048) % 4096).astype(">u2")
    density.tofile(raw / "JPCNN001.IMG")
    prepare("jsrt", raw, tmp_path / "out")
    pixels = read_radiograph(tmp_path / "out" / "images" / "JPCNN001.png").pixels
    np.testing.assert_array_equal(pixels.ravel(), 4095 - density.astype(np.float32))


def test_bitmaps_become_png(tmp_path):
    source = write_picture(tmp_path / "raw" / "p1.bmp")
    prepare("folder", tmp_path / "raw", tmp_path / "out")
    written = read_radiograph(tmp_path / "out" / "images" / "p1.png").pixels
    np.testing.assert_array_equal(written, read_radiograph(source).pixels)


def test_other_formats_become_16_bit_png_without_header(tmp_path, shared_data):
    raw = tmp_path / "raw"
    raw.mkdir()
    source = shared_data / "dicom" / "rsna_3_AP.dcm"
    (raw / "p1.dcm").write_bytes(source.read_bytes())
    prepare("folder", raw, tmp_path / "out")
    written = tmp_path / "out" / "images" / "p1.png"
    np.testing.assert_array_equal(read_radiograph(written).pixels, read_radiograph(source).pixels)
    with Image.open(written) as opened:
        assert opened.mode == "I;16"


def test_facts_are_for_a_folder_only(tmp_path, kermany):
    with pytest.raises(LungXferError, match="kermany says itself"):
        prepare("kermany", kermany, tmp_path / "out", facts=Facts(view="AP"))


def test_raw_folder_that_is_not_there(tmp_path):
    with pytest.raises(DatalistError, match="not a folder"):
        prepare("jsrt", tmp_path / "raw", tmp_path / "out")


def test_anonymise_lists_what_it_refuses(tmp_path, raw):
    (raw / "images" / "covid19" / "p1.png").rename(raw / "images" / "covid19" / "meier_anna.png")
    write_picture(raw / "images" / "Schmidt, Eva" / "1.png")
    with pytest.raises(DatalistError) as caught:
        prepare("folder", raw, tmp_path / "out", anonymise=True)
    assert "meier_anna" in caught.value.problem
    assert "Schmidt, Eva" in caught.value.problem
    assert "p2" not in caught.value.problem
    assert not (tmp_path / "out").exists()
    assert prepare("folder", raw, tmp_path / "out").images == 1


def test_anonymise_passes_pseudonyms(tmp_path, raw):
    assert prepare("folder", raw, tmp_path / "out", anonymise=True).images == 2


def test_a_data_set_whose_replacing_was_killed_is_read_as_it_was(tmp_path, raw):
    out = tmp_path / "set"
    prepare("folder", raw, out)
    before = load_datalist(out)
    kill_at("replace", 3, lambda: prepare("folder", raw, out, overwrite=True))  # the first is of the datalist
    assert not out.exists()
    assert load_datalist(out) == before
    kill_at("fsync", 1, lambda: prepare("folder", raw, out, overwrite=True))
    assert len(list(tmp_path.glob(f"{TEMPORARY}*"))) == 1
    prepare("folder", raw, out, overwrite=True)
    assert list(tmp_path.glob(f"{TEMPORARY}*")) == []
