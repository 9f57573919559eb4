"""Print as JSON what bounds the speed on this machine: the network's operations, matrix products, decoding.

python measure_bounds.py BUNDLE ROUNDS FOLDER_OF_FILES ...
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from monai_lungxfer.bundle.workflow import bundle_workflow

_SIDE = 2048
_FILES = 5
_CPU = torch.device("cpu")


def timed(call: Callable[[], object], rounds: int) -> dict[str, float]:
    """Return the processor's seconds of a call: median, least and most."""
    call()
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return {"median": statistics.median(taken), "least": min(taken), "most": max(taken)}


def throughput(kind: torch.dtype, rounds: int) -> dict[str, float]:
    """Return the operations a second of a product of two matrices, by 1e9."""
    one, other = (torch.rand(_SIDE, _SIDE, dtype=kind) for _ in range(2))
    taken = timed(lambda: one @ other, rounds)
    return {name: 2 * _SIDE**3 / 1e9 / value for name, value in taken.items()}


def network_work(bundle: str, rounds: int) -> dict[str, object]:
    """Return the operations of one pass of the bundle's network, and its time."""
    parser = bundle_workflow(bundle, "inference", {"device": _CPU}).parser
    network, size = parser.get_parsed_content("network").eval(), parser.get_parsed_content("image_size")
    image = torch.rand(1, 3, *size).to(memory_format=torch.channels_last)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(image)
    with torch.inference_mode():
        taken = timed(lambda: network(image), rounds)
    return {"size": list(size), "gflop": counter.get_total_flops() / 1e9, "seconds": taken}


def decode(file: Path) -> np.ndarray:
    """Return the pixels, by pydicom or Pillow."""
    content = BytesIO(file.read_bytes())
    if file.suffix == ".dcm":
        import pydicom

        return pydicom.dcmread(content).pixel_array
    return np.asarray(Image.open(content))


def main() -> None:
    """Print the numbers; times are in seconds."""
    bundle, rounds, folders = sys.argv[1], int(sys.argv[2]), [Path(name) for name in sys.argv[3:]]
    torch.set_num_threads(1)
    found = {
        "network": network_work(bundle, rounds),
        "gflop_per_second": {
            str(kind).removeprefix("torch."): throughput(kind, rounds) for kind in (torch.float32, torch.bfloat16)
        },
        "decode": {
            folder.name: [timed(lambda file=file: decode(file), rounds) for file in sorted(folder.iterdir())[:_FILES]]
            for folder in folders
        },
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
