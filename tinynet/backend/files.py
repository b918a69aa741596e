"""Open files that were named to the library: to read, regular files only; to write, completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import BinaryIO

from tinynet.errors import DataError, SaveError, mismatch

PathLike = str | os.PathLike[str]

LONGEST_NAME = 200  # bytes of a name that a temporary file can begin with: systems allow 255 in all
DESCRIPTORS = ("/dev/fd/", "/dev/stdout", "/dev/stderr", "/proc/")  # open files by name: renaming would miss them
SPACE = "free some space, or name another folder"
REMEDIES = {
    errno.EACCES: "make the file and its folder writable, or name another folder",
    errno.EISDIR: "name a file in that folder",
    errno.ELOOP: "remove the link",
    errno.ENAMETOOLONG: "name a shorter file",
    errno.ENOTDIR: "name a file in a folder",
    errno.EINVAL: "name another file",
}
REMEDIES |= dict.fromkeys((errno.EPERM, errno.EROFS, errno.EBUSY), REMEDIES[errno.EACCES])


NOT_REGULAR = (  # what a path can name beside a regular file, and what to do about it
    (stat.S_ISDIR, "a folder", "name a file in it"),
    (stat.S_ISFIFO, "a pipe", "write what comes out of it to a file, and name that"),
    (stat.S_ISSOCK, "a socket", "write what comes out of it to a file, and name that"),
    (stat.S_ISBLK, "a device", "copy its content to a file, and name that"),
    (stat.S_ISCHR, "a device", "copy its content to a file, and name that"),
)


def open_regular(path: PathLike) -> BinaryIO:
    """Open a regular file to read its bytes. Every reader of the library opens files with this function.

    Anything else is refused without waiting for it: a pipe can block for ever, and a device such as /dev/zero has no
    end. What was opened is checked again, since the name may have been given to something else in between. Symbolic
    links are followed.

    Raises DataError for a folder, a pipe, a socket or a device, and for a name that no file can have; TypeError for
    what is no name; the OSErrors of `open` otherwise: FileNotFoundError, PermissionError, and others for links in a
    circle or a name that is too long.
    """
    path = os.fspath(path)  # `os.stat` would take a number for an open file
    try:
        _refuse_unless_regular(path, os.stat(path).st_mode)
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags)
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(mismatch(repr(path), "the name of a file", error, "correct the name")) from error
    try:
        _refuse_unless_regular(path, os.fstat(descriptor).st_mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: PathLike, most: int | None = None) -> bytes:
    """The bytes of a regular file, as many as it had when it was opened. See `open_regular` for its exceptions.

    Raises DataError for a file of more than `most` bytes, before any is read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if most is not None and size > most:
            raise DataError(mismatch(path, f"at most {most:,} bytes", f"{size:,}", "check which file this is"))
        return file.read(size)


def _refuse_unless_regular(path: PathLike, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    found = ((what, remedy) for fits, what, remedy in NOT_REGULAR if fits(mode))
    received, remedy = next(found, ("something else", "name a file"))
    raise DataError(mismatch(os.fsdecode(path), "a regular file", received, remedy))


def write_atomically(path: PathLike, content: bytes) -> None:
    """Write `content` to `path` completely, or leave the old content unchanged.

    The content goes to a temporary file in the same folder, is flushed to the disk, and is then renamed to `path`.

    - A symbolic link stays, and the file that it points to is replaced.
    - A file that is replaced keeps its permissions, and its owner and group if the system allows that. Access control
      lists are not kept. A new file has the permissions that `open` gives.
    - If a file has several names (hard links), the others keep the old content.
    - A file that may not be written is refused, although it could be replaced.
    - Pipes and devices, such as /dev/stdout, are written directly, as `open` does.

    Raises SaveError (an OSError) if the file cannot be written, for example on a full disk.
    """
    name, kept = os.fsdecode(path), "; what was there before is untouched"
    try:
        old = _check_target(name)
        if name.startswith(DESCRIPTORS) or not (old is None or stat.S_ISREG(old.st_mode)):
            kept = ""
            with open(name, "wb") as file:
                file.write(content)
            return
        target = os.path.realpath(name) if os.path.islink(name) else name
        _replace(target, content, old)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        number = (error.errno or errno.EIO) if isinstance(error, OSError) else errno.EINVAL
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        remedy = REMEDIES.get(number, SPACE)
        if isinstance(error, FileNotFoundError):
            remedy = f"create the folder {os.path.dirname(os.path.realpath(name))} first"
        raise SaveError(number, f"{name} could not be saved ({reason}){kept}: {remedy}") from error


def _check_target(name: str) -> os.stat_result | None:
    """What `name` is, behind links; None if it does not exist. Raises OSError if it is a folder or not writable."""
    try:
        old = os.stat(name)
    except FileNotFoundError:
        old = None
    if name.endswith((os.sep, os.altsep or os.sep)) or (old is not None and stat.S_ISDIR(old.st_mode)):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if old is not None and not os.access(name, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return old


def _replace(target: str, content: bytes, old: os.stat_result | None) -> None:
    """Write a temporary file beside `target` and rename it; it takes over what `old` says."""
    temporary: str | None = None
    try:
        descriptor, temporary = create_beside(target, 0o666 if old is None else 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if old is not None:
                _keep_permissions(temporary, old)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        temporary = None
        _flush_folder(os.path.dirname(target) or os.curdir)
    finally:  # after Ctrl-C, too
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def create_beside(target: str, mode: int) -> tuple[int, str]:
    """Create an empty file with a new name in the folder of `target`; returns its descriptor and its path.

    The system takes the umask from `mode`. Python can read the umask only by changing it, for all threads.
    """
    folder, name = os.path.split(target)
    name = name if len(os.fsencode(name)) <= LONGEST_NAME else name[: LONGEST_NAME // 4]  # 4 bytes a character
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    while True:
        path = os.path.join(folder, f".{name}.{os.urandom(4).hex()}.part")
        with contextlib.suppress(FileExistsError):  # then with another name
            return os.open(path, flags, mode), path


def _keep_permissions(path: str, old: os.stat_result) -> None:
    new = os.stat(path)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        for owner in (old.st_uid, -1):  # only root may give files away; anyone may give them to a group of theirs
            with contextlib.suppress(OSError):
                os.chown(path, owner, old.st_gid)
                break
    os.chmod(path, stat.S_IMODE(old.st_mode))  # last: a new owner clears some bits


def _flush_folder(folder: str) -> None:
    """Flush the new name to the disk as well. Windows cannot open folders and needs no flush."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
