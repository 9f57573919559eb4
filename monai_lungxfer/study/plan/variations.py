"""What the arms of each question change of the paper's way, a line for each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

DONOR = "donor"
"""What a step has as parent that starts from the donor's weights; and the step that measures the donor itself."""

# The contracting path down to its end: all that turns an image into features.
ENCODER = ("encoder*", "bottleneck*")
_LEVELS = (*(f"encoder{level}.*" for level in range(1, 5)), "bottleneck.*")

LARGE = 1.5
"""Side of the network's input in the arms of larger images, as a multiple of the plan's."""

# Leaves the first convolution as a training from scratch would draw it.
_RANDOM_FIRST = (
    "$(monai_lungxfer.weights.loading.load_parent(@network_def, @parent, allow=@parent_allow), "
    "@network_def.encoder1.enc1conv1.reset_parameters())[0]"
)
_ONE_CHANNEL = {"network_def#in_channels": 1}
_DRAWN = {"objects_prob": 0.5}
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Variation(NamedTuple):
    """What one arm changes.

    Attributes
    ----------
    name : str
        Part of the names of its steps.
    title : str
        In words; ``{side}`` and ``{large}`` stand for sizes, see `monai_lungxfer.study.plan.arms.fill_sizes`.
    settings : mapping
        Of the portable stage; of all its stages where it has a general stage of its own.
    general : mapping or None
        Further settings of a general stage of its own; None where the paper's is taken.
    donor : mapping or None
        Further settings of a donor of its own; None where the study's is taken.
    parent : str
        What the portable stage starts from, where the general stage is not its own.
    scale : float
        Side of the network's input as a multiple of the plan's.
    """

    name: str
    title: str
    settings: Mapping[str, Any] = _NOTHING
    general: Mapping[str, Any] | None = None
    donor: Mapping[str, Any] | None = None
    parent: str = "general"
    scale: float = 1.0


def _transfused(how: str) -> Mapping[str, Any]:
    call = f"load_transfused(@adapted, @parent, {how}, seed=@seed, allow=@parent_allow)"
    return {"transfer_report": f"$monai_lungxfer.weights.{call}"}


VARIATIONS: Mapping[str, tuple[Variation, ...]] = MappingProxyType(
    {
        "sizing": (
            Variation("pad", "padded to {side}²", {"sizing": "pad"}),
            Variation("aspect", "aspect kept, {side}² pixels", {"sizing": "aspect"}),
            Variation("square_large", "square {large}²", scale=LARGE),
            Variation("aspect_large", "aspect kept, {large}² pixels", {"sizing": "aspect"}, scale=LARGE),
            Variation("multi", "many sizes about {side}²", {"sizing": "multi"}),
        ),
        "channels": (
            Variation("summed", "one channel, first kernels summed", _ONE_CHANNEL, {}),
            Variation("flair", "one channel, donor of FLAIR", _ONE_CHANNEL, {}, {"channels": "flair"}),
            Variation("random_first", "first layer random", general={"transfer_report": _RANDOM_FIRST}),
            *(Variation(f"width_{n}", f"width {n}", {"network_def#init_features": n}, {}, {}) for n in (8, 16, 32)),
        ),
        "reuse": (
            Variation("transfuse_0", "the donor's scale alone", general=_transfused("keep=()")),
            *(
                Variation(
                    f"transfuse_{k}",
                    f"{k} level{'s' * (k > 1)} of the donor",
                    general=_transfused(f"keep={_LEVELS[:k]}"),
                )
                for k in range(1, 6)
            ),
            Variation("shuffled", "the donor's values in random order", general=_transfused("shuffled=True")),
        ),
        "adaptation": (
            Variation("head", "last layer alone", {"trainable": ["conv.*"]}),
            Variation("norm", "batch norm alone", {"trainable": ["*norm*"]}),
            Variation("l2_sp", "held near the general weights (L2-SP)", {"l2_sp": 0.01}),
            Variation("translator_donor", "translator on the donor", {"translator": "tail:3"}, parent=DONOR),
            Variation("translator", "translator", {"translator": "tail:3"}),
            Variation("translator_dilated", "dilated translator", {"translator": "tail-dilated:3"}),
            Variation("translator_hypercolumn", "translator on all levels", {"translator": "hypercolumn:3"}),
            Variation(
                "translator_cascade",
                "translator on the translator",
                {"translator": "tail:3"},
                parent="general_translator",
            ),
        ),
        "objects": (
            *(
                Variation(f"drawn_{kind}", f"{kind} drawn", _DRAWN | {"objects": [kind]})
                for kind in ("pacemaker", "tubes", "electrodes", "markers")
            ),
            Variation("drawn_objects", "all kinds drawn", _DRAWN),
            Variation("consistency", "all kinds drawn, consistency loss", _DRAWN | {"consistency": 1.0}),
        ),
    }
)
"""The arms of each question but the paper's own."""
