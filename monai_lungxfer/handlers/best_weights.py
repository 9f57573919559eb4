"""The Ignite handler that keeps the weights of the best epoch, and what is told with them."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.engines import Workflow
from torch import nn

from monai_lungxfer.bundle.files import METADATA, bundles_root
from monai_lungxfer.bundle.references import names_weights
from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.sizing import SQUARE
from monai_lungxfer.utils.files import atomic_path, hash_file
from monai_lungxfer.utils.torch_files import read_checkpoint, save_checkpoint
from monai_lungxfer.weights.bundle_facts import CARD, find_bundle, update_bundle
from monai_lungxfer.weights.learnt import digest_images, inherit_learnt
from monai_lungxfer.weights.sidecar import (
    IMAGE_DIGITS,
    BaseWeights,
    LearntImages,
    Sidecar,
    mri_channel,
    save_sidecar,
    sidecar_file,
)

logger = logging.getLogger(__name__)


class BestWeights:
    """Keep the network's weights of the best validation epoch in a file, to be put back when training ends.

    Parameters
    ----------
    network : torch.nn.Module
        Its state dict is the file's only content, as MONAI Label and ``ckpt_export`` expect.
    path : str or pathlib.Path
        The weights file, replaced atomically.
    image_size : sequence of int
        (H, W) in pixels that the weights learn with. It is kept beside the file with the network's class and
        parameters, see `monai_lungxfer.weights.sidecar`.
    learnt : sequence of mappings
        Records of the images that the weights learn from or are chosen by. Hashes of their files are kept there, too.
    parent : str, pathlib.Path or None
        The weights that they start from, as for `monai_lungxfer.weights.loading.load_parent`.
    sizing : str
        How images are brought to that size, see `monai_lungxfer.networks.sizing.fit_size`. It is kept there, too.
    channels : {"rgb", "pre", "flair", "post"}, optional
        What of MRI slices they learn from, which is kept there as well; by default what their parent learnt from.
    base : BaseWeights or None
        What the weights of a translator need, see `monai_lungxfer.weights.adapters.keep_base`.
    """

    def __init__(
        self,
        network: nn.Module,
        path: str | Path,
        image_size: Sequence[int],
        learnt: Sequence[Mapping[str, Any]] = (),
        parent: str | Path | None = None,
        sizing: str = SQUARE,
        channels: str | None = None,
        base: BaseWeights | None = None,
    ) -> None:
        self.network = network
        self.path = Path(path)
        self.image_size = image_size
        self.sizing = sizing
        self.learnt = learnt
        self.base = base
        self._inherited = inherit_learnt(parent)
        of_parent = mri_channel(parent) if channels is None and names_weights(parent) else None
        self.channels = of_parent if channels in (None, "rgb") else channels

    def keep_shipped(self) -> None:
        """Copy the weights that the package ships aside, into `shipped/`, before a training replaces them.

        MONAI's own command trains in the bundle's folder, and `lungxfer predict` takes what lies there.
        """
        kept = self.path.parent / "shipped"
        if not self.path.resolve().is_relative_to(bundles_root().resolve()) or not self.path.is_file():
            return
        bundle = self.path.parent.parent
        for file in (self.path, sidecar_file(self.path), bundle / METADATA, bundle / CARD):
            if file.is_file() and not (kept / file.name).exists():
                with atomic_path(kept / file.name) as temporary:
                    shutil.copyfile(file, temporary)
        logger.warning(
            "%s is a bundle of the package itself, whose weights this training replaces; they are kept in models/%s. "
            "Train in a copy (lungxfer bundles export NAME --out DIR), or name another folder (--ckpt_dir DIR)",
            self.path.parents[1].name,
            kept.name,
        )

    def attach(self, engine: Engine) -> None:
        """Attach to the evaluator, whose key metric decides."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Workflow) -> None:
        """Write the weights if this epoch is the best so far."""
        if engine.state.best_metric_epoch == engine.state.epoch and engine.state.rank == 0:
            save_checkpoint(self.network.state_dict(), self.path)
            own = LearntImages(hash_file(self.path)[:IMAGE_DIGITS], self._digests)
            network, learnt = describe_network(self.network), (*self._inherited, own)
            known = Sidecar(list(self.image_size), network, learnt, self.sizing, self.channels, self.base)
            save_sidecar(self.path, known)
            if (bundle := find_bundle(self.path.absolute())) is not None:
                update_bundle(bundle)

    @cached_property
    def _digests(self) -> frozenset[str]:
        return frozenset(digest_images(self.learnt))

    def restore(self) -> None:
        """Load the best weights into the network."""
        if self.path.is_file():
            self.network.load_state_dict(read_checkpoint(self.path))
