"""Freed memory, kept and given back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from monai_lungxfer.utils.allocator import return_freed_memory, reuse_freed_memory

FAULTS = """
import resource, sys
from monai_lungxfer.utils.allocator import reuse_freed_memory
if sys.argv[1] == "keep":
    assert reuse_freed_memory()
b"x" * (64 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    b"x" * (64 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


GAPS = """
import psutil
from monai_lungxfer.utils.allocator import return_freed_memory
kept = [(bytearray(50_000), bytearray(50)) for _ in range(4000)]
kept = [small for _, small in kept]
before = psutil.Process().memory_info().rss
return_freed_memory()
print(before - psutil.Process().memory_info().rss)
"""

needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library has the setting")


@needs_glibc
def test_memory_is_not_mapped_anew_for_every_large_object() -> None:
    def faults(mode: str) -> int:
        return int(subprocess.run([sys.executable, "-c", FAULTS, mode], capture_output=True, check=True).stdout)

    assert faults("keep") < 0.2 * faults("return")


@needs_glibc
def test_gaps_between_used_memory_are_given_back() -> None:
    run = subprocess.run([sys.executable, "-c", GAPS], capture_output=True, check=True)
    assert int(run.stdout) > 0.8 * 4000 * 50_000


def test_elsewhere_it_says_that_nothing_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert reuse_freed_memory() is False
    assert return_freed_memory() is False
