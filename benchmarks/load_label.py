"""Put load on MONAI Label's server, and print as Markdown what became of the requests and of its memory.

    python benchmarks/load_label.py --images DIR --out OUT [--requests 200] [--clients 8] [--port 8010]

The server is that of ``lungxfer serve label --studies DIR --out OUT``. It is started twice over: once it is left alone,
once it is killed (SIGKILL) when half of the requests are answered, and started again. A client whose connection breaks
sends its request again. Every second request sends a file, the others name an image of the server's folder. Every mask
that comes back is compared with the one that the same bundle makes in this process. Memory is the resident set of all
processes of the server, once a second.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from functools import partial
from pathlib import Path

import requests
from server_load import PATIENCE, Server, load

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.mask_writer import encode_png
from monai_lungxfer.io.radiograph import read_radiograph

PARAMS = {"params": '{"result_extension": ".png"}'}


def send(file: Path, mask: bytes, url: str, *, is_named: bool) -> bool:
    """Ask for the mask of a radiograph, and compare it."""
    address, query = f"{url}/infer/{bundle_path('portable').name}", {"output": "image"}
    if is_named:
        answer = requests.post(address, params=query | {"image": file.stem}, data=PARAMS, timeout=PATIENCE)
    else:
        sent = {"file": (file.name, file.read_bytes())}
        answer = requests.post(address, params=query, data=PARAMS, files=sent, timeout=PATIENCE)
    return answer.ok and answer.content == mask


def main() -> None:
    """Make the expected masks, and put load on the server twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--most-images", type=int, default=20, help="different images among the requests")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--port", type=int, default=8010)
    given = parser.parse_args()
    studies = given.out / "studies"
    studies.mkdir(parents=True)
    segmenter, sends = Segmenter.from_bundle("portable"), []
    for number, item in enumerate(find_inputs([given.images])[: given.most_images]):
        file = Path(shutil.copy(item.path, studies))
        mask = encode_png(segmenter.segment(read_radiograph(file, segmenter.channels)).mask)
        sends.append(partial(send, file, mask, is_named=number % 2 == 0))
    code = "from monai_lungxfer.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", "label", "--studies", str(studies), "--port", str(given.port)]
    command += ["--out", str(given.out / "label")]
    load(Server(command, f"http://127.0.0.1:{given.port}", "/info/", os.environ), sends, given.requests, given.clients)


if __name__ == "__main__":
    main()
