"""Read and write IDX, the format of MNIST: a big-endian header, then the numbers.

    bytes 0-1   zero
    byte  2     the type of the numbers: 0x08 uint8 (the only one these data sets use), 0x09 int8, 0x0B int16,
                0x0C int32, 0x0D float32, 0x0E float64
    byte  3     the number of dimensions
    then        a 32-bit length for each dimension, and the data in C order

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import math
import os
import struct
from typing import Any

import numpy as np

from tinynet.backend.files import read_regular
from tinynet.data.unpacking import GZIP_MAGIC, damage, gunzip, gunzip_start
from tinynet.errors import DataError, file_name, mismatch

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_BYTES = 1 << 28  # 256 MiB; the largest of these data sets, CIFAR-10, has 184 MB
LONGEST_HEADER = 4 + 4 * 4
LONGEST_START = 1 << 17  # bytes of a gzip file that begin with its own header and give that one


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read the array in an IDX file, gzipped or not. Its dtype is the file's type, in the machine's byte order.

    Raises DataError, with the file's name, if it is not an IDX file, is too short, or has trailing bytes. Never reads
    more than MAX_BYTES, whatever the header or a compressed stream claims.
    """
    return parse_idx(read_regular(file_name("read_idx", path), MAX_BYTES), path)


def unpack(content: bytes | memoryview, name: str | os.PathLike[str]) -> bytes | memoryview:
    """The bytes of an IDX file, decompressed if it is gzipped. DataError if it is damaged.

    Decompresses as many bytes as the header asks for, and at most MAX_BYTES: a small file could fill the memory.
    """
    if content[:2] != GZIP_MAGIC:
        return content
    with damage(name, "a whole gzip file", "delete it and fetch it again"):
        start, shape, dtype = _parse_header(gunzip_start(content[:LONGEST_START], LONGEST_HEADER), name)
        return gunzip(content, start + math.prod(shape) * dtype.itemsize)


def parse_idx(content: bytes | memoryview, name: str | os.PathLike[str] = "IDX data") -> np.ndarray:
    """The array in the bytes of an IDX file, for uint8 a view of them. Raises what `read_idx` raises."""
    with damage(name, "an IDX file", "fetch the file again"):
        content = unpack(content, name)
        start, shape, dtype = _parse_header(content, name)
        size = math.prod(shape) * dtype.itemsize
        if size != len(content) - start:
            expected = f"{size:,} bytes for {' x '.join(map(str, shape))}"
            raise DataError(mismatch(name, expected, f"{len(content) - start:,}", "fetch the file again"))
        return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _parse_header(
    content: bytes | memoryview, name: str | os.PathLike[str]
) -> tuple[int, tuple[int, ...], np.dtype[Any]]:
    """(where the numbers begin, shape, dtype). DataError for a header that no array of MAX_BYTES has."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES or not 1 <= content[3] <= 4:
        expected = "an IDX header (00 00, a type such as 08, 1 to 4 dimensions)"
        received = bytes(content[:4]).hex(" ") or "an empty file"
        raise DataError(mismatch(name, expected, received, "check which file this is"))
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise DataError(mismatch(name, f"a header of {start} bytes", f"{len(content)} bytes", "fetch the file again"))
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    dtype = np.dtype(TYPES[content[2]])
    most = MAX_BYTES // dtype.itemsize
    if math.prod(max(size, 1) for size in shape) > most:  # 0 x 2^63: no array has such a shape
        raise DataError(mismatch(name, f"at most {most:,} numbers", " x ".join(map(str, shape)), "fetch it again"))
    return start, shape, dtype


def format_idx(array: np.ndarray) -> bytes:
    """An array of 1 to 4 dimensions and a dtype of IDX as the bytes of a file. DataError for any other array."""
    code = next((code for code, dtype in TYPES.items() if array.dtype.newbyteorder(">") == np.dtype(dtype)), None)
    if code is None or not 1 <= array.ndim <= 4:
        expected = f"1 to 4 dimensions of {', '.join(np.dtype(dtype).name for dtype in TYPES.values())}"
        remedy = "convert it first, for example with numbers.astype('float64')"
        raise DataError(mismatch("IDX data", expected, f"{array.ndim} dimensions of {array.dtype}", remedy))
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(TYPES[code]).tobytes()
