"""The process that listens: MONAI Label's web application behind the guard, with a log that tells no paths.

It runs in the environment of MONAI Label, started by `monai_lungxfer.serving.label.launch`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

__all__ = ["SETTINGS", "main"]

SETTINGS = "LUNGXFER_LABEL_SETTINGS"
"""Environment variable with what the launcher decided: host, port, hosts, max_bytes, with_proxy, lock."""


class _Discreet(logging.Formatter):
    """Messages of this package as they are; of others only who reports, since they repeat ids and paths."""

    def format(self, record: logging.LogRecord) -> str:
        told = f"{self.formatTime(record)} {record.levelname} {record.name}"
        if record.name.startswith("monai_lungxfer"):
            return f"{told}: {record.getMessage()}"
        kind = record.exc_info[0] if record.exc_info else None
        return told if kind is None else f"{told}: {kind.__name__}"


def _configure_log() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Discreet())
    logging.basicConfig(level="ERROR", handlers=[handler], force=True)
    logging.getLogger("monai_lungxfer").setLevel("ERROR")  # warnings about a file name it
    logging.getLogger("monai_lungxfer.serving.label").setLevel("INFO")


def _guarded(settings: dict[str, Any]) -> Any:
    from monailabel.app import app
    from monailabel.interfaces.exception import MONAILabelException
    from starlette.responses import JSONResponse

    from monai_lungxfer.errors import LungXferError
    from monai_lungxfer.serving.label.guard import Guard

    async def refuse(request: Any, error: Exception) -> JSONResponse:  # noqa: ARG001 - what the framework calls
        told = error.without_source if isinstance(error, LungXferError) else "there is no such model, image or label"
        return JSONResponse({"detail": told}, 400)

    for kind in (LungXferError, MONAILabelException):
        app.add_exception_handler(kind, refuse)
    return Guard(app, set(settings["hosts"]), settings["max_bytes"], with_proxy=settings["with_proxy"])


def main() -> None:
    """Serve until the process is told to end."""
    import uvicorn

    settings = json.loads(os.environ[SETTINGS])
    _configure_log()
    lock = FileLock(settings["lock"])
    try:
        lock.acquire(timeout=0)
    except Timeout:
        sys.exit("Error: another server works in this folder. Stop it, or choose another one (--out).")
    Path(os.environ["TMPDIR"]).mkdir(exist_ok=True)
    server = uvicorn.Server(
        uvicorn.Config(_guarded(settings), settings["host"], settings["port"], log_config=None, access_log=False)
    )
    server.run()
    sys.exit(0 if server.started else 1)


if __name__ == "__main__":
    main()
