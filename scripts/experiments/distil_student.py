"""Teach a smaller `EfficientUNet`, the student, what larger weights make of radiographs.

    python scripts/experiments/distil_student.py --teacher RUN/models/model.pt DATA/general --out RUN/student.pt

The student has the teacher's encoder, but for the end of its last level, and a leaner decoder. The encoder's first four
levels stay as they are, so each augmented image passes them once, for both networks and for several steps. What the
student learns by is the teacher's probability for the same augmented image (binary cross-entropy) and the drawn mask
(Dice). Images, transforms and the share of each view are those of the portable stage's second recipe. The weights that
are kept are the average over the last steps. The same command continues an interrupted training from
`student.resume.pt`.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from typing import Any

import torch
from monai.data import DataLoader
from monai.losses import DiceLoss
from monai.optimizers import WarmupCosineSchedule
from monai.utils import set_determinism
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import WeightedRandomSampler

from monai_lungxfer.bundle.workflow import bundle_workflow
from monai_lungxfer.cli.options import parsed_settings
from monai_lungxfer.data.cache import decoded_dataset
from monai_lungxfer.data.datalist import data_root, load_datalist
from monai_lungxfer.data.partition import make_split
from monai_lungxfer.data.rehearsal import balance_views
from monai_lungxfer.handlers.precise_batch_norm import PreciseBatchNorm, evenly_spaced
from monai_lungxfer.metrics.per_image import image_metrics
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.networks.freezing import frozen_layers
from monai_lungxfer.utils.precision import autocast_dtype
from monai_lungxfer.utils.torch_files import read_checkpoint, save_checkpoint
from monai_lungxfer.weights.learnt import digest_images, inherit_learnt
from monai_lungxfer.weights.loading import load_parent, load_weights
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import LearntImages, Sidecar

SHARED = 4  # levels of the encoder that stay as the teacher has them
# Their weights, and the depthwise ones above, whose gradients PyTorch computes slowly on a CPU.
FROZEN = ["encoder.stem*", *(f"encoder.levels.{level}.*" for level in range(SHARED)), "encoder.levels.4.?.layers.4.*"]
MOMENTUM = 0.02  # of the average of weights, as in train_best.yaml
NORM_IMAGES = 128  # that batch norms take their statistics from at the end
# Of the recipe's random transforms by their number: $MILD of docs/results/recipe.md.
MILD = {"0#prob": 0.5, "1#scale_range": [[-0.15, 0.15], [-0.15, 0.15]], "1#rotate_range": 0.175, "2#prob": 0.1}
MILD |= {"3#prob": 0.15, "4#prob": 0.1, "5#gamma": [0.7, 1.5]}
DEVICE = torch.device("cpu")
logger = logging.getLogger("distil_student")
View = list[torch.Tensor]


class Both:
    """Student and teacher, with one encoder up to its last level."""

    def __init__(self, student: EfficientUNet, teacher: EfficientUNet) -> None:
        self.student = student
        self.teacher = teacher

    @torch.no_grad()
    def look(self, image: torch.Tensor) -> View:
        """Return what both networks share of images, and the teacher's probabilities for them."""
        image = image.contiguous(memory_format=torch.channels_last)
        with reduced_precision():
            features = self.teacher.encoder(image)
            target = self.teacher.decoder(image, features)
        return [*features[:SHARED], target.float().sigmoid().half()]

    def draw(self, view: View) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the student's logits and the teacher's probabilities, float32."""
        *shared, target = view
        with reduced_precision():
            features = [*shared, self.student.encoder.levels[SHARED](shared[-1])]
            logits = self.student.decoder(target, features)  # it takes nothing of the image but its size
        return logits.float(), target.float()


def reduced_precision() -> torch.autocast:
    """Return the autocast that training uses on this machine."""
    dtype = autocast_dtype(DEVICE)
    return torch.autocast(DEVICE.type, dtype=dtype, enabled=dtype is not None)


def make_networks(arguments: argparse.Namespace) -> Both:
    """Return student and teacher; the student begins with what fits of the teacher's encoder."""
    teacher, student = (
        EfficientUNet(),
        EfficientUNet(width=arguments.width, last_blocks=arguments.last_blocks, levels=4),
    )
    load_weights(teacher, arguments.teacher)
    load_parent(student, arguments.teacher, ["decoder.*", "encoder.levels.4.*"])
    frozen_layers(student, FROZEN)
    return Both(*(network.to(memory_format=torch.channels_last) for network in (student, teacher.eval())))


def make_data(arguments: argparse.Namespace) -> dict[str, list[Any]]:
    """Return the records to learn from and to watch the training by, each data set split by patient."""
    records: dict[str, list[Any]] = {"training": [], "validation": []}
    for folder in arguments.data:
        split = make_split(load_datalist(folder), arguments.seed, (0.95, 0.05, 0.0), 0.0, root=data_root(folder))
        for section, found in records.items():
            found.extend(split.section(section))
    return records


def make_datasets(arguments: argparse.Namespace, records: dict[str, list[Any]]) -> dict[str, Any]:
    """Decode every image once: `training` is augmented, `validation` and `norm` are not."""
    mild = {f"train#random_transforms#{name}": value for name, value in MILD.items()}
    settings = mild | {"image_size": arguments.image_size} | parsed_settings(arguments.set)
    parser = bundle_workflow("portable", "train_best", settings).parser
    augmented, plain = (parser.get_parsed_content(f"{name}#preprocessing") for name in ("train", "validate"))
    return {
        "training": decoded_dataset(records["training"], augmented, arguments.seed),
        "validation": decoded_dataset(records["validation"], plain),
        "norm": decoded_dataset(evenly_spaced(records["training"], NORM_IMAGES), plain),
    }


class Distillation:
    """One training: its networks, its state, its files."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        set_determinism(arguments.seed)
        self.arguments = arguments
        self.both = make_networks(arguments)
        student = self.both.student
        self.average = AveragedModel(student, multi_avg_fn=get_ema_multi_avg_fn(1 - MOMENTUM), use_buffers=True)
        learning = [weight for weight in student.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.Adam(learning, arguments.rate)
        self.schedule = WarmupCosineSchedule(
            self.optimizer,
            warmup_steps=1,
            warmup_multiplier=0.1,
            t_total=arguments.epochs * arguments.passes,
            end_lr=1e-6,
        )
        self.drawn = DiceLoss(sigmoid=True, smooth_nr=1.0, smooth_dr=1.0, batch=True)
        parts = (student, self.average, self.optimizer, self.schedule)
        self.state = dict(zip(("student", "average", "optimizer", "schedule"), parts, strict=True))
        self.file = Path(arguments.out).with_suffix(".resume.pt")
        self.epoch = 0
        if self.file.exists():
            kept = read_checkpoint(self.file)
            self.epoch = kept.pop("epoch")
            for name, content in kept.items():
                self.state[name].load_state_dict(content)

    def run(self) -> None:
        """Train to the last epoch, estimate batch norms, write the weights."""
        records = make_data(self.arguments)
        datasets = make_datasets(self.arguments, records)
        weights = balance_views(records["training"])
        while self.epoch < self.arguments.epochs:
            generator = torch.Generator().manual_seed(1000 * self.arguments.seed + self.epoch)
            drawn = WeightedRandomSampler(weights, self.arguments.samples, generator=generator)
            datasets["training"].set_epoch(self.epoch)
            self._epoch(DataLoader(datasets["training"], batch_size=1, sampler=drawn), generator)
            self.epoch += 1
            save_checkpoint({"epoch": self.epoch} | {k: v.state_dict() for k, v in self.state.items()}, self.file)
        loader = DataLoader(datasets["norm"], batch_size=16)
        PreciseBatchNorm(self.average.module, loader, DEVICE)()
        self._write(records)
        self._validate(datasets["validation"])

    def _epoch(self, images: DataLoader, generator: torch.Generator) -> None:
        begun = time.time()
        views = [[*self.both.look(one["image"]), one["label"]] for one in images]
        looked = time.time()
        for _ in range(self.arguments.passes):
            order = torch.randperm(len(views), generator=generator)
            batches = order[: len(order) // self.arguments.batch * self.arguments.batch].view(-1, self.arguments.batch)
            losses = torch.stack([self._step([views[number] for number in batch]) for batch in batches]).mean(0)
            self.schedule.step()
            logger.info("epoch %d: cross-entropy %.4f, Dice loss %.4f", self.epoch + 1, *losses.tolist())
        logger.info("%.0f s to look, %.0f s to learn", looked - begun, time.time() - looked)

    def _step(self, views: list[View]) -> torch.Tensor:
        """Learn by a batch, and return its two losses."""
        self.both.student.train()
        *view, label = (torch.cat(planes) for planes in zip(*views, strict=True))
        logits, target = self.both.draw(view)
        losses = torch.stack([binary_cross_entropy_with_logits(logits, target), self.drawn(logits, label)])
        self.optimizer.zero_grad()
        (losses[0] + self.arguments.drawn * losses[1]).backward()
        self.optimizer.step()
        self.average.update_parameters(self.both.student)
        return losses.detach()

    @torch.no_grad()
    def _validate(self, dataset: Any) -> None:
        """Log the Dice with drawn masks of student and teacher, and of the two with each other."""
        both = Both(self.average.module.eval(), self.both.teacher)
        rows = []
        for batch in DataLoader(dataset, batch_size=16):
            logits, target = both.draw(both.look(batch["image"]))
            student, teacher, label = logits > 0, target > 0.5, batch["label"] > 0
            pairs = ((student, label), (teacher, label), (student, teacher))
            rows.append([image_metrics(one.float(), two, ["DICE_HARD"])["DICE_HARD"].mean() for one, two in pairs])
        dice = torch.tensor(rows).mean(0).tolist()
        logger.info("Dice: student %.4f, teacher %.4f, of the two %.4f; %d images", *dice, len(dataset))

    def _write(self, records: dict[str, list[Any]]) -> None:
        images = frozenset(digest_images(records["training"] + records["validation"]))
        learnt = (*inherit_learnt(self.arguments.teacher), LearntImages("student", images))
        known = Sidecar(list(self.arguments.image_size), learnt=learnt)
        save_weights(self.average.module.state_dict(), self.arguments.out, known, overwrite=True)
        logger.info("wrote %s", self.arguments.out)


def options() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="data sets to learn from")
    parser.add_argument("--teacher", required=True, help="weights of an EfficientUNet, or a bundle's name")
    parser.add_argument("--out", type=Path, required=True, help="the student's weights")
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--last-blocks", type=int, default=2)
    parser.add_argument("--image-size", type=int, nargs=2, default=[192, 192], metavar=("H", "W"))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--samples", type=int, default=960, help="images of an epoch, each augmented once")
    parser.add_argument("--passes", type=int, default=4, help="how often an epoch learns from each of its images")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=0.002, help="learning rate")
    parser.add_argument("--drawn", type=float, default=1.0, help="weight of the Dice loss with drawn masks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", metavar="ID=VALUE", help="a setting of train_best.yaml")
    return parser


def main() -> None:
    """Read the options and train."""
    arguments = options().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    Distillation(arguments).run()


if __name__ == "__main__":
    main()
