"""Alter radiographs with drawn masks in many ways, and write what the network and the flags make of them.

    python scripts/experiments/alter_radiographs.py DIR/general DIR/portable --out RUN [--images 256] [--bundle NAME]

RUN/rows.jsonl gets one line for each image and way; started again, the script goes on where it stopped. No line holds
a name: images are numbered in an order that the seed decides. `fit_expected_dice.py` and `alteration_table.py` read it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid
from scipy import ndimage

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.inference.foreign_objects import FOREIGN_OBJECT
from monai_lungxfer.inference.mask_doubt import NAMES
from monai_lungxfer.inference.segmentation import Segmentation
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import Radiograph, read_mask, read_radiograph

Picture = NDArray[np.float64]  # (H, W), from 0 to 1
Mask = NDArray[np.uint8]
Random = np.random.Generator
Way = Callable[[Picture, Mask, Random], tuple[Picture, Mask]]

SEED = 0


def of_pixels(change: Callable[[Picture, Random], Picture]) -> Way:
    """Return a way that leaves the mask where it is."""
    return lambda picture, mask, random: (np.clip(change(picture, random), 0, 1), mask)


def of_both(change: Callable[[NDArray[Any], Random], NDArray[Any]]) -> Way:
    """Return a way that moves the mask with the picture."""

    def alter(picture: Picture, mask: Mask, random: Random) -> tuple[Picture, Mask]:
        state = random.bit_generator.state
        moved = change(picture, random)
        random.bit_generator.state = state  # so that both are moved alike
        return moved, change(mask, random)

    return alter


def window(picture: Picture, random: Random) -> Picture:
    """Cut off up to a quarter of the grey scale below and two fifths above."""
    low, high = random.uniform(0, 0.25), random.uniform(0.6, 1)
    return (picture - low) / (high - low)


def crop(array: NDArray[Any], random: Random) -> NDArray[Any]:
    """Cut up to an eighth off each side."""
    (height, width), cut = array.shape, random.uniform(0, 0.125, 4)
    return array[
        int(cut[0] * height) : height - int(cut[1] * height), int(cut[2] * width) : width - int(cut[3] * width)
    ]


def pad(array: NDArray[Any], random: Random) -> NDArray[Any]:
    """Add up to a fifth of black on each side."""
    (height, width), more = array.shape, random.uniform(0, 0.2, 4)
    rows, columns = (int(more[0] * height), int(more[1] * height)), (int(more[2] * width), int(more[3] * width))
    return np.pad(array, (rows, columns))


def lateral_like(picture: Picture, mask: Mask, _: Random) -> tuple[Picture, Mask]:
    """Lay one half over the other, as a lateral view lays the lungs over each other, at two thirds of the width."""
    half = picture.shape[1] // 2
    both = (picture[:, :half] + picture[:, -half:][:, ::-1]) / 2
    lungs = mask[:, :half] | mask[:, -half:][:, ::-1]
    zoom = (1, picture.shape[1] * 2 / 3 / half)
    return ndimage.zoom(both, zoom, order=1), ndimage.zoom(lungs, zoom, order=0)


def noise(picture: Picture, random: Random) -> Picture:
    """Add white noise of 5 to 15 % of the grey scale."""
    return picture + random.uniform(0.05, 0.15) * random.standard_normal(picture.shape)


def blur(picture: Picture, random: Random) -> Picture:
    """Blur by 0.5 to 2 % of the height."""
    return ndimage.gaussian_filter(picture, random.uniform(0.005, 0.02) * len(picture))


def tilt(array: NDArray[Any], random: Random) -> NDArray[Any]:
    """Turn by 10 to 30 degrees."""
    angle = random.choice([-1, 1]) * random.uniform(10, 30)
    return ndimage.rotate(array, angle, reshape=False, order=1 if array.dtype.kind == "f" else 0)


def disc(picture: Picture, random: Random) -> Picture:
    """Lay a soft bright disc of a tenth to a quarter of the height over the picture, as an opacity would."""
    height, width = picture.shape
    rows, columns = np.ogrid[:height, :width]
    row, column = random.uniform(0.2, 0.8) * height, random.uniform(0.15, 0.85) * width
    radius = random.uniform(0.1, 0.25) * height
    weight = 1 / (1 + np.exp((np.hypot(rows - row, columns - column) - radius) / (0.1 * radius)))
    return picture + weight * random.uniform(0.5, 0.95) * (0.85 - picture)


def rectangle(picture: Picture, random: Random) -> Picture:
    """Cover a white rectangle of a fifth to a half of each side."""
    (height, width), share = picture.shape, random.uniform(0.2, 0.5, 2)
    row, column = (int(random.uniform(0, 1 - own) * side) for own, side in zip(share, picture.shape, strict=True))
    covered = picture.copy()
    covered[row : row + int(share[0] * height), column : column + int(share[1] * width)] = 1
    return covered


def video_inverted(picture: Picture, random: Random) -> Picture:
    """Invert as a viewer does: after a window, at another gamma."""
    return 1 - np.clip(window(picture, random), 0, 1) ** random.uniform(0.6, 1.6)


def half_white(picture: Picture, mask: Mask, random: Random) -> tuple[Picture, Mask]:
    """White out the upper or lower half of one lung, with a soft edge; the drawn mask stays as it is."""
    lung = mask.astype(bool).copy()
    middle = round(float(ndimage.center_of_mass(lung)[1]))
    lung[:, slice(0, middle) if random.random() < 0.5 else slice(middle, None)] = False
    rows = np.flatnonzero(lung.any(axis=1))
    if rows.size:
        lung[: rows[rows.size // 2]] = False
    weight = ndimage.gaussian_filter(lung.astype(float), 0.015 * len(lung))
    return picture + weight * random.uniform(0.6, 1) * (0.8 - picture), mask


WAYS: dict[str, Way] = {
    "as it is": of_pixels(lambda x, _: x),
    "inverted": of_pixels(lambda x, _: 1 - x),
    "upside down": of_both(lambda x, _: x[::-1]),
    "on its side": of_both(lambda x, random: np.rot90(x, random.choice([1, 3]))),
    "mirrored": of_both(lambda x, _: x[:, ::-1]),
    "gamma": of_pixels(lambda x, random: x ** random.choice([0.4, 0.6, 1.7, 2.5])),
    "window": of_pixels(window),
    "cropped": of_both(crop),
    "padded": of_both(pad),
    "lateral-like": lateral_like,
    "noise": of_pixels(noise),
    "wrong bits": of_pixels(lambda x, _: x),
    "wrong spacing": of_pixels(lambda x, _: x),
    "blurred": of_pixels(blur),
    "tilted": of_both(tilt),
    "bright disc": of_pixels(disc),
    "white rectangle": of_pixels(rectangle),
    "video inverted": of_pixels(video_inverted),
    "half a lung white": half_white,
}
"""The first twelve after "as it is" are those of the table of alterations; the others are for fitting and testing."""

WRONG_BITS: tuple[tuple[int, int, dict[str, int]], ...] = (  # bits of the data, places to the left, what is declared
    (14, 0, {"BitsStored": 12, "HighBit": 11}),
    (12, 4, {"BitsStored": 12, "HighBit": 15}),
    (12, 0, {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1}),
    (16, 0, {"BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1}),
    (10, 2, {"BitsStored": 10, "HighBit": 9}),
)
WRONG_FIELDS = (0.9, 3.0, 40.0, 2000.0, 8000.0)  # width of the detector in mm, by the spacing in the header
TRUE_FIELD = 400.0


def dicom(picture: Picture, bits: int = 12, places: int = 0, **declared: Any) -> Dataset:
    """Return a radiograph of an adult, a frontal chest, of which the attributes `declared` may be wrong."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.Modality, image.BodyPartExamined, image.ViewPosition = "DX", "CHEST", "AP"
    image.PatientName = image.PatientID = "Phantom"
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
    image.Rows, image.Columns = picture.shape
    image.PixelSpacing = image.ImagerPixelSpacing = [round(TRUE_FIELD / picture.shape[1], 6)] * 2
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, bits, bits - 1
    image.PixelData = (np.rint(picture * (2**bits - 1)).astype("<u2") << places).astype("<u2").tobytes()
    for keyword, value in declared.items():
        setattr(image, keyword, value)
    return image


def through_dicom(way: str, picture: Picture, random: Random, folder: Path) -> tuple[Radiograph, str]:
    """Write a wrong file and read it; the second value says which kind of wrong it was."""
    kind = int(random.integers(5))
    if way == "wrong bits":
        bits, places, declared = WRONG_BITS[kind]
        image = dicom(picture, bits, places, **declared)
    else:
        image = dicom(picture)
        image.PixelSpacing = image.ImagerPixelSpacing = [float(f"{WRONG_FIELDS[kind] / picture.shape[1]:.6g}")] * 2
    image.save_as(folder / "wrong.dcm", enforce_file_format=True)
    return read_radiograph(folder / "wrong.dcm", name="a radiograph"), f"{way} {kind}"


def altered(way: str, picture: Picture, mask: Mask, random: Random, folder: Path) -> tuple[Radiograph, Mask, str]:
    """Return the radiograph, the mask that it should have, and the kind of alteration."""
    picture, mask = WAYS[way](picture, mask, random)
    if way in ("wrong bits", "wrong spacing"):
        radiograph, kind = through_dicom(way, picture, random, folder)
        return radiograph, mask, kind
    grey = np.rint(np.ascontiguousarray(picture) * 255).astype(np.float32)
    return Radiograph(grey, "png"), np.ascontiguousarray(mask), way


def dice(first: Mask, second: Mask) -> float | None:
    """Return the Dice coefficient of two masks, ``None`` when both are empty."""
    both = np.count_nonzero(first) + np.count_nonzero(second)
    return 2 * np.count_nonzero(first & second) / both if both else None


def as_row(found: Segmentation, drawn: Mask, plain: Mask) -> dict[str, Any]:
    """Return what is written of one mask, beside the drawn one and that of the picture before it was altered."""
    measured = found.measurements
    return {
        "dice": dice(found.mask, drawn),
        "plain_dice": dice(found.mask, plain),
        "flags": list(found.flags),
        "remarks": sum(remark != FOREIGN_OBJECT for remark in found.remarks),
        "lung_cm2": measured.lung_cm2,
        "confidence": measured.confidence,
        "share": measured.share,
        "border": measured.border,
        "symmetry": measured.symmetry,
        "doubt": None if found.doubt is None else [round(float(value), 6) for value in found.doubt.as_vector()],
    }


def patient_half(patient: str) -> int:
    """Return 0 or 1, the same for all images of a patient."""
    return hashlib.sha256(patient.encode()).digest()[0] & 1


def chosen(folders: list[Path], images: int | None) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield set, number and record; of a larger set a random part, in turns, so that a part of the run is fair."""
    parts = []
    for folder in folders:
        records = load_datalist(folder, labels_required=False)
        order = np.random.default_rng(SEED).permutation(len(records))[:images]
        parts += [(place / len(order), folder.name, int(number), records[number]) for place, number in enumerate(order)]
    yield from ((name, number, record) for _, name, number, record in sorted(parts, key=lambda part: part[:3]))


def main() -> None:
    """Go through all images and ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="Folders of images, with or without drawn masks")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, help="Of each folder at most so many, chosen at random")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--bundle", default="portable_cxr_lung_segmentation")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    rows = given.out / "rows.jsonl"
    done = (
        {(row["set"], row["image"]) for row in map(json.loads, rows.read_text().splitlines())}
        if rows.exists()
        else set()
    )
    torch.set_num_threads(1)
    segmenter = Segmenter.from_bundle(given.bundle)
    columns = {"doubt": NAMES, "weights_sha256": segmenter.identity.weights_sha256}
    (given.out / "columns.json").write_text(json.dumps(columns))
    for name, number, record in chosen(given.data, given.images):
        if (name, number) in done:
            continue
        lines = [json.dumps(row) for row in image_rows(segmenter, name, number, record, given.ways)]
        with rows.open("a") as file:
            file.write("\n".join(lines) + "\n")


def seeded(number: int, way: str) -> Random:
    """Return a generator that alters an image in one way always alike."""
    return np.random.default_rng([SEED, number, *way.encode()])


def image_rows(
    segmenter: Segmenter, name: str, number: int, record: dict[str, Any], ways: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield the row of each way for one image."""
    pixels = read_radiograph(record["image"]).pixels.astype(np.float64)
    picture = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    labelled = "label" in record
    drawn = read_mask(record["label"]) if labelled else np.zeros(picture.shape, np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        plain = segmenter.segment(altered("as it is", picture, drawn, seeded(number, "as it is"), Path(folder))[0]).mask
    for way in ways:
        with tempfile.TemporaryDirectory() as folder:
            radiograph, mask, kind = altered(way, picture, drawn, seeded(number, way), Path(folder))
            found = segmenter.segment(radiograph)
            row = as_row(found, mask, altered(way, picture, plain, seeded(number, way), Path(folder))[1])
        row["dice"] = row["dice"] if labelled else None
        half = patient_half(str(record.get("patient", number)))
        yield {"set": name, "image": number, "half": half, "way": way, "kind": kind, **row}


if __name__ == "__main__":
    main()
