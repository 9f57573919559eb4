"""What `--check` tries: everything that a DICOM node needs, without receiving or sending a radiograph."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from monai_lungxfer.serving.dicom.association_server import server_context
from monai_lungxfer.serving.dicom.check_destinations import check_archive, check_poll, check_server, echo
from monai_lungxfer.serving.dicom.health import FINE, MEGABYTE
from monai_lungxfer.serving.dicom.model import FollowedModel
from monai_lungxfer.serving.dicom.phantom_trial import rehearse_results, try_on_phantom
from monai_lungxfer.serving.dicom.settings import (
    Destination,
    DicomDestination,
    DicomwebDestination,
    Listener,
    NodeSettings,
    Status,
    Watch,
)
from monai_lungxfer.utils.error_redaction import describe_error
from monai_lungxfer.utils.errors import LungXferError, OutputError
from monai_lungxfer.utils.temporary import temporary_file

_PATIENCE = 5  # seconds


@dataclass(frozen=True)
class NodeCheck:
    """What a check of a node found, in words that name no path, and what to do when it is not fine."""

    name: str
    is_fine: bool
    found: str
    remedy: str | None = None


def check_node(settings: NodeSettings) -> Iterator[NodeCheck]:
    """Yield the result of each check as soon as it is known; none of them raises an error."""
    for name, check in _checks(settings):
        yield _tried(name, check)


def _checks(settings: NodeSettings) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "spool", partial(_check_spool, settings)
    tables: tuple[tuple[str, Any, Callable[[Any], str]], ...] = (
        ("listen", settings.listen, _check_listener),
        ("status", settings.status, _check_status),
        ("watch", settings.watch, _check_watch),
        ("poll", settings.poll, check_poll),
    )
    for name, table, check in tables:
        if table is not None:
            yield name, partial(check, table)
    title = (settings.listen or Listener()).ae_title
    for one in settings.destination:
        yield f"destination {one.name}", partial(_check_destination, one, title, settings)
    yield "model", partial(_check_model, settings)


def _check_watch(watch: Watch) -> str:
    if not watch.folder.is_dir():
        raise LungXferError("is missing", remedy="Make it, mount it, or correct folder in [watch]")
    return f"{_check_writable(watch.folder)}, so that files can be taken from it"


def _check_destination(one: Destination, own_title: str, settings: NodeSettings) -> str:
    if isinstance(one, DicomDestination):
        return check_archive(one, own_title, settings.results.kinds)
    if isinstance(one, DicomwebDestination):
        return check_server(one, settings.poll)
    return _check_writable(one.folder)


def _tried(name: str, check: Callable[[], str]) -> NodeCheck:
    try:
        return NodeCheck(name, True, check())
    except LungXferError as error:
        return NodeCheck(name, False, error.problem, error.remedy)
    except Exception as error:  # noqa: BLE001 - a check that fails in a new way is a finding, too
        return NodeCheck(name, False, describe_error(error), "Run it again with lungxfer --debug")


def _check_spool(settings: NodeSettings) -> str:
    folder = settings.spool.folder
    told = _check_writable(folder)
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.is_dir())).free // MEGABYTE
    if free < settings.spool.free_megabytes:
        raise OutputError(
            f"{free} MB are free, and {settings.spool.free_megabytes} MB must be: radiographs would be refused",
            remedy="Free space, or change folder or free_megabytes in [spool]",
        )
    return f"{told}, {free} MB free"


def _check_writable(folder: Path) -> str:
    """Write into a folder, and leave nothing: a folder that root has made here would not be the node's."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with temporary_file(folder) as file:
            file.write_bytes(b"0")
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})", remedy="Give the node's user the right to write there"
        ) from None
    finally:
        for path in missing:
            with suppress(OSError):  # it was not made, or a node that has just started writes there
                path.rmdir()
    return "can be written"


def _check_listener(listener: Listener) -> str:
    if listener.tls is not None:
        server_context(listener.tls)
    reason = _refusal(listener.host, listener.port)
    if reason is None:
        return f"{listener.host}:{listener.port} is free"
    host = "127.0.0.1" if listener.host == "0.0.0.0" else listener.host  # noqa: S104 - not bound, but compared
    itself = DicomDestination(
        name="itself",
        kind="dicom",
        host=host,
        port=listener.port,
        ae_title=listener.ae_title,
        tls=listener.tls,
        timeout_seconds=_PATIENCE,
    )
    try:
        echo(itself, listener.callers[0] if listener.callers else listener.ae_title)
    except LungXferError:
        raise _taken("listen", reason) from None
    return f"{listener.host}:{listener.port} is in use by a node, which answers C-ECHO as {listener.ae_title}"


def _check_status(status: Status) -> str:
    reason = _refusal(status.host, status.port)
    if reason is None:
        return f"{status.host}:{status.port} is free"
    try:
        parts = requests.get(f"http://{status.host}:{status.port}/healthz", timeout=_PATIENCE).json()["parts"]
        failing = [f"{part}: {told}" for part, told in parts.items() if told != FINE]
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError):
        raise _taken("status", reason) from None
    if failing:
        raise LungXferError(f"a node runs there, and is failing ({'; '.join(failing)})", remedy="See its log")
    return f"{status.host}:{status.port} is in use by a node with {len(parts)} parts, all of them fine"


def _refusal(host: str, port: int) -> str | None:
    """Return why nothing can listen at an address, ``None`` when it is free."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def _taken(table: str, reason: str) -> LungXferError:
    return LungXferError(
        f"nothing can listen there ({reason})", remedy=f"End the other program, or change host and port in [{table}]"
    )


def _check_model(settings: NodeSettings) -> str:
    kinds = settings.results.kinds
    with TemporaryDirectory() as folder:  # not the node's own, whose files must be those of its user
        model = FollowedModel(settings.model, Path(folder))
        share = try_on_phantom(model())
        rehearse_results(model(), kinds, sides=settings.results.sides)
    version = f", version {model.facts.version} in the registry" if model.facts.version else ""
    return f"{model.facts.model}{version} finds {share:.0%} lung in a phantom, and makes {', '.join(kinds)} of it"
