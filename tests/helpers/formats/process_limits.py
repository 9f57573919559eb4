"""What a process may use of memory and time, and what it has used. Linux only."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

__all__ = ["limit_memory", "limit_time", "memory"]


def limit_memory(gigabytes: float) -> None:
    """Limit the address space to so much more than is taken now."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + int(gigabytes * 10**9),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_time(seconds: float) -> None:
    """Let SIGPROF kill the process after so many more seconds of the processor, in a codec as well; 0 for no limit."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def memory(field: str, *, reset: bool = False) -> int:
    """Return a field of /proc/self/status in kB; `reset` begins the measuring of the peak, VmHWM, anew."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split(maxsplit=1)[0])
