"""Lock a file between processes. The system releases the lock if its process dies."""

from __future__ import annotations

import os
import stat
from typing import Any

from tinynet.backend.files import PathLike
from tinynet.errors import DataError, mismatch


def file_lock(path: PathLike, who: str, timeout: float = -1) -> Any:
    """A lock of filelock, not yet acquired; `timeout` is the longest time to wait for it, in seconds.

    Acquiring a lock empties its file. So DataError if `path` is anything else than a regular file, such as a link to a
    file that would be lost; filelock from 3.20.3 on refuses one that is made later, too, with an OSError. ImportError
    if filelock is missing; `who` ("checkpoints need") begins its message.
    """
    try:
        import filelock  # optional dependency
    except ImportError as error:
        raise ImportError(f"{who} filelock ({error}); install it with: pip install filelock") from error
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):  # `acquire` creates it, or says what is wrong
        return filelock.FileLock(path, timeout=timeout)
    if not stat.S_ISREG(mode):
        received = "something else, such as a link or a folder"
        raise DataError(mismatch(os.fsdecode(path), "a regular file", received, f"remove {os.fsdecode(path)}"))
    return filelock.FileLock(path, timeout=timeout)
