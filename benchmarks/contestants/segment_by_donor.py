"""Segment radiographs by the donor's U-Net, as a few lines of PyTorch do it.

python segment_by_donor.py IMAGES OUT WEIGHTS
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

from monai_lungxfer.networks.donor_unet import DonorUNet


def read(image: Path) -> np.ndarray:
    """Return the pixels of a file."""
    if image.suffix == ".dcm":
        import pydicom

        return pydicom.dcmread(image).pixel_array.astype(np.float32)
    return np.asarray(Image.open(image), np.float32)


def main() -> None:
    """Segment all files of a folder."""
    images, out, weights = map(Path, sys.argv[1:])
    network = DonorUNet().eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    out.mkdir(parents=True)
    for image in sorted(images.iterdir()):
        pixels = torch.from_numpy(read(image))[None, None]
        small = interpolate(pixels, (256, 256), mode="bilinear", antialias=True)
        small = (small - small.mean()) / small.std()
        with torch.inference_mode():
            logits = network(small.repeat(1, 3, 1, 1))
        mask = interpolate(logits, pixels.shape[2:], mode="bilinear")[0, 0] > 0
        Image.fromarray(mask.numpy().astype(np.uint8) * 255).save(out / f"{image.stem}.png")


if __name__ == "__main__":
    main()
