"""Memory that was freed is kept for the next step.

Each step asks for the same megabytes as the one before. Left alone, glibc gives larger pieces back to the system when
they are freed, and the system hands them out again page by page, filled with zeros: with dropout at batch 1000 a
quarter of a step. So glibc is told to keep them. That is a setting of the whole process: whoever has made it in the
environment keeps their own, and TINYNET_KEEP_MEMORY=0 leaves glibc as it is. Other C libraries are left alone.
"""

from __future__ import annotations

import os
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
LARGEST = 32 << 20  # bytes of an array that is kept; older versions take no more
KEPT = 256 << 20  # bytes at the end of the heap
BY_USER = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_", "GLIBC_TUNABLES")


@cache
def keep_freed_memory() -> bool:
    """Tell glibc, once in a process; False where there is none, or where somebody else has the say."""
    if os.environ.get("TINYNET_KEEP_MEMORY") == "0" or any(name in os.environ for name in BY_USER):
        return False
    import ctypes  # here, for importing tinynet needs no memory

    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018 - whether it is there
    except (OSError, AttributeError, TypeError):  # Windows opens no library without a name
        return False
    # In this order: the second alone would have every larger array mapped anew.
    return bool(libc.mallopt(M_MMAP_THRESHOLD, LARGEST) and libc.mallopt(M_TRIM_THRESHOLD, KEPT))
