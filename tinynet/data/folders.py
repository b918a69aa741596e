"""A data set from a folder of pictures: one folder for each class."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.data.dataset import Dataset
from tinynet.errors import DataError, mismatch

ENDINGS = (".png", ".jpg", ".jpeg")
MAX_PIXELS = 1 << 26  # of one picture, 64 million: a small file can claim to be much larger


def from_folder(
    path: str | os.PathLike[str],
    size: tuple[int, int] | None = None,
    colour: bool = False,
    flatten: bool = False,
    class_names: tuple[str, ...] | None = None,
) -> Dataset:
    """A data set of the PNG and JPEG pictures in `path`/CLASS/*, one folder for each class, in alphabetical order.

    size         (height, width) to which pictures are resized; without it all must be of one size
    colour       (N, H, W, 3) instead of grey (N, H, W)
    flatten      as rows of pixels
    class_names  the folders to read, in the order of their labels; give a test set those of its training set

    Needs Pillow. Raises DataError for a folder without class folders or without pictures, a class without pictures, a
    file that is no picture or too large a one, pictures of different sizes, and links that lead out of the folder.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(mismatch("from_folder", "a folder", repr(str(root)), "check the path"))
    names = class_names or tuple(sorted(entry.name for entry in root.iterdir() if _is_class(entry)))
    if not names:
        loose = sum(entry.suffix.lower() in ENDINGS for entry in root.iterdir())
        received = f"{loose} pictures and no class folders" if loose else "none"
        remedy = f"sort the pictures into {root / 'CLASS_NAME'}/"
        raise DataError(mismatch(f"from_folder({str(root)!r})", "a folder for each class", received, remedy))
    images, labels = [], []
    for label, name in enumerate(names):
        for file in _pictures(root, name):
            images.append(_read_picture(file, size, colour))
            if images[-1].shape != images[0].shape:
                expected = f"{images[0].shape} like the pictures before it"
                raise DataError(mismatch(file, expected, images[-1].shape, "give size=(height, width) to resize them"))
            labels.append(label)
    stack = np.stack(images)
    shape = stack.shape[1:]
    stack = stack.reshape(len(stack), -1) if flatten else stack
    return Dataset(stack, np.array(labels), names, root.name, shape, {"source": "a folder of pictures"})


def _is_class(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")


def _pictures(root: Path, name: str) -> list[Path]:
    folder = root / name
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in ENDINGS)
    if not files:
        remedy = "add pictures, or remove the folder"
        raise DataError(mismatch(f"class folder {str(folder)!r}", "PNG or JPEG pictures", "none", remedy))
    for file in files:
        if not file.resolve().is_relative_to(root.resolve()):
            raise DataError(mismatch(file, "a picture inside the folder", "a link out of it", "copy the picture"))
    return files


def _read_picture(file: Path, size: tuple[int, int] | None, colour: bool) -> np.ndarray:
    image_module = _pillow()
    try:
        with image_module.open(file, formats=("PNG", "JPEG")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                received = f"{picture.width} x {picture.height}"
                raise DataError(mismatch(file, f"at most {MAX_PIXELS:,} pixels", received, "make it smaller"))
            converted = picture.convert("RGB" if colour else "L")
            if size is not None:
                converted = converted.resize((size[1], size[0]), image_module.Resampling.BILINEAR)
            return np.asarray(converted, np.uint8)
    except DataError:
        raise
    except Exception as error:  # a damaged picture can raise anything
        received = f"{type(error).__name__}: {error}"
        raise DataError(mismatch(file, "a PNG or JPEG picture", received, "replace or remove it")) from error


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("from_folder needs Pillow: pip install 'tinynet[data]'") from error
    return Image
