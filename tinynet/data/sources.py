"""Load a data set by its name: from a folder, the cache, tensorflow-datasets or a download."""

from __future__ import annotations

import contextlib
import hashlib
import os
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tinynet.backend.files import open_regular, read_regular
from tinynet.data import archives
from tinynet.data.catalog import SYNTHETIC, Entry, File, find_entry
from tinynet.data.dataset import Dataset
from tinynet.data.download import cache_folder, fetch
from tinynet.data.drawings import synthetic_fashion
from tinynet.data.duplicates import without_duplicates
from tinynet.data.idx import MAX_BYTES, parse_idx, unpack
from tinynet.data.tfds import read_tfds
from tinynet.errors import DataError, DataNotFoundError, file_name, flag, mismatch, one_of, text

Arrays = tuple[np.ndarray, np.ndarray]  # images, labels
SOURCES = ("auto", "folder", "cache", "download", "tfds")


def load(
    name: str,
    source: str = "auto",
    data: str | os.PathLike[str] | None = None,
    offline: bool = False,
    flatten: bool = True,
    drop_duplicates: bool = False,
) -> tuple[Dataset, Dataset]:
    """Load (train, test) of a data set by its name. The pictures are uint8.

    name             fashion_mnist, mnist, kmnist, emnist (balanced), cifar10, synthetic_fashion
    source           "folder" (`data`, or $TINYNET_DATA), "cache", "download", or "auto": the first that has it;
                     "tfds": tensorflow-datasets in the folder `data` (default: its own). A data set that is not
                     prepared there is prepared from $TINYNET_DATA, the cache or a download. Order as in tfds.
    offline          do not use the network
    flatten          return pictures as rows of pixels
    drop_duplicates  leave out repeated pictures within each split, and training pictures that are in the test set

    Each file is checked by SHA-256 before it is used. Raises DataNotFoundError with a remedy if the data set is not
    found, DataError with both sums if a file is not the published one, ValueError for an unknown name.
    """
    offline, flatten = flag("load", "offline", offline), flag("load", "flatten", flatten)
    drop_duplicates = flag("load", "drop_duplicates", drop_duplicates)
    data = None if data is None else file_name("load", data)
    one_of("load", "source", source, SOURCES)
    if text("load", "name", name) == SYNTHETIC:
        return synthetic_fashion(flatten=flatten)
    entry = find_entry(name)
    splits = _from_tfds(entry, data, offline) if source == "tfds" else _from_files(entry, source, data, offline)
    train, test = (_dataset(entry, split, *splits[split], flatten) for split in ("train", "test"))
    return without_duplicates(train, test) if drop_duplicates else (train, test)


def fashion_mnist(
    data: str | os.PathLike[str] | None = None, flatten: bool = True, offline: bool = False
) -> tuple[Dataset, Dataset]:
    """Load (train, test) of Fashion-MNIST: 60,000 and 10,000 pictures as rows of 784 pixels.

    Looks into the folder `data` (or $TINYNET_DATA), then into the cache, then downloads. Raises what `load` raises.
    """
    return load("fashion_mnist", data=data, flatten=flatten, offline=offline)


def _from_files(entry: Entry, source: str, data: str | os.PathLike[str] | None, offline: bool) -> dict[str, Arrays]:
    folders = _folders(entry, source, data)
    if entry.layout != "idx":
        found = [(file, path) for file in entry.files if (path := _find(file, folders)) is not None]
        first = entry.files[0]
        file, path = found[0] if found else (first, _obtain(first, entry, source, folders, offline))
        parse = archives.parse_emnist if entry.layout == "idx-zip" else archives.parse_cifar10
        with open_regular(path) as opened:
            _check_sum(file, path, opened)
            return parse(opened, path)
    arrays = []
    for file in entry.files:
        path = _find(file, folders) or _obtain(file, entry, source, folders, offline)
        arrays.append(parse_idx(_read_checked(file, path), path))
    return {"train": (arrays[0], arrays[1]), "test": (arrays[2], arrays[3])}


def _from_tfds(entry: Entry, data: str | os.PathLike[str] | None, offline: bool) -> dict[str, Arrays]:
    obtain = partial(_from_files, entry, "auto", None, offline)
    return read_tfds(entry, Path(data) if data is not None else None, obtain)


def _folders(entry: Entry, source: str, data: str | os.PathLike[str] | None) -> list[Path]:
    """The folders to look into, in this order."""
    chosen = data if data is not None else os.environ.get("TINYNET_DATA")
    folders = []
    if chosen and source in ("auto", "folder"):
        folder = Path(chosen)
        if not folder.is_dir():
            raise DataError(f"data: expected a folder, got {str(folder)!r}; check --data and TINYNET_DATA")
        folders += [folder, *(folder / name for name in entry.folders)]
    if source in ("auto", "cache", "download"):
        with contextlib.suppress(DataNotFoundError):  # without a home there is no cache to look into
            folders.append(cache_folder() / entry.name)
    return folders


def _find(file: File, folders: list[Path]) -> Path | None:
    """The path of `file` in the first folder that has it; an IDX file may be decompressed. None if no folder has it.

    DataError if the name stands for something else than a file, such as a pipe, which could block for ever.
    """
    names = [file.name, file.name.removesuffix(".gz")] if file.name.endswith("ubyte.gz") else [file.name]
    for path in (folder / name for folder in folders for name in names):
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        if not path.is_file():
            remedy = "remove it, or give another folder with --data"
            raise DataError(mismatch(path, "a file", "something else, or a link to nothing", remedy))
        return path
    return None


def _obtain(file: File, entry: Entry, source: str, folders: list[Path], offline: bool) -> Path:
    """Download a file that is in none of the folders. DataNotFoundError if that is not allowed or fails."""
    if source in ("folder", "cache") or offline:
        looked = ", ".join(map(str, folders)) or "no folder (none was given)"
        why = "--offline" if offline else f"the source {source!r}"
        remedy = "put it there, or allow a download" if folders else "give its folder with --data (data=...)"
        received = f"nothing, and {why} forbids a download"
        raise DataNotFoundError(mismatch(f"{entry.title}: {file.name}", f"to find it in {looked}", received, remedy))
    return fetch(file, entry.mirrors, cache_folder() / entry.name)


def _read_checked(file: File, path: Path) -> bytes | memoryview:
    """The content of a published file, read once and then checked; of an IDX file with a known content, unpacked."""
    content: bytes | memoryview = read_regular(path, max(file.length, MAX_BYTES))
    if file.content_sha256 is None:
        _compare_sums(path, file.sha256, hashlib.sha256(content).hexdigest(), "")
    else:
        content = unpack(content, path)
        _compare_sums(path, file.content_sha256, hashlib.sha256(content).hexdigest(), " of its content")
    return content


def _check_sum(file: File, path: Path, opened: BinaryIO) -> None:
    """Compare the sum of an open file, which may be larger than the memory. It stays open: its name may change."""
    digest = hashlib.sha256()
    while opened.tell() <= file.length and (block := opened.read(1 << 20)):
        digest.update(block)
    _compare_sums(path, file.sha256, digest.hexdigest(), "")
    opened.seek(0)


def _compare_sums(path: Path, expected: str, found: str, of_what: str) -> None:
    if found != expected:
        remedy = "it is another data set or damaged: remove it, or give another folder with --data"
        raise DataError(mismatch(path, f"SHA-256 {expected}{of_what}", found, remedy))


def _dataset(entry: Entry, split: str, images: np.ndarray, labels: np.ndarray, flatten: bool) -> Dataset:
    """One split as a Dataset. DataError unless its shape and labels are those of the catalog."""
    count = entry.sizes[split == "test"]
    if (
        images.shape != (count, *entry.image_shape)
        or labels.shape != (count,)
        or not images.dtype == labels.dtype == np.uint8
        or labels.max() >= len(entry.class_names)
    ):
        expected = f"{count:,} pictures of {entry.image_shape}, labels below {len(entry.class_names)}"
        largest = labels.max() if labels.size else "none"
        received = f"{images.dtype} {images.shape}, {labels.dtype} {labels.shape}, labels up to {largest}"
        raise DataError(
            mismatch(f"{entry.title}, {split}", expected, received, "the files are damaged: fetch them again")
        )
    digest = hashlib.sha256()
    for array in (images, labels):
        digest.update(np.ascontiguousarray(array).data)
    return Dataset(
        images=images.reshape(count, -1) if flatten else images,
        labels=labels,
        class_names=entry.class_names,
        name=entry.name,
        image_shape=entry.image_shape,
        provenance={"source": entry.source, "licence": entry.licence, "sha256": [digest.hexdigest()]},
    )
