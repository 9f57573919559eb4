"""How far OpenVINO's masks are from PyTorch's in its default precision, and as `load_exported` loads it.

    python scripts/experiments/measure_openvino.py IMAGES

IMAGES is a folder of radiographs. Printed are the precision that OpenVINO chose, and Dice with PyTorch in float32:
mean, standard deviation and lowest. The bundle is that of the package; the copy with its export is temporary.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import openvino
import torch

from monai_lungxfer.bundle.files import WEIGHTS, export_bundle
from monai_lungxfer.export.formats import export_formats, prepare_and_predict
from monai_lungxfer.export.loading import FILES, SETTINGS
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.metrics.per_image import image_metrics


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle = export_bundle("portable", folder)
        export_formats(bundle, ["openvino"])
        images, logits = prepare_and_predict(bundle, [one.path for one in find_inputs([arguments.images])])
        file = bundle / WEIGHTS.parent / FILES["openvino"]
        for name, config in {"default": {}, "load_exported": dict(SETTINGS["openvino"]["config"])}.items():
            network = openvino.Core().compile_model(file, "CPU", config)
            masks = [torch.from_numpy(network(image)[0] >= 0).float() for image in images]
            pairs = zip(masks, logits, strict=True)
            dice = torch.cat(
                [image_metrics(mask, expected >= 0, ["DICE_HARD"])["DICE_HARD"] for mask, expected in pairs]
            )
            chosen = network.get_property("INFERENCE_PRECISION_HINT")
            told = f"{chosen.get_type_name()}, n = {len(dice)}"
            print(f"{name} ({told}): {dice.mean():.5f} ± {dice.std():.5f}, lowest {dice.min():.5f}")


if __name__ == "__main__":
    main()
