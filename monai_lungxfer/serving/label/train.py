"""MONAI Label's training task: the bundle's own training, on the labels that annotators have sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monailabel.interfaces.tasks.train import TrainTask

from monai_lungxfer.bundle.files import WEIGHTS
from monai_lungxfer.bundle.stages import stage_named
from monai_lungxfer.data.datalist import DATALIST_NAME, Record, save_datalist
from monai_lungxfer.serving.label.bundles import load_segmenter, replace_weights
from monai_lungxfer.serving.label.infer import read_image
from monai_lungxfer.training.stage import StageFolder, train_stage
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.weights.sidecar import input_size, input_sizing

_DEFAULTS: dict[str, Any] = {"max_epochs": 50, "learning_rate": 0.0001, "val_split": 0.2}
"""The rate is a tenth of the bundle's: the weights are to be adapted, and the labels are few."""


class RadiographTrain(TrainTask):
    """Goes on training with the weights that are served, and serves the result.

    The folder `bundle` is the copy that is served; its weights are replaced when a training has come to its end. Every
    training gets a folder of its own in `out`, where its weights stay.
    """

    def __init__(self, bundle: Path, out: Path) -> None:
        super().__init__("Goes on training with the final labels of the datastore")
        self.bundle = bundle
        self.out = out

    def config(self) -> dict[str, Any]:
        """Return the parameters that a request may give, with their defaults."""
        return dict(_DEFAULTS)

    def __call__(self, request: Mapping[str, Any], datastore: Any) -> dict[str, Any]:
        """Train, if the parameters are in their ranges and the labels are of two patients or more."""
        wanted = _checked({name: request.get(name, value) for name, value in _DEFAULTS.items()})
        folder = StageFolder(self.out / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f"))
        records = [_record(entry) for entry in datastore.datalist()]
        if len({record["patient"] for record in records}) < 2:
            raise LungXferError(
                "labels of two patients or more are needed", remedy="Label an image of another patient first"
            )
        folder.path.mkdir(parents=True)
        save_datalist(records, folder.path / DATALIST_NAME)
        weights = self.bundle / WEIGHTS
        share = wanted.pop("val_split")
        overrides = {
            **wanted,
            "parent": weights,
            "image_size": input_size(weights),
            "sizing": input_sizing(weights),
            "fractions": [1 - share, share, 0.0],
            "hold_out": 0.0,
            "tracking_uri": "",
        }
        train_stage(stage_named(self.bundle.name), folder.path, folder, overrides)
        replace_weights(self.bundle, folder.weights)
        return {"labels": len(records), "weights_sha256": load_segmenter(self.bundle).identity.weights_sha256}


def _record(entry: Mapping[str, str]) -> Record:
    """Return a record whose patient is a pseudonym: that of the DICOM header's Patient ID, else the file's."""
    radiograph = read_image(entry["image"], any_view=True)
    stated = "" if radiograph.header is None else radiograph.header.get("PatientID")
    patient = str(stated or Path(entry["image"]).name)
    pseudonym = hashlib.sha256(patient.encode()).hexdigest()[:16]
    return Record(image=str(radiograph.source), label=entry["label"], patient=pseudonym)


def _checked(wanted: dict[str, Any]) -> dict[str, Any]:
    ranges = {"max_epochs": (1, 1000), "learning_rate": (1e-7, 0.1), "val_split": (0.05, 0.5)}
    for name, (lowest, highest) in ranges.items():
        value = wanted[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            raise LungXferError(f"{name} is {value!r}, not from {lowest} to {highest}", remedy="Correct the parameter")
    wanted["max_epochs"] = int(wanted["max_epochs"])
    return wanted
