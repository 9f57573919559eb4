"""Freed memory: kept in the process, which makes training on processors much faster, or given back to the system."""

from __future__ import annotations

import ctypes
import logging
import platform

logger = logging.getLogger(__name__)

# <malloc.h> of the GNU C library.
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
NEVER = 2**31 - 1


def reuse_freed_memory() -> bool:
    """Let the C library keep freed memory for the next tensors instead of giving it back to the system.

    Feature maps of tens of megabytes are allocated and freed many times in every training step. By default each is
    mapped anew, and the system clears it page by page, which costs more time than many of the layers.

    Returns whether it was done: only the GNU C library on Linux has the setting. Calling it again changes nothing.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    done = bool(libc.mallopt(M_MMAP_MAX, 0)) and bool(libc.mallopt(M_TRIM_THRESHOLD, NEVER))
    logger.debug("freed memory %s", "is kept for reuse" if done else "goes back to the system")
    return done


def return_freed_memory() -> bool:
    """Give the freed memory that lies in pieces between used memory back to the system.

    Radiographs of changing sizes leave gaps that the next one does not fit into, in the C library's heap of every
    thread. None of it is in use, and yet the process seems to grow with every file.

    Returns whether any was given back: only the GNU C library can be asked to.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).malloc_trim(0))
