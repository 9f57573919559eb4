"""How fast this build's server answers, against that of the build before, both running side by side.

    python benchmarks/compare_servers.py mlflow|label --before CHECKOUT --out OUT
        [--clients 8] [--requests 64] [--rounds 5]

Each build serves the portable bundle by its own environment, the other checkout by that in its `.venv`. In each round
`--clients` clients send `--requests` radiographs to one server, then as many to the other; the next round begins with
the other one. So only one server works at a time, and both meet the same other load. Printed are the times of answers
and the ratio of each round's 95th percentile. Every answer must hold a mask.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import requests
from load_label import serve_label
from load_mlflow import serve_model
from load_requests import write_good
from server_load import PATIENCE, Server

_MODEL = "portable_cxr_lung_segmentation"
_SAVE = """
import sys
from monai_lungxfer.bundle.files import bundle_path
import monai_lungxfer.serving.mlflow as served
if "save_model" in dir(served):
    served.save_model(sys.argv[1], bundle_path("portable"))
else:  # of an earlier build
    import mlflow
    mlflow.pyfunc.save_model(sys.argv[1], **served.pyfunc_arguments(bundle_path("portable")))
"""
_HEIGHT = 512
_KINDS = ("PNG, 8 bits", "JPEG", "DICOM")


def start(kind: str, python: Path, out: Path, port: int) -> Server:
    """Start the server of a build, in a folder of its own."""
    out.mkdir(parents=True)
    if kind == "label":
        (out / "studies").mkdir()
        server = serve_label(out / "studies", out / "label", port, out / "server.log", python)
    else:
        with (out / "save.log").open("wb") as log:
            words = [str(python), "-c", _SAVE, str(out / "model")]
            if psutil.Popen(words, cwd=out, stdout=log, stderr=log).wait():
                raise SystemExit(f"the model is not saved; see {out / 'save.log'}")
        server = serve_model(str(out / "model"), port, out / "server.log", python)
    server.start(out)
    return server


def request_for(kind: str, file: Path) -> dict[str, Any]:
    """Return the arguments of `requests.post` but the URL, after its path."""
    if kind == "label":
        sent = {"params": {"output": "image"}, "data": {"params": json.dumps({"result_extension": ".png"})}}
        return {"path": f"/infer/{_MODEL}", "files": {"file": (file.name, file.read_bytes())}, **sent}
    image = base64.b64encode(file.read_bytes()).decode()
    return {"path": "/invocations", "json": {"dataframe_records": [{"image": image}]}}


def ask(url: str, path: str, **sent: Any) -> float:
    """Send a request, and return the seconds until its answer."""
    begun = time.monotonic()
    answer = requests.post(url + path, timeout=PATIENCE, **sent)
    taken = time.monotonic() - begun
    if not answer.ok or len(answer.content) < 100:
        raise SystemExit(f"{url}{path} answers {answer.status_code}: {answer.text[:200]}")
    return taken


def send_all(server: Server, sent: Sequence[dict[str, Any]], clients: int) -> list[float]:
    """Send all requests from so many clients at once, and return the seconds of each."""
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(lambda each: ask(server.url, **each), sent))


def spread(values: Sequence[float]) -> str:
    """Format the median with the range."""
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def print_table(taken: dict[str, list[list[float]]]) -> None:
    """Print what each build took: rows of milliseconds, and the ratios of this build's rounds to those before."""
    print(f"\n| seconds, median ({len(taken['before'])} rounds) | {' | '.join(taken)} | ratio |\n|---|---:|---:|---:|")
    for percentile in (50, 95):
        by_build = [[float(np.percentile(each, percentile)) for each in rounds] for rounds in taken.values()]
        ratios = [new / old for new, old in zip(*by_build, strict=True)]
        print(f"| {percentile} % of answers within | {' | '.join(map(spread, by_build))} | {spread(ratios)} |")


def main() -> None:
    """Start both servers, ask them in turn, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("mlflow", "label"))
    parser.add_argument("--before", type=Path, required=True, metavar="CHECKOUT")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=64, help="in a round, to each server")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=5090, help="of this build; the other one has the next")
    given = parser.parse_args()
    out = given.out.resolve()
    files = write_good(out / "files", _HEIGHT)
    chosen = [request_for(given.kind, file) for kind, file in files.items() if kind.startswith(_KINDS)]
    sent = list(islice(cycle(chosen), given.requests))
    pythons = {"this build": Path(sys.executable), "before": given.before.resolve() / ".venv" / "bin" / "python"}
    servers: dict[str, Server] = {}
    taken: dict[str, list[list[float]]] = {name: [] for name in pythons}
    try:
        for number, (name, python) in enumerate(pythons.items()):
            servers[name] = start(given.kind, python, out / name.replace(" ", "_"), given.port + number)
            send_all(servers[name], sent[: given.clients], given.clients)  # what is loaded on first use
        for number in range(given.rounds):
            for name in list(servers) if number % 2 else reversed(list(servers)):
                taken[name].append(send_all(servers[name], sent, given.clients))
    finally:
        for server in servers.values():
            server.kill()
    (out / "seconds.json").write_text(json.dumps(taken), encoding="utf-8")
    print(f"{given.kind}, {given.clients} clients, {given.requests} requests a round, load {os.getloadavg()[0]:.1f}")
    print_table(taken)


if __name__ == "__main__":
    main()
