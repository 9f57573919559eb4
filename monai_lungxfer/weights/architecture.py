"""Which network weights are of: a configuration follows them, or says what to write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.files import WEIGHTS
from monai_lungxfer.bundle.references import names_weights, resolve_weights
from monai_lungxfer.bundle.workflow import bundle_config
from monai_lungxfer.networks.description import describe_weights, is_own_network
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.sidecar import read_sidecar

_OUTPUTS = "out_channels"
_CHANNELS = ("in_channels", _OUTPUTS)


def follow_network(
    network_def: Mapping[str, Any], weights: str | Path | None, *, as_parent: bool = False
) -> dict[str, Any]:
    """Return the ``network_def`` that weights need; their file is read only if no sidecar names their network.

    Channels and width are those of the weights: a bundle's transforms repeat a grey image for ``in_channels``.

    Parameters
    ----------
    network_def : mapping
        What the configuration names. Its ``out_channels`` are what the bundle's results are made for.
    weights : str, pathlib.Path or None
        As for `monai_lungxfer.bundle.references.resolve_weights`; ``None`` or ``"none"`` for no weights.
    as_parent : bool
        Whether the weights are only to start from. The outputs are those of `network_def` then.

    Returns
    -------
    dict
        `network_def` itself for no weights, and for those of a network that is not of this package. Of an adapter, it
        is the network of its base, on which `monai_lungxfer.weights.adapters.adapt_network` puts the new layers.

    Raises
    ------
    TransferError
        When there are no such weights, the file is not a checkpoint of plain tensors, or the network has other outputs
        than `network_def`.
    """
    if not names_weights(weights):
        return dict(network_def)
    path = resolve_weights(weights)
    sidecar = read_sidecar(path)
    described = sidecar.network or describe_weights(read_state_dict(path))
    base = sidecar.base
    while base is not None:
        described, base = base.network, base.base
    if described is None or not is_own_network(described):
        return dict(network_def)
    # A sidecar that somebody wrote may leave out what is as usual.
    described = {"_target_": "", **{name: network_def[name] for name in _CHANNELS if name in network_def}, **described}
    wanted = network_def.get(_OUTPUTS, described.get(_OUTPUTS))
    if wanted != described.get(_OUTPUTS) and not as_parent:
        raise TransferError(
            f"the network of these weights has {described[_OUTPUTS]} outputs, and the bundle has masks of {wanted}",
            source=path,
            remedy="Use them as a parent alone (lungxfer train STAGE --parent FILE --set parent_allow=[conv.*])",
        )
    return described if wanted is None else described | {_OUTPUTS: wanted}


def bundle_network_def(bundle: Path) -> dict[str, Any]:
    """Return class and parameters of the network of a bundle's weights, as ``network_def`` has them."""
    return follow_network(bundle_config(bundle, "inference")["network_def"], bundle / WEIGHTS)
