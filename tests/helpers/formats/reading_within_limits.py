"""Read every file of a folder in a process of little memory, and print what came of each: a JSON list a line.

python reading_within_limits.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from process_limits import limit_memory, limit_time, memory

from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError

MEMORY_GB = 0.5
SECONDS = 100


def main() -> None:
    files = sorted(Path(sys.argv[1]).iterdir())
    limit_memory(MEMORY_GB)
    for file in files:
        limit_time(SECONDS)
        before = memory("VmRSS", reset=True)
        try:
            read_radiograph(file)
            result = "read"
        except InputFileError as error:
            result = error.problem
        sys.stdout.write(json.dumps([file.name, (memory("VmHWM") - before) / 1000, result]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
