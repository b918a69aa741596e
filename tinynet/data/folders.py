"""Read a data set from a folder of pictures, with a subfolder for each class."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.data.dataset import Dataset
from tinynet.errors import DataError, mismatch, sequence

ENDINGS = (".png", ".jpg", ".jpeg")
MAX_PIXELS = 1 << 26  # of one picture, 64 million: the header of a small file can claim many more
MAX_PIXELS_PER_BYTE = 1032 * 8  # deflate compresses at most 1032 bytes into one, and a byte holds 8 one-bit pixels
MAX_BYTES = 1 << 32  # of all decoded pictures, 4 GiB


def from_folder(
    path: str | os.PathLike[str],
    size: tuple[int, int] | None = None,
    colour: bool = False,
    flatten: bool = False,
    class_names: tuple[str, ...] | None = None,
) -> Dataset:
    """Read the PNG and JPEG pictures in `path`/CLASS/*. The classes are numbered in alphabetical order.

    size         (height, width) to resize the pictures to; without it, all must have one size
    colour       (N, H, W, 3) instead of grey (N, H, W)
    flatten      return pictures as rows of pixels
    class_names  the folders to read, in the order of their labels; for a test set, those of its training set

    Needs Pillow. Raises DataError for a folder without class folders, a class without pictures or with an unprintable
    name, a file that is not a picture or is too large, pictures of different sizes or of more than 4 GiB in all, and
    links that lead out of the folder.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(mismatch("from_folder", "a folder", repr(str(root)), "check the path"))
    remedy = "give a list: the folder of label 0, of label 1, ..."
    names = sequence("from_folder: class_names", class_names or (), remedy=remedy)
    names = names or tuple(sorted(entry.name for entry in root.iterdir() if _is_class(entry)))
    if not names:
        loose = sum(entry.suffix.lower() in ENDINGS for entry in root.iterdir())
        received = f"{loose} pictures and no class folders" if loose else "none"
        remedy = f"sort the pictures into {root / 'CLASS_NAME'}/"
        raise DataError(mismatch(f"from_folder({str(root)!r})", "a folder for each class", received, remedy))
    listed = [(file, label) for label, name in enumerate(names) for file in _pictures(root, name)]
    labels = np.array([label for _, label in listed])
    stack = _read_all([file for file, _ in listed], size, colour)
    shape = stack.shape[1:]
    stack = stack.reshape(len(stack), -1) if flatten else stack
    return Dataset(stack, labels, names, root.name, shape, {"source": "a folder of pictures"})


def _is_class(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")


def _shown(path: Path) -> str:
    """A name for a message. Escaped if it is not printable, because it could hold control codes of a terminal."""
    return str(path) if str(path).isprintable() else ascii(str(path))


def _pictures(root: Path, name: str) -> list[Path]:
    folder = root / name
    if not name.isprintable():
        raise DataError(mismatch("from_folder", "class folders with printable names", ascii(name), "rename the folder"))
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in ENDINGS)
    if not files:
        remedy = "add pictures, or remove the folder"
        raise DataError(mismatch(f"class folder {str(folder)!r}", "PNG or JPEG pictures", "none", remedy))
    for file in files:
        if not _is_inside(file, root):
            raise DataError(
                mismatch(_shown(file), "a picture inside the folder", "a link out of it", "copy the picture")
            )
        if not file.is_file():  # reading a pipe, for example, could block for ever
            raise DataError(mismatch(_shown(file), "a file", "something else", "remove it"))
    return files


def _is_inside(file: Path, root: Path) -> bool:
    try:
        return file.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a link to itself
        return False


def _read_all(files: list[Path], size: tuple[int, int] | None, colour: bool) -> np.ndarray:
    """Read (N, H, W) or (N, H, W, 3). The first picture gives the size of all, before memory is allocated."""
    first = _read_picture(files[0], size, colour)
    total = len(files) * first.nbytes
    if total > MAX_BYTES:
        received = f"{len(files):,} pictures of {first.nbytes:,}, {total:,} in all"
        raise DataError(mismatch("from_folder", f"at most {MAX_BYTES:,} bytes", received, "give a smaller size=(h, w)"))
    stack = np.empty((len(files), *first.shape), np.uint8)
    stack[0] = first
    for number, file in enumerate(files[1:], 1):
        picture = _read_picture(file, size, colour)
        if picture.shape != first.shape:
            expected = f"{first.shape} like the pictures before it"
            remedy = "give size=(height, width) to resize them"
            raise DataError(mismatch(_shown(file), expected, picture.shape, remedy))
        stack[number] = picture
    return stack


def _read_picture(file: Path, size: tuple[int, int] | None, colour: bool) -> np.ndarray:
    image_module = _pillow()
    try:
        with image_module.open(file, formats=("PNG", "JPEG")) as picture:
            most = min(MAX_PIXELS, file.stat().st_size * MAX_PIXELS_PER_BYTE)
            if picture.width * picture.height > most:
                received = f"{picture.width} x {picture.height}"
                raise DataError(mismatch(_shown(file), f"at most {most:,} pixels", received, "make it smaller"))
            converted = picture.convert("RGB" if colour else "L")
            if size is not None:
                converted = converted.resize((size[1], size[0]), image_module.Resampling.BILINEAR)
            return np.asarray(converted, np.uint8)
    except DataError:
        raise
    except Exception as error:  # a damaged picture can raise anything
        received = f"{type(error).__name__}: {error}"
        raise DataError(mismatch(_shown(file), "a PNG or JPEG picture", received, "replace or remove it")) from error


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("from_folder needs Pillow: pip install pillow") from error
    return Image
