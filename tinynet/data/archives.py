"""Read the archives of CIFAR-10 (tar) and EMNIST (zip) in memory. No file is extracted."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.data.idx import MAX_BYTES, parse_idx, unpack
from tinynet.errors import DataError, mismatch

Arrays = tuple[np.ndarray, np.ndarray]  # images, labels

CIFAR_RECORD = 1 + 3 * 32 * 32  # a label, then the red, the green and the blue plane
CIFAR_BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
EMNIST_FILES = {
    split: [f"gzip/emnist-balanced-{split}-{part}-ubyte.gz" for part in ("images-idx3", "labels-idx1")]
    for split in ("train", "test")
}


def read_cifar10(path: Path) -> dict[str, Arrays]:
    """{"train": ..., "test": ...} of CIFAR-10 from its binary or its Python archive: images (N, 32, 32, 3).

    The Python archive holds pickles. They are read by an unpickler that can create arrays and nothing else. Raises
    DataError for any other file.
    """
    members = dict(_tar_members(path))
    splits = {}
    for split, names in CIFAR_BATCHES.items():
        parts = []
        for name in names:
            if f"{name}.bin" in members:
                parts.append(_parse_records(members[f"{name}.bin"], f"{path}:{name}.bin"))
            elif name in members:
                parts.append(_parse_pickle(members[name], f"{path}:{name}"))
            else:
                raise DataError(mismatch(path, f"a member {name} or {name}.bin", "none", "fetch the archive again"))
        images, labels = (np.concatenate(arrays) for arrays in zip(*parts))
        splits[split] = images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), labels
    return splits


def read_emnist(path: Path) -> dict[str, Arrays]:
    """{"train": ..., "test": ...} of EMNIST's balanced letters and digits, from the zip of all its variants.

    EMNIST stores its pictures transposed; the returned ones are upright. Raises DataError for any other file.
    """
    splits = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for split, names in EMNIST_FILES.items():
                contents = []
                for name in names:
                    with archive.open(name) as member:
                        contents.append(unpack(member.read(MAX_BYTES), f"{path}:{name}"))
                images, labels = (parse_idx(content, f"{path}:{split}") for content in contents)
                splits[split] = images.transpose(0, 2, 1).copy(), labels
    except (KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(mismatch(path, "EMNIST's zip", f"another file ({error})", "fetch it again")) from error
    return splits


def _tar_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (base name, content) of CIFAR's members. Skips other names; stops where the sizes exceed MAX_BYTES."""
    wanted = {name + ending for names in CIFAR_BATCHES.values() for name in names for ending in ("", ".bin")}
    total = 0
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                total += member.size
                if total > MAX_BYTES:
                    raise DataError(mismatch(path, f"at most {MAX_BYTES:,} bytes unpacked", "more", "fetch it again"))
                stream = archive.extractfile(member) if name in wanted and member.isfile() else None
                if stream is not None:
                    yield name, stream.read(member.size)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, (FileNotFoundError, PermissionError)):
            raise
        raise DataError(
            mismatch(path, "CIFAR-10's tar archive", f"a damaged one ({error})", "fetch it again")
        ) from error


def _parse_records(content: bytes, name: str) -> Arrays:
    if not content or len(content) % CIFAR_RECORD:
        expected = f"records of {CIFAR_RECORD} bytes"
        raise DataError(mismatch(name, expected, f"{len(content):,} bytes in all", "fetch the archive again"))
    records = np.frombuffer(content, np.uint8).reshape(-1, CIFAR_RECORD)
    return records[:, 1:], records[:, 0]


def _empty_array(kind: object, shape: object, dtype: object) -> np.ndarray:
    """An empty array, whatever shape the file names: its `__setstate__` then sets shape and numbers."""
    return np.empty(0, np.uint8)


def _to_latin1(text: str, encoding: str) -> bytes:
    """Encode as Latin-1, as pickles of Python 2 need. Other encodings, which could expand the text, are ignored."""
    return text.encode("latin1")


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that knows only the names that an array of numbers needs, and allocates no memory for them."""

    known = {
        ("numpy", "ndarray"): None,  # named in the file, but never called
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _to_latin1,
        ("numpy.core.multiarray", "_reconstruct"): _empty_array,
        ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no data set needs")
        return self.known[module, name]


def _parse_pickle(content: bytes, name: str) -> Arrays:
    try:
        batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        images, labels = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"])
    except Exception as error:  # a damaged pickle can raise anything
        expected = "a batch of CIFAR-10's Python archive"
        raise DataError(mismatch(name, expected, f"{type(error).__name__}: {error}", "fetch it again")) from error
    if (
        images.dtype != np.uint8
        or images.ndim != 2
        or images.shape[1] != CIFAR_RECORD - 1
        or labels.dtype.kind not in "iu"
    ):
        received = f"{images.dtype} of shape {images.shape}, labels of {labels.dtype}"
        raise DataError(mismatch(name, "uint8 images of 3072 numbers, integer labels", received, "fetch it again"))
    if len(labels) and not (labels.min() >= 0 and labels.max() < 256):
        received = f"{labels.min()} to {labels.max()}"
        raise DataError(mismatch(name, "labels from 0 to 255", received, "fetch it again"))
    return images, labels.astype(np.uint8)
