"""Unpack gzip, tar and zip in memory. No file is extracted, and what a header claims is compared with the bytes first.

Each function reads the part of its format that data sets use, takes time in proportion to the bytes given, and returns
at most the number of bytes that the caller names. Anything else is a ValueError, zlib.error or struct.error, which
`damage` turns into a DataError with the name of the file.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Collection, Iterator

from tinynet.errors import DataError, mismatch, printable_cause

GZIP_MAGIC = b"\x1f\x8b"
GZIP, RAW_DEFLATE = 31, -15  # the formats of a stream, as zlib numbers them
BLOCK = 1 << 13  # bytes given to zlib at a time: what it leaves over is copied
MAX_PARTS = 1 << 15  # of a gzip file; bgzip makes one for each 64 KiB
MAX_MEMBERS = 1 << 10  # of a tar archive; CIFAR-10 has 9
TAR_BLOCK = 512
REGULAR = b"0\0"  # types of a tar member that are a file
ZIP_TAIL = 22 + 0xFFFF  # the end of a zip: a record, and a comment
STORED, DEFLATED = 0, 8


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


def gunzip(content: bytes | memoryview, most: int) -> memoryview:
    """What a gzip file holds, read-only. ValueError if it is more than `most` bytes: a small file can hold a lot."""
    unpacked = gunzip_start(content, most + 1)
    if len(unpacked) > most:
        raise ValueError(f"it holds more than {most:,} bytes")
    return unpacked


def gunzip_start(content: bytes | memoryview, count: int) -> memoryview:
    """The first `count` bytes in a gzip file, or all if it holds fewer; then its checksums are right."""
    unpacked, at, parts = bytearray(), 0, 0
    while at < len(content) and len(unpacked) < count:
        if parts and not bytes(content[at : at + BLOCK]).strip(
            b"\0"
        ):  # what follows may be filled up with zeros, as tapes are
            at += BLOCK
            continue
        parts += 1
        if parts > MAX_PARTS:
            raise ValueError(f"it has more than {MAX_PARTS:,} parts")
        part, block = zlib.decompressobj(GZIP), b""
        while not part.eof and len(unpacked) < count:
            if not block:
                block, at = bytes(content[at : at + BLOCK]), at + BLOCK
            if not block:
                raise ValueError("it ends too early")
            unpacked += part.decompress(block, count - len(unpacked))
            block = part.unconsumed_tail
        at = min(at, len(content)) - len(part.unused_data)
    return memoryview(unpacked).toreadonly()


def untar(content: bytes | memoryview, wanted: Collection[str]) -> dict[str, memoryview]:
    """The regular files in a tar archive whose names, without folders, are `wanted`."""
    view, at = memoryview(content), 0
    found: dict[str, memoryview] = {}
    for _ in range(MAX_MEMBERS):
        header = bytes(view[at : at + TAR_BLOCK])
        if not any(header):  # the end, with or without the blocks of zeros that mark it
            return found
        if len(header) < TAR_BLOCK or _octal(header[148:156]) != sum(header[:148]) + 8 * ord(" ") + sum(header[156:]):
            raise ValueError("the checksum of a header is wrong")
        start, size = at + TAR_BLOCK, _octal(header[124:136])
        if start + size > len(view):
            raise ValueError("it ends too early")
        name = header[:100].partition(b"\0")[0].decode("utf-8", "replace").rpartition("/")[2]
        if name in wanted and header[156] in REGULAR:
            found[name] = view[start : start + size]
        at = start + -(-size // TAR_BLOCK) * TAR_BLOCK
    raise ValueError(f"it has more than {MAX_MEMBERS:,} members")


def _octal(field: bytes) -> int:
    digits = field.partition(b"\0")[0].strip()
    if not digits.isdigit():  # int() would take a sign
        raise ValueError("a number in a header is none")
    return int(digits, 8)


def unzip(content: bytes | memoryview, wanted: Collection[str], most: int) -> dict[str, bytes]:
    """The files called `wanted` in a zip archive, stored or deflated. ValueError if they exceed `most` bytes in all."""
    view = memoryview(content)
    entries, found = _directory(view), {}
    for name in wanted:
        if name.encode() not in entries:
            raise ValueError(f"it does not hold {name}")
        flags, method, checksum, packed, size, start = entries[name.encode()]
        most -= size
        if most < 0:
            raise ValueError(f"{name} holds too many bytes")
        magic, name_length, extra = struct.unpack_from("<4s22xHH", view, start)
        if magic != b"PK\3\4" or flags & 1 or method not in (STORED, DEFLATED):
            raise ValueError(f"{name} is not stored or deflated")
        start += 30 + name_length + extra
        found[name] = _inflate(view[start : start + packed], method, size)
        if len(found[name]) != size or zlib.crc32(found[name]) != checksum:
            raise ValueError(f"the checksum of {name} is wrong")
    return found


def _directory(view: memoryview) -> dict[bytes, tuple[int, ...]]:
    """(flags, method, checksum, packed size, size, start) of each file in a zip archive, by its name."""
    tail = bytes(view[-ZIP_TAIL:])
    end = tail.rfind(b"PK\5\6")
    if end < 0:
        raise ValueError("it has no directory at its end")
    count, at = struct.unpack_from("<H4xI", tail, end + 10)
    entries = {}
    for _ in range(count):
        magic, *entry, name_length, extra, comment, start = struct.unpack_from("<4s4xHH4xIIIHHH8xI", view, at)
        if magic != b"PK\1\2":
            raise ValueError("its directory has other bytes")
        entries[bytes(view[at + 46 : at + 46 + name_length])] = (*entry, start)
        at += 46 + name_length + extra + comment
    return entries


def _inflate(packed: memoryview, method: int, size: int) -> bytes:
    return bytes(packed) if method == STORED else zlib.decompressobj(RAW_DEFLATE).decompress(packed, size + 1)
