"""Carrying weights from a parent model into a network, with a layer-by-layer account of what was done."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import torch
from torch import nn

from monai_lungxfer.bundle.references import names_weights, resolve_weights
from monai_lungxfer.networks.translator_unet import TranslatorUNet
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.torch_files import read_checkpoint
from monai_lungxfer.weights.adapters import parent_part, require_parent
from monai_lungxfer.weights.bases import find_base
from monai_lungxfer.weights.misfits import refuse_other_network, refuse_unless_allowed
from monai_lungxfer.weights.sidecar import read_sidecar

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LayerTransfer:
    """What became of one entry of the state dict, by its key.

    Attributes
    ----------
    status : {"loaded", "adapted", "missing", "unexpected"}
        Missing: the network has it, the parent does not. Unexpected: the reverse, or a shape that nothing fits.
    detail : str
        The shape, or what was adapted.
    """

    name: str
    status: str
    detail: str


@dataclass(frozen=True)
class TransferReport:
    """The account of one transfer, one line per entry of the state dict.

    Attributes
    ----------
    parent : str
        As it was named.
    sha256 : str
        Of the parent's weights file.
    """

    parent: str
    sha256: str
    layers: tuple[LayerTransfer, ...]

    def with_status(self, status: str) -> list[LayerTransfer]:
        """Return the layers of one status."""
        return [layer for layer in self.layers if layer.status == status]

    def __str__(self) -> str:
        counts = ", ".join(
            f"{len(self.with_status(status))} {status}" for status in ("loaded", "adapted", "missing", "unexpected")
        )
        return "\n".join([f"Transfer from {self.parent}: {counts}", *self._lines()])

    def _lines(self) -> Iterator[str]:
        """One line for each layer whose entries fared alike: its entries, or the shapes where they matter."""
        for (layer, status), group in groupby(self.layers, lambda entry: (entry.name.rpartition(".")[0], entry.status)):
            entries = list(group)
            detail = ", ".join(entry.name.rpartition(".")[2] for entry in entries)
            if status != "loaded" or len(entries) == 1:
                detail = ", ".join(f"{entry.name.rpartition('.')[2]} {entry.detail}" for entry in entries)
            yield f"  {status:<10} {layer:<36} {detail}"


def read_state_dict(path: str | Path) -> dict[str, torch.Tensor]:
    """Read a state dict without running any code from the file.

    Wrappers that trainers add are taken off: an enclosing ``model``, ``network`` or ``state_dict`` entry, and
    the ``module.`` before each key of a distributed model.

    Raises
    ------
    TransferError
        When the file is not a checkpoint of plain tensors.
    """
    return _read_and_hash(path)[0]


def _read_and_hash(path: str | Path) -> tuple[dict[str, torch.Tensor], str]:
    """Return the state dict and the SHA-256 of the file, which is opened once."""
    try:
        packed = Path(path).read_bytes()
    except OSError as error:
        raise TransferError(
            f"cannot be read ({error.strerror})", source=path, remedy="Check the path and its permissions"
        ) from error
    content = read_checkpoint(path, content=packed)
    for wrapper in ("state_dict", "model", "network"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise TransferError("it holds no state dict", source=path, remedy="Save network.state_dict() alone")
    weights = {key.removeprefix("module."): value for key, value in content.items()}
    return weights, hashlib.sha256(packed).hexdigest()


def load_weights(network: nn.Module, reference: str | Path, adapter: str | Path | None = None) -> Path:
    """Load weights that must fit the network exactly, for inference and evaluation.

    Weights that are an adapter bring their base with them, see `monai_lungxfer.weights.bases.find_base`. With an
    `adapter` by itself, the weights are its base.

    Returns
    -------
    pathlib.Path
        The file that they came from: the adapter's, where there is one.

    Raises
    ------
    TransferError
        When the file is missing, is no checkpoint, is of another network, or differs from it in any key or shape; when
        an adapter's base is missing or another one.
    """
    path, base = resolve_weights(reference), None
    if names_weights(adapter):
        path, base = resolve_weights(adapter), path
    load_weights_file(network, path, base)
    return path


def load_weights_file(network: nn.Module, path: Path, base: Path | None = None) -> str:
    """Do what `load_weights` does with a file, and return its SHA-256. The file is opened and unpickled once."""
    given, sha256 = _read_and_hash(path)
    refuse_other_network(network, read_sidecar(path).network, path)
    if isinstance(network, TranslatorUNet):
        load_weights_file(network.base, find_base(path, base))
    layers, _ = _compare(network.state_dict(), given)
    refuse_unless_allowed([layer for layer in layers if layer.status != "loaded"], (), network, given, path)
    network.load_state_dict(given)
    return sha256


def load_parent(network: nn.Module, parent: str | Path | None, allow: Sequence[str] = ()) -> TransferReport | None:
    """Start a network from its parent's weights; all of them go on training (Vidal et al. 2021, section 3.2).

    Parameters
    ----------
    network : torch.nn.Module
        Receives the weights in place. Those of a new `TranslatorUNet` are for its base.
    parent : str, pathlib.Path or None
        See `monai_lungxfer.bundle.references.resolve_weights`; ``None`` or ``"none"``, which can be typed behind
        ``--parent``, leaves the network as it was initialised.
    allow : sequence of str
        Keys, or patterns such as ``"conv.*"``, that may be missing in the parent or unexpected in the network.

    Returns
    -------
    TransferReport or None
        The log has its summary, and at DEBUG a line for each layer.

    Raises
    ------
    TransferError
        When a layer is missing or unexpected and not allowed by name. The network is unchanged then. Also when a
        translator has no parent.
    """
    if not names_weights(parent) and not isinstance(network, TranslatorUNet):
        return None
    path = require_parent(parent)
    network = parent_part(network, path)
    if isinstance(network, TranslatorUNet):  # which goes on learning
        load_weights_file(network.base, find_base(path))
    given, sha256 = _read_and_hash(path)
    layers, weights = _compare(network.state_dict(), given)
    report = TransferReport(str(parent), sha256, tuple(layers))
    taken = len(report.with_status("loaded") + report.with_status("adapted"))
    folder = path.parents[1 if path.parent.name == "models" else 0].name
    told = (taken, len(network.state_dict()), folder, path.name, report.sha256[:12])
    logger.info("%d of %d layers from %s (%s, sha256 %s)", *told)
    logger.debug("%s", report)
    left_out = report.with_status("missing") + report.with_status("unexpected")
    refuse_unless_allowed(left_out, allow, network, given, path)
    network.load_state_dict(weights, strict=False)
    return report


def fit_weights(network: nn.Module, given: Mapping[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    """Return weights as a network takes them: alike, but for the kernels that see the image.

    Those are summed over its channels, or shared out, so that a replicated grey image gives the same output.
    TransferError is raised when any other layer does not fit; `path` is what it names.
    """
    layers, weights = _compare(network.state_dict(), given)
    refuse_unless_allowed(
        [layer for layer in layers if layer.status not in ("loaded", "adapted")], (), network, given, path
    )
    return weights


def _compare(
    own: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor]
) -> tuple[list[LayerTransfer], dict[str, torch.Tensor]]:
    layers, weights = [], {}
    for name, target in own.items():
        if name not in given:
            layers.append(LayerTransfer(name, "missing", _shape(target)))
        elif given[name].shape == target.shape:
            layers.append(LayerTransfer(name, "loaded", _shape(target)))
            weights[name] = given[name]
        elif (adapted := _adapt_input_channels(given[name], target)) is not None:
            layers.append(LayerTransfer(name, "adapted", f"{_shape(given[name])} -> {_shape(target)}"))
            weights[name] = adapted
        else:
            layers.append(LayerTransfer(name, "unexpected", f"{_shape(given[name])}, need {_shape(target)}"))
    layers += [LayerTransfer(name, "unexpected", _shape(given[name])) for name in given if name not in own]
    return layers, weights


def _adapt_input_channels(given: torch.Tensor, target: torch.Tensor) -> torch.Tensor | None:
    """Fit a first convolution to another number of channels, so that a replicated grey image gives the same output."""
    fits = (
        given.dim() == target.dim() == 4 and given.shape[0] == target.shape[0] and given.shape[2:] == target.shape[2:]
    )
    if not fits or 1 not in (given.shape[1], target.shape[1]):
        return None
    return given.float().sum(dim=1, keepdim=True).expand_as(target) / target.shape[1]


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
