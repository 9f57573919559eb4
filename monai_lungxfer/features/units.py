"""Which units matter for a mask in each domain: their effect on Dice, estimated for all and measured for some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from monai_lungxfer.features.images import ImageSet, normalise, prepare_image
from monai_lungxfer.features.layers import KeptPass, Look, list_layers, watch_layers
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.utils.precision import PrecisionInferer, best_device

ABLATED = 8
"""Images of each domain that units are switched off on; their masks are not empty."""

CHOSEN = 4
"""Units of each network that are switched off for each domain: those with the largest estimate."""

WORKING = 0.1
"""Soft Dice of a whole network in a domain, below which no unit is switched off there: nothing is left to lose."""

TOP_SHARE = 0.05
"""Share of all units that count as those that matter."""

Unit = tuple[str, int]


class NetworkInputs(NamedTuple):
    """Images of a domain as a network gets them, each (1, C, h, w), and their masks (1, 1, h, w)."""

    images: list[torch.Tensor]
    masks: list[torch.Tensor]


class UnitEffects(NamedTuple):
    """What units do for the masks of one domain.

    Attributes
    ----------
    importance : dict of str to numpy.ndarray
        float32 (C,): the estimated effect of each unit, by layer; see `estimate_importance`.
    dice : float
        Mean soft Dice of the whole network.
    drops : dict of (str, int) to float
        How much Dice falls when a unit is switched off.
    """

    importance: dict[str, NDArray[np.float32]]
    dice: float
    drops: dict[Unit, float]


class UnitRun:
    """A network that is ready to have its units looked at; parameters do not learn."""

    def __init__(self, network: ComparedNetwork, device: str = "auto", precision: str = "auto") -> None:
        self.network = network
        self.device = best_device(device)
        module: nn.Module = network.build().requires_grad_(requires_grad=False)
        self.module = module.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.layers = list_layers(self.module)
        self.infer = PrecisionInferer(precision)

    def load_inputs(self, images: ImageSet, count: int = ABLATED) -> NetworkInputs:
        """Return the first images of a domain whose masks are not empty at the network's input."""
        prepared = (prepare_image(record, images.is_mri, self.network) for record in images.records)
        pictures, masks = [], []
        for one in islice((one for one in prepared if one.mask.any()), count):
            picture = normalise(one.pixels, self.network)
            mask = torch.zeros(picture.shape[-2:])
            mask[: one.mask.shape[0], : one.mask.shape[1]] = torch.from_numpy(one.mask)
            pictures.append(picture[None].to(self.device))
            masks.append(mask[None, None].to(self.device))
        return NetworkInputs(pictures, masks)

    def measure_dice(self, inputs: NetworkInputs, units: Sequence[Unit] = ()) -> tuple[float, dict[Unit, float]]:
        """Return the mean soft Dice of the whole network, and with each of the units switched off.

        What does not depend on a unit is computed once for each image: a pass without it begins at its layer.
        """
        whole: list[float] = []
        without: dict[Unit, list[float]] = {unit: [] for unit in units}
        kept = KeptPass(self.module)
        with torch.inference_mode():
            for image, mask in zip(inputs.images, inputs.masks, strict=True):
                with kept.keep():
                    whole.append(self._dice(image, mask))
                for unit, found in without.items():
                    with kept.begin_at(self.layers[unit[0]]), watch_layers(self.layers, _switch_off(unit)):
                        found.append(self._dice(image, mask))
        return _mean(whole), {unit: _mean(found) for unit, found in without.items()}

    def _dice(self, image: torch.Tensor, mask: torch.Tensor) -> float:
        return float(soft_dice(self.infer(image, self.module), mask))

    def estimate_importance(self, inputs: NetworkInputs) -> tuple[dict[str, NDArray[np.float32]], float]:
        """Estimate by how much Dice changes without each unit: |Σ activation · gradient|, mean over images.

        It is the first term of the Taylor series of switching a unit off (Molchanov et al., CVPR 2019). The mean soft
        Dice of the whole network, which is needed for it, is returned, too.
        """
        sums: dict[str, NDArray[Any]] = {}
        whole: list[float] = []
        for image, mask in zip(inputs.images, inputs.masks, strict=True):
            kept: dict[str, torch.Tensor] = {}
            with watch_layers(self.layers, lambda name, features, kept=kept: kept.update({name: features})):  # type: ignore[misc]
                dice = soft_dice(self.infer(image.requires_grad_(), self.module), mask)
            whole.append(float(dice.detach()))
            gradients = torch.autograd.grad(dice, list(kept.values()), allow_unused=True)
            for (name, features), gradient in zip(kept.items(), gradients, strict=True):
                effect = 0 * features if gradient is None else features.detach() * gradient
                found = effect.float().sum((0, 2, 3)).abs().detach().cpu().numpy() / len(inputs.images)
                sums[name] = sums[name] + found if name in sums else found
        return sums, _mean(whole)


def _switch_off(unit: Unit) -> Look:
    def look(name: str, features: torch.Tensor) -> torch.Tensor | None:
        if name != unit[0]:
            return None
        changed = features.clone()
        changed[:, unit[1]] = 0
        return changed

    return look


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def soft_dice(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the Dice of predicted values, (2|P∩T| + 1) / (|P| + |T| + 1), the paper's with its smoothing."""
    predicted = logits[:, :1].float().sigmoid()
    return (2 * (predicted * mask).sum() + 1) / (predicted.sum() + mask.sum() + 1)


def rank_units(importance: Mapping[str, NDArray[np.float32]], count: int) -> list[Unit]:
    """Return the units with the largest estimates, of all layers."""
    names = [(layer, unit) for layer, values in importance.items() for unit in range(len(values))]
    values = np.concatenate(list(importance.values()))
    return [names[place] for place in np.argsort(-values, kind="stable")[:count]]


def overlap_top_units(first: Mapping[str, NDArray[Any]], second: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    """Compare which units matter in two domains.

    Returns
    -------
    dict
        ``units``; ``top``, how many count as those that matter; ``shared`` of them in both domains; ``jaccard``, shared
        over all that matter in either; ``chance``, the Jaccard index of as many units drawn at random; and
        ``correlation``, Spearman's, of the estimates of all units.
    """
    from scipy.stats import spearmanr

    values = [np.concatenate([one[layer] for layer in first]) for one in (first, second)]
    units = len(values[0])
    top = max(1, round(TOP_SHARE * units))
    chosen = [set(np.argsort(-one, kind="stable")[:top].tolist()) for one in values]
    shared = len(chosen[0] & chosen[1])
    by_chance = top * top / units
    alike = all(one.std() > 0 for one in values)
    return {
        "units": units,
        "top": top,
        "shared": shared,
        "jaccard": shared / (2 * top - shared),
        "chance": by_chance / (2 * top - by_chance),
        "correlation": float(spearmanr(*values).statistic) if alike else float("nan"),
    }


def measure_effects(
    run: UnitRun, domains: Sequence[ImageSet], more: Sequence[Unit] = ()
) -> Iterator[tuple[str, UnitEffects]]:
    """Yield, for each domain, what the units of a network do.

    Those that matter most in any domain where the network works are switched off there, and `more`. A network of random
    weights has no unit switched off: what its masks hit, they hit by chance.
    """
    inputs = {domain.name: run.load_inputs(domain) for domain in domains}
    found = {name: run.estimate_importance(one) for name, one in inputs.items() if one.images}
    works = [name for name, (_, dice) in found.items() if run.network.weights is not None and dice >= WORKING]
    ranked = [unit for name in works for unit in rank_units(found[name][0], CHOSEN)]
    chosen = list(dict.fromkeys((*ranked, *more)))
    for name, (importance, dice) in found.items():
        whole, without = run.measure_dice(inputs[name], chosen) if name in works else (dice, {})
        yield name, UnitEffects(importance, whole, {unit: whole - left for unit, left in without.items()})
