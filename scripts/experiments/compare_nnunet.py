"""Train nnU-Net v2 (2d) on the images of a split for a wall time, and measure it by our metrics.

    python scripts/experiments/compare_nnunet.py --split portable/split.json DATA/portable --minutes 60 \
        --out runs/nnunet --make-env

A second `--split general/split.json DATA/general` adds that split's training and validation sections to what nnU-Net
learns from, as our stages do; measured is the first split alone. Started again, it goes on where it was.

Written into OUT: `independent.json`, in the form of `lungxfer evaluate`'s reports; `curve.json`, the seconds of
training with the Dice of the validation section at that time, nnU-Net's plan, and what was changed from its defaults;
and `nnunet.log`. Planning, preprocessing and measuring are not part of the wall time. All else is nnU-Net's default,
with mirroring at prediction. nnU-Net has an environment of its own (about 2 GB), which --make-env makes.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from nnunet_comparison.environment import DEFAULT_ENVIRONMENT, NnUnet, make_environment
from nnunet_comparison.steps import Comparison

from monai_lungxfer.data.splits import load_split
from monai_lungxfer.utils.errors import LungXferError


def arguments_parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--split", nargs=2, type=Path, action="append", required=True, metavar=("FILE", "DATA"), dest="splits"
    )
    parser.add_argument("--minutes", type=float, required=True, help="wall time of the training")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--points", type=int, default=10, help="points of the curve Dice against wall time")
    parser.add_argument("--section", choices=("independent", "test"), default="independent")
    parser.add_argument("--env", type=Path, default=DEFAULT_ENVIRONMENT, help="nnU-Net's environment")
    parser.add_argument("--make-env", action="store_true", help="install nnU-Net there, unless it is there")
    return parser


def main() -> None:
    """Run the comparison and print its main figures."""
    parser = arguments_parser()
    arguments = parser.parse_args()
    if arguments.minutes <= 0 or arguments.points < 1:
        parser.error("--minutes and --points must be positive")
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("nnunet_comparison").setLevel(logging.INFO)
    try:
        if arguments.make_env:
            make_environment(arguments.env.absolute())
        comparison = Comparison(
            splits=tuple(load_split(file, data) for file, data in arguments.splits),
            folder=arguments.out.absolute(),
            minutes=arguments.minutes,
            points=arguments.points,
            section=arguments.section,
        )
        report = comparison.run(NnUnet(arguments.env.absolute(), comparison.folder))
    except LungXferError as error:
        parser.exit(2, f"{error}\n")
    for name, summary in report["all"].items():
        if summary["n"]:
            print(f"{name}: {summary['mean']:.4f} ({summary['n']} images)")


if __name__ == "__main__":
    main()
