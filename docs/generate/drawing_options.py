"""The command line of the scripts that draw a picture from a seed."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from PIL import Image

__all__ = ["save_drawing"]


def save_drawing(description: str, draw: Callable[[int, int], Image.Image], size: int, size_help: str) -> None:
    """Draw by the options of the command line, save the picture, and print how large its file is.

    Parameters
    ----------
    description : str
        What ``--help`` says.
    draw : callable
        Takes the seed and the size.
    size : int
        The size by default, in pixels.
    size_help : str
        What the size is of.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=size, help=size_help)
    arguments = parser.parse_args()
    draw(arguments.seed, arguments.size).save(arguments.out, optimize=True)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1000:.0f} kB")
