"""A process that is killed at a chosen call of the operating system, as by `kill -9` or a loss of power."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable
from typing import Any

import pytest


def kill_at(call: str, number: int, work: Callable[[], Any]) -> None:
    """Run `work` in a child process, which kills itself before the `number`-th (from 1) call of `os.CALL`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads; the child only writes files
        child = os.fork()
    if child == 0:
        _die(call, number, work)
    _, status = os.waitpid(child, 0)
    if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
        pytest.fail(f"os.{call} was called fewer than {number} times, or the work failed")


def _die(call: str, number: int, work: Callable[[], Any]) -> None:
    real = getattr(os, call)
    calls = iter(range(1, number + 1))

    def counted(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    setattr(os, call, counted)
    try:
        work()
    finally:
        os._exit(1)
