"""A bundle's network and weights: they fit each other, the metadata, and TorchScript, and give a mask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import verify_net_in_out
from torch import nn

from monai_lungxfer.bundle.files import INFERENCE, METADATA, WEIGHTS, bundle_adapters, bundle_metadata
from monai_lungxfer.bundle.stages import STAGES, stage_for_bundle
from monai_lungxfer.bundle.workflow import bundle_workflow
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.export.manifest import checked_formats
from monai_lungxfer.export.writers import EXPORT_FORMATS
from monai_lungxfer.inference.engines.compiler import compare_pipeline
from monai_lungxfer.inference.engines.engine import NotCompiled
from monai_lungxfer.inference.engines.pipeline_file import pipeline_beside
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.architecture import bundle_network_def
from monai_lungxfer.weights.bundle_facts import CARD, WEIGHTS_HASH
from monai_lungxfer.weights.loading import load_weights, read_state_dict
from monai_lungxfer.weights.sidecar import IMAGE_DIGITS, input_size, input_sizing, sidecar_file

PIPELINE = pipeline_beside(WEIGHTS)
"""Where the compiled pipeline of a bundle's weights lies."""

TOLERANCE = 1e-4
"""Largest difference of a logit between PyTorch and TorchScript."""

_INSTALL = (
    f"install these weights (lungxfer weights pack {WEIGHTS.as_posix()} --bundle FOLDER), which corrects the metadata"
)
_SIDE = 160  # pixels of a phantom's longest side, which no bundle has as its input size


def _network(bundle: Path) -> nn.Module:
    settings = {"network_def": bundle_network_def(bundle)}
    return bundle_workflow(bundle, "inference", settings).parser.get_parsed_content("adapted").eval()


def _shape(bundle: Path, side: str, name: str) -> list[int]:
    """Return the shape of a batch of one as the metadata tells it."""
    try:
        described = bundle_metadata(bundle)["network_data_format"][side][name]
        return [1, described["num_channels"], *described["spatial_shape"]]
    except (KeyError, TypeError) as error:
        raise BundleError(
            f"network_data_format does not tell channels and shape of {name} in {side}",
            source=bundle / METADATA,
            remedy="Write num_channels and spatial_shape",
        ) from error


def check_weights(bundle: Path, _scratch: Path) -> str:
    """Check that the weights are those of the metadata, tensors alone, fit the network, and are numbers."""
    weights = bundle / WEIGHTS
    if bundle_metadata(bundle).get(WEIGHTS_HASH) != hash_file(weights):
        raise BundleError(
            f"has not the hash of {METADATA.as_posix()} ({WEIGHTS_HASH})",
            source=weights,
            remedy=f"Restore the file, or {_INSTALL}",
        )
    network = _network(bundle)
    load_weights(network, weights)
    broken = [name for name, value in network.state_dict().items() if not torch.isfinite(value).all()]
    if broken:
        raise BundleError(f"{broken[0]} has values that are not numbers", source=weights, remedy="Train again")
    size, told = input_size(weights), _shape(bundle, "inputs", "image")[2:]
    if size != told:
        raise BundleError(
            f"the weights want images of {size}, and {METADATA.as_posix()} says {told}",
            source=sidecar_file(weights),
            remedy=f"Restore the file, or {_INSTALL}",
        )
    count = sum(value.numel() for value in network.parameters())
    return f"{count:,} parameters for {size[0]}x{size[1]}, {input_sizing(weights)}"


def check_card(bundle: Path, _scratch: Path) -> str:
    """Check that the card tells which weights its figures are of: these, or, by a note, others."""
    digits = hash_file(bundle / WEIGHTS)[:IMAGE_DIGITS]
    if not (bundle / CARD).is_file():
        return "there is no card"  # which the files' check tells
    if digits not in (bundle / CARD).read_text(encoding="utf-8"):
        raise BundleError(
            f"does not name the weights (SHA-256 {digits}), so its figures may be of others",
            source=bundle / CARD,
            remedy=f"Measure them and write their hash with the figures, or {_INSTALL}",
        )
    return f"names the weights, {digits}"


def check_network(bundle: Path, _scratch: Path) -> str:
    """Check that the network takes and gives what the metadata says."""
    given, told = _shape(bundle, "inputs", "image"), _shape(bundle, "outputs", "pred")
    wanted = bundle_network_def(bundle).get("in_channels", given[1])
    if wanted != given[1]:
        raise BundleError(
            f"the network takes {wanted} channels, and the image is said to have {given[1]}",
            source=bundle / METADATA,
            remedy=f"Correct network_data_format, or {_INSTALL}",
        )
    verify_net_in_out(device="cpu", **_monai(bundle))
    with torch.no_grad():
        found = list(_network(bundle)(torch.zeros(given)).shape)
    if found != told:
        raise BundleError(
            f"the network makes {found} of {given}, and outputs are said to be {told}",
            source=bundle / METADATA,
            remedy="Correct network_data_format",
        )
    return f"{given} becomes {told}"


def _monai(bundle: Path) -> dict[str, Any]:
    files = {"meta_file": str(bundle / METADATA), "config_file": str(bundle / INFERENCE)}
    return files | {"net_id": "network_def", "bundle_root": str(bundle), "network_def": bundle_network_def(bundle)}


def check_prediction(bundle: Path, scratch: Path) -> str:
    """Check that ``lungxfer predict`` can load the bundle, and gets a mask of a phantom's native size from it."""
    stage = stage_for_bundle(bundle)
    donor, general, portable = (int(name == stage.name) for name in STAGES)
    write_phantoms(scratch, donor=donor, general=general, portable=portable, size=_SIDE)
    segmenter = Segmenter.from_bundle(bundle, device="cpu", engine="torch")
    image = load_datalist(scratch / stage.data)[0]["image"]
    radiograph = read_radiograph(image, segmenter.channels)
    found = segmenter.segment(radiograph)
    if not np.isfinite(found.probability).all() or not set(np.unique(found.mask)) <= {0, 1}:
        raise BundleError(
            "its inference gives no mask of 0 and 1, or probabilities that are not numbers",
            source=bundle / INFERENCE,
            remedy="Correct its postprocessing, or train again",
        )
    height, width = found.mask.shape
    return f"a phantom of {height}x{width} gets a mask of its size, {found.mask.mean():.0%} of which is foreground"


def check_adapters(bundle: Path, _scratch: Path) -> str:
    """Check that every adapter of the bundle fits its base, which is here, and that its weights are numbers."""
    adapters = bundle_adapters(bundle)
    for file in adapters.values():
        Segmenter.from_bundle(bundle, adapter=file, device="cpu", engine="torch")
        broken = [name for name, value in read_state_dict(file).items() if not torch.isfinite(value).all()]
        if broken:
            raise BundleError(f"{broken[0]} has values that are not numbers", source=file, remedy="Train again")
    return f"{len(adapters)} on a base that is here: {', '.join(adapters)}"


def check_pipeline(bundle: Path, _scratch: Path) -> str:
    """Check that the compiled pipeline is of these weights and this inference.yaml, and has the masks of PyTorch."""
    if not (bundle / PIPELINE).is_file():
        return f"there is no {PIPELINE.as_posix()}, so PyTorch does the work"
    try:
        found = compare_pipeline(bundle, bundle / WEIGHTS)
    except NotCompiled as error:
        raise BundleError(error.problem, source=bundle / PIPELINE, remedy="Remove the pipeline") from error
    if found is None:
        return "of other weights or another inference.yaml, so nothing uses it; lungxfer bundles compile makes it again"
    return f"Dice with PyTorch's masks at least {found['lowest_dice']:.4f} on {found['images']} phantoms"


def check_torchscript(bundle: Path, scratch: Path) -> str:
    """Check that TorchScript of the network, exported now or there already, gives the same logits."""
    torchscript = EXPORT_FORMATS["torchscript"]
    exported, shipped = scratch / torchscript.file, bundle / WEIGHTS.parent / torchscript.file
    torchscript.write(bundle, exported)
    network = _network(bundle)
    load_weights(network, bundle / WEIGHTS)
    image = torch.rand(_shape(bundle, "inputs", "image"), generator=torch.Generator().manual_seed(0))
    files = [exported, *([shipped] if shipped.is_file() else [])]
    for file in files:
        with torch.no_grad():
            difference = float((torch.jit.load(file, map_location="cpu")(image) - network(image)).abs().max())
        if difference > TOLERANCE:
            raise BundleError(
                f"its logits differ from PyTorch's by {difference:.2g}, and {TOLERANCE:g} is allowed",
                source=file if file == shipped else bundle / INFERENCE,
                remedy="Export it again (lungxfer bundles export NAME --format torchscript)",
            )
    return "exported, the same logits" + (f"; {shipped.name} too" if shipped.is_file() else "")


def check_exports(bundle: Path, _scratch: Path) -> str:
    """Check that the other formats of the network are those of the manifest, made from these weights."""
    formats = checked_formats(bundle)
    files = sum(len(entry["sha256"]) for entry in formats.values())
    return f"{', '.join(formats)}: {files} files, as the manifest tells"
