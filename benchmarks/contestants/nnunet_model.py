"""Plan nnU-Net's 2-D network for a folder of PNG radiographs, and save it as a model with random weights.

python nnunet_model.py IMAGES MODEL

It runs in the peers' environment. The plan is the default one. Its labels are a threshold of grey: a plan depends on
the sizes of images, and of labels only on their values.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

_NAME = "Dataset001_Lungs"
_CASES = 20


def write_dataset(images: list[Path], folder: Path) -> None:
    """Write radiographs in nnU-Net's layout."""
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    for number, image in enumerate(images):
        pixels = np.asarray(Image.open(image))
        Image.fromarray(pixels).save(folder / "imagesTr" / f"case{number}_0000.png")
        Image.fromarray((pixels < pixels.mean()).astype(np.uint8)).save(folder / "labelsTr" / f"case{number}.png")
    told = {"channel_names": {"0": "radiograph"}, "labels": {"background": 0, "lungs": 1}, "file_ending": ".png"}
    (folder / "dataset.json").write_text(json.dumps(told | {"numTraining": len(images)}))


def save_model(plans_file: Path, dataset_file: Path, model: Path) -> None:
    """Save a network of the plan's 2-D configuration, as a training would."""
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans = PlansManager(json.loads(plans_file.read_text()))
    configuration = plans.get_configuration("2d")
    network = nnUNetTrainer.build_network_architecture(plans, configuration, 1, 2, enable_deep_supervision=False)
    (model / "fold_0").mkdir(parents=True)
    copy(plans_file, model / "plans.json")
    copy(dataset_file, model / "dataset.json")
    saved = {
        "network_weights": network.state_dict(),
        "init_args": {"configuration": "2d"},
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1),
    }
    torch.save(saved, model / "fold_0" / "checkpoint_final.pth")


def main() -> None:
    """Plan, and save the model."""
    images, model = sorted(Path(sys.argv[1]).glob("*.png"))[:_CASES], Path(sys.argv[2])
    with TemporaryDirectory() as folder:
        for name in ("raw", "preprocessed", "results"):
            os.environ[f"nnUNet_{name}"] = str(Path(folder) / name)
        raw, planned = Path(folder) / "raw" / _NAME, Path(folder) / "preprocessed" / _NAME
        write_dataset(images, raw)
        from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints, plan_experiments

        extract_fingerprints([1], num_processes=1)
        plan_experiments([1])
        save_model(planned / "nnUNetPlans.json", planned / "dataset.json", model)


if __name__ == "__main__":
    main()
