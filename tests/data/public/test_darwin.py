"""Darwin polygons become masks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from raw_pieces import HEIGHT, WIDTH, box, darwin, points, write_darwin

from monai_lungxfer.data.public.darwin import draw_annotation, fill_paths, read_annotation
from monai_lungxfer.utils.errors import DatalistError, InputFileError


def _drawn(tmp_path, *annotations, size=(HEIGHT, WIDTH), at=(HEIGHT, WIDTH)):
    return draw_annotation(read_annotation(write_darwin(tmp_path / "1.json", "a.jpg", *annotations, size=size)), *at)


def raster_layer(values: np.ndarray, mapping: dict[str, int]) -> dict:
    """A raster layer of V7, its runs counted pixel by pixel."""
    runs: list[int] = []
    for value in values.ravel().tolist():
        if runs and runs[-2] == value:
            runs[-1] += 1
        else:
            runs += [value, 1]
    layer = {"dense_rle": runs, "mask_annotation_ids_mapping": mapping, "total_pixels": values.size}
    return {"id": "r", "name": "__raster_layer__", "raster_layer": layer}


def test_a_box_covers_just_its_pixels():
    square = np.array([(2, 1), (5, 1), (5, 4), (2, 4)], float)
    expected = np.zeros((6, 8), bool)
    expected[1:4, 2:5] = True
    np.testing.assert_array_equal(fill_paths([square], 6, 8), expected)
    np.testing.assert_array_equal(fill_paths([square[::-1]], 6, 8), expected)


def test_a_triangle_has_the_pixels_whose_centres_are_inside():
    triangle = np.array([(0, 0), (4, 0), (0, 4)], float)
    # Centres on the slanted edge belong to the outside.
    np.testing.assert_array_equal(fill_paths([triangle], 4, 4).sum(axis=1), [3, 2, 1, 0])


def test_area_of_a_circle_between_the_pixels():
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    circle = np.stack([61.3 + 40.2 * np.cos(angles), 50.7 + 40.2 * np.sin(angles)], axis=1)
    assert fill_paths([circle], 100, 120).sum() == pytest.approx(np.pi * 40.2**2, rel=2e-3)


def test_what_is_outside_the_image_is_cut_off():
    around = np.array([(-5, -3), (3, -3), (3, 50), (-5, 50)], float)
    filled = fill_paths([around], 4, 6)
    assert filled[:, :3].all()
    assert not filled[:, 3:].any()
    assert not fill_paths([around + 100], 4, 6).any()


@pytest.mark.parametrize(
    "shape",
    [
        {"polygon": {"path": box(5, 5, 25, 35), "additional_paths": [box(10, 10, 12, 13), box(40, 1, 42, 4)]}},
        {"polygon": {"paths": [box(5, 5, 25, 35), box(10, 10, 12, 13), box(40, 1, 42, 4)]}},
        {"complex_polygon": {"path": [box(5, 5, 25, 35), box(10, 10, 12, 13), box(40, 1, 42, 4)]}},
    ],
)
def test_complex_paths_have_holes_and_islands(tmp_path, shape):
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[5:35, 5:25] = True
    expected[10:13, 10:12] = False
    expected[1:4, 40:42] = True
    np.testing.assert_array_equal(_drawn(tmp_path, {"name": "Lung"} | shape).foreground, expected)


def test_lungs_are_united_and_foreign_objects_measured(tmp_path):
    lung = {"name": "Left Lung", "polygon": {"path": box(5, 5, 25, 35)}}
    other = {"name": "Right Lung", "polygon": {"path": box(20, 5, 40, 35)}}
    ignored = {"name": "Ignore", "polygon": {"path": box(0, 0, 10, 7)}}
    drawn = _drawn(tmp_path, lung, other, ignored, {"name": "Heart", "polygon": {"path": box(0, 0, 50, 40)}})
    assert drawn.foreground.sum() == 30 * 35  # the overlap counts once, and lung below the object is lung
    assert drawn.foreground[6, 6]
    assert drawn.ignore_fraction == pytest.approx(70 / (HEIGHT * WIDTH), abs=1e-6)


def test_annotation_of_another_scale(tmp_path):
    lung = {"name": "Lung", "polygon": {"path": box(10, 20, 30, 60)}}
    drawn = _drawn(tmp_path, lung, size=(2 * HEIGHT, 2 * WIDTH))
    assert drawn.foreground[10:30, 5:15].all()
    assert drawn.foreground.sum() == 200


def test_annotation_of_other_proportions(tmp_path):
    lung = {"name": "Lung", "polygon": {"path": box(10, 20, 30, 60)}}
    with pytest.raises(InputFileError, match=r"40 × 56 .*56 × 40"):
        _drawn(tmp_path, lung, size=(WIDTH, HEIGHT))


def test_names_and_tags(tmp_path):
    annotation = read_annotation(write_darwin(tmp_path / "17.json", "../a.jpg", {"name": "COVID-19", "tag": {}}))
    assert annotation.names == ("a.jpg", "1.jpg")
    assert annotation.tags == ("COVID-19",)
    assert annotation.lungs == ()


def test_version_2(tmp_path):
    slot = {"width": WIDTH, "height": HEIGHT, "source_files": [{"file_name": "orig.png"}]}
    lung = {"name": "Lung", "polygon": {"paths": [box(5, 5, 25, 35)]}}
    file = tmp_path / "2.json"
    file.write_text(json.dumps({"version": "2.0", "item": {"name": "a.png", "slots": [slot]}, "annotations": [lung]}))
    annotation = read_annotation(file)
    assert annotation.names == ("a.png", "orig.png")
    assert draw_annotation(annotation, HEIGHT, WIDTH).foreground.sum() == 600


def test_other_json_is_not_an_annotation(tmp_path):
    file = tmp_path / "coco.json"
    for content in ([], {"annotations": [], "images": []}, 3):
        file.write_text(json.dumps(content))
        assert read_annotation(file) is None
    file.write_text("{")
    with pytest.raises(DatalistError, match="not a JSON file"):
        read_annotation(file)


@pytest.mark.parametrize(
    "change",
    [
        {"image": {"original_filename": "a", "width": "wide", "height": 4}},
        {"image": {"original_filename": "a", "width": 0, "height": 4}},
        {"image": {"width": 5, "height": 4}},
        {"image": []},
        {"annotations": [{"polygon": {"path": box(1, 2, 3, 4)}}]},
        {"annotations": [{"name": "Lung", "polygon": {"path": [{"x": 1}]}}]},
        {"annotations": [{"name": "Lung", "polygon": {"path": points((1, 2), (float("nan"), 3), (4, 5))}}]},
        {"annotations": {"name": "Lung"}},
    ],
)
def test_malformed_annotation_is_named(tmp_path, change):
    file = tmp_path / "1.json"
    file.write_text(json.dumps(darwin("a.jpg") | change))
    with pytest.raises(InputFileError, match="Darwin") as caught:
        read_annotation(file)
    assert caught.value.source == str(file)


def test_painted_regions_are_united_with_polygons(tmp_path):
    values = np.zeros((HEIGHT, WIDTH), int)
    values[5:35, 5:25], values[5:35, 30:50], values[0:4, 0:8], values[36:, :] = 1, 2, 3, 7
    layer = raster_layer(values, {"a": 1, "b": 2, "c": 3, "heart": 7})
    entries = [
        {"id": "a", "name": "Left Lung", "mask": {}},
        {"id": "b", "name": "lung", "mask": {}},
        {"id": "c", "name": "Ignore", "mask": {}},
        {"id": "heart", "name": "Heart", "mask": {}},
        {"id": "erased", "name": "Tube", "mask": {}},
        {"name": "Lung", "polygon": {"path": box(25, 10, 30, 20)}},
    ]
    drawn = _drawn(tmp_path, *entries, layer)
    expected = np.isin(values, (1, 2))
    expected[10:20, 25:30] = True
    np.testing.assert_array_equal(drawn.foreground, expected)
    assert drawn.ignore_fraction == pytest.approx(32 / (HEIGHT * WIDTH), abs=1e-6)


def test_the_layer_of_painted_regions_is_no_class_of_its_own(tmp_path):
    values = np.zeros((HEIGHT, WIDTH), int)
    values[3:9, 4:6] = 1
    file = tmp_path / "a.json"
    lung = {"id": "a", "name": "Lung", "mask": {}}
    file.write_text(json.dumps(darwin("a.jpg", lung, raster_layer(values, {"a": 1}))))
    assert read_annotation(file).classes == ("Lung",)


def test_painted_regions_of_another_scale(tmp_path):
    values = np.zeros((2 * HEIGHT, 2 * WIDTH), int)
    values[20:60, 10:30] = 1
    drawn = _drawn(tmp_path, {"id": "a", "name": "Lung", "mask": {}}, raster_layer(values, {"a": 1}), size=values.shape)
    assert drawn.foreground[10:30, 5:15].all()
    assert drawn.foreground.sum() == 200


def test_a_single_frame_is_read_as_an_image(tmp_path):
    values = np.zeros((HEIGHT, WIDTH), int)
    values[3:9, 4:6] = 1
    lung = {"id": "a", "name": "Lung", "frames": {"0": {"mask": {}, "keyframe": True}}}
    layer = raster_layer(values, {"a": 1})
    framed = {"id": "r", "name": "x", "frames": {"0": {"raster_layer": layer["raster_layer"]}}}
    np.testing.assert_array_equal(_drawn(tmp_path, lung, framed).foreground, values == 1)
    framed["frames"]["1"] = framed["frames"]["0"]
    with pytest.raises(InputFileError, match="2 frames"):
        _drawn(tmp_path, lung, framed)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"bounding_box": {"x": 1, "y": 2, "w": 3, "h": 4}}, "marks 'Lung' by bounding_box alone"),
        ({"ellipse": {"center": {"x": 1, "y": 2}}, "id": "z", "properties": []}, "marks 'Lung' by ellipse alone"),
        ({"mask": {}, "id": "nowhere"}, "marks 'Lung' by mask alone"),
        ({}, "marks 'Lung' by nothing alone"),
    ],
)
def test_lungs_that_are_marked_otherwise_are_named(tmp_path, entry, told):
    with pytest.raises(InputFileError, match=told):
        _drawn(tmp_path, {"name": "Lung", "polygon": {"path": box(1, 1, 9, 9)}}, {"name": "Lung"} | entry)


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([0, 5], "has 5 pixels"),
        ([0, HEIGHT * WIDTH, 1], "not a list of pairs"),
        ([0, -1, 1, HEIGHT * WIDTH + 1], "pixels"),
        ("ABCD", "not a list of pairs"),
        ([0, 1.5], "not a list of pairs"),
        ([], "not a list of pairs"),
        ([[0, HEIGHT * WIDTH]], "not a list of pairs"),
        ([0, 10**12], "has 1000000000000 pixels"),
    ],
)
def test_broken_runs_are_named(tmp_path, runs, told):
    layer = {"dense_rle": runs, "mask_annotation_ids_mapping": {"a": 1}, "total_pixels": 1}
    with pytest.raises(InputFileError, match=told):
        _drawn(tmp_path, {"id": "a", "name": "Lung", "mask": {}}, {"name": "r", "raster_layer": layer})
