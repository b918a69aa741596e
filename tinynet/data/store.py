"""Save arrays in the cache as IDX files with checksums. A folder is complete, or not there."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from pathlib import Path

import numpy as np

from tinynet.backend.files import read_regular
from tinynet.data.idx import MAX_BYTES, format_idx, parse_idx

SUMS = "sha256.json"
MAX_SUMS = 1 << 12  # bytes of that file


def save_arrays(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write uint8 arrays into a new `folder`, all or none. OSError if the disk is full or cannot be written."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.parent / f".{folder.name}-{secrets.token_hex(8)}"
    try:
        temporary.mkdir()  # with the caller's umask; tempfile.mkdtemp would shut out all others who share the cache
        contents = {name: format_idx(array) for name, array in arrays.items()}
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        for name, content in {**contents, SUMS: json.dumps(sums).encode()}.items():
            with open(temporary / name, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load_arrays(folder: Path) -> dict[str, np.ndarray] | None:
    """Read what `save_arrays` wrote; None if there is nothing or it is damaged."""
    try:
        sums = json.loads(read_regular(folder / SUMS, MAX_SUMS))
        arrays = {}
        for name, expected in sums.items():
            content = read_regular(folder / Path(name).name, MAX_BYTES)
            if hashlib.sha256(content).hexdigest() != expected:
                return None
            arrays[name] = parse_idx(content, folder / name)
        return arrays
    except Exception:  # a damaged copy can raise anything
        return None
