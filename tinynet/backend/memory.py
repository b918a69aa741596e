"""Keep freed memory in the process, so that the next training step can use it again.

Each training step allocates the same megabytes as the one before. By default glibc returns larger blocks to the
operating system when they are freed, and gets them back page by page, filled with zeros: with dropout at batch 1000
this takes a quarter of a step. `keep_freed_memory` tells glibc to keep them. It changes a setting of the whole process,
so only `fit` calls it, and only on the CPU. It changes nothing if the user has set one of the variables in BY_USER, if
TINYNET_KEEP_MEMORY is 0, or if the C library is another one.
"""

from __future__ import annotations

import os
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
LARGEST = 32 << 20  # bytes: blocks up to this size are kept; older versions of glibc accept no more
KEPT = 256 << 20  # bytes of free memory that may stay at the end of the heap
BY_USER = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_", "GLIBC_TUNABLES")


@cache
def keep_freed_memory() -> bool:
    """Set glibc, once in a process, to keep freed memory.

    Returns whether it is set: False if the C library is not glibc, or if the environment decides otherwise.
    """
    if os.environ.get("TINYNET_KEEP_MEMORY") == "0" or any(name in os.environ for name in BY_USER):
        return False
    import ctypes  # here, to keep `import tinynet` quick

    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018 - raises AttributeError if it is not glibc
    except (OSError, AttributeError, TypeError):  # Windows opens no library without a name
        return False
    # In this order: set alone, the second option would give every larger array new pages.
    return bool(libc.mallopt(M_MMAP_THRESHOLD, LARGEST) and libc.mallopt(M_TRIM_THRESHOLD, KEPT))
