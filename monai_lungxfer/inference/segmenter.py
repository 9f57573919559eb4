"""The inference core: radiographs in, masks of their native size out, by what a bundle's inference.yaml says."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.files import WEIGHTS, bundle_metadata, bundle_path, weights_remedy
from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.inference.content_check import TURNED_ROUND
from monai_lungxfer.inference.engines.choice import EngineRequest, fastest, load_engine
from monai_lungxfer.inference.engines.engine import Engine
from monai_lungxfer.inference.expected_dice import ExpectedDice
from monai_lungxfer.inference.foreign_objects import FOREIGN_OBJECT, has_foreign_object
from monai_lungxfer.inference.image_traits import measure_traits
from monai_lungxfer.inference.mask_doubt import measure_doubt
from monai_lungxfer.inference.overlay import thumbnail
from monai_lungxfer.inference.picture_damage import find_damage
from monai_lungxfer.inference.segmentation import HASH_DIGITS, ModelIdentity, PreparedRadiograph, Segmentation
from monai_lungxfer.io.channels import Channels
from monai_lungxfer.io.radiograph import Radiograph, read_radiograph
from monai_lungxfer.utils.errors import BundleError, InputFileError
from monai_lungxfer.utils.file_stamp import FileStamp
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.bases import find_base
from monai_lungxfer.weights.sidecar import read_sidecar

logger = logging.getLogger(__name__)

DEFAULT_BUNDLE = "portable_cxr_lung_segmentation"


class Segmenter:
    """Segments radiographs by a bundle's inference.yaml; `Segmenter.from_bundle` is the way to make one.

    Nothing of the method is repeated here: what the YAML says, or an override of it, is what the engine does.

    Parameters
    ----------
    engine : Engine
        What carries it out.
    identity : ModelIdentity
        To be kept with every result.
    """

    def __init__(self, engine: Engine, identity: ModelIdentity) -> None:
        self.identity = identity
        self.engine = engine
        self._expect = ExpectedDice.load(identity)

    @property
    def channels(self) -> Channels:
        """What radiographs must be read with."""
        return self.engine.channels

    @classmethod
    def from_bundle(
        cls,
        bundle: str | Path = DEFAULT_BUNDLE,
        *,
        weights: str | Path | None = None,
        adapter: str | Path | None = None,
        device: str = "auto",
        overrides: Mapping[str, Any] | None = None,
        engine: str = "auto",
        fast: bool = False,
        threads: int | None = None,
        refiner: str | Path | None = None,
    ) -> Segmenter:
        """Load a bundle.

        Parameters
        ----------
        bundle : str or pathlib.Path
            Name of a bundle or stage, or a bundle's folder.
        weights : str or pathlib.Path, optional
            Weights file or reference; the default is the bundle's ``models/model.pt``. Its input size is followed.
        adapter : str or pathlib.Path, optional
            New layers that were trained on a base (``lungxfer train --translator``), in a file of their own. Their base
            is `weights`, or is found by its hash, see `monai_lungxfer.weights.bases.find_base`. Adapters of one base
            share its memory in this process, with the engine "torch".
        device : str
            "auto" is the processor for a compiled pipeline, and for the engine "torch" what the bundle says: a GPU if
            there is one. Else a device's name, such as "cpu" or "cuda:1"; for others than "cpu" the engine is "torch".
        overrides : mapping, optional
            Ids of inference.yaml and the values that replace them, such as ``{"threshold": 0.4}``.
        engine : {"auto", "torch", "onnx", "openvino"}
            "torch" does what inference.yaml says, by MONAI. The others run the pipeline that was compiled from it, and
            compile it where there is none. "auto" takes a compiled pipeline that is there, and else "torch".
        fast : bool
            Whether the network shall compute in bfloat16, by OpenVINO, where that is installed and the processor can.
            Where not, the log says why, and nothing else is different.
        threads : int, optional
            Processor threads: of PyTorch, or of each segmentation that a compiled engine does; the default is one then.
        refiner : str or pathlib.Path, optional
            File of a border refiner of these weights; the default is what the bundle says. The engine is "torch" then.

        Raises
        ------
        BundleError
            When there is no such bundle, when it has no weights, or when the configuration cannot be built.
        TransferError
            When the weights do not fit the network, when an adapter's base is missing or another one, or when the
            refiner does not fit the weights.
        LungXferError
            When the engine is not installed, or the device cannot be used.
        """
        folder = bundle_path(bundle)
        weights_file, base = _files(folder, weights, adapter)
        refined = {} if refiner is None else {"refiner": Path(refiner).expanduser().absolute()}
        wanted = EngineRequest(folder, weights_file, device, {**(overrides or {}), **refined}, engine, threads, base)
        request = fastest(wanted) if fast else wanted
        chosen, sha256 = load_engine(request)
        version = str(bundle_metadata(folder).get("version", "unknown"))
        replaced = [f"{name}={value}" for name, value in request.overrides.items() if name != "refiner"]
        if chosen.refiner_sha256 is not None:  # by its hash: a path may tell names
            replaced.append(f"refiner={chosen.refiner_sha256[:HASH_DIGITS]}")
        base_sha256 = None if base is None else hash_file(base)
        return cls(chosen, ModelIdentity(folder.name, version, sha256, tuple(replaced), base_sha256))

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

        InputFileError is raised when all pixels have the same value: there is nothing to normalise, and to see. So it
        is for values that are no numbers, which `monai_lungxfer.io.radiograph.read_radiograph` lets no file have.
        """
        lowest, highest = radiograph.levels
        if not math.isfinite(highest - lowest):
            raise InputFileError("holds NaN or infinity", remedy="Replace them by the value of the background")
        if lowest == highest:
            raise InputFileError(
                f"constant image: every pixel is {lowest:g}", remedy="Check how it was exported; it shows nothing"
            )
        looked = self.engine.look(radiograph)
        seen = [TURNED_ROUND] if looked.is_turned_round else []
        if (damage := find_damage(radiograph.pixels, is_reversed=looked.content.is_reversed)) is not None:
            seen.append(damage)
        height, width = radiograph.pixels.shape[-2:]
        return PreparedRadiograph(
            image=looked.image,
            size=(height, width),
            traits=measure_traits(
                radiograph, looked.content, is_turned_round=looked.is_turned_round, looks_damaged=damage is not None
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

    def run(self, prepared: Sequence[PreparedRadiograph]) -> Iterator[Segmentation]:
        """Pass a batch through the network, and yield the segmentations in order.

        Each is brought to its native size only when its turn comes, so one alone is in memory at a time.
        """
        for item, logits in zip(prepared, self.infer(prepared), strict=True):
            yield self.finish(item, logits)

    def infer(self, prepared: Sequence[PreparedRadiograph]) -> Sequence[Any]:
        """Pass a batch through the network, and return what it says of each, for `finish`."""
        return self.engine.infer([item.image for item in prepared]) if prepared else ()

    def finish(self, item: PreparedRadiograph, answer: Any) -> Segmentation:
        """Bring what the network said of a radiograph to its native size."""
        maps = self.engine.finish(item.image, answer, item.size)
        is_upright = item.traits.is_upright
        doubt = measure_doubt(maps.picture, maps.likelihood, is_upright)
        expected = None if self._expect is None else self._expect(doubt)
        if is_upright and has_foreign_object(maps.picture, maps.likelihood):
            item = replace(item, remarks=(*item.remarks, FOREIGN_OBJECT))
        return Segmentation(maps.mask, maps.probability, maps.raw, item, self.identity, doubt, expected, maps.shape)


def _files(folder: Path, weights: str | Path | None, adapter: str | Path | None) -> tuple[Path, Path | None]:
    """Return the weights file, and where that is an adapter its base."""
    if adapter is not None:
        path = resolve_weights(adapter)
        return path, find_base(path, weights, near=[folder / WEIGHTS])
    path = resolve_weights(_own_weights(folder) if weights is None else weights)
    return path, None if read_sidecar(path).base is None else find_base(path, near=[folder / WEIGHTS])


def _own_weights(folder: Path) -> Path:
    if not (folder / WEIGHTS).is_file():
        raise BundleError(
            f"the bundle has no weights ({WEIGHTS.as_posix()})",
            source=folder,
            remedy=f"{weights_remedy(folder)} (--weights FILE)",
        )
    return folder / WEIGHTS
