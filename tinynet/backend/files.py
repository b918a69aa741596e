"""Files that are whole or not there: written beside, flushed to the disk, renamed; checked before they are believed.

Arrays and their names are kept as safetensors, everything else as JSON in its header. There is no pickle, so nothing in
a file can run. A reader looks at the header first (names, shapes, dtypes, sizes, a checksum) and only then at numbers.
Needs safetensors, which is part of the extra `files`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.errors import DataError, SaveError, mismatch

PathLike = str | os.PathLike[str]

FORMAT = "tinynet"
DTYPES = {"F32": "float32", "F64": "float64", "I64": "int64"}  # of safetensors, and NumPy's
LONGEST_HEADER = 8 << 20  # bytes: names, shapes and JSON; our largest has some thousand


def write_atomically(path: PathLike, content: bytes) -> None:
    """Write `content` under `path`: all of it, on the disk, or nothing at all.

    It is written into a file beside, which takes the name only once the disk has it. Raises SaveError (an OSError)
    where that fails, a full disk say; what stood under the name before is then untouched.
    """
    import tempfile  # here, for it takes as long to import as all our layers

    path = Path(path)
    beside: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        beside = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)
        beside = None
        _flush_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SaveError(
            error.errno,
            f"{path} could not be saved ({reason}); what was there before is untouched: free some space, or name "
            f"another folder",
        ) from error
    finally:  # Ctrl-C leaves nothing behind, either
        if beside is not None:
            with contextlib.suppress(OSError):
                beside.unlink()


def write_arrays(path: PathLike, kind: str, version: int, arrays: Mapping[str, np.ndarray], about: Any) -> None:
    """Write named arrays, and `about`, which JSON must be able to say."""
    save = safetensors("numpy").save
    arrays = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    header = {"kind": kind, "version": version, "sha256": checksum(arrays), "about": about}
    text = json.dumps(header, allow_nan=False)  # under one name, since safetensors writes several in any order
    write_atomically(path, save(arrays, metadata={FORMAT: text}))


def read_arrays(path: PathLike, kind: str, newest: int) -> tuple[dict[str, np.ndarray], Any, int]:
    """(arrays, about, version) of a file that `write_arrays` wrote.

    Raises FileNotFoundError, or DataError for a file of another kind, a version newer than `newest`, or one that is
    damaged in any way; memory is taken for what the file holds, and not for what it claims.
    """
    size = _check_header(path)
    try:
        with safetensors().safe_open(path, framework="np") as file:
            header = _understand(path, (file.metadata() or {}).get(FORMAT), kind, newest)
            names = list(file.keys())
            for name in names:
                found = file.get_slice(name).get_dtype()
                if found not in DTYPES:
                    raise DataError(mismatch(path, f"arrays of dtype {', '.join(DTYPES)}", f"{name}: {found}", _REMEDY))
            arrays = {name: file.get_tensor(name) for name in names}
    except safetensors().SafetensorError as error:
        raise DataError(mismatch(path, "a whole safetensors file", f"{size:,} bytes: {error}", _REMEDY)) from error
    if checksum(arrays) != header.get("sha256"):
        raise DataError(mismatch(path, "numbers that fit its checksum", "others: it is damaged", _REMEDY))
    return arrays, header["about"], header["version"]


def checksum(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of names, shapes, dtypes and numbers."""
    import hashlib  # as tempfile above

    digest = hashlib.sha256()
    for name in sorted(arrays):
        values = arrays[name]
        digest.update(json.dumps([name, values.dtype.name, values.shape]).encode())
        digest.update(np.ascontiguousarray(values).data if values.size else b"")
    return digest.hexdigest()


_REMEDY = "take another copy of the file, or save it again"


def _check_header(path: PathLike) -> int:
    """The file's size, once its header is known to be of a length that is no attack."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, LONGEST_HEADER):
        raise DataError(mismatch(path, "a whole safetensors file", f"{size:,} bytes that are none", _REMEDY))
    return size


def _understand(path: PathLike, text: str | None, kind: str, newest: int) -> dict[str, Any]:
    """What the header says, if it is one of ours and of this kind."""
    if text is None:
        remedy = "its numbers alone can be read by safetensors.numpy.load_file"
        raise DataError(mismatch(path, f"a {kind} of tinynet", "a safetensors file of somebody else's", remedy))
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(mismatch(path, "JSON in its header", str(error), _REMEDY)) from error
    if not isinstance(header, dict) or not isinstance(header.get("version"), int) or "about" not in header:
        raise DataError(mismatch(path, "a header with a version", f"{header!r:.60}", _REMEDY))
    if header.get("kind") != kind:
        raise DataError(mismatch(path, f"a {kind} of tinynet", f"a {header.get('kind')!s:.20}", "open it as one"))
    if header["version"] > newest:
        remedy = "install a newer tinynet to read it"
        raise DataError(mismatch(path, f"format version {newest} or older", header["version"], remedy))
    return header


def safetensors(submodule: str = "") -> Any:
    """The package, or a module of it. ImportError says how to install it."""
    try:
        return import_module(f"safetensors.{submodule}" if submodule else "safetensors")
    except ImportError as error:
        message = f"models and checkpoints are files of safetensors ({error}); install it with: pip install safetensors"
        raise ImportError(message) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush_folder(folder: Path) -> None:
    """Let the disk know of the new name, too; where folders cannot be opened (Windows) there is nothing to do."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
