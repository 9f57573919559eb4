"""Installations with few extras, played in a process that has them all."""

from __future__ import annotations

import os
import subprocess
import sys

from monai_lungxfer.utils.extras import EXTRA_NAMES

_CODE = """
import sys
from importlib.machinery import PathFinder

absent = set(sys.argv.pop(1).split(","))


class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in absent else super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
from monai_lungxfer.cli import main

main()
"""
_IN_OTHERS = ("pydantic",)  # comes with what is always there


def run_lungxfer(*words: str, extras: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run the command line where no package of other extras can be found."""
    absent = {name for name, extra in EXTRA_NAMES.items() if extra not in extras} - set(_IN_OTHERS)
    command = [sys.executable, "-c", _CODE, ",".join(absent), *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"})
