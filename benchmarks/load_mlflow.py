"""Put load on a model served by MLflow, and print as Markdown what became of the requests and of its memory.

    python benchmarks/load_mlflow.py --model models:/portable_cxr_lung_segmentation@champion --images DIR \
        [--requests 200] [--clients 8] [--port 5081]

The server is started twice over: once it is left alone, once it is killed (SIGKILL) when half of the requests are
answered, and started again. A client whose connection breaks sends its request again. Every mask that comes back is
compared with the one that the same model makes in this process. Memory is the resident set of all processes of the
server, once a second.
"""

from __future__ import annotations

import argparse
import base64
import os
import sys
from functools import partial
from pathlib import Path

import mlflow
import requests
from server_load import PATIENCE, Server, load

from monai_lungxfer.inference.inputs import find_inputs


def send(image: str, mask: str, url: str) -> bool:
    """Ask for the mask of a radiograph, and compare it."""
    body = {"dataframe_records": [{"image": image}]}
    answer = requests.post(f"{url}/invocations", json=body, timeout=PATIENCE)
    return answer.ok and answer.json()["predictions"][0]["mask"] == mask


def serve_model(model: str, port: int) -> Server:
    """Return a model served by ``mlflow models serve`` on 127.0.0.1."""
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", model, "--env-manager", "local"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where MLflow looks for uvicorn
    url = f"http://127.0.0.1:{port}"
    return Server([*command, "--host", "127.0.0.1", "--port", str(port)], url, "/ping", {**os.environ, "PATH": path})


def main() -> None:
    """Make the expected masks, and put load on the server twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--most-images", type=int, default=20, help="different images among the requests")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--port", type=int, default=5081)
    given = parser.parse_args()
    files = [item.path for item in find_inputs([given.images])][: given.most_images]
    images = [base64.b64encode(file.read_bytes()).decode() for file in files]
    masks = mlflow.pyfunc.load_model(given.model).predict([{"image": image} for image in images])["mask"]
    sends = [partial(send, image, mask) for image, mask in zip(images, masks, strict=True)]
    load(serve_model(given.model, given.port), sends, given.requests, given.clients)


if __name__ == "__main__":
    main()
