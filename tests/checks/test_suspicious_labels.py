"""Labels are compared with a network's masks, one by one and with each other."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.checks import suspicious_labels as module
from monai_lungxfer.checks.label_faults import LabelFault
from monai_lungxfer.io.orientation import AS_STORED
from monai_lungxfer.utils.errors import InputFileError

HEIGHT, WIDTH = 96, 128


def lungs(first: int) -> np.ndarray:
    """Return two lungs of unlike size; `first` tells how they lie."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[20 - first : 80 - first, 20 + first : 50] = 1
    mask[25 + first : 70, 70 : 105 - first] = 1
    return mask


@pytest.fixture
def data_set(tmp_path, monkeypatch):
    """Return what writes labels for images, of which the network finds `lungs(number)` in that of each number."""

    class Network:
        def segment_file(self, path, *, any_view):
            number = int(path.rsplit("/", 1)[1].removesuffix(".png"))
            if number == 99:
                raise InputFileError("cannot be read", source=path)
            return SimpleNamespace(mask=lungs(number), radiograph=SimpleNamespace(turn=AS_STORED))

    monkeypatch.setattr(module.Segmenter, "from_bundle", lambda *_, **__: Network())

    def write(labels):
        records = []
        for number, label in labels.items():
            path = tmp_path / f"label-{number}.png"
            Image.fromarray(label.astype(np.uint8) * 255).save(path)
            records.append({"image": f"{tmp_path}/{number}.png", "label": str(path), "patient": str(number)})
        return records

    return write


def test_labels_that_agree_are_not_named(data_set):
    done = []
    assert module.suspicious_labels(data_set({0: lungs(0), 8: lungs(8)}), on_done=lambda: done.append(1)) == []
    assert len(done) == 2


def test_exchanged_masks_are_told_with_their_owners(data_set):
    records = data_set({0: lungs(0), 5: lungs(15), 15: lungs(5)})
    found = module.suspicious_labels(records)
    assert [(one.record, one.kind) for one in found] == [(1, LabelFault.OTHER_IMAGE), (2, LabelFault.OTHER_IMAGE)]
    assert "record 2" in found[0].message
    assert "record 1" in found[1].message
    assert found[0].image == records[1]["image"]
    assert found[0].dice < 0.85


def test_faults_of_one_label_are_told_with_what_to_do(data_set):
    (found,) = module.suspicious_labels(data_set({0: lungs(0)[::-1], 8: lungs(8)}))
    assert (found.record, found.kind) == (0, LabelFault.UPSIDE_DOWN)
    assert "turn the mask" in found.remedy


def test_what_cannot_be_compared_is_passed_over(data_set):
    records = data_set({0: lungs(0)[:, :100], 99: lungs(0), 8: ~lungs(8).astype(bool)})
    del records[0]["patient"]
    records.append({"image": records[2]["image"], "patient": "9"})
    assert [(one.record, one.kind) for one in module.suspicious_labels(records)] == [(2, LabelFault.INVERTED)]


def test_an_empty_list_is_no_error(data_set):
    assert module.suspicious_labels([]) == []
