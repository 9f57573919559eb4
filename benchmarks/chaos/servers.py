"""A slow web server for downloads and a DICOMweb archive, in a process of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

import pydicom

_PARTS = 40
_PAUSE = 0.01  # seconds between two parts of a file, so that a command can be killed in between


@contextmanager
def serving(files: Path) -> Iterator[str]:
    """Give a URL: ``URL/files/NAME`` is a file of a folder, ``URL/store/FOLDER`` keeps DICOM files in any folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Handler", (_Handler,), {"files": files}))
    pid = os.fork()
    if pid == 0:
        try:
            server.serve_forever()
        finally:
            os._exit(0)
    server.server_close()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


class _Handler(BaseHTTPRequestHandler):
    files: Path

    def log_message(self, *given: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Send a file, or the rest of it."""
        content = (self.files / self.path.rpartition("/")[2]).read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        if asked and start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", '"one"')
        self.end_headers()
        size = len(content) // _PARTS
        try:
            for begin in range(start, len(content), size):
                self.wfile.write(content[begin : begin + size])
                time.sleep(_PAUSE)
        except OSError:
            self.close_connection = True  # the command was killed

    def do_POST(self) -> None:
        """Keep the DICOM instance of a request, by its UID (PS3.18, 10.5)."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        boundary = re.search(r'boundary="?([^";]+)', self.headers["Content-Type"])
        begin = body.find(b"\r\n\r\n") + 4
        end = body.rfind(b"\r\n--" + (boundary[1].encode() if boundary else b""))
        folder = Path(unquote(self.path.removeprefix("/store").removesuffix("/studies")))
        try:
            instance = pydicom.dcmread(BytesIO(body[begin:end]))
            folder.mkdir(exist_ok=True)
            source = instance.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
            file = folder / f"{source}-{instance.SOPInstanceUID}.dcm"
            try:
                file.write_bytes(body[begin:end])
            except OSError:
                file.unlink(missing_ok=True)
                raise
        except (OSError, pydicom.errors.InvalidDicomError):
            self.send_error(503)
            return
        stored = {"00081150": {"vr": "UI", "Value": [instance.SOPClassUID]}}
        stored["00081155"] = {"vr": "UI", "Value": [instance.SOPInstanceUID]}
        answer = json.dumps({"00081199": {"vr": "SQ", "Value": [stored]}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/dicom+json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
