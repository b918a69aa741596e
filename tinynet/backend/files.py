"""Write a file atomically: it has the complete new content, or the old content unchanged."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tinynet.errors import SaveError

PathLike = str | os.PathLike[str]


def write_atomically(path: PathLike, content: bytes) -> None:
    """Write `content` to `path` completely, or leave the old content unchanged.

    The content goes to a temporary file in the same folder, is flushed to the disk, and is then renamed to `path`.
    Raises SaveError (an OSError) if that fails, for example on a full disk.
    """
    import tempfile  # here, because its import takes as long as that of all layers

    path = Path(path)
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
        _flush_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "free some space, or name another folder"
        if isinstance(error, FileNotFoundError):
            remedy = f"create the folder {path.parent} first"
        untouched = "what was there before is untouched"
        raise SaveError(error.errno, f"{path} could not be saved ({reason}); {untouched}: {remedy}") from error
    finally:  # after Ctrl-C, too
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush_folder(folder: Path) -> None:
    """Flush the new name to the disk as well. Windows cannot open folders and needs no flush."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
