"""How much of what a network sees as lung hangs on the pixels of an object: integrated gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from monai.data import MetaTensor
from numpy.typing import NDArray
from PIL import Image

from monai_lungxfer.inference.engines.torch_engine import TorchEngine
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.utils.errors import LungXferError

STEPS = 16
"""Points on the way from the baseline to the image at which gradients are taken."""


def integrate_gradients(
    respond: Callable[[torch.Tensor], torch.Tensor], image: torch.Tensor, steps: int = STEPS
) -> NDArray[np.float32]:
    """Return the integrated gradients of a response (Sundararajan, Taly, Yan, ICML 2017, Eq. 1).

    The baseline is 0, of normalised images their mean. The integral is a sum over the midpoints of equal steps, so the
    attributions add up to about the response to the image less that to the baseline.

    Parameters
    ----------
    respond : callable
        Returns one number of a batch (1, C, h, w), with gradients.
    image : torch.Tensor
        float32 (C, h, w).
    steps : int
        Each costs a forward and a backward pass.

    Returns
    -------
    numpy.ndarray
        float32 (h, w), summed over channels.
    """
    total = torch.zeros_like(image)
    for step in range(steps):
        point = ((step + 0.5) / steps * image)[None].requires_grad_()
        (gradient,) = torch.autograd.grad(respond(point), point)
        total += gradient[0]
    return (image * total / steps).sum(dim=0).cpu().numpy()


def attribute_lung(segmenter: Segmenter, radiograph: Radiograph, steps: int = STEPS) -> NDArray[np.float32]:
    """Return the attributions of the mean probability of lung, float32 (h, w) on the network's grid, upright.

    Raises
    ------
    LungXferError
        When the engine is another one than ``torch``, which has no gradients.
    """
    if not isinstance(segmenter.engine, TorchEngine):
        raise LungXferError("attributions need gradients", remedy='Load the segmenter with engine="torch"')
    parts = segmenter.engine.parts
    image = segmenter.prepare(radiograph).image
    plain = image.as_tensor() if isinstance(image, MetaTensor) else image

    def respond(batch: torch.Tensor) -> torch.Tensor:
        return parts.inferer(inputs=batch, network=parts.network).sigmoid().mean()

    return integrate_gradients(respond, plain.to(parts.device), steps)


def measure_concentration(
    attributions: NDArray[np.float32], region: NDArray[np.bool_], radiograph: Radiograph
) -> float:
    """Return the region's share of all attribution (absolute values) over its share of the area.

    1 is what evenly spread attributions give, 3 says that a pixel of the region counts three times as much as the
    average. NaN without a region, and where nothing has any attribution.

    Parameters
    ----------
    attributions : numpy.ndarray
        Of `attribute_lung`, float32 (h, w).
    region : numpy.ndarray
        bool (H, W), in the frame of the radiograph's file.
    radiograph : Radiograph
        How that frame stands upright. Networks see the whole of it.
    """
    upright = Image.fromarray(np.ascontiguousarray(radiograph.turn.apply(region)))
    on_grid = np.asarray(upright.resize(attributions.shape[::-1], Image.Resampling.NEAREST))
    sizes = np.abs(attributions.astype(np.float64))
    if not on_grid.any() or not sizes.any():
        return math.nan
    return float(sizes[on_grid].sum() / sizes.sum() / on_grid.mean())
