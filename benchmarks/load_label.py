"""Put load on MONAI Label's server, and print as Markdown what became of the requests and of its memory.

    python benchmarks/load_label.py --out OUT [--requests 500] [--clients 16] [--port 8010]

The server is that of ``lungxfer serve label``. Half of the requests are radiographs in all formats, sent or named, and
images and labels that are uploaded; the others everything that is refused, and clients that hang up. The server is
killed (SIGKILL) once, and started again in the same folder. A client whose connection breaks sends its request again.
Every mask that comes back is compared with the one that the same bundle makes in this process. At the end every upload
that was accepted must be there, once. Ends with 1 unless all was as it should be, and memory after 100 requests and at
the end differ by at most 5 %.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import requests
from label_refusals import encode_mask, wrong_requests
from load_requests import hang_up, judge, mix, write_bad, write_good
from PIL import Image
from server_load import FLAT, PATIENCE, Request, Run, Server, print_run, put_load

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.mask_writer import encode_png
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.files import hash_file

_MODEL = bundle_path("portable").name
_LARGEST = 2  # MB of a request
_PNG = {"params": json.dumps({"result_extension": ".png"})}

Right = Callable[[requests.Response], bool]


class Load:
    """The requests to one server, and what it must hold afterwards.

    Parameters
    ----------
    out : pathlib.Path
        Receives the ``studies``, the server's folder ``label`` and the files that are sent.
    height : int
        Of the radiographs in pixels.
    """

    def __init__(self, out: Path, height: int) -> None:
        self.out, self.studies = out, out / "studies"
        self.files, self.bad = write_good(out / "good", height), write_bad(out / "bad", height)
        segmenter = Segmenter.from_bundle("portable")
        read = {kind: read_radiograph(file, segmenter.channels) for kind, file in self.files.items()}
        self.masks = {kind: segmenter.segment(each).mask for kind, each in read.items()}
        self.studies.mkdir()
        self.named = {kind: file.stem.partition(".")[0] for kind, file in self.files.items() if file.suffix}
        for kind in self.named:
            (self.studies / self.files[kind].name).write_bytes(self.files[kind].read_bytes())
        self.images: dict[str, bytes] = {}  # uploaded and accepted, by id
        self.labels: dict[tuple[str, str], np.ndarray] = {}  # the same, by image and tag

    def make_requests(self, total: int) -> list[Request]:
        """Return requests of all kinds."""
        good: list[Callable[[int], Request]] = []
        for kind in self.files:
            good += [partial(self._infer, kind), self._image]
            good += [partial(self._infer_named, kind), partial(self._label, kind)] if kind in self.named else []
        png = self.files["PNG, 8 bits"]
        wrong = wrong_requests(
            self.bad, self.named["PNG, 8 bits"], png.read_bytes(), self.masks["PNG, 8 bits"], _LARGEST
        )
        refused = [partial(self._request, kind, *each[:2], None, **each[2]) for kind, each in wrong]
        others: list[Callable[[int], Request]] = [lambda _, make=make: make() for make in refused]
        others += [partial(self._left, share) for share in (0.01, 0.5, 0.99, 1)]
        return mix(good, others, total)

    def _request(self, kind: str, method: str, path: str, right: Right | None, **sent: Any) -> Request:
        def send(url: str) -> str:
            answer = requests.request(method, f"{url}{path}", timeout=PATIENCE, **sent)
            return judge(answer, right, (str(self.out), str(Path.cwd())))

        return Request(kind, send)

    def _infer(self, kind: str, _: int) -> Request:
        file, mask = self.files[kind], encode_png(self.masks[kind])
        sent = {"params": {"output": "image"}, "data": _PNG, "files": {"file": (file.name, file.read_bytes())}}
        return self._request(f"sent {kind}", "POST", f"/infer/{_MODEL}", lambda got: got.content == mask, **sent)

    def _infer_named(self, kind: str, _: int) -> Request:
        mask, query = encode_png(self.masks[kind]), {"image": self.named[kind], "output": "image"}
        return self._request(
            f"named {kind}", "POST", f"/infer/{_MODEL}", lambda got: got.content == mask, params=query, data=_PNG
        )

    def _image(self, number: int) -> Request:
        """Upload an image whose pixels no other has."""
        pixels = np.asarray(Image.open(self.files["PNG, 8 bits"])).copy()
        pixels[0, :2] = divmod(number, 256)
        file, name = BytesIO(), f"upload{number}"
        Image.fromarray(pixels).save(file, format="PNG")
        content = file.getvalue()

        def is_kept(answer: requests.Response) -> bool:
            self.images[name] = content
            return bool(answer.json() == {"image": name})

        sent = {"params": {"image": name}, "files": {"file": (f"{name}.png", content)}}
        return self._request("image", "PUT", "/datastore/image", is_kept, **sent)

    def _label(self, kind: str, number: int) -> Request:
        """Upload a label that no other equals, under a tag of its own."""
        mask, tag = self.masks[kind].copy(), f"reader{number}"
        mask[0, number % mask.shape[1]] = 1
        content = {".png": encode_mask(mask), ".bin": mask.tobytes()}
        content[".nii.gz"] = nib.Nifti1Image(mask.T, np.diag([-1, -1, 1, 1])).to_bytes()
        suffix = list(content)[number % 2]

        def is_kept(answer: requests.Response) -> bool:
            self.labels[self.named[kind], tag] = mask
            return bool(answer.json()["label"] == self.named[kind])

        sent = {"params": {"image": self.named[kind], "tag": tag}, "files": {"label": (f"l{suffix}", content[suffix])}}
        return self._request(f"label {suffix}", "PUT", "/datastore/label", is_kept, **sent)

    def _left(self, share: float, number: int) -> Request:
        """Leave before an upload is sent as a whole, or before an inference is answered."""
        file = self.files["PNG, 8 bits"]
        where, method = (f"infer/{_MODEL}", "POST") if share == 1 else ("datastore/image", "PUT")
        query, files = {"image": f"left{number}"} if share < 1 else {}, {"file": (file.name, file.read_bytes())}

        def send(url: str) -> str:
            return hang_up(requests.Request(method, f"{url}/{where}", params=query, files=files).prepare(), share)

        return Request("left", send)

    def check(self, url: str, run: Run) -> None:
        """Count accepted uploads that the server no longer has, and what is there twice, half-written or uninvited."""
        told = requests.get(f"{url}/datastore/", params={"output": "all"}, timeout=PATIENCE).json()["objects"]
        lost = [name for name, content in self.images.items() if self._get(url, "image", image=name) != content]
        for (image, tag), mask in self.labels.items():
            content = self._get(url, "label", label=image, tag=tag)
            kept = content and np.asarray(Image.open(BytesIO(content))) > 0
            lost += [] if kept is not None and np.array_equal(kept, mask) else [f"{image}, {tag}"]
        files = [
            path for path in self.studies.rglob("*") if path.is_file() and not path.name.endswith(("lock", ".json"))
        ]
        tags = {(image, tag) for image, each in told.items() for tag in each["labels"]}
        doubled = [name for name, count in Counter(map(hash_file, files)).items() if count > 1]
        doubled += sorted(set(told) - set(self.images) - set(self.named.values()))
        doubled += sorted(map(str, tags - set(self.labels)))
        doubled += [path.name for path in files if path.name.startswith(".")]
        doubled += [] if len(files) == len(told) + len(tags) else [f"{len(files)} files of {len(told) + len(tags)}"]
        run.lost += len(lost)
        run.doubled += len(doubled)
        run.faults += [f"lost: {each}" for each in lost] + [f"doubled: {each}" for each in doubled]

    def _get(self, url: str, kind: str, **query: str) -> bytes | None:
        answer = requests.get(f"{url}/datastore/{kind}", params=query, timeout=PATIENCE)
        return answer.content if answer.ok else None


def serve_label(studies: Path, out: Path, port: int, log: Path, python: Path = Path(sys.executable)) -> Server:
    """Return a server of `lungxfer serve label` on 127.0.0.1, by the Python of an environment."""
    code = "from monai_lungxfer.cli import main; main()"
    command = [str(python), "-c", code, "serve", "label", "--studies", str(studies), "--out", str(out)]
    words = [*command, "--port", str(port), "--max-megabytes", str(_LARGEST)]
    return Server(words, f"http://127.0.0.1:{port}", "/info/", os.environ, log)


def load_label_server(out: Path, total: int, clients: int, port: int, warm: int, height: int) -> Run:
    """Put load on a server, and return what was counted."""
    load = Load(out, height)
    server = serve_label(load.studies, out / "label", port, out / "server.log")
    sent = load.make_requests(total)
    server.start()
    try:
        run = put_load(server, sent, clients, warm)
        load.check(server.url, run)
    finally:
        server.kill()
    return run


def main() -> None:
    """Put load on a server, and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--port", type=int, default=8010)
    given = parser.parse_args()
    given.out.mkdir(parents=True)
    run = load_label_server(given.out, given.requests, given.clients, given.port, given.requests // 5, 500)
    print_run(run, given.requests, given.clients)
    sys.exit(bool(run.faults) or abs(run.growth) > FLAT)


if __name__ == "__main__":
    main()
