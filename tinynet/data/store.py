"""Arrays in the cache: IDX files and their sums, written beside and renamed: nothing half-written is ever seen."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from tinynet.data.idx import format_idx, parse_idx
from tinynet.errors import DataError

SUMS = "sha256.json"


def save_arrays(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write uint8 arrays into a new `folder`, all or nothing. OSError if the disk is full or may not be written."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        contents = {name: format_idx(array) for name, array in arrays.items()}
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        for name, content in {**contents, SUMS: json.dumps(sums).encode()}.items():
            with open(beside / name, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def load_arrays(folder: Path) -> dict[str, np.ndarray] | None:
    """What `save_arrays` wrote; None if there is nothing, or not what was written: then it is made again."""
    try:
        sums = json.loads((folder / SUMS).read_text(encoding="utf-8"))
        arrays = {}
        for name, expected in sums.items():
            content = (folder / Path(name).name).read_bytes()
            if hashlib.sha256(content).hexdigest() != expected:
                return None
            arrays[name] = parse_idx(content, folder / name)
        return arrays
    except (OSError, ValueError, AttributeError, DataError):
        return None
