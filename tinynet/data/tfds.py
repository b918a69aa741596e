"""Read data sets with tensorflow-datasets (tfds), and prepare them where they are missing.

This works without TensorFlow for the formats with random access; only TensorFlow can read tfrecord. Two parts of tfds
4.9.10 need TensorFlow and are therefore not used: unpacking gzip (the arrays come from `load`) and encoding pictures
(Pillow writes the PNGs).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.backend.files import read_regular
from tinynet.data.archives import Arrays
from tinynet.data.catalog import Entry
from tinynet.data.download import cache_folder, home_folder
from tinynet.data.store import load_arrays, save_arrays
from tinynet.data.unpacking import damage
from tinynet.errors import DataError, DataNotFoundError, mismatch, printable_cause

RANDOM_ACCESS = ("array_record", "parquet")
VERSIONS = {"fashion_mnist": "3.0.1", "mnist": "3.0.1", "kmnist": "3.0.1", "emnist": "3.1.0", "cifar10": "3.0.2"}
CONFIGS = {"emnist": "balanced"}
NAMES = {f"{split}-{part}" for split in ("train", "test") for part in ("images", "labels")}
MAX_INFO = 1 << 20  # bytes of dataset_info.json
BLOCK = 10_000  # records per read: reading them one by one takes ten times as long


def read_tfds(entry: Entry, data_dir: Path | None, obtain: Callable[[], dict[str, Arrays]]) -> dict[str, Arrays]:
    """Read {"train": (images, labels), "test": ...} as uint8, in the order of tfds.

    data_dir   the data folder of tfds (default: $TFDS_DATA_DIR, or tfds's own)
    obtain     returns the arrays from which a missing data set is prepared

    The first read leaves a copy in tinynet's cache. Later reads use it while the files of tfds are unchanged. Raises
    DataError if the data set is damaged or in a format that only TensorFlow can read; ImportError, with the command
    that installs it, if tfds or a package that it needs is missing.
    """
    base = _base_folder(entry, data_dir)
    prepared = _newest_version(base)
    if prepared is None:
        _prepare(entry, base, obtain())
        prepared = base / VERSIONS[entry.name]
    try:
        copy = cache_folder() / entry.name / f"tfds-{_fingerprint(prepared)}"
    except DataNotFoundError:  # no home: without the copy, the next read is slower
        copy = None
    arrays = None if copy is None else load_arrays(copy)
    if arrays is None or set(arrays) != NAMES:
        arrays = _read(entry, prepared)
        with contextlib.suppress(OSError):  # the same
            if copy is not None and copy.name == f"tfds-{_fingerprint(prepared)}":  # no file changed while it was read
                save_arrays(copy, arrays)
    return {split: (arrays[f"{split}-images"], arrays[f"{split}-labels"]) for split in ("train", "test")}


def _base_folder(entry: Entry, data_dir: Path | None) -> Path:
    chosen = data_dir or os.environ.get("TFDS_DATA_DIR") or home_folder("TFDS_DATA_DIR") / "tensorflow_datasets"
    return Path(chosen) / entry.name / CONFIGS.get(entry.name, "")


def _newest_version(base: Path) -> Path | None:
    """The folder of the newest prepared version under `base`."""
    found = [info.parent for info in base.glob("*.*.*/dataset_info.json")]
    numbered = [path for path in found if all(part.isdecimal() for part in path.name.split("."))]
    return max(numbered, key=lambda path: [int(part) for part in path.name.split(".")], default=None)


def _fingerprint(prepared: Path) -> str:
    """A hash of the names, sizes and times of the files of a prepared data set.

    DataError if something else is there: tfds would wait for ever for a pipe.
    """
    files = sorted(path for path in prepared.iterdir() if not path.is_dir())
    for path in files:
        if not path.is_file():
            raise DataError(mismatch(path, "a file", "something else, or a link to nothing", "remove it"))
    stats = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    return hashlib.sha256(json.dumps([str(prepared.resolve()), stats]).encode()).hexdigest()[:16]


def _read(entry: Entry, prepared: Path) -> dict[str, np.ndarray]:
    """Read every split of a prepared data set."""
    _check_format(prepared)
    tfds = _import_tfds()
    arrays = {}
    try:
        builder = tfds.builder_from_directory(prepared)
        for split in ("train", "test"):
            source = builder.as_data_source(split=split, decoders={"image": tfds.decode.SkipDecoding()})
            if len(source) != entry.sizes[split == "test"]:
                raise ValueError(f"{len(source):,} examples for {split}")
            records = list(_records(source))
            images = np.stack([_decode(record["image"], entry) for record in records])
            labels = np.array([record["label"] for record in records])
            if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= len(entry.class_names):
                raise ValueError(f"labels of {labels.dtype} from {labels.min()} to {labels.max()}")
            arrays[f"{split}-images"] = _upright(entry, images)
            arrays[f"{split}-labels"] = labels.astype(np.uint8)
    except ImportError as error:
        raise _missing(error) from error
    except Exception as error:  # a damaged record file can raise anything
        expected, received = f"{entry.title} as tfds prepares it", f"{type(error).__name__}: {str(error)[:200]}"
        remedy = "remove the folder; the next call prepares it again"
        raise DataError(mismatch(prepared, expected, received, remedy)) from printable_cause(error)
    return arrays


def _check_format(prepared: Path) -> None:
    with damage(prepared, "a dataset_info.json of tfds", "prepare it again"):
        info = json.loads(read_regular(prepared / "dataset_info.json", MAX_INFO))
        file_format = info.get("fileFormat") or info.get("file_format") or "tfrecord"
        if not isinstance(file_format, str):
            raise TypeError("the file format is not text")
    if file_format not in RANDOM_ACCESS:
        expected = f"a format with random access ({', '.join(RANDOM_ACCESS)})"
        again = "prepare it again with file_format='array_record'"
        remedy = f"only TensorFlow can read that; {again}, or remove {prepared}"
        raise DataError(mismatch(prepared, expected, file_format, remedy))


def _records(source: Any) -> Iterator[dict[str, Any]]:
    for start in range(0, len(source), BLOCK):
        yield from source.__getitems__(list(range(start, min(start + BLOCK, len(source)))))


def _decode(content: bytes, entry: Entry) -> np.ndarray:
    """The pixels of a picture. ValueError if they are not the 8-bit greys or colours that the catalog says."""
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
        size, mode = (picture.height, picture.width), "RGB" if len(entry.image_shape) == 3 else "L"
        if picture.mode != mode or size != entry.image_shape[:2]:
            raise ValueError(f"a picture of {size[0]} x {size[1]} in mode {picture.mode}, not {mode}")
        return np.asarray(picture, np.uint8)


def _encode(picture: np.ndarray) -> io.BytesIO:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    file.seek(0)
    return file


def _upright(entry: Entry, images: np.ndarray) -> np.ndarray:
    """Transpose EMNIST, which tfds stores as it was published. Applied twice, this is the identity."""
    return images.transpose(0, 2, 1).copy() if entry.name == "emnist" else images


def _prepare(entry: Entry, base: Path, splits: dict[str, Arrays], file_format: str = "array_record") -> None:
    """Write the data set into the folders of tfds, with the name and version that tfds gives it."""
    tfds = _import_tfds()
    base_class: Any = tfds.core.GeneratorBasedBuilder

    class Builder(base_class, skip_registration=True):  # type: ignore[misc, call-arg]
        """Builds the data set from arrays."""

        name = entry.name
        VERSION = tfds.core.Version(VERSIONS[entry.name])
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=CONFIGS[entry.name])] if entry.name in CONFIGS else []

        def _info(self) -> Any:
            shape = (*entry.image_shape, 1)[:3]
            features = tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=shape),
                    "label": tfds.features.ClassLabel(num_classes=len(entry.class_names)),
                }
            )
            keys = ("image", "label")
            return tfds.core.DatasetInfo(
                builder=self, features=features, supervised_keys=keys, disable_shuffling=True, citation=entry.source
            )

        def _split_generators(self, _: Any) -> dict[str, Any]:
            return {split: self._generate_examples(*arrays) for split, arrays in splits.items()}

        def _generate_examples(self, images: np.ndarray, labels: np.ndarray) -> Iterator[tuple[int, dict[str, Any]]]:
            for number, (picture, label) in enumerate(zip(_upright(entry, images), labels)):
                yield number, {"image": _encode(picture), "label": int(label)}

    folder = base.parent.parent if entry.name in CONFIGS else base.parent
    try:
        Builder(data_dir=folder, file_format=file_format).download_and_prepare()
    except ImportError as error:
        raise _missing(error) from error


def _import_tfds() -> Any:
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise _missing(error) from error
    tfds.disable_progress_bar()
    return tfds


def _missing(error: ImportError) -> ImportError:
    packages = "tensorflow-datasets array_record importlib_resources pillow"
    return ImportError(f"the source 'tfds' needs packages that are missing ({error}): pip install {packages}")
