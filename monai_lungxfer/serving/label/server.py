"""The process that listens: MONAI Label's web application behind the guard, with a log that tells no paths.

It runs in the environment of MONAI Label, started by `monai_lungxfer.serving.label.launch`.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from collections.abc import Callable
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, TextIO

from monai_lungxfer.utils.allocator import return_freed_memory
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.exit_codes import EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_USAGE
from monai_lungxfer.utils.locks import hold_lock
from monai_lungxfer.utils.log_redaction import (
    RedactingFormatter,
    close_output,
    report_stray_errors,
    withhold_library_messages,
)

SETTINGS = "LUNGXFER_LABEL_SETTINGS"
"""Environment variable with what the launcher decided: host, port, hosts, max_bytes, with_proxy, stock, lock."""

LOCKED = ("another server works in this folder", "Stop it, or choose another one (--out)")
"""Problem and remedy when a second server is started in a folder."""


class _NotStartedError(Exception):
    """The application that is to be served did not start."""


def _configure_log() -> TextIO:
    """Return the stream of the log, which is this package's alone."""
    withhold_library_messages()
    report_stray_errors()
    stream = close_output()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level="ERROR", handlers=[handler], force=True)
    logging.getLogger("monai_lungxfer").setLevel("ERROR")  # warnings about a file name it
    logging.getLogger("monai_lungxfer.serving.label").setLevel("INFO")
    return stream


def _guarded(settings: dict[str, Any]) -> Any:
    from monailabel.app import app
    from monailabel.endpoints import datastore, infer
    from monailabel.interfaces.exception import MONAILabelException
    from starlette.responses import JSONResponse

    from monai_lungxfer.serving.label.guard import Guard

    async def refuse(request: Any, error: Exception) -> JSONResponse:  # noqa: ARG001 - what the framework calls
        told = error.without_source if isinstance(error, LungXferError) else "there is no such model, image or label"
        return JSONResponse({"detail": told}, 400)

    for kind in (LungXferError, MONAILabelException):
        app.add_exception_handler(kind, refuse)
    for module, name in ((infer, "run_inference"), (datastore, "add_image"), (datastore, "save_label")):
        setattr(module, name, _cleaning(_checking(getattr(module, name))))
    if settings.get("stock"):
        from monailabel.datastore.local import LocalDatastore

        LocalDatastore.add_image = _decoding(LocalDatastore.add_image)
        LocalDatastore.save_label = _decoding(LocalDatastore.save_label)
    return Guard(app, set(settings["hosts"]), settings["max_bytes"], with_proxy=settings["with_proxy"])


def _cleaning(run: Callable[..., Any]) -> Callable[..., Any]:
    """Let a handler of MONAI Label delete what was sent when it fails, too, and give freed memory back."""

    @wraps(run)
    def cleaned(tasks: Any, *given: Any) -> Any:
        try:
            return run(tasks, *given)
        except BaseException:
            for task in tasks.tasks:  # which would only run behind an answer
                task.func(*task.args)
            raise
        finally:
            return_freed_memory()

    return cleaned


def _checking(run: Callable[..., Any]) -> Callable[..., Any]:
    """Let a handler of MONAI Label check its form, which the guard does not read."""
    from starlette.exceptions import HTTPException

    from monai_lungxfer.serving.label.parameters import upload_reason

    @wraps(run)
    def checked(*given: Any) -> Any:
        reason = upload_reason(signature(run).bind(*given).arguments)
        if reason is not None:
            raise HTTPException(400, reason)
        return run(*given)

    return checked


def _decoding(store: Callable[..., str]) -> Callable[..., str]:
    """Let MONAI Label's own datastore keep only images and labels that this package decodes; its others do the same."""
    from monai_lungxfer.io.radiograph import read_radiograph

    @wraps(store)
    def decoded(studies: Any, image: str, file: str, *others: Any) -> str:
        read_radiograph(file, name="an upload")
        return store(studies, image, file, *others)

    return decoded


def main() -> None:
    """Serve until the process is told to end; the exit codes are the command line's."""
    stream = _configure_log()
    try:
        settings = json.loads(os.environ[SETTINGS])
        with hold_lock(Path(settings["lock"]), *LOCKED):
            _serve(settings)
    except LungXferError as error:
        message, code = f"Error: {error.without_source}", EXIT_USAGE
    except KeyboardInterrupt:  # uvicorn has ended in good order, and passes it on
        sys.exit(EXIT_INTERRUPTED)
    except _NotStartedError as error:
        message, code = f"Unexpected error: {error}.", EXIT_INTERNAL
    except Exception as error:  # noqa: BLE001 - its text may name files
        message, code = f"Unexpected error: {type(error).__name__}.", EXIT_INTERNAL
    else:
        return
    stream.write(f"{message}\n")
    sys.exit(code)


def _serve(settings: dict[str, Any]) -> None:
    import uvicorn

    _empty(Path(os.environ["TMPDIR"]))
    host, port = settings["host"], settings["port"]
    server = uvicorn.Server(uvicorn.Config(_guarded(settings), host, port, log_config=None, access_log=False))
    try:
        server.run()
    except SystemExit:  # uvicorn ends in one way for both
        if server.lifespan.should_exit:
            raise _NotStartedError("the application did not start") from None
        problem = f"{host}:{port} is in use, or cannot be listened at"
        raise LungXferError(problem, remedy="Choose a free --port") from None


def _empty(folder: Path) -> None:
    """Delete what a killed server has left; the folder itself stays, since this process works in it."""
    folder.mkdir(exist_ok=True)
    for left in folder.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
