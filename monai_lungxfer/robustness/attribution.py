"""How much of what a network sees as lung hangs on the pixels of an object: integrated gradients, Seg-Grad-CAM."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn.functional import interpolate

from monai_lungxfer.inference.engines.torch_engine import TorchEngine
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.robustness.design import METHODS, SEG_GRAD_CAM
from monai_lungxfer.utils.errors import LungXferError

STEPS = 16
"""Points on the way from the baseline to the image at which gradients are taken."""

Respond = Callable[[torch.Tensor], torch.Tensor]
"""Returns one number of a batch (1, C, h, w), with gradients."""


def integrate_gradients(respond: Respond, image: torch.Tensor, steps: int = STEPS) -> NDArray[np.float32]:
    """Return the integrated gradients of a response (Sundararajan, Taly, Yan, ICML 2017, Eq. 1).

    The baseline is 0, of normalised images their mean. The integral is a sum over the midpoints of equal steps, so the
    attributions add up to about the response to the image less that to the baseline.

    Parameters
    ----------
    respond : callable
        See `Respond`.
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


def weigh_features(network: nn.Module, respond: Respond, image: torch.Tensor) -> NDArray[np.float32]:
    """Return the Seg-Grad-CAM of a response (Vinogradova, Dibrov, Myers, AAAI 2020 student abstracts).

    Each feature map of the network's coarsest layer is weighed by the mean of the response's gradient over the map. The
    sum, without what is below 0, is brought to the image's size bilinearly. Where several layers are equally coarse,
    the last counts; in a U-Net, it ends the encoder.

    Parameters
    ----------
    network : torch.nn.Module
        What `respond` calls.
    respond, image
        As for `integrate_gradients`; one forward and one backward pass.

    Returns
    -------
    numpy.ndarray
        float32 (h, w), 0 or more. MONAI's `GradCAM` gives the same, but leaves its hooks on the network.
    """
    coarsest: list[torch.Tensor] = []

    def look(module: nn.Module, entered: Any, left: Any) -> None:  # noqa: ARG001 - PyTorch's signature
        if isinstance(left, torch.Tensor) and left.ndim == 4:
            coarsest[:] = [min([left, *coarsest], key=lambda features: features[0, 0].numel())]

    handles = [module.register_forward_hook(look) for module in network.modules()]
    try:
        response = respond(image[None].requires_grad_())
    finally:
        for handle in handles:
            handle.remove()
    (features,) = coarsest
    (gradient,) = torch.autograd.grad(response, features)
    weighed = (gradient.mean((2, 3), keepdim=True) * features.detach()).sum(1, keepdim=True).relu()
    return interpolate(weighed, image.shape[-2:], mode="bilinear")[0, 0].cpu().numpy()


def attribute_lung(
    segmenter: Segmenter, radiograph: Radiograph, method: str = METHODS[0], steps: int = STEPS
) -> NDArray[np.float32]:
    """Return the attributions of what a network takes for lung, float32 (h, w) on the network's grid, upright.

    Integrated gradients are of the mean probability of lung. Seg-Grad-CAM is of the logits' sum over the pixels that
    the network takes for lung, as its authors define it.

    Parameters
    ----------
    segmenter, radiograph
        The network, and what it looks at.
    method : str
        One of `METHODS`.
    steps : int
        See `integrate_gradients`.

    Raises
    ------
    LungXferError
        When the engine is another one than ``torch``, which has no gradients.
    """
    if not isinstance(segmenter.engine, TorchEngine):
        raise LungXferError("attributions need gradients", remedy='Load the segmenter with engine="torch"')
    parts = segmenter.engine.parts
    prepared = segmenter.prepare(radiograph).image
    plain = prepared.as_tensor() if isinstance(prepared, MetaTensor) else prepared
    image = plain.to(parts.device)

    def infer(batch: torch.Tensor) -> torch.Tensor:
        return parts.inferer(inputs=batch, network=parts.network)

    def sum_lung(batch: torch.Tensor) -> torch.Tensor:
        logits = infer(batch)
        return logits[logits > 0].sum()

    if method == SEG_GRAD_CAM:
        return weigh_features(parts.network, sum_lung, image)
    return integrate_gradients(lambda batch: infer(batch).sigmoid().mean(), image, steps)


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
