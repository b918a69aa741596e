"""Archives of other layouts than four IDX files: CIFAR-10's tar, EMNIST's zip. Read in memory; nothing is extracted."""

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

    The Python archive holds pickles; they are read by an unpickler that can make arrays and nothing else. Raises
    DataError for anything that is not one of the two archives.
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

    EMNIST stores its pictures transposed; here they are upright. Raises DataError for a damaged or another zip.
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
    """(base name, content) of CIFAR's members; what has another name is passed over, and no size is believed."""
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
    """What an array begins as; its state, with the numbers, follows. The file's own shape is not asked."""
    return np.empty(0, np.uint8)


def _to_latin1(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes for Python 2. Other encodings could be asked to blow text up."""
    return text.encode("latin1")


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that knows what an array of numbers is made of, and no other name. Nothing of it takes memory."""

    known = {
        ("numpy", "ndarray"): None,  # only ever named
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
    if images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != CIFAR_RECORD - 1 or labels.dtype.kind != "i":
        received = f"{images.dtype} of shape {images.shape}"
        raise DataError(mismatch(name, "uint8 images of 3072 numbers, integer labels", received, "fetch it again"))
    if len(labels) and not (labels.min() >= 0 and labels.max() < 256):
        raise DataError(mismatch(name, "labels from 0 to 255", f"up to {labels.max()}", "fetch it again"))
    return images, labels.astype(np.uint8)
