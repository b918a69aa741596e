"""Read gzip, tar and zip with the standard library, within limits. No file is extracted.

A limit that the caller names is on the bytes after decompression. Whatever a damaged file raises (the modules raise
more than their documentation says) is turned by `damage` into a DataError with the name of the file.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import zipfile
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO, cast

from tinynet.errors import DataError, mismatch, printable_cause

GZIP_MAGIC = b"\x1f\x8b"
MAX_MEMBERS = 1 << 10  # of a tar archive; CIFAR-10 has 9


@contextlib.contextmanager
def damage(who: object, expected: str, remedy: str, received: str = "a damaged one") -> Iterator[None]:
    """Turn whatever a damaged file raises while it is parsed into a DataError that names the file."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # a damaged file can raise anything
        received = f"{received} ({type(error).__name__}: {str(error)[:200]})"
        remedy = "close other programs: the memory is full" if isinstance(error, MemoryError) else remedy
        raise DataError(mismatch(who, expected, received, remedy)) from printable_cause(error)


def gunzip(content: bytes | memoryview, most: int) -> bytes:
    """What a gzip file holds. ValueError if it is more than `most` bytes: a small file can hold a lot."""
    unpacked = gunzip_start(content, most + 1)
    if len(unpacked) > most:
        raise ValueError(f"it holds more than {most:,} bytes")
    return unpacked


def gunzip_start(content: bytes | memoryview, count: int) -> bytes:
    """The first `count` bytes in a gzip file, or all if it holds fewer; then its checksums are right."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        return file.read(count)


class _Plain(tarfile.TarInfo):
    """A member of a tar archive without extensions, which can repeat, and have any size.

    Long names and sparse files are refused; pax headers, such as a more exact time, are passed over like links.
    """

    def _proc_member(self, archive: tarfile.TarFile) -> Any:  # tarfile calls it for subclasses to override
        if self.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.GNUTYPE_SPARSE) or self.size < 0:
            raise ValueError(f"it holds something else than plain files (type {self.type!r}, {self.size} bytes)")
        return self._proc_builtin(archive)  # type: ignore[attr-defined]


def untar(file: BinaryIO, wanted: Collection[str], most: int) -> dict[str, bytes]:
    """The files in a tar archive, gzipped or not, whose names, without folders, are `wanted`."""
    packed = file.read(2) == GZIP_MAGIC
    file.seek(0)
    stream = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=stream, mode="r:", tarinfo=_Plain) as archive:
        for number, member in enumerate(archive, 1):
            if number > MAX_MEMBERS or member.offset_data + member.size > most:
                raise ValueError(f"it has more than {MAX_MEMBERS:,} members or {most:,} bytes")
            name = member.name.rpartition("/")[2]
            if name in wanted and member.isreg() and (content := archive.extractfile(member)) is not None:
                found[name] = content.read()
    stream.seek(most)  # reads the rest of a gzip file: the checksum stands at its end
    if stream.read(1):
        raise ValueError(f"it holds more than {most:,} bytes")
    return found


def unzip(file: BinaryIO, wanted: Collection[str], most: int) -> dict[str, bytes]:
    """The files called `wanted` in a zip archive, stored or deflated. ValueError if they exceed `most` bytes in all.

    The directory is read whole: it takes 50 ms and 9 MB of memory for each MB.
    """
    found = {}
    with zipfile.ZipFile(file) as archive:
        for entry in map(archive.getinfo, wanted):
            most -= entry.file_size
            if most < 0:
                raise ValueError(f"{entry.filename} holds too many bytes")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"{entry.filename} is not stored or deflated")
            with archive.open(entry) as content:
                found[entry.filename] = content.read(entry.file_size + 1)  # without a number it would inflate all
    return found
