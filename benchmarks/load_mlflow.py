"""Put load on a model served by MLflow, and print as Markdown what became of the requests and of its memory.

    python benchmarks/load_mlflow.py --out OUT [--requests 500] [--clients 16] [--port 5081]

Half of the requests are radiographs in all formats, the others everything that is refused, and clients that hang up.
The server is killed (SIGKILL) once, and started again. A client whose connection breaks sends its request again. Every
mask that comes back is compared with the one that the same model makes in this process. Ends with 1 unless all was
answered as it should be, and memory after 100 requests and at the end differ by at most 5 %.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import requests
from load_requests import DEEP, PARAMETERS, hang_up, judge, mix, write_bad, write_good
from server_load import FLAT, PATIENCE, Request, Run, Server, print_run, put_load

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.serving.mlflow import save_model

_JSON = "application/json"
_LARGEST = 2  # MB of a file


def _record(file: Path) -> dict[str, str]:
    return {"image": base64.b64encode(file.read_bytes()).decode()}


def _prepared(url: str, body: str | bytes, content_type: str | None) -> requests.PreparedRequest:
    headers = {} if content_type is None else {"Content-Type": content_type}
    return requests.Request("POST", f"{url}/invocations", data=body, headers=headers).prepare()


def _send(body: str | bytes, content_type: str | None, right: Callable[[Any], bool] | None, url: str) -> str:
    with requests.Session() as session:
        return judge(session.send(_prepared(url, body, content_type), timeout=PATIENCE), right, (str(Path.cwd()),))


def _leave(body: str, share: float, url: str) -> str:
    return hang_up(_prepared(url, body, _JSON), share)


def _bodies(bad: dict[str, Path], good: dict[str, str]) -> dict[str, tuple[str | bytes, str | None]]:
    """Return what is refused, and its type, by what is wrong with it."""
    records = {kind: [_record(file)] for kind, file in bad.items()}
    records |= {
        "no base64": [{"image": "?!"}],
        "too large": [{"image": "A" * (_LARGEST * 2_000_000)}],
        "a path": [{"path": "/etc/passwd"}],
        "a path that leads out": [{"path": "../../../etc/passwd"}],
        "two images in a row": [good | {"path": "a.png"}],
        "no image": [{}],
        "another column": [{"picture": good["image"]}],
        "a number for an image": [{"image": 5}],
        "a list for an image": [{"image": ["a"]}],
        "ragged pixels": [{"pixels": [[1, 2], [3]]}],
        "texts for pixels": [{"pixels": [["a"] * 40] * 40}],
        "nested pixels": [{"pixels": [[[1] * 40] * 40] * 3}],
        "too many rows": [{"image": "QUJD"}] * 20_000,
    }
    bodies: dict[str, tuple[str | bytes, str | None]] = {
        kind: (json.dumps({"dataframe_records": rows}), _JSON) for kind, rows in records.items()
    }
    whole = json.dumps({"dataframe_records": [good]})
    bodies |= {kind: (text, _JSON) for kind, text in PARAMETERS.items()}
    bodies |= {
        f"parameter {name}": (json.dumps({"dataframe_records": [good], "params": value}), _JSON)
        for name, value in {"of a kind": {"any_view": "maybe"}, "unknown": {"on_error": "x"}, "list": [1]}.items()
    }
    return bodies | {
        "half a request as JSON": (whole[: len(whole) // 2], _JSON),
        "deep rows": (f'{{"dataframe_records": {DEEP}}}', _JSON),
        "columns that are no texts": (json.dumps({"dataframe_split": {"columns": [{}], "data": [["a"]]}}), _JSON),
        "columns without data": (json.dumps({"dataframe_split": {"columns": ["image"]}}), _JSON),
        "rows that are none": (json.dumps({"dataframe_records": "a"}), _JSON),
        "two tables": (json.dumps({"inputs": [good], "dataframe_records": [good]}), _JSON),
        "nothing": (b"", _JSON),
        "bytes": (b"\xff\xfe\x00\x01", _JSON),
        "no type": (whole, None),
        "CSV": ("image\nQUJD", "text/csv"),
        "broken Parquet": (b"PAR1", "application/vnd.apache.parquet"),
        "a form": ("image=QUJD", "application/x-www-form-urlencoded"),
    }


def make_requests(folder: Path, model: str, total: int, height: int) -> list[Request]:
    """Write files, make their masks in this process, and return the requests."""
    files = write_good(folder / "good", height)
    records = {kind: _record(file) for kind, file in files.items()}
    masks = mlflow.pyfunc.load_model(model).predict(list(records.values()))["mask"]
    good = []
    for (kind, record), mask in zip(records.items(), masks, strict=True):

        def is_right(answer: requests.Response, mask: str = mask) -> bool:
            return bool(answer.json()["predictions"][0]["mask"] == mask)

        body = json.dumps({"dataframe_records": [record]})
        good.append(lambda _, kind=kind, body=body, right=is_right: Request(kind, partial(_send, body, _JSON, right)))
    whole = json.dumps({"dataframe_records": [next(iter(records.values()))]})
    bad = _bodies(write_bad(folder / "bad", height), next(iter(records.values())))
    others = [lambda _, kind=kind, sent=sent: Request(kind, partial(_send, *sent, None)) for kind, sent in bad.items()]
    others += [lambda _, share=share: Request("left", partial(_leave, whole, share)) for share in (0.01, 0.5, 0.99, 1)]
    return mix(good, others, total)


def serve_model(model: str, port: int, log: Path, python: Path = Path(sys.executable)) -> Server:
    """Return a model served by ``mlflow models serve`` on 127.0.0.1, by the Python of an environment."""
    command = [str(python), "-m", "mlflow", "models", "serve", "-m", model, "--env-manager", "local"]
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"  # where MLflow looks for uvicorn
    settings = {"PATH": path, "MLFLOW_PYFUNC_INFERENCE_CONFIG": json.dumps({"max_megabytes": _LARGEST})}
    words = [*command, "--host", "127.0.0.1", "--port", str(port)]
    return Server(words, f"http://127.0.0.1:{port}", "/ping", os.environ | settings, log)


def load_model_server(out: Path, model: str, total: int, clients: int, port: int, warm: int, height: int) -> Run:
    """Put load on a server, and return what was counted."""
    sent = make_requests(out, model, total, height)
    server = serve_model(model, port, out / "server.log")
    server.start()
    try:
        return put_load(server, sent, clients, warm)
    finally:
        server.kill()


def main() -> None:
    """Save the bundle as a model, and put load on its server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--port", type=int, default=5081)
    given = parser.parse_args()
    given.out.mkdir(parents=True)
    model = str(given.out / "model")
    save_model(model, bundle_path("portable"))
    run = load_model_server(given.out, model, given.requests, given.clients, given.port, given.requests // 5, 500)
    print_run(run, given.requests, given.clients)
    sys.exit(bool(run.faults) or abs(run.growth) > FLAT)


if __name__ == "__main__":
    main()
