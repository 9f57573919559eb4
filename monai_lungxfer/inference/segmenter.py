"""The inference core: radiographs in, masks of their native size out, by what a bundle's inference.yaml says."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from numpy.typing import NDArray

from monai_lungxfer.bundle.files import WEIGHTS, bundle_metadata, bundle_path
from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.inference.config import InferenceParts, explained_part, load_parts
from monai_lungxfer.inference.content_check import CONTENT_KEY, TURNED_ROUND, TURNED_ROUND_KEY, Content
from monai_lungxfer.inference.content_network import ContentCheck
from monai_lungxfer.inference.expected_dice import ExpectedDice
from monai_lungxfer.inference.image_traits import measure_traits
from monai_lungxfer.inference.mask_doubt import MaskDoubt, measure_doubt
from monai_lungxfer.inference.overlay import thumbnail
from monai_lungxfer.inference.picture_damage import find_damage
from monai_lungxfer.inference.segmentation import ModelIdentity, PreparedRadiograph, Segmentation
from monai_lungxfer.io.monai_readers import as_meta_tensor
from monai_lungxfer.io.radiograph import Radiograph, read_radiograph
from monai_lungxfer.utils.errors import BundleError, InputFileError
from monai_lungxfer.utils.file_stamp import FileStamp
from monai_lungxfer.weights.loading import load_weights_file

logger = logging.getLogger(__name__)

DEFAULT_BUNDLE = "portable_cxr_lung_segmentation"


class Segmenter:
    """Segments radiographs by a bundle's inference.yaml; `Segmenter.from_bundle` is the way to make one.

    Nothing of the method is repeated here: what the YAML says, or an override of it, is what happens. Only its two
    ends are replaced, since images come from memory and go back there: ``LoadImaged`` and ``SaveImaged``.

    Parameters
    ----------
    parts : InferenceParts
        What the YAML and the overrides gave, with trained weights, in evaluation mode.
    identity : ModelIdentity
        To be kept with every result.
    """

    def __init__(self, parts: InferenceParts, identity: ModelIdentity) -> None:
        self.identity = identity
        self.channels = parts.channels  # that radiographs must be read with
        self._parts = parts
        self._look = ContentCheck()
        self._expect = ExpectedDice.load(identity)

    @classmethod
    def from_bundle(
        cls,
        bundle: str | Path = DEFAULT_BUNDLE,
        *,
        weights: str | Path | None = None,
        device: str = "auto",
        overrides: Mapping[str, Any] | None = None,
    ) -> Segmenter:
        """Load a bundle.

        Parameters
        ----------
        bundle : str or pathlib.Path
            Name of a bundle or stage, or a bundle's folder.
        weights : str or pathlib.Path, optional
            Weights file or reference; the default is the bundle's ``models/model.pt``. Its input size is followed.
        device : str
            "auto" is what the bundle says (a GPU where there is one); else a device's name, such as "cpu" or "cuda:1".
        overrides : mapping, optional
            Ids of inference.yaml and the values that replace them, such as ``{"threshold": 0.4}``.

        Raises
        ------
        BundleError
            When there is no such bundle, when it has no weights, or when the configuration cannot be built.
        TransferError
            When the weights do not fit the network.
        LungXferError
            When the device cannot be used.
        """
        folder = bundle_path(bundle)
        weights_file = resolve_weights(_own_weights(folder) if weights is None else weights)
        parts = load_parts(folder, weights_file, device, overrides)
        sha256 = load_weights_file(parts.network, weights_file)
        parts.network.eval()
        version = str(bundle_metadata(folder).get("version", "unknown"))
        replaced = tuple(f"{name}={value}" for name, value in (overrides or {}).items())
        return cls(parts, ModelIdentity(folder.name, version, sha256, replaced))

    def segment_file(self, path: str | Path, *, any_view: bool = False, strict: bool = False) -> Segmentation:
        """Segment the radiograph in a file, as ``lungxfer predict`` does. The result is not a medical device's.

        Parameters
        ----------
        path : str or pathlib.Path
            Of any format, see `monai_lungxfer.io.radiograph.read_radiograph`.
        any_view : bool
            Whether to segment a DICOM file that is no frontal chest radiograph by its header.
        strict : bool
            Whether to refuse an image that does not look like one, see `Segmentation.refuse_flagged`.

        Raises
        ------
        ViewError
            When its header says so, and `any_view` is ``False``.
        InputFileError
            When the file cannot be read, when all its pixels have the same value, or when `strict` refuses it.
        """
        found = next(self.run([self.load(path, any_view=any_view)]))
        if strict:
            found.refuse_flagged()
        return found

    def segment(self, radiograph: Radiograph) -> Segmentation:
        """Segment one radiograph of any native size; InputFileError is raised when all its pixels are the same."""
        return self.segment_many([radiograph])[0]

    def segment_many(self, radiographs: Iterable[Radiograph]) -> list[Segmentation]:
        """Segment radiographs of any native sizes in one pass of the network; the order is kept.

        What else is in the batch has no influence on an image's result, beyond the rounding of floating-point numbers.
        """
        return list(self.run([self.prepare(radiograph) for radiograph in radiographs]))

    def load(
        self, path: str | Path, *, name: str | None = None, any_view: bool = False, picture: bool = False
    ) -> PreparedRadiograph:
        """Read a radiograph and preprocess it, for `run`. Threads may call this at the same time.

        `picture` keeps a small picture of it, for an overlay. The other arguments, and the errors, are those of
        `monai_lungxfer.io.radiograph.read_radiograph`; InputFileError is also raised when the file was replaced
        meanwhile.
        """
        stamp = FileStamp.read(Path(path).expanduser())
        radiograph = read_radiograph(path, self.channels, name=name, any_view=any_view)
        prepared = replace(self.prepare(radiograph, picture=picture), stamp=stamp)
        prepared.check_unchanged()
        for remark in prepared.remarks[len(radiograph.remarks) :]:  # the reader has told its own
            logger.warning("%s: %s", path if name is None else name, remark)
        return prepared

    def prepare(self, radiograph: Radiograph, *, picture: bool = False) -> PreparedRadiograph:
        """Preprocess a radiograph that was read with the `channels` of this segmenter; see `load`.

        InputFileError is raised when all pixels have the same value: there is nothing to normalise, and to see.
        """
        lowest, highest = radiograph.pixels.min(), radiograph.pixels.max()
        if lowest == highest:
            raise InputFileError(
                f"constant image: every pixel is {lowest:g}", remedy="Check how it was exported; it shows nothing"
            )
        with explained_part("preprocessing"):
            image = self._parts.preprocessing({"image": as_meta_tensor(radiograph)})["image"]
        is_turned_round = bool(image.meta.get(TURNED_ROUND_KEY, False))
        seen = [TURNED_ROUND] if is_turned_round else []
        content = self._content(image)
        if (damage := find_damage(radiograph.pixels, is_reversed=content.is_reversed)) is not None:
            seen.append(damage)
        height, width = radiograph.pixels.shape[-2:]
        return PreparedRadiograph(
            image=image,
            size=(height, width),
            traits=measure_traits(
                radiograph, content, is_turned_round=is_turned_round, looks_damaged=damage is not None
            ),
            format=radiograph.format,
            spacing=radiograph.spacing,
            spacing_source=radiograph.spacing_source,
            header=radiograph.header,
            source=radiograph.source,
            picture=thumbnail(radiograph.pixels) if picture else None,
            turn=radiograph.turn,
            remarks=(*radiograph.remarks, *seen),
        )

    def _content(self, image: MetaTensor) -> Content:
        """Return what a preprocessing with `FixPolarityd` has seen, or look."""
        seen = image.meta.get(CONTENT_KEY)
        return self._look(image.as_tensor()[:1]) if seen is None else Content.from_array(seen)

    def run(self, prepared: Sequence[PreparedRadiograph]) -> Iterator[Segmentation]:
        """Pass a batch through the network, and yield the segmentations in order.

        Each is brought to its native size only when its turn comes, so one alone is in memory at a time.
        """
        for item, logits in zip(prepared, self.infer(prepared), strict=True):
            yield self.finish(item, logits)

    def infer(self, prepared: Sequence[PreparedRadiograph]) -> Sequence[torch.Tensor]:
        """Pass a batch through the network, and return the logits (C, h, w) of each, for `finish`."""
        if not prepared:
            return ()
        with torch.no_grad(), explained_part("inferer"):
            batch = torch.stack([item.image.as_tensor() for item in prepared]).to(self._parts.device)
            logits = self._parts.inferer(inputs=batch, network=self._parts.network)
        return logits.cpu().unbind()

    def finish(self, item: PreparedRadiograph, logits: torch.Tensor) -> Segmentation:
        """Bring what the network said of a radiograph to its native size."""
        with explained_part("postprocessing"):
            data = self._parts.to_probability({"image": item.image, "pred": logits})
            probability = _plane(data["pred"], item.size).astype(np.float32, copy=False)
            data = self._parts.threshold(data)
            raw = _plane(data["pred"], item.size).astype(np.uint8)
            mask = _plane(self._parts.to_mask(data)["pred"], item.size).astype(np.uint8, copy=False)
        doubt = _doubt(item, logits)
        expected = None if self._expect is None else self._expect(doubt)
        return Segmentation(mask, probability, raw, item, self.identity, doubt, expected)


def _doubt(item: PreparedRadiograph, logits: torch.Tensor) -> MaskDoubt:
    picture, probability = (plane[0].float().cpu().numpy() for plane in (item.image.as_tensor(), logits.sigmoid()))
    content = item.traits.content
    is_upright = None if content is None else content.is_chest and content.quarter_turns == 0
    return measure_doubt(picture, probability, is_upright)


def _own_weights(folder: Path) -> Path:
    if not (folder / WEIGHTS).is_file():
        stages = [stage.name for stage in STAGES.values() if stage.bundle == folder.name]
        raise BundleError(
            f"the bundle has no weights ({WEIGHTS.as_posix()})",
            source=folder,
            remedy=f"Train it first (lungxfer train {stages[0] if stages else 'STAGE'}), "
            "or name a weights file (--weights FILE)",
        )
    return folder / WEIGHTS


def _plane(tensor: torch.Tensor, size: tuple[int, int]) -> NDArray[Any]:
    if tuple(tensor.shape) != (1, *size):
        raise BundleError(
            f"the postprocessing gives the shape {tuple(tensor.shape)} for a radiograph of {size}, not {(1, *size)}",
            remedy="Keep Invertd, which brings results back to the native size, and one output channel",
        )
    plain = tensor.as_tensor() if isinstance(tensor, MetaTensor) else tensor
    return plain[0].cpu().numpy()
