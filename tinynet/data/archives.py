"""Read the archives of CIFAR-10 (tar) and EMNIST (zip). No file is extracted, and no pickle is run."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from tinynet.backend.files import open_regular
from tinynet.data.idx import parse_idx
from tinynet.data.pickles import read_pickle
from tinynet.data.unpacking import damage, untar, unzip
from tinynet.errors import DataError, mismatch

Arrays = tuple[np.ndarray, np.ndarray]  # images, labels

MAX_TAR = 200_000_000  # bytes of CIFAR-10's archive after decompression: it has 187 MB
MAX_BATCH = 36_000_000  # bytes of a batch in it, which has 31 MB; text in it can take seven times as much memory
MAX_MEMBERS = 110_000_000  # bytes of EMNIST's files in the zip, still compressed: unpacked they have 103 MB
CIFAR_RECORD = 1 + 3 * 32 * 32  # a label, then the red, the green and the blue plane
CIFAR_BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
EMNIST_FILES = {
    split: [f"gzip/emnist-balanced-{split}-{part}-ubyte.gz" for part in ("images-idx3", "labels-idx1")]
    for split in ("train", "test")
}


def read_cifar10(path: Path) -> dict[str, Arrays]:
    """{"train": ..., "test": ...} of CIFAR-10 from its binary or its Python archive: images (N, 32, 32, 3).

    The Python archive holds pickles, of which `read_pickle` reads the arrays. Raises DataError for any other file.
    """
    with open_regular(path) as file:
        return parse_cifar10(file, path)


def parse_cifar10(file: BinaryIO, path: Path) -> dict[str, Arrays]:
    """What `read_cifar10` returns, from the open archive. `path` names it in messages."""
    wanted = {name + ending for names in CIFAR_BATCHES.values() for name in names for ending in ("", ".bin")}
    with damage(path, "CIFAR-10's tar archive", "fetch it again"):
        members = untar(file, wanted, MAX_TAR)
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
    with open_regular(path) as file:
        return parse_emnist(file, path)


def parse_emnist(file: BinaryIO, path: Path) -> dict[str, Arrays]:
    """What `read_emnist` returns, from the open zip: the rest is not read. `path` names it in messages."""
    with damage(path, "EMNIST's zip", "fetch it again", received="another file"):
        members = unzip(file, [name for names in EMNIST_FILES.values() for name in names], MAX_MEMBERS)
    splits = {}
    for split, names in EMNIST_FILES.items():
        images, labels = (parse_idx(members[name], f"{path}:{name}") for name in names)
        if images.ndim != 3:
            raise DataError(mismatch(f"{path}:{split}", "pictures (N, H, W)", images.shape, "fetch it again"))
        splits[split] = images.transpose(0, 2, 1).copy(), labels
    return splits


def _parse_records(content: bytes, name: str) -> Arrays:
    if not content or len(content) % CIFAR_RECORD:
        expected = f"records of {CIFAR_RECORD} bytes"
        raise DataError(mismatch(name, expected, f"{len(content):,} bytes in all", "fetch the archive again"))
    records = np.frombuffer(content, np.uint8).reshape(-1, CIFAR_RECORD)
    return records[:, 1:], records[:, 0]


def _parse_pickle(content: bytes, name: str) -> Arrays:
    if len(content) > MAX_BATCH:
        raise DataError(mismatch(name, f"at most {MAX_BATCH:,} bytes", f"{len(content):,}", "fetch it again"))
    with damage(name, "a batch of CIFAR-10's Python archive", "fetch it again"):
        batch = read_pickle(content)
        images, labels = (_numbers(batch[key]) for key in (b"data", b"labels"))
    if images.dtype != np.uint8 or images.shape[1:] != (CIFAR_RECORD - 1,) or labels.dtype.kind not in "iu":
        received = f"{images.dtype} of shape {images.shape}, labels of {labels.dtype}"
        raise DataError(mismatch(name, "uint8 images of 3072 numbers, integer labels", received, "fetch it again"))
    if len(labels) and not (labels.min() >= 0 and labels.max() < 256):
        received = f"{labels.min()} to {labels.max()}"
        raise DataError(mismatch(name, "labels from 0 to 255", received, "fetch it again"))
    if labels.shape != images.shape[:1]:
        received = f"{len(images):,} images and labels of shape {labels.shape}"
        raise DataError(mismatch(name, "a label for each image", received, "fetch it again"))
    return images, labels.astype(np.uint8)


def _numbers(values: object) -> np.ndarray:
    """An array, or a list of whole numbers as one. TypeError for anything else."""
    if isinstance(values, list):
        if not all(type(value) is int for value in values):
            raise TypeError("labels that are not whole numbers")
        return np.array(values, np.int64)
    if not isinstance(values, np.ndarray):
        raise TypeError("images or labels that are no array")
    return values
