"""Named arrays and a JSON description in one safetensors file, with a checksum.

Nothing is pickled, so nothing in a file can run as code. A reader first checks the header (kind, version, dtypes,
sizes), then reads the arrays, then compares the checksum. In files of version 1 it covers the arrays alone; since
version 2 it covers all that is read: kind, version, description and arrays. Needs the package safetensors.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from tinynet.backend.files import PathLike, write_atomically
from tinynet.errors import DataError, SaveError, mismatch

FORMAT = "tinynet"  # the key of our header in the metadata of safetensors
DTYPES = {"F32": "float32", "F64": "float64", "I64": "int64"}  # names in safetensors and in NumPy
LONGEST_HEADER = 8 << 20  # bytes; the headers of our files have a few thousand

_REMEDY = "take another copy of the file, or save it again"


def write_arrays(path: PathLike, kind: str, version: int, arrays: Mapping[str, np.ndarray], about: Any) -> None:
    """Write named arrays, and `about`, which can be any value that JSON can represent.

    Raises SaveError if the file cannot be written, or for what `read_arrays` would refuse: an array of another dtype
    than float32, float64 and int64, or a description of more than 8 MiB.
    """
    save = safetensors("numpy").save
    arrays = {name: np.asarray(values, order="C") for name, values in arrays.items()}
    for name, values in arrays.items():
        if values.dtype.name not in DTYPES.values():
            remedy = f"convert it, such as {name}.astype('float32')"
            raise SaveError(
                mismatch(path, f"arrays of {', '.join(DTYPES.values())}", f"{name}: {values.dtype}", remedy)
            )
    about = json.loads(json.dumps(about, allow_nan=False))  # as it will be read: lists for tuples, text for keys
    header = {"kind": kind, "version": version, "about": about}
    text = json.dumps({**header, "sha256": checksum(arrays, header)})  # one entry: safetensors orders several at random
    if len(text) > LONGEST_HEADER // 2:  # quotes and arrays' names come to it
        received = f"{len(text):,} bytes"
        raise SaveError(
            mismatch(path, f"a description of at most {LONGEST_HEADER // 2:,} bytes", received, "shorten it")
        )
    write_atomically(path, save(arrays, metadata={FORMAT: text}))


def read_arrays(path: PathLike, kind: str, newest: int) -> tuple[dict[str, np.ndarray], Any, int]:
    """Read a file of `write_arrays`: its arrays, its description and its format version.

    Raises FileNotFoundError, or DataError for a file of another kind, a version newer than `newest`, or a damaged
    file. Memory is allocated for the bytes the file has, not for the sizes its header claims.
    """
    size = _check_header(path)
    try:
        with safetensors().safe_open(path, framework="np") as file:
            header = _parse_header(path, (file.metadata() or {}).get(FORMAT), kind, newest)
            names = list(file.keys())
            for name in names:
                found = file.get_slice(name).get_dtype()
                if found not in DTYPES:
                    raise DataError(mismatch(path, f"arrays of dtype {', '.join(DTYPES)}", f"{name}: {found}", _REMEDY))
            arrays = {name: file.get_tensor(name) for name in names}
    except safetensors().SafetensorError as error:
        raise DataError(mismatch(path, "a whole safetensors file", f"{size:,} bytes: {error}", _REMEDY)) from error
    if checksum(arrays, header) != header.get("sha256"):
        raise DataError(mismatch(path, "numbers that fit its checksum", "others: it is damaged", _REMEDY))
    return arrays, header["about"], header["version"]


def checksum(arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> str:
    """The SHA-256 of the arrays' names, shapes, dtypes and numbers; since version 2 also of the header."""
    import hashlib  # here, to keep `import tinynet` quick

    digest = hashlib.sha256()
    version = header.get("version")
    if isinstance(version, int) and version >= 2:
        covered = [header.get(name) for name in ("kind", "version", "about")]
        digest.update(json.dumps(covered, sort_keys=True).encode())
    for name in sorted(arrays):
        values = arrays[name]
        digest.update(json.dumps([name, values.dtype.name, values.shape]).encode())
        digest.update(np.ascontiguousarray(values).data if values.size else b"")
    return digest.hexdigest()


def safetensors(submodule: str = "") -> Any:
    """The package safetensors, or a module of it. Raises ImportError, with the way to install it, if it is missing."""
    try:
        return import_module(f"safetensors.{submodule}" if submodule else "safetensors")
    except ImportError as error:
        message = f"models and checkpoints are files of safetensors ({error}); install it with: pip install safetensors"
        raise ImportError(message) from error


def _check_header(path: PathLike) -> int:
    """Return the file's size; raise DataError if the length of its header cannot be right."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, LONGEST_HEADER):
        raise DataError(mismatch(path, "a whole safetensors file", f"{size:,} bytes that are not one", _REMEDY))
    return size


def _parse_header(path: PathLike, text: str | None, kind: str, newest: int) -> dict[str, Any]:
    """Our header from a file's metadata. Raises DataError if it is missing, damaged, too new or of another kind."""
    if text is None:
        remedy = "its numbers alone can be read by safetensors.numpy.load_file"
        raise DataError(mismatch(path, f"a {kind} of tinynet", "a safetensors file of another program", remedy))
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(mismatch(path, "JSON in its header", str(error), _REMEDY)) from error
    if not isinstance(header, dict) or not isinstance(header.get("version"), int) or "about" not in header:
        raise DataError(mismatch(path, "a header with a version", f"{header!r:.60}", _REMEDY))
    if header.get("kind") != kind:
        remedy = "tn.load reads models; fit(checkpoint=folder, resume=True) reads checkpoints"
        raise DataError(mismatch(path, f"a {kind} of tinynet", f"a {header.get('kind')!s:.20}", remedy))
    if header["version"] > newest:
        remedy = "install a newer tinynet to read it"
        raise DataError(mismatch(path, f"format version {newest} or older", header["version"], remedy))
    return header
