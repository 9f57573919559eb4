"""Write tests/data/public/annotations/files with the libraries of the tools, and the masks that other readers see.

In an environment of its own, with datumaro 1.13, cvat-sdk 2.80, label-studio-sdk 2.1, pycocotools 2.0, slicerio 1.4:

    python tests/helpers/annotation_files.py

The image is noise and the lungs are ellipses: no patient is in these files. `expected/TOOL.png` is what an independent
reader makes of the tool's file; the package is compared with it.
"""

from __future__ import annotations

import json
import shutil
from collections import OrderedDict
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parents[1] / "data" / "public" / "annotations" / "files"
HEIGHT, WIDTH = 48, 64


def ellipse(row: float, column: float, height: float, width: float) -> np.ndarray:
    """Return an ellipse, given in pixels by its centre and half axes."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return ((y - row) / height) ** 2 + ((x - column) / width) ** 2 <= 1


SIDES = {"right lung": ellipse(24, 18, 19, 9), "left lung": ellipse(22, 44, 16, 8.5) & ~ellipse(30, 34, 8, 7)}
BOTH = np.any(list(SIDES.values()), axis=0)


def corners(row: float, column: float, height: float, width: float) -> list[float]:
    """Return an ellipse as a polygon, x and y in turn."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    points = np.stack([column + width * np.cos(angles), row + height * np.sin(angles)], axis=1)
    return [round(float(value), 2) for value in points.ravel()]


POLYGONS = {"right lung": corners(24, 18, 19, 9), "left lung": corners(22, 44, 16, 8.5)}


def save_mask(name: str, mask: np.ndarray) -> None:
    """Save what another reader sees."""
    (HERE / "expected").mkdir(exist_ok=True)
    Image.fromarray(mask.astype(bool)).save(HERE / "expected" / f"{name}.png")


def place(made: Path, name: str) -> None:
    """Put the files that a tool has written into the folder, without images."""
    for file in made.rglob("*"):
        if file.suffix.lower() in (".xml", ".json", ".txt") or "SegmentationClass" in file.parts:
            target = HERE / name / file.relative_to(made)
            if file.is_file() and "ImageSets" not in file.parts:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
    shutil.rmtree(made)


def make_datumaro(format_name: str, name: str, *, polygons: bool) -> None:
    """Let datumaro export to one of CVAT's formats, and read it back."""
    import datumaro as dm
    from datumaro.components.annotation import Mask, Polygon
    from datumaro.components.media import Image as Picture

    labels = list(SIDES)
    drawn = [
        Polygon(POLYGONS[label], label=number) if polygons else Mask(SIDES[label].astype(np.uint8), label=number)
        for number, label in enumerate(labels)
    ]
    picture = Picture.from_numpy(data=np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    items = [dm.DatasetItem("p1", media=picture, annotations=drawn, attributes={"id": 1})]
    made = HERE / "made"
    # CVAT's server calls datumaro so for "Segmentation mask 1.1".
    colours = {
        "background": [[0, 0, 0], [], []],
        labels[0]: [[250, 50, 83], [], []],
        labels[1]: [[51, 221, 255], [], []],
    }
    options = {} if format_name != "voc_segmentation" else {"apply_colormap": True, "label_map": OrderedDict(colours)}
    dm.Dataset.from_iterable(items, categories=labels).export(str(made), format_name, save_media=True, **options)
    (item,) = dm.Dataset.import_from(str(made), format_name)
    found = np.zeros((HEIGHT, WIDTH), bool)
    names = [
        label.name for label in dm.Dataset.import_from(str(made), format_name).categories()[dm.AnnotationType.label]
    ]
    for one in item.annotations:
        if names[one.label] in labels and one.type.name in ("polygon", "mask"):
            found |= rasterise(one.points) if polygons else one.image.astype(bool)
    save_mask(name, found)
    place(made, name)


def rasterise(points: list[float]) -> np.ndarray:
    """Return a polygon as pycocotools draws it."""
    from pycocotools import mask as coco

    return coco.decode(coco.merge(coco.frPyObjects([list(points)], HEIGHT, WIDTH))).astype(bool)


def make_cvat_masks() -> None:
    """Write "CVAT for images 1.1" as CVAT does for masks, with the runs of its SDK, and let datumaro read it."""
    import datumaro as dm
    from cvat_sdk.masks import encode_mask

    lines = []
    for label, mask in SIDES.items():
        *runs, left, top, right, bottom = (int(value) for value in encode_mask(mask))
        lines.append(
            f'    <mask label="{label}" source="manual" occluded="0" rle="{", ".join(map(str, runs))}" left="{left}" '
            f'top="{top}" width="{right - left + 1}" height="{bottom - top + 1}" z_order="0">\n    </mask>'
        )
    made = HERE / "made"
    (made / "images").mkdir(parents=True)
    Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)).save(made / "images" / "p1.png")
    labels = "".join(f"<label><name>{label}</name><attributes></attributes></label>" for label in SIDES)
    body = "\n".join(lines)
    (made / "annotations.xml").write_text(
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
        f"  <meta><task><name>lungs</name><mode>annotation</mode><labels>{labels}</labels></task></meta>\n"
        f'  <image id="0" name="p1.png" width="{WIDTH}" height="{HEIGHT}">\n{body}\n  </image>\n</annotations>\n'
    )
    (item,) = dm.Dataset.import_from(str(made), "cvat")
    save_mask("cvat_masks", np.any([one.image for one in item.annotations], axis=0))
    place(made, "cvat_masks")


def make_coco_runs() -> None:
    """Write COCO JSON with runs as texts, of pycocotools."""
    from pycocotools import mask as coco

    packed = [coco.encode(np.asfortranarray(mask.astype(np.uint8))) for mask in SIDES.values()]
    save_mask("coco_runs", coco.decode(coco.merge(packed)))
    entries = [
        {
            "id": number,
            "image_id": 1,
            "category_id": number,
            "iscrowd": 1,
            "area": int(coco.area(runs)),
            "bbox": coco.toBbox(runs).tolist(),
            "segmentation": {"size": runs["size"], "counts": runs["counts"].decode("ascii")},
        }
        for number, runs in enumerate(packed, 1)
    ]
    write_json(
        "coco_runs/instances_default.json",
        {
            "images": [{"id": 1, "file_name": "p1.png", "width": WIDTH, "height": HEIGHT}],
            "annotations": entries,
            "categories": [{"id": number, "name": name} for number, name in enumerate(SIDES, 1)],
        },
    )


def write_json(name: str, content: object) -> None:
    """Write a JSON file of the folder."""
    (HERE / name).parent.mkdir(exist_ok=True)
    (HERE / name).write_text(json.dumps(content) + "\n")


def make_label_studio() -> None:
    """Write tasks with polygons and with the brush, whose runs are those of label-studio-sdk."""
    from label_studio_sdk.converter.brush import decode_rle, mask2rle

    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    common = {"from_name": "tag", "to_name": "image", "origin": "manual"} | size
    runs = {label: mask2rle(mask.astype(np.uint8) * 255) for label, mask in SIDES.items()}
    found = [np.reshape(decode_rle(one), (HEIGHT, WIDTH, 4))[..., 3] > 127 for one in runs.values()]
    save_mask("label_studio_brush", np.any(found, axis=0))
    brush = [
        common
        | {"id": label[:5], "type": "brushlabels", "value": {"format": "rle", "rle": rle, "brushlabels": [label]}}
        for label, rle in runs.items()
    ]
    percent = {
        label: (np.reshape(points, (-1, 2)) * (100 / WIDTH, 100 / HEIGHT)).tolist()
        for label, points in POLYGONS.items()
    }
    polygons = [
        common
        | {
            "id": label[:5],
            "type": "polygonlabels",
            "value": {"points": points, "closed": True, "polygonlabels": [label]},
        }
        for label, points in percent.items()
    ]
    save_mask("label_studio_polygons", np.any([rasterise(points) for points in POLYGONS.values()], axis=0))
    for name, results in (("brush", brush), ("polygons", polygons)):
        task = {
            "id": 1,
            "annotations": [
                {"id": 1, "completed_by": 1, "was_cancelled": False, "ground_truth": False, "result": results}
            ],
            "file_upload": "0a1b2c3d-p1.png",
            "data": {"image": "/data/upload/1/0a1b2c3d-p1.png"},
        }
        write_json(f"label_studio_{name}/project-1.json", [task])


def make_slicer() -> None:
    """Write a segmentation with slicerio, cut to the box of what was drawn as Slicer does, and read it by slicerio."""
    import slicerio

    rows, columns = np.flatnonzero(BOTH.any(axis=1)), np.flatnonzero(BOTH.any(axis=0))
    levels = np.zeros((HEIGHT, WIDTH), np.uint8)
    for level, mask in enumerate(SIDES.values(), 1):
        levels[mask] = level
    top, left = int(rows[0]), int(columns[0])
    cut = levels[top : rows[-1] + 1, left : columns[-1] + 1].T[:, :, np.newaxis]  # slicerio has columns first
    to_lps = np.eye(4)
    to_lps[:3, 3] = left, top, 0
    (HERE / "slicer").mkdir(exist_ok=True)
    segments = [
        {
            "id": f"Segment_{level}",
            "labelValue": level,
            "layer": 0,
            "name": label.capitalize(),
            "color": [0.5, 0.7, 0.5],
        }
        for level, label in enumerate(SIDES, 1)
    ]
    geometry = "".join(f"{value};" for value in np.eye(4).astype(int).ravel())
    segmentation = {
        "voxels": cut,
        "ijkToLPS": to_lps,
        "encoding": "gzip",
        "containedRepresentationNames": ["Binary labelmap"],
        "sourceRepresentation": "Binary labelmap",
        "referenceImageExtentOffset": [left, top, 0],
        "conversionParameters": [
            {
                "name": "Reference image geometry",
                "value": f"{geometry}0;{WIDTH - 1};0;{HEIGHT - 1};0;0;",
                "description": "Image geometry description string",
            }
        ],
        "segments": segments,
    }
    path = HERE / "slicer" / "p1.seg.nrrd"
    slicerio.write_segmentation(str(path), segmentation)
    found = slicerio.read_segmentation(str(path))
    whole = np.zeros((HEIGHT, WIDTH), bool)
    voxels = found["voxels"].reshape(found["voxels"].shape[:2]).T > 0
    down, across = found["referenceImageExtentOffset"][1], found["referenceImageExtentOffset"][0]
    whole[down : down + voxels.shape[0], across : across + voxels.shape[1]] = voxels
    save_mask("slicer", whole)


if __name__ == "__main__":
    make_datumaro("cvat", "cvat_polygons", polygons=True)
    make_datumaro("cvat", "cvat_whole_masks", polygons=False)
    make_datumaro("voc_segmentation", "cvat_segmentation_mask", polygons=False)
    make_datumaro("coco_instances", "coco_polygons", polygons=True)
    make_cvat_masks()
    make_coco_runs()
    make_slicer()
    make_label_studio()
