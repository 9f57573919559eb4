"""A bundle's network for other runtimes: TorchScript, ONNX and OpenVINO, each compared with PyTorch first."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from monai_lungxfer.bundle.files import WEIGHTS, bundle_path
from monai_lungxfer.bundle.stages import stage_for_bundle
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.export.loading import SETTINGS, Network
from monai_lungxfer.export.manifest import remaining_formats, write_manifest
from monai_lungxfer.export.writers import EXPORT_FORMATS, ExportFormat, build_network, parse_inference
from monai_lungxfer.metrics.per_image import image_metrics
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.files import hash_file, unwritable
from monai_lungxfer.utils.temporary import NEW, scratch_folder, temporary_folder
from monai_lungxfer.weights.sidecar import input_size, input_sizing

MIN_DICE = 0.999
"""Dice that the masks of an exported network and of PyTorch must reach with each other, on every image."""

Arrays = list[NDArray[np.float32]]


def export_formats(bundle: str | Path, names: Iterable[str], images: Sequence[str | Path] = ()) -> dict[str, Any]:
    """Write a bundle's network in other formats into its folder `models`, and compare each with PyTorch.

    Both run in float32 on the processor, on the same prepared images. A format whose masks differ is not kept.

    Parameters
    ----------
    bundle : str or pathlib.Path
        The bundle's folder, or a name of one.
    names : iterable of str
        Of `EXPORT_FORMATS`.
    images : sequence of str or pathlib.Path
        Files to compare on; by default phantoms of the bundle's stage.

    Returns
    -------
    dict
        What `monai_lungxfer.bundle.files.MANIFEST` now holds: `weights_sha256`, `input_size`, `sizing`, and `formats`,
        those from before too, with SHA-256 of the files, versions, what the runtime must be told (`load`, see
        `monai_lungxfer.export.loading.load_exported`), and the comparison of each: number of images, lowest Dice,
        largest difference of a pixel's probability.

    Raises
    ------
    BundleError
        When there is no such format, its packages are not installed, or its masks differ from PyTorch's.
    OutputError
        When a file cannot be written.
    """
    folder = bundle_path(bundle)
    names = list(names)
    logging.getLogger("monai.bundle.scripts").setLevel(logging.WARNING)  # it lists its arguments
    for name in names:
        _check_installed(name)
    tensors, logits = prepare_and_predict(folder, images)
    formats, weights = remaining_formats(folder), folder / WEIGHTS
    manifest = {"weights_sha256": hash_file(weights), "input_size": input_size(weights), "formats": formats}
    manifest |= {"sizing": input_sizing(weights)}
    for name in names:
        made = EXPORT_FORMATS[name]
        with _staged(folder, made) as staging:
            entry = _made(folder, name, staging, tensors, logits)
            if formats.pop(name, None):
                write_manifest(folder, manifest)  # a kill must not leave files that are not as it tells
            for part in entry["sha256"]:
                (staging / part).replace(folder / WEIGHTS.parent / part)
        formats[name] = entry
        write_manifest(folder, manifest)  # at once: another format may fail
    return manifest


def _check_installed(name: str) -> None:
    if name not in EXPORT_FORMATS:
        raise BundleError(f"there is no export format {name!r}", remedy=f"Use one of {', '.join(EXPORT_FORMATS)}")
    missing = [package for package in EXPORT_FORMATS[name].packages if importlib.util.find_spec(package) is None]
    if missing:
        raise BundleError(
            f"the format {name} needs {' and '.join(missing)}, not installed here",
            remedy=f"Install it: pip install 'monai_lungxfer[{name}]'",
        )


def prepare_and_predict(bundle: Path, images: Sequence[str | Path]) -> tuple[Arrays, Arrays]:
    """Return the network's inputs, each (1, C, h, w), and PyTorch's logits for them, each (1, 1, h, w)."""
    parser = parse_inference(bundle)
    preprocessing, inferer = (parser.get_parsed_content(name) for name in ("preprocessing", "inferer"))
    fill = getattr(inferer, "fill_padding", lambda tensor: tensor)
    network = build_network(bundle, parser)
    with scratch_folder() as folder:
        files = images or _phantoms(bundle, folder)
        tensors = [fill(preprocessing({"image": str(file)})["image"].as_tensor()[None]) for file in files]
    with torch.no_grad():
        return [tensor.numpy() for tensor in tensors], [network(tensor).numpy() for tensor in tensors]


def _phantoms(bundle: Path, folder: Path) -> list[str]:
    write_phantoms(folder, donor=4, general=4, portable=4)
    return [record["image"] for record in load_datalist(folder / stage_for_bundle(bundle).data)]


@contextmanager
def _staged(bundle: Path, made: ExportFormat) -> Iterator[Path]:
    """Give a folder to write a format to, under its final name, which is written into some formats."""
    models = bundle / WEIGHTS.parent
    try:
        with temporary_folder(models) as temporary:
            staging = temporary / NEW
            staging.mkdir()
            yield staging
    except OSError as error:
        raise unwritable(models / made.file, error) from error


def _made(bundle: Path, name: str, staging: Path, tensors: Arrays, logits: Arrays) -> dict[str, Any]:
    """Write one format and compare it; return its entry of the manifest."""
    made = EXPORT_FORMATS[name]
    file = staging / made.file
    made.write(bundle, file)
    compared = _compared(made.load(file), tensors, logits)
    if compared["lowest_dice"] < MIN_DICE:
        raise BundleError(
            f"masks of the format {name} reach a Dice of {compared['lowest_dice']:.4f} with PyTorch's, not {MIN_DICE}",
            source=bundle,
            remedy="Do not use this format with these versions: " + str(_versions(made)),
        )
    hashes = {part.name: hash_file(part) for part in sorted(staging.iterdir())}
    told = {"load": SETTINGS[name]} if name in SETTINGS else {}
    return {"sha256": hashes, "versions": _versions(made), **told, **compared}


def _versions(made: ExportFormat) -> dict[str, str]:
    return {package: importlib.metadata.version(package) for package in made.packages}


def _compared(network: Network, tensors: Arrays, logits: Arrays) -> dict[str, float]:
    """Compare masks and probabilities, image by image."""
    lowest, largest = 1.0, 0.0
    for tensor, expected in zip(tensors, logits, strict=True):
        own, other = (torch.sigmoid(torch.from_numpy(plane)) for plane in (expected, network(tensor)))
        lowest = min(lowest, float(image_metrics(other, own >= 0.5, ["DICE_HARD"])["DICE_HARD"]))
        largest = max(largest, float((other - own).abs().max()))
    return {"images": len(tensors), "lowest_dice": lowest, "required_dice": MIN_DICE, "largest_difference": largest}
