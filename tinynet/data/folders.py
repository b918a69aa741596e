"""Read a data set from a folder of pictures, with a subfolder for each class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tinynet.backend.files import open_regular
from tinynet.data.dataset import Dataset
from tinynet.data.decoding import pillow, read_stream
from tinynet.errors import DataError, file_name, flag, mismatch, sequence, text, whole_number

ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif")
OTHER_ENDINGS = (  # pictures that are refused by name: a class must not lose examples in silence
    ".apng", ".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".pbm", ".pgm", ".pnm", ".ppm", ".tga", ".tif",
    ".tiff", ".webp",
)  # fmt: skip
DARKEST = 1 << 12  # 16-bit pictures that never reach 4096 are numbers of 12 bits or fewer: white is not 65535
MAX_BYTES = 1 << 32  # of all decoded pictures, 4 GiB
REMEDY = "give a smaller size=(h, w)"


def from_folder(
    path: str | os.PathLike[str],
    size: tuple[int, int] | None = None,
    colour: bool = False,
    flatten: bool = False,
    class_names: Sequence[str] | None = None,
    background: int | None = None,
) -> Dataset:
    """Read the PNG and JPEG pictures in `path`/CLASS/*. The classes are numbered in alphabetical order.

    size         (height, width) to resize the pictures to; without it, all must have one size
    colour       (N, H, W, 3) instead of grey (N, H, W), whatever the files hold
    flatten      return pictures as rows of pixels
    class_names  the folders to read, in the order of their labels; for a test set, those of its training set
    background   what transparent pixels show, from 0 (black) to 255 (white); without it, they are refused

    Needs Pillow. 16-bit pictures are scaled to 8 bits, the orientation of EXIF is applied; see `tinynet.data.decoding`.
    Raises DataError for a folder without class folders, a class without pictures, with pictures of another format or
    with an unprintable name, a file that is not a picture, is an animation or too large, 16-bit pictures that hold
    fewer bits, pictures of different sizes or of more than 4 GiB in all, and links that lead out of the folder.
    """
    if background is not None:
        whole_number("from_folder: background", background, 0, 255, remedy="try background=255, white")
    root = Path(file_name("from_folder", path))
    colour, flatten = flag("from_folder", "colour", colour), flag("from_folder", "flatten", flatten)
    size = None if size is None else _checked_size(size)
    names = _class_names(root, class_names)
    listed = [(file, label) for label, name in enumerate(names) for file in _pictures(root, name)]
    labels = np.array([label for _, label in listed])
    stack = _read_all(root, [file for file, _ in listed], size, colour, background)
    shape = stack.shape[1:]
    stack = stack.reshape(len(stack), -1) if flatten else stack
    return Dataset(stack, labels, names, root.name, shape, {"source": "a folder of pictures"})


def _checked_size(size: Any) -> tuple[int, int]:
    """(height, width). TypeError or ValueError for anything else."""
    remedy = "write size=(28, 28), the height and the width"
    sizes = sequence("from_folder: size", size, remedy=remedy)
    if len(sizes) != 2:
        raise ValueError(mismatch("from_folder: size", "two numbers", f"{len(sizes)}", remedy))
    height, width = (whole_number("from_folder: each number of size", each, remedy=remedy) for each in sizes)
    return height, width


def _class_names(root: Path, given: Sequence[str] | None) -> tuple[str, ...]:
    """The folders to read, in the order of their labels."""
    if given is not None and not isinstance(given, (tuple, list)):  # a set has no order, a word has letters
        remedy = "give a list, in the order of the labels: class_names=['cat', 'dog']"
        raise TypeError(mismatch("from_folder: class_names", "a list or tuple", type(given).__name__, remedy))
    for each in given or ():
        text("from_folder", "each of class_names", each)
    if not root.is_dir():
        raise DataError(mismatch("from_folder", "a folder", repr(str(root)), "check the path"))
    names = tuple(given or sorted(entry.name for entry in root.iterdir() if _is_class(entry)))
    if not names:
        loose = sum(entry.suffix.lower() in ENDINGS for entry in root.iterdir())
        received = f"{loose} pictures and no class folders" if loose else "none"
        remedy = f"sort the pictures into {root / 'CLASS_NAME'}/"
        raise DataError(mismatch(f"from_folder({str(root)!r})", "a folder for each class", received, remedy))
    return names


def _is_class(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")


def _pictures(root: Path, name: str) -> list[Path]:
    folder = root / name
    if not name.isprintable():
        raise DataError(mismatch("from_folder", "class folders with printable names", ascii(name), "rename the folder"))
    entries = sorted(folder.glob("*"))
    other = [file for file in entries if file.suffix.lower() in OTHER_ENDINGS]
    if other:
        remedy = "convert it to PNG, or remove it"
        raise DataError(mismatch(f"class folder {str(folder)!r}", "PNG or JPEG pictures", other[0], remedy))
    files = [file for file in entries if file.suffix.lower() in ENDINGS]
    if not files:
        remedy = "add pictures, or remove the folder"
        raise DataError(mismatch(f"class folder {str(folder)!r}", "PNG or JPEG pictures", "none", remedy))
    return files


def _open_inside(file: Path, root: Path) -> BinaryIO:
    """Open a picture. DataError unless what was opened is a file inside the folder."""
    try:
        stream = open_regular(file)
    except DataError as error:
        raise DataError(mismatch(file, "a file", "something else", "remove it")) from error
    except OSError as error:
        raise DataError(mismatch(file, "a file", error.strerror, "replace or remove it")) from error
    try:
        real = file.resolve()
        inside = real.is_relative_to(root.resolve()) and os.path.samestat(os.fstat(stream.fileno()), real.stat())
    except (OSError, RuntimeError):  # it was removed, or is now a link to itself
        inside = False
    if not inside:
        stream.close()
        raise DataError(mismatch(file, "a picture inside the folder", "a link out of it", "copy the picture"))
    return stream


def _read_all(
    root: Path, files: list[Path], size: tuple[int, int] | None, colour: bool, background: int | None
) -> np.ndarray:
    """Read (N, H, W) or (N, H, W, 3). The first picture gives the size of all, before memory is allocated."""
    first, largest = _read(root, files[0], size, colour, background)
    total = len(files) * first.nbytes
    if total > MAX_BYTES:
        received = f"{len(files):,} pictures of {first.nbytes:,}, {total:,} in all"
        raise DataError(mismatch("from_folder", f"at most {MAX_BYTES:,} bytes", received, REMEDY))
    try:
        stack = np.empty((len(files), *first.shape), np.uint8)
    except MemoryError as error:
        received = f"{total:,} bytes for {len(files):,} pictures"
        raise DataError(mismatch("from_folder", "pictures that fit the memory", received, REMEDY)) from error
    stack[0] = first
    for number, file in enumerate(files[1:], 1):
        picture, number_of_16_bits = _read(root, file, size, colour, background)
        if picture.shape != first.shape:
            expected = f"{first.shape} like the pictures before it"
            remedy = "give size=(height, width) to resize them"
            raise DataError(mismatch(file, expected, picture.shape, remedy))
        stack[number] = picture
        largest = max(largest, number_of_16_bits)
    if 0 < largest < DARKEST:
        remedy = f"multiply their numbers by {65535 // largest}, so that white is near 65535, and save them again"
        received = f"numbers up to {largest} only"
        raise DataError(mismatch("from_folder", "16-bit pictures whose white is 65535", received, remedy))
    return stack


def _read(
    root: Path, file: Path, size: tuple[int, int] | None, colour: bool, background: int | None
) -> tuple[np.ndarray, int]:
    """The pixels of a file in the size asked for, and the largest number of a 16-bit picture, else 0."""
    with _open_inside(file, root) as stream:
        pixels, largest = read_stream(stream, colour, background, str(file))
    if size is None:
        return pixels, largest
    image_module = pillow()
    resized = image_module.fromarray(pixels).resize((size[1], size[0]), image_module.Resampling.BILINEAR)
    return np.asarray(resized, np.uint8), largest
