"""Read files in the format of safetensors: https://github.com/huggingface/safetensors#format.

    8 bytes      the length of the header, little-endian
    header       JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ..., "__metadata__": {...}}
    the rest     the numbers of all arrays, one after the other without gaps

The package safetensors, which writes these files, reads a path, or makes a copy of each array. Here a file is opened
once, so that what is checked is what is read, and the arrays are views of the bytes that were read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from tinynet.errors import DataError, mismatch
from tinynet.io import strict_json

DTYPES = {"F32": "float32", "F64": "float64", "I64": "int64"}  # names in safetensors and in NumPy
LONGEST_HEADER = 8 << 20  # bytes; the headers of our files have a few thousand
MOST_AXES = 32  # of an array in NumPy 1

REMEDY = "take another copy of the file, or save it again"


class Tensor(NamedTuple):
    """What a header says of one array."""

    dtype: str
    shape: tuple[int, ...]
    begin: int  # its bytes, from the end of the header
    end: int


class Header(NamedTuple):
    """A header that fits the size of its file."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    size: int  # bytes of all arrays


def read_header(file: BinaryIO, who: object) -> Header:
    """Read the header from an open file and compare it with the size of the file.

    Raises DataError unless the arrays are of the dtypes that we read and take all bytes after the header, once each.
    """
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, LONGEST_HEADER):
        raise DataError(mismatch(who, "a whole safetensors file", f"{size:,} bytes that are not one", REMEDY))
    try:
        found = strict_json.parse(file.read(length))
        metadata = found.pop("__metadata__", {}) if isinstance(found, dict) else None
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("a header that is no object, or has metadata that are no texts")
        tensors = {name: _tensor(name, value, who) for name, value in found.items()}
        _check_that_they_fill(tensors, size - 8 - length)
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        received = f"{size:,} bytes: {error!s:.200}"
        raise DataError(mismatch(who, "a whole safetensors file", received, REMEDY)) from error
    return Header(tensors, metadata, size - 8 - length)


def read_tensors(file: BinaryIO, header: Header, who: object) -> dict[str, np.ndarray]:
    """Read the arrays that follow the header. They are views of one block of memory.

    Raises DataError if the file has become shorter or longer since its header was read.
    """
    block = np.fromfile(file, np.uint8, header.size)
    if block.size != header.size or file.read(1):
        remedy = "read it when it is complete"
        raise DataError(mismatch(who, "a file that nobody is writing", "one that changed while it was read", remedy))
    return {
        name: block[tensor.begin : tensor.end].view(DTYPES[tensor.dtype]).reshape(tensor.shape)
        for name, tensor in header.tensors.items()
    }


def _tensor(name: str, value: Any, who: object) -> Tensor:
    """An entry of the header. ValueError if it is none, DataError for a dtype that we do not read."""
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name[:60]!r} is described by {value!r:.60}")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise DataError(mismatch(who, f"arrays of dtype {', '.join(DTYPES)}", f"{name[:60]}: {dtype!s:.20}", REMEDY))
    if not (_sizes(shape) and len(shape) <= MOST_AXES and _sizes(offsets) and len(offsets) == 2):
        raise ValueError(f"{name[:60]!r} has the shape {shape!r:.60} and the offsets {offsets!r:.60}")
    width = np.dtype(DTYPES[dtype]).itemsize
    if math.prod(max(each, 1) for each in shape) * width >= 2**63:  # NumPy refuses it although it is empty
        raise ValueError(f"{name[:60]!r} has the shape {shape!r:.60}")
    if offsets[1] - offsets[0] != math.prod(shape) * width:
        raise ValueError(f"{name[:60]!r} of shape {shape!r:.60} takes the bytes {offsets!r:.60}")
    return Tensor(dtype, tuple(shape), *offsets)


def _sizes(values: Any) -> bool:
    """Whether this is a list of whole numbers that fit into 63 bits."""
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**63 for value in values)


def _check_that_they_fill(tensors: Mapping[str, Tensor], size: int) -> None:
    """Raise ValueError unless the arrays take all bytes, one after the other."""
    end = 0
    for tensor in sorted(tensors.values(), key=lambda each: (each.begin, each.end)):
        if tensor.begin != end:
            raise ValueError(f"arrays with a gap or an overlap at byte {end:,}")
        end = tensor.end
    if end != size:
        raise ValueError(f"arrays of {end:,} bytes in {size:,}")
