"""One pass of the network over all images: features, details, and how sure it is of each. What is done is kept."""

from __future__ import annotations

import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from monai_lungxfer.data.near_duplicates import extract_detail
from monai_lungxfer.inference.engines.torch_engine import TorchEngine
from monai_lungxfer.inference.inputs import InputFile
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.networks.bottleneck import pooled_features
from monai_lungxfer.utils.errors import BundleError, InputFileError, OutputError, ViewError
from monai_lungxfer.utils.file_stamp import sample_file
from monai_lungxfer.utils.files import unwritable, write_text
from monai_lungxfer.utils.json_files import parse_json
from monai_lungxfer.utils.memory import is_out_of_memory, too_large

logger = logging.getLogger(__name__)

SURVEY_NAME = "survey.jsonl"
"""The file in the output folder that keeps the pass: one line an image, and above them the model."""

_FORMAT = "monai_lungxfer survey 1"
_STEPS = 127  # of an 8-bit detail, whose greatest value is kept beside it


class PassedOver(NamedTuple):
    """An image that is not chosen from: the name of its file, why, and whether that is no fault of the file."""

    file: str
    reason: str
    left_out: bool


@dataclass(frozen=True)
class SurveyedImage:
    """What is known of one image.

    Attributes
    ----------
    file : str
        Its name, as in the tables of ``lungxfer predict``.
    features : numpy.ndarray
        float32 (C,), of the network's bottleneck, averaged over the image.
    detail : numpy.ndarray
        float32 (D,), see `monai_lungxfer.data.near_duplicates.extract_detail`.
    dice_expected, confidence : float or None
        See `monai_lungxfer.inference.measurements.Measurements`.
    flags : tuple of str
        See `monai_lungxfer.inference.quality.FLAGS`.
    """

    file: str
    features: NDArray[np.float32]
    detail: NDArray[np.float32]
    dice_expected: float | None
    confidence: float | None
    flags: tuple[str, ...] = ()

    @property
    def uncertainty(self) -> float:
        """One less the expected Dice, or less the confidence where that is not known; 1 for an empty mask."""
        known = self.confidence if self.dice_expected is None else self.dice_expected
        return 1.0 if known is None else 1.0 - known


def survey_images(
    segmenter: Segmenter,
    files: Sequence[InputFile],
    out: Path,
    *,
    strict: bool = False,
    resume: bool = False,
    on_done: Callable[[], object] = lambda: None,
) -> tuple[dict[str, SurveyedImage], list[PassedOver]]:
    """Look at images with a network, and return what is known of each by its name, and which are passed over.

    Parameters
    ----------
    segmenter : Segmenter
        Its engine must be "torch", which shows what happens inside the network.
    files : sequence of InputFile
        From `monai_lungxfer.inference.inputs.find_inputs`.
    out : pathlib.Path
        Gets `SURVEY_NAME`.
    strict : bool
        Whether images are passed over that do not look like an upright frontal chest radiograph.
    resume : bool
        Whether what an earlier pass has kept of unchanged files is taken.
    on_done : callable
        Called after each file.

    Raises
    ------
    OutputError
        When the file cannot be written, or an earlier pass is to be continued with another model.
    TransferError
        When the network has no bottleneck that is known.
    """
    path = out / SURVEY_NAME
    head = {"format": _FORMAT, "model": asdict(segmenter.identity), "strict": strict}
    kept = _read_kept(path, head) if resume else {}
    write_text(path, "".join(map(_as_line, [head, *kept.values()])))
    found: dict[str, SurveyedImage] = {}
    passed: list[PassedOver] = []
    try:
        with path.open("a", encoding="utf-8") as file:
            for item in files:
                line = kept.get(item.name)
                if line is None or line["input_sample"] != sample_file(item.path):
                    try:
                        found[item.name] = _look(segmenter, item, strict=strict)
                    except InputFileError as error:
                        passed.append(_passed_over(item, error))
                    else:
                        file.write(_as_line(_as_values(found[item.name], sample_file(item.path))))
                        file.flush()
                else:
                    found[item.name] = _restore(line)
                on_done()
    except OSError as error:
        raise unwritable(path, error) from error
    return found, passed


def _look(segmenter: Segmenter, item: InputFile, *, strict: bool) -> SurveyedImage:
    if item.left_out is not None:
        raise ViewError(item.left_out, source=item.path)
    if not isinstance(segmenter.engine, TorchEngine):
        raise BundleError("a compiled pipeline does not show features", remedy='Use the engine "torch"')
    try:
        prepared = segmenter.load(item.path, name=item.name, any_view=item.any_view)
        with pooled_features(segmenter.engine.parts.network) as pooled:
            answer = segmenter.infer([prepared])[0]
        result = segmenter.finish(prepared, answer)
        if strict:
            result.refuse_flagged()
        measured, flags = result.measurements, result.flags
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise too_large(item.path) from None
    features = torch.cat(pooled).mean(dim=0).numpy()
    detail = extract_detail(prepared.image.as_tensor()[0].float().numpy())
    return SurveyedImage(item.name, features, detail, measured.dice_expected, measured.confidence, flags)


def _passed_over(item: InputFile, error: InputFileError) -> PassedOver:
    """Return why a file is passed over, and log what a person may mend, without the path of the file."""
    if isinstance(error, ViewError):
        return PassedOver(item.name, error.problem, left_out=True)
    logger.warning("%s was skipped: %s", item.name, error.without_source)
    return PassedOver(item.name, error.without_source, left_out=False)


def _read_kept(path: Path, head: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the lines of an earlier pass by the names of their images; none where there is no earlier pass."""
    try:
        text = path.read_text(encoding="utf-8")
        lines = [parse_json(line) for line in text[: text.rfind("\n") + 1].splitlines()]  # not half a line
        is_ours = not lines or lines[0] == json.loads(json.dumps(head))
        kept = {line["file"]: line for line in lines[1:] if is_ours and _restore(line)}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError("is damaged", source=path, remedy="Start afresh with --overwrite") from error
    if not is_ours:
        remedy = "Repeat the options of the first run, choose another folder, or start afresh with --overwrite"
        raise OutputError("was begun with another model or other options", source=path, remedy=remedy)
    return kept


def _as_values(image: SurveyedImage, sample: str | None) -> dict[str, Any]:
    largest = float(np.abs(image.detail).max()) or 1.0
    steps = np.round(image.detail / largest * _STEPS).astype(np.int8)
    return {
        "file": image.file,
        "input_sample": sample,
        "features": b64encode(image.features.astype("<f4").tobytes()).decode(),
        "detail": b64encode(steps.tobytes()).decode(),
        "dice_expected": image.dice_expected,
        "confidence": image.confidence,
        "flags": list(image.flags),
    }


def _restore(line: Mapping[str, Any]) -> SurveyedImage:
    """Return what a line tells; a detail's steps give its direction, and its length is 1 again."""
    detail = np.frombuffer(b64decode(line["detail"]), np.int8).astype(np.float32)
    features = np.frombuffer(b64decode(line["features"]), "<f4").astype(np.float32)
    length = float(np.linalg.norm(detail)) or 1.0
    facts = {name: line[name] for name in ("dice_expected", "confidence")}
    return SurveyedImage(line["file"], features, detail / length, **facts, flags=tuple(line["flags"]))


def _as_line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"
