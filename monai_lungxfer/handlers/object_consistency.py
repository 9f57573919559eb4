"""A pull of what a network says of an image with drawn objects towards what it says of the image without them."""

from __future__ import annotations

import torch
from monai.data import MetaTensor
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from torch.nn.functional import interpolate

from monai_lungxfer.utils.errors import LungXferError


class ObjectConsistency:
    r"""Ignite handler that adds a consistency loss between images with and without foreign objects.

    The loss gets :math:`\lambda \cdot \mathrm{mean}\,(p_{objects} - p_{clean})^2` over the pixels of a batch, with the
    probabilities :math:`p` of lung. No gradient flows through :math:`p_{clean}`: what the network says without objects
    is the target, and a step costs a third more instead of twice as much. The clean image passes in training mode, so
    batch norms take notice of it.

    The squared difference of two predictions of one image is the consistency loss of Laine and Aila, "Temporal
    ensembling for semi-supervised learning", ICLR 2017 (the pi-model), where both are augmented at random.

    Parameters
    ----------
    strength : float
        :math:`\lambda`; 0 does nothing.
    clean_key : str
        Where the batch has the images without objects, see `monai_lungxfer.transforms.objects.RandObjectsd`.
    """

    def __init__(self, strength: float, clean_key: str = "clean") -> None:
        self.strength = strength
        self.clean_key = clean_key

    def attach(self, engine: SupervisedTrainer) -> None:
        """Attach to the trainer, between its loss and the backward pass."""
        if self.strength:
            engine.add_event_handler(IterationEvents.LOSS_COMPLETED, self)

    def __call__(self, engine: SupervisedTrainer) -> None:
        """Add the loss.

        Raises
        ------
        LungXferError
            When the batch has no clean images.
        """
        if self.clean_key not in engine.state.batch:
            raise LungXferError(
                f"consistency is above 0, and the training has no images without objects ({self.clean_key!r})",
                remedy="Set objects_prob above 0, or consistency to 0",
            )
        output = engine.state.output
        images = _as_tensor(output["image"])
        with torch.no_grad():
            target = engine.inferer(self._fit_clean(engine, images), engine.network).sigmoid()
        is_image = ~images[:, :1].isnan()  # NaN is padding
        difference = (_as_tensor(output["pred"]).sigmoid() - target)[is_image]
        output["loss"] = output["loss"] + self.strength * difference.square().mean()

    def _fit_clean(self, engine: SupervisedTrainer, images: torch.Tensor) -> torch.Tensor:
        """Return the clean images with the channels, the size and the padding of those with objects."""
        clean = _as_tensor(engine.state.batch[self.clean_key]).to(images)
        if clean.shape[-2:] != images.shape[-2:]:  # a batch's size is drawn after the images are decoded
            clean = interpolate(clean, images.shape[-2:], mode="bilinear", antialias=True)
        clean = clean.expand(-1, images.shape[1], -1, -1)
        return torch.where(images.isnan(), torch.nan, clean)


def _as_tensor(image: torch.Tensor) -> torch.Tensor:
    return image.as_tensor() if isinstance(image, MetaTensor) else image
