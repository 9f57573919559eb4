"""Segment radiographs by torchxrayvision's PSPNet, as its documentation does, with whatever weights are in a folder.

    python segment_by_pspnet.py IMAGES OUT WEIGHTS

It runs in the peers' environment. Random weights are written into the folder WEIGHTS when it has none.
"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image

# A torchvision that was built for CUDA does not bring its operators to a PyTorch for processors; none is used here.
with patch("torch.library.register_fake", lambda *_, **__: lambda function: function):
    import torchxrayvision as xrv
from torchxrayvision.baseline_models.chestx_det import PSPNet
from torchxrayvision.baseline_models.chestx_det.ptsemseg.pspnet import pspnet

_FILE = "pspnet_chestxray_best_model_4.pth"


def save_random_weights(folder: Path) -> None:
    """Write weights under the name and with the keys of the published ones."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = pspnet(len(PSPNet.targets)).state_dict()
    torch.save({f"module.{key}": value for key, value in weights.items()}, folder / _FILE)


def main() -> None:
    """Segment all files of a folder."""
    images, out, weights = map(Path, sys.argv[1:])
    if not (weights / _FILE).is_file():
        save_random_weights(weights)
    model = PSPNet(cache_dir=str(weights)).eval()
    lungs = [PSPNet.targets.index(name) for name in ("Left Lung", "Right Lung")]
    out.mkdir(parents=True)
    for image in sorted(images.iterdir()):
        pixels = torch.from_numpy(xrv.utils.load_image(str(image)))[None]
        square = torch.nn.functional.interpolate(pixels, (512, 512), mode="bilinear", antialias=True)
        with torch.inference_mode():
            logits = model(square)[:, lungs]
        logits = torch.nn.functional.interpolate(logits, pixels.shape[2:], mode="bilinear")
        mask = (logits.sigmoid() > 0.5).any(dim=1)[0].numpy()
        Image.fromarray(mask.astype(np.uint8) * 255).save(out / f"{image.stem}.png")


if __name__ == "__main__":
    main()
