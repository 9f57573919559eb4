"""The reference engine: a bundle's inference.yaml, as MONAI builds it, in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
from monai.data import MetaTensor
from numpy.typing import NDArray

from monai_lungxfer.inference.config import InferenceParts, explained_part, load_parts
from monai_lungxfer.inference.content_check import CONTENT_KEY, TURNED_ROUND_KEY, Content
from monai_lungxfer.inference.content_network import ContentCheck
from monai_lungxfer.inference.engines.engine import Looked, Maps
from monai_lungxfer.io.monai_readers import as_meta_tensor
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.networks.description import describe_network, is_own_network
from monai_lungxfer.networks.translator_unet import TranslatorUNet
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.threads import use_threads
from monai_lungxfer.weights.loading import load_weights_file
from monai_lungxfer.weights.sidecar import read_sidecar

_LOADED: WeakValueDictionary[tuple[str, str], torch.nn.Module] = WeakValueDictionary()
"""The networks of this process by weights and device, so that adapters share the memory of their base."""


class TorchEngine:
    """Carries out what inference.yaml says, or an override of it.

    Only its two ends are replaced, since images come from memory and go back there: ``LoadImaged`` and ``SaveImaged``.

    Parameters
    ----------
    parts : InferenceParts
        What the YAML and the overrides gave, with trained weights, in evaluation mode.
    """

    name = "torch"
    takes_batches = True

    def __init__(self, parts: InferenceParts) -> None:
        self.channels = parts.channels
        self.refiner_sha256 = parts.refiner_sha256
        self._parts = parts
        self._look = ContentCheck()

    @property
    def parts(self) -> InferenceParts:
        """What it consists of, for those who need the network itself, such as its gradients."""
        return self._parts

    def look(self, radiograph: Radiograph) -> Looked:
        """Preprocess a radiograph to an image (C, h, w), with the record of the transforms that led to it."""
        with explained_part("preprocessing"):
            image = self._parts.preprocessing({"image": as_meta_tensor(radiograph)})["image"]
        seen = image.meta.get(CONTENT_KEY)  # by `FixPolarityd`
        content = self._look(image.as_tensor()[:1]) if seen is None else Content.from_array(seen)
        return Looked(image, content, bool(image.meta.get(TURNED_ROUND_KEY, False)))

    def infer(self, images: Sequence[MetaTensor]) -> Sequence[torch.Tensor]:
        """Pass a batch through the network, images of one size at a time, and return the logits (C, h, w) of each."""
        answers: list[torch.Tensor] = [torch.empty(0)] * len(images)
        for size in dict.fromkeys(image.shape for image in images):
            alike = [number for number, image in enumerate(images) if image.shape == size]
            with torch.no_grad(), explained_part("inferer"):
                batch = torch.stack([images[number].as_tensor() for number in alike]).to(self._parts.device)
                logits = self._parts.inferer(inputs=batch, network=self._parts.network).cpu()
            for number, answer in zip(alike, logits, strict=True):
                answers[number] = answer
        return answers

    def finish(self, image: MetaTensor, answer: torch.Tensor, size: tuple[int, int]) -> Maps:
        """Bring logits to the native size, threshold and clean them."""
        with explained_part("postprocessing"):
            data = self._parts.to_probability({"image": image, "pred": answer})
            probability = _plane(data["pred"], size).astype(np.float32, copy=False)
            data = self._parts.threshold(data)
            raw = _plane(data["pred"], size).astype(np.uint8)
            mask = _plane(self._parts.to_mask(data)["pred"], size).astype(np.uint8, copy=False)
        picture, likelihood = (plane[0].float().cpu().numpy() for plane in (image.as_tensor(), answer.sigmoid()))
        return Maps(picture, likelihood, probability, raw, mask)


def load_torch_engine(
    folder: Path,
    weights: Path,
    device: str,
    overrides: Mapping[str, Any],
    threads: int | None,
    *,
    base: Path | None = None,
) -> tuple[TorchEngine, str]:
    """Load the engine, and return it with the SHA-256 of the weights file.

    The arguments and errors are those of `monai_lungxfer.inference.segmenter.Segmenter.from_bundle`. Weights that are
    an adapter share the network of their `base` with whatever else of this process has loaded it on that device.
    """
    if threads is not None:
        use_threads(threads)
    parts = load_parts(folder, weights, device, overrides)
    sha256 = load_weights_file(parts.network, weights, base)
    parts.network.eval()
    known = read_sidecar(weights).base
    if known is not None and isinstance(parts.network, TranslatorUNet):
        parts.network.base = _LOADED.setdefault((known.sha256, str(parts.device)), parts.network.base)
    elif is_own_network(describe_network(parts.network)):
        _LOADED[sha256, str(parts.device)] = parts.network
    return TorchEngine(parts), sha256


def _plane(tensor: torch.Tensor, size: tuple[int, int]) -> NDArray[Any]:
    if tuple(tensor.shape) != (1, *size):
        raise BundleError(
            f"the postprocessing gives the shape {tuple(tensor.shape)} for a radiograph of {size}, not {(1, *size)}",
            remedy="Keep Invertd, which brings results back to the native size, and one output channel",
        )
    plain = tensor.as_tensor() if isinstance(tensor, MetaTensor) else tensor
    return plain[0].cpu().numpy()
