"""Training a border refiner for weights: patches along the borders that they predict on the training images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits

from monai_lungxfer.bundle.files import REFINER
from monai_lungxfer.bundle.stages import Stage
from monai_lungxfer.bundle.workflow import bundle_config
from monai_lungxfer.data.partition import Split
from monai_lungxfer.data.splits import ensure_split, find_locked_share
from monai_lungxfer.inference.border_refinement import correct_logit, refine_probability
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.metrics.per_image import image_metrics
from monai_lungxfer.networks.border_refiner import BorderRefiner
from monai_lungxfer.training.border_examples import BorderExample, border_examples, draw_patches, usual_side
from monai_lungxfer.training.stage import StageFolder, stage_data
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.locks import lock_output
from monai_lungxfer.weights.learnt import digest_images
from monai_lungxfer.weights.refiner_file import RefinerDescription, check_refiner_target, refined_by, save_refiner

STEPS = 960
LEARNING_RATE = 0.004
CHECKS = 8
"""How often it is measured on the validation images."""

CHOSEN_BY = "BIOU"
_MEASURED = ("DICE_HARD", CHOSEN_BY, "NSD_D0.5", "NSD_D1")
Progress = Callable[[int, int], None]
_Values = dict[str, NDArray[np.float64]]  # of each image


def train_refiner(
    stage: Stage,
    data: str | Path,
    folder: StageFolder,
    weights: str | Path,
    *,
    file: str | Path | None = None,
    seed: int = 0,
    split: Split | None = None,
    steps: int = STEPS,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a border refiner, and write it with the JSON file beside it.

    It learns from the training section alone. The step of the best boundary IoU on the validation section is kept, if
    it improves that by more than the standard error of the differences, and Dice is no worse. Where no step does, the
    refiner that is written changes nothing, and the result says so.

    Parameters
    ----------
    stage : Stage
        Whose bundle predicts.
    data : str or pathlib.Path
        The folder of its data, or one that holds the folders of all stages.
    folder : StageFolder
        Of the training; its split is followed, or made.
    weights : str or pathlib.Path
        The weights to refine: a file or reference.
    file : str or pathlib.Path, optional
        Where to write; by default ``models/refiner.pt`` in the folder.
    seed : int
        Of everything random, and of a split that is made.
    split : Split, optional
        In place of the folder's.
    steps : int
        Of 24 patches each.
    device : str
        Of the weights' network; the refiner learns on the processor.
    overwrite : bool
        Whether a refiner that is there is replaced.
    progress : callable, optional
        Called with the steps done and their number.

    Returns
    -------
    dict
        `refiner`, its `sha256`, `weights_sha256`, `side`, `kept_step` (0: it changes nothing), `before` and `after`:
        means over the validation images.

    Raises
    ------
    OutputError
        When a file is there already, or it cannot be written.
    LungXferError
        When the training or validation section has no image with a border, or another process writes in the folder.
    """
    target = check_refiner_target(file or folder.path / REFINER, overwrite=overwrite)
    with lock_output(folder.path):
        split = split or _follow_split(stage, data, folder, seed)
        segmenter = Segmenter.from_bundle(
            stage.bundle, weights=weights, device=device, engine="torch", overrides={"refiner": None}
        )
        side = usual_side(split.training)
        training, validation = (
            list(border_examples(segmenter, split.section(name), side)) for name in ("training", "validation")
        )
        if not any(len(one.centres) for one in training) or not validation:
            raise LungXferError("there is no border to learn from", remedy="Check the weights, and the images")
        network, kept, before, after = fit_refiner(training, validation, seed, steps, progress)
        facts = {"split": split.hash, "seed": seed, "steps": steps, "kept_step": kept}
        facts |= {"validation": {"images": len(validation), "before": before, "after": after}}
        digests = digest_images([*split.training, *split.validation])
        described = RefinerDescription(
            segmenter.identity.weights_sha256, side, network.width, refined_by(digests), facts
        )
        save_refiner(network, target, described, overwrite=overwrite)
    told = {"refiner": target, "weights_sha256": described.weights_sha256, "side": side, "split": split.hash}
    return told | {"kept_step": kept, "images": len(validation), "before": before, "after": after}


def _follow_split(stage: Stage, data: str | Path, folder: StageFolder, seed: int) -> Split:
    settings = bundle_config(stage.bundle, "train")
    locked_share = find_locked_share(folder.split)
    drawn = (settings["fractions"], float(settings["hold_out"]))
    return ensure_split(stage_data(data, stage), folder.split, seed, *drawn, locked_share=locked_share)


def fit_refiner(
    training: Sequence[BorderExample],
    validation: Sequence[BorderExample],
    seed: int,
    steps: int,
    progress: Progress | None = None,
) -> tuple[BorderRefiner, int, dict[str, float], dict[str, float]]:
    """Return the best network, the step that it was best after, and the validation before and after."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = BorderRefiner()
        before = best = _measure(network, validation)
        kept, weights = 0, _copy(network)
        optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-4)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
        draws = np.random.default_rng(seed)
        for step in range(1, steps + 1):
            _learn(network.train(), optimizer, draw_patches(training, draws))
            schedule.step()
            if step % max(1, steps // CHECKS) == 0:
                found = _measure(network, validation)
                if _is_better(found, before) and found[CHOSEN_BY].mean() > best[CHOSEN_BY].mean():
                    best, kept, weights = found, step, _copy(network)
            if progress is not None:
                progress(step, steps)
    network.load_state_dict(weights)
    return network.eval(), kept, _means(before), _means(best)


def _means(values: _Values) -> dict[str, float]:
    return {name: float(one.mean()) for name, one in values.items()}


def _is_better(found: _Values, before: _Values) -> bool:
    """Tell whether a step is better than no refiner beyond chance: by more than a standard error, and no worse Dice."""
    gains = {name: found[name] - before[name] for name in found}
    gain = gains[CHOSEN_BY]
    error = gain.std(ddof=1) / len(gain) ** 0.5 if len(gain) > 1 else 0.0
    return bool(gain.mean() > error and gains["DICE_HARD"].mean() >= 0)


def _copy(network: BorderRefiner) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def _learn(network: BorderRefiner, optimizer: torch.optim.Optimizer, patches: torch.Tensor) -> None:
    picture, probability, truth, weight = patches.unsqueeze(2).unbind(dim=1)
    logit = correct_logit(probability, network(torch.cat([picture, probability], dim=1)))
    losses = binary_cross_entropy_with_logits(logit, truth, reduction="none")
    optimizer.zero_grad()
    ((losses * weight).sum() / weight.sum()).backward()
    optimizer.step()


def _measure(network: BorderRefiner, examples: Sequence[BorderExample]) -> _Values:
    """Return what is measured of each image, at the size at which the refiner looks at it."""
    network.eval()
    rows = []
    for example in examples:
        picture, probability, truth, _ = example.planes
        refined = refine_probability(probability, picture, network)
        rows.append([value.item() for value in image_metrics(refined, truth, _MEASURED).values()])
    return dict(zip(_MEASURED, np.transpose(rows), strict=True))
