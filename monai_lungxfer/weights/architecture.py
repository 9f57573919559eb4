"""Which network weights are of: a configuration follows them, or says what to write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.references import names_weights, resolve_weights
from monai_lungxfer.networks.description import describe_weights, is_own_network
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.sidecar import read_sidecar

_CHANNELS = ("in_channels", "out_channels")


def follow_network(network_def: Mapping[str, Any], weights: str | Path | None) -> dict[str, Any]:
    """Return the ``network_def`` that weights need; their file is read only if no sidecar names their network.

    Parameters
    ----------
    network_def : mapping
        What the configuration names. Its channels are kept, since its transforms prepare them.
    weights : str, pathlib.Path or None
        As for `monai_lungxfer.bundle.references.resolve_weights`; ``None`` or ``"none"`` for no weights.

    Returns
    -------
    dict
        `network_def` itself for no weights, and for those of a network that is not of this package.

    Raises
    ------
    TransferError
        When there are no such weights, or the file is not a checkpoint of plain tensors.
    """
    if not names_weights(weights):
        return dict(network_def)
    path = resolve_weights(weights)
    described = read_sidecar(path).network or describe_weights(read_state_dict(path))
    if described is None or not is_own_network(described):
        return dict(network_def)
    return described | {name: network_def[name] for name in _CHANNELS if name in network_def}
