"""Named arrays and a JSON description in one safetensors file, with a checksum.

Nothing is pickled, so nothing in a file can run as code. A reader first checks the header (kind, version, dtypes,
sizes), then reads the arrays, then compares the checksum. In files of version 1 it covers the arrays alone; since
version 2 it covers all that is read: kind, version, description and arrays. The two sums of a file are never equal, so
that a file of version 2 whose version is damaged is not read as one of version 1. Writing needs the package
safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from tinynet.backend.files import PathLike, open_regular, write_atomically
from tinynet.errors import DataError, SaveError, mismatch
from tinynet.io import strict_json
from tinynet.io.tensor_files import DTYPES, LONGEST_HEADER, REMEDY, read_header, read_tensors

FORMAT = "tinynet"  # the key of our header in the metadata of safetensors


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
    try:
        about = strict_json.parse(json.dumps(about, allow_nan=False))  # as it is read: lists for tuples, text for keys
    except (ValueError, RecursionError) as error:
        raise SaveError(mismatch(path, "a description that JSON can hold", error, "shorten it")) from error
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

    Raises FileNotFoundError and other OSErrors of `open`, or DataError for a file of another kind, a version newer than
    `newest`, a damaged file, or what is no regular file. The file is opened once. Memory is allocated for the bytes
    that it has, not for the sizes that its header claims; the arrays are views of these bytes.
    """
    with open_regular(path) as file:
        try:
            found = read_header(file, path)
            header = _parse_header(path, found.metadata.get(FORMAT), kind, newest)
            arrays = read_tensors(file, found, path)
            if checksum(arrays, header) != header["sha256"]:
                raise DataError(mismatch(path, "numbers that fit its checksum", "others: it is damaged", REMEDY))
        except MemoryError as error:
            received, remedy = f"{file.seek(0, 2):,} bytes", "read it on a machine with more memory"
            raise DataError(mismatch(path, "a file that fits into memory", received, remedy)) from error
    return arrays, header["about"], header["version"]


def checksum(arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> str:
    """The SHA-256 of the arrays' names, shapes, dtypes and numbers; since version 2 also of the header."""
    import hashlib  # here, to keep `import tinynet` quick

    digest = hashlib.sha256()
    if header.get("version") != 1:
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


def _parse_header(path: PathLike, text: str | None, kind: str, newest: int) -> dict[str, Any]:
    """Our header from a file's metadata. Raises DataError if it is missing, damaged, too new or of another kind."""
    if text is None:
        remedy = "its numbers alone can be read by safetensors.numpy.load_file"
        raise DataError(mismatch(path, f"a {kind} of tinynet", "a safetensors file of another program", remedy))
    try:
        header = strict_json.parse(text)
    except ValueError as error:
        raise DataError(mismatch(path, "JSON in its header", f"{error!s:.200}", REMEDY)) from error
    if not isinstance(header, dict) or set(header) != {"kind", "version", "about", "sha256"}:
        raise DataError(mismatch(path, "a header with a version", f"{header!r:.60}", REMEDY))
    version = header["version"]
    if type(version) is not int or version < 1:
        raise DataError(mismatch(path, "a header with a version", f"{version!r:.60}", REMEDY))
    if header["kind"] != kind:
        remedy = "tn.load reads models; fit(checkpoint=folder, resume=True) reads checkpoints"
        raise DataError(mismatch(path, f"a {kind} of tinynet", f"a {header['kind']!s:.20}", remedy))
    if version > newest:
        remedy = "install a newer tinynet to read it"
        raise DataError(mismatch(path, f"format version {newest} or older", f"{version!s:.20}", remedy))
    return header
