"""One pass of networks over the images of a domain, which keeps no more than the analyses need.

Memory grows by a few numbers per unit and image: pooled features. All else is kept of a fixed number of images, and
maps of one network at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from monai_lungxfer.features.concepts import CLEAN, ConceptImage, find_concepts
from monai_lungxfer.features.images import ImageSet, InputForm, PreparedImage, input_form, normalise, prepare_image
from monai_lungxfer.features.layers import list_layers, watch_layers
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.features.overlap import measure_overlap, measure_responses, measure_shares
from monai_lungxfer.utils.allocator import return_freed_memory
from monai_lungxfer.utils.precision import PrecisionInferer, best_device
from monai_lungxfer.utils.progress import Advance

QUARTERS = 2
"""Features are averaged over this many parts of the height and of the width."""

PROBED = 64
"""Images of which pixels are sampled for probes and patches."""

MAPPED = 16
"""Images of which whole maps are compared with concepts."""

MAP_SIDE = 32
"""Cells along a side of such a map."""

_BATCH = 4
_LARGEST = 6e4  # that float16 holds


@dataclass
class CollectedFeatures:
    """What one pass has kept, by layer in the order of the network.

    Attributes
    ----------
    pooled : dict of str to numpy.ndarray
        float32 (N, C, QUARTERS²): features of each image, averaged over its quarters.
    pixels : dict of str to numpy.ndarray
        float16 (M, SAMPLES, C): features at the sampled pixels of the first M images.
    overlap : dict of str to numpy.ndarray
        float32 (C, len(CONCEPTS)): see `monai_lungxfer.features.overlap.measure_overlap`.
    responses : dict of str to numpy.ndarray
        float32 (MAPPED, C): see `monai_lungxfer.features.overlap.measure_responses`.
    places : numpy.ndarray
        float32 (M, SAMPLES, 2): row and column of the sampled pixels as shares of height and width.
    labels, traits : numpy.ndarray
        Of the sampled pixels, see `ConceptImage`: (M, SAMPLES, ...).
    shares : numpy.ndarray
        float32 (len(CONCEPTS),): the share of a map's cells that each concept covers.
    """

    pooled: dict[str, NDArray[np.float32]]
    pixels: dict[str, NDArray[np.float16]]
    overlap: dict[str, NDArray[np.float32]]
    responses: dict[str, NDArray[np.float32]]
    places: NDArray[np.float32]
    labels: NDArray[np.int8]
    traits: NDArray[np.float32]
    shares: NDArray[np.float32]


def collect_features(
    networks: Sequence[ComparedNetwork],
    images: ImageSet,
    *,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    advance: Advance | None = None,
) -> Iterator[tuple[str, CollectedFeatures]]:
    """Run networks over the images of a domain, and yield each one's label and what the analyses need of it.

    Networks that take images alike share what is read and drawn.

    Parameters
    ----------
    seed : int
        For what is drawn over images, and for the pixels that are sampled.
    device, precision : str
        See `monai_lungxfer.utils.precision`.
    advance : callable, optional
        Is told how many images were done; one counts once for each network.

    Raises
    ------
    InputFileError
        When an image cannot be read any more.
    """
    alike: dict[InputForm, list[ComparedNetwork]] = {}
    for network in networks:
        alike.setdefault(input_form(images.is_mri, network), []).append(network)
    for group in alike.values():
        runs = [_NetworkRun(network, device, precision) for network in group]
        found: list[_KnownPixels] = []
        for first in range(0, len(images.records), MAPPED):
            records = images.records[first : first + MAPPED]
            prepared = [prepare_image(record, images.is_mri, group[0]) for record in records]
            numbered = list(enumerate(prepared, first))
            watched = [find_concepts(image, (seed, number)) for number, image in numbered if number < PROBED]
            found += [_keep_concepts(one, number) for number, one in enumerate(watched, first)]
            for run in runs:
                run.look(prepared, watched, [one.masks for one in found[:MAPPED]])
                if advance is not None:
                    advance(len(records))
            return_freed_memory()  # features of whole batches lay between what is kept of them
        while runs:  # each is let go before the next is finished
            run = runs.pop(0)
            yield run.network.label, _finish(run.watch, found)


class _NetworkRun:
    """A network that looks at images, a few at a time."""

    def __init__(self, network: ComparedNetwork, device: str, precision: str) -> None:
        self.network = network
        self.device = best_device(device)
        module: nn.Module = network.build()
        self.module = module.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.watch = _Watch(list_layers(self.module))
        self._infer = PrecisionInferer(precision)

    def look(
        self,
        images: Sequence[PreparedImage],
        watched: Sequence[ConceptImage],
        masks: Sequence[Mapping[str, NDArray[np.bool_]]],
    ) -> None:
        """Keep what is needed of images; of the first of them, which are `watched`, also with what is drawn."""
        with torch.inference_mode(), watch_layers(self.watch.layers, self.watch.look):
            for first in range(0, len(images), _BATCH):
                own = watched[first : first + _BATCH]
                self._pass([normalise(one.pixels, self.network) for one in images[first : first + _BATCH]], own)
                if own:
                    self.watch.is_altered = True
                    self._pass([normalise(one.altered, self.network) for one in own], own)
                    self.watch.is_altered = False
        self.watch.compare_maps(masks)

    def _pass(self, images: list[torch.Tensor], found: Sequence[ConceptImage]) -> None:
        """Run images through the network: those of one size at once, others one by one."""
        alike = len({image.shape for image in images}) == 1
        for numbers in [range(len(images))] if alike else [[number] for number in range(len(images))]:
            self.watch.images = [found[number] for number in numbers if number < len(found)]
            self._infer(torch.stack([images[number] for number in numbers]).to(self.device), self.module)


class _KnownPixels(NamedTuple):
    """What is kept of the concepts of an image: no picture, and masks only where maps are kept."""

    masks: dict[str, NDArray[np.bool_]]
    places: NDArray[np.float32]
    labels: NDArray[np.int8]
    traits: NDArray[np.float32]


def _keep_concepts(found: ConceptImage, number: int) -> _KnownPixels:
    masks = {name: _shrink(mask) for name, mask in found.masks.items()} if number < MAPPED else {}
    places = np.stack((found.rows, found.columns), 1) / np.array(found.clean.shape[-2:])
    return _KnownPixels(masks, places.astype(np.float32), found.labels, found.traits)


def _shrink(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cells of a map that a mask covers at least half as much as any: thin objects fill none."""
    cells = adaptive_avg_pool2d(torch.from_numpy(mask[None].astype(np.float32)), MAP_SIDE)[0].numpy()
    shrunk: NDArray[np.bool_] = (cells > 0) & (cells >= 0.5 * cells.max())
    return shrunk


class _Watch:
    """Takes from each layer's features what is kept of them."""

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        self.layers = layers
        self.images: list[ConceptImage] = []
        self.is_altered = False
        self.pooled: dict[str, list[Any]] = {name: [] for name in layers}
        self.pixels: dict[tuple[str, bool], list[Any]] = {(name, way): [] for name in layers for way in (False, True)}
        self.maps: dict[tuple[str, bool], list[Any]] = {(name, way): [] for name in layers for way in (False, True)}
        self.overlap: dict[str, NDArray[np.float32]] = {}
        self.responses: dict[str, NDArray[np.float32]] = {}

    def look(self, name: str, features: torch.Tensor) -> None:
        """Keep what is needed of one batch's features (N, C, h, w)."""
        if not self.is_altered:
            pooled = adaptive_avg_pool2d(features.float(), QUARTERS).flatten(2)
            self.pooled[name].append(pooled.cpu().numpy())
        key = (name, self.is_altered)
        for one, image in zip(features, self.images, strict=False):
            self.pixels[key].append(_sample_pixels(one, image, self.is_altered))
            if not self.overlap:
                self.maps[key].append(_as_map(one).clamp(-_LARGEST, _LARGEST).half().cpu().numpy())

    def compare_maps(self, masks: Sequence[Mapping[str, NDArray[np.bool_]]]) -> None:
        """Compare the maps of the first images with concepts, once, and let them go, which are large."""
        if self.overlap:
            return
        for name in self.layers:
            clean, altered = (np.stack(self.maps.pop((name, is_altered))) for is_altered in (False, True))
            self.overlap[name] = measure_overlap(clean, altered, masks)
            self.responses[name] = measure_responses(clean, altered, masks)


def _sample_pixels(features: torch.Tensor, image: ConceptImage, is_altered: bool) -> NDArray[np.float16]:
    """Return features (C, h, w) at the sampled pixels, (n, C), of the cells that they are in."""
    own = slice(CLEAN, None) if is_altered else slice(0, CLEAN)
    height, width = image.clean.shape[-2:]
    rows = torch.from_numpy(image.rows[own] * features.shape[-2] // height).to(features.device)
    columns = torch.from_numpy(image.columns[own] * features.shape[-1] // width).to(features.device)
    found: NDArray[np.float16] = features[:, rows, columns].T.clamp(-_LARGEST, _LARGEST).half().cpu().numpy()
    return found


def _as_map(features: torch.Tensor) -> torch.Tensor:
    """Return features (C, h, w) on the cells of a map: averaged where they are finer, else of the nearest cell."""
    if min(features.shape[-2:]) >= MAP_SIDE:
        return adaptive_avg_pool2d(features.float(), MAP_SIDE)
    return interpolate(features[None].float(), (MAP_SIDE, MAP_SIDE), mode="nearest-exact")[0]


def _finish(watch: _Watch, found: Sequence[_KnownPixels]) -> CollectedFeatures:
    masks = [image.masks for image in found if image.masks]
    places, labels, traits = (
        np.stack([getattr(image, name) for image in found]) for name in ("places", "labels", "traits")
    )
    kept = CollectedFeatures({}, {}, watch.overlap, watch.responses, places, labels, traits, measure_shares(masks))
    for name in watch.layers:
        kept.pooled[name] = np.concatenate(watch.pooled.pop(name))
        ways = [watch.pixels.pop((name, is_altered)) for is_altered in (False, True)]
        kept.pixels[name] = np.concatenate([np.stack(way) for way in ways], axis=1)
    return kept
