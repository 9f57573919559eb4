"""Packages of the extras: imported when they are needed, or named with the extra; and Ray connected to a cluster."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any

from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.memory import is_out_of_memory

_SECONDS_TO_ANSWER = 10


EXTRA_NAMES = MappingProxyType(
    {
        **dict.fromkeys(("dicomweb_client", "highdicom", "pynetdicom", "retrying"), "dicom"),
        **dict.fromkeys(("fire", "ignite", "jsonschema", "monai", "sklearn", "torch"), "train"),
        **dict.fromkeys(("jinja2", "markupsafe", "matplotlib", "pandas", "pydantic"), "study"),
        **dict.fromkeys(("mlflow", "psutil", "sqlalchemy"), "mlflow"),
        "onnx": "onnx",
        "openvino": "openvino",
        "prometheus_client": "node",
        "ray": "distributed",
        "SimpleITK": "readers",
    }
)
"""The extra of setup.cfg that brings a package, by the name under which the package is imported."""


def import_extra(name: str) -> ModuleType:
    """Import a module that an extra brings, or one of the core that somebody may have left out.

    LungXferError is raised where it is missing, and where it is of no use, such as without a library of the system.
    """
    package = name.partition(".")[0]
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise _missing(package, "this") from error
    except (ImportError, OSError) as error:
        if is_out_of_memory(error):
            raise
        raise LungXferError(
            f"the package {package} is installed, but cannot be loaded ({type(error).__name__})",
            remedy=f"Install {package} again, as it is for this system",
        ) from error


def explain_missing(error: BaseException, user: str) -> LungXferError | None:
    """Return what to install when an error says that a package of an extra is missing, else ``None``.

    Parameters
    ----------
    error : BaseException
        What was raised, or what it was raised from.
    user : str
        What needs the package, such as a command.
    """
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return _missing(package, user) if package in EXTRA_NAMES else None


def _missing(package: str, user: str) -> LungXferError:
    extra = f"[{EXTRA_NAMES[package]}]" if package in EXTRA_NAMES else ""
    return LungXferError(
        f"the package {package} is needed for {user} and is not installed",
        remedy=f'Run: pip install "monai_lungxfer{extra}"',
    )


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to Ray for as long as the block takes, and give its module.

    The address is that of a cluster, as ``ray.init`` takes it ("auto", "HOST:PORT"); or "local", which starts one on
    this machine for as long as the connection lasts.
    """
    ray = import_extra("ray")
    # Ray tells of lost workers on standard output, some of it as late as at the end of the connection, where results of
    # this package may be expected.
    with redirect_stdout(sys.stderr), _initialised(ray, address):
        yield ray


@contextmanager
def _initialised(ray: Any, address: str) -> Iterator[None]:
    on_termination = signal.getsignal(signal.SIGTERM)
    try:
        _check_answers(address)
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise LungXferError(
            f"Ray cannot be reached ({error})",
            source=address,
            remedy="Give the address of a running cluster, or local to start one here",
        ) from error
    try:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_termination)  # Ray puts one of its own in place, with other exit codes
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Raise OSError unless something listens at HOST:PORT, which Ray itself would wait minutes for."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_ANSWER).close()
