"""Decode PNG and JPEG pictures into uint8 pixels, as their mode, depth, transparency and orientation say.

    mode                        pixels
    1, L, I;16                  grey; one bit becomes 0 or 255
    P, RGB, CMYK, YCbCr, HSV    RGB; grey from colours is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601)
    LA, PA, RGBA, and tRNS      an alpha channel that is opaque everywhere is dropped; else a background is needed
    I, F, LAB                   refused: these modes do not say which number is white

A 16-bit number v becomes round(v / 257): 0 stays black, 65535 becomes 255. The orientation of EXIF is applied. Colour
profiles and gamma values are ignored, as by most readers. Of a stereo or HDR photograph (MPO) the first picture counts.
"""

from __future__ import annotations

import os
from typing import Any, BinaryIO

import numpy as np

from tinynet.backend.files import open_regular
from tinynet.errors import DataError, mismatch, printable_cause

MAX_PIXELS = 1 << 26  # of one picture, 64 million: the header of a small file can claim many more
MAX_PIXELS_PER_BYTE = 1032 * 8  # deflate compresses at most 1032 bytes into one, and a byte holds 8 one-bit pixels
MAX_SCANS = 64  # of a JPEG; progressive ones have about 10. Each takes time for all pixels, and a few bytes
GREY_16 = ("I;16", "I;16L", "I;16B", "I;16N")
COLOURS_16 = ("LA;16B", "RGB;16B", "RGBA;16B")  # raw modes that Pillow cuts to 8 bits
WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
PLAIN = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV")
GREY_UNIT = {"L;2": 85, "L;4": 17}  # Pillow multiplies grey pixels of 2 and 4 bits by these, but not the key of tRNS
ORIENTATION = 0x0112  # the EXIF tag


def read_picture(
    file: str | os.PathLike[str], colour: bool, background: int | None = None, who: str = ""
) -> tuple[np.ndarray, int]:
    """Read a PNG or JPEG file as (pixels, largest): uint8 (H, W), or (H, W, 3) if `colour`, and what 16 bits hold.

    `background`, from 0 (black) to 255 (white), is what transparent pixels show. `largest` is the largest number of a
    16-bit picture, 0 for one of 8 bits. `who` names the file in messages. Raises DataError for a file that is damaged,
    too large or an animation, for a mode without a range, and for transparent pixels without a background; the
    OSErrors of `open` for a file that cannot be opened.
    """
    with open_regular(file) as stream:
        return read_stream(stream, colour, background, who or str(file))


def read_stream(stream: BinaryIO, colour: bool, background: int | None, who: str) -> tuple[np.ndarray, int]:
    """`read_picture` of a regular file that is open."""
    image_module, size = pillow(), os.fstat(stream.fileno()).st_size
    try:
        with image_module.open(stream, formats=("PNG", "JPEG")) as picture:
            most = min(MAX_PIXELS, size * MAX_PIXELS_PER_BYTE)
            if picture.width * picture.height > most:
                received = f"{picture.width} x {picture.height}"
                raise DataError(mismatch(who, f"at most {most:,} pixels", received, "make it smaller"))
            _check_picture(picture, who)
            if picture.format != "PNG":
                _check_scans(stream, who)
            raw_mode = _raw_mode(picture)
            if raw_mode in COLOURS_16:
                pixels, alpha, largest = _colours_of_16_bits(picture, stream, raw_mode)
            else:
                pixels, alpha, largest = _split(picture, raw_mode)
            return _finish(picture, pixels, alpha, colour, background, who), largest
    except DataError:
        raise
    except Exception as error:  # a damaged picture can raise anything
        received = f"{type(error).__name__}: {error}"
        cause = printable_cause(error)
        raise DataError(mismatch(who, "a PNG or JPEG picture", received, "replace or remove it")) from cause


def _check_scans(stream: BinaryIO, who: str) -> None:
    """Raise DataError for a JPEG with more than MAX_SCANS scans."""
    at, scans = stream.tell(), 0
    stream.seek(0)
    while scans <= MAX_SCANS and (block := stream.read(1 << 20)):
        scans += block.count(b"\xff\xda")
    stream.seek(at)
    if scans > MAX_SCANS:
        raise DataError(mismatch(who, f"a JPEG of at most {MAX_SCANS} scans", "more", "save it again"))


def decode(picture: Any, colour: bool, background: int | None = None, who: str = "picture") -> np.ndarray:
    """A picture that Pillow opened or made, as `read_picture` returns its pixels. Colours of 16 bits lose the lower 8.

    Raises DataError as `read_picture` does.
    """
    _check_picture(picture, who)
    pixels, alpha, _ = _split(picture, _raw_mode(picture))
    return _finish(picture, pixels, alpha, colour, background, who)


def pillow() -> Any:
    """Pillow's module Image. ImportError with the command that installs it."""
    try:
        from PIL import Image  # here: only pictures need Pillow
    except ImportError as error:
        raise ImportError("from_folder needs Pillow: pip install pillow") from error
    return Image


def round_to_bytes(values: np.ndarray) -> np.ndarray:
    """round(v / 257) of uint16 numbers v, as uint8."""
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _check_picture(picture: Any, who: str) -> None:
    """Raise DataError for an animation and for a mode whose range is unknown."""
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":
        remedy = "save the frame that counts as a picture of its own"
        raise DataError(mismatch(who, "one picture", f"an animation of {frames} frames", remedy))
    if picture.mode not in (*PLAIN, *WITH_ALPHA, *GREY_16) and not _is_grey_16(picture):
        expected = "8-bit pixels, or 16-bit greys"
        remedy = "scale its numbers to 0..255 and make it from uint8: Image.fromarray(numbers.astype('uint8'))"
        raise DataError(mismatch(who, expected, f"Pillow's mode {picture.mode!r}, whose white is unknown", remedy))


def _is_grey_16(picture: Any) -> bool:
    """Whether the picture has 16-bit greys. Older versions of Pillow open such a PNG in mode I."""
    return picture.mode in GREY_16 or (picture.mode == "I" and picture.format == "PNG")


def _raw_mode(picture: Any) -> str:
    """How the file stores pixels, such as "RGB;16B"; "" for a picture that is loaded or in memory."""
    arguments = picture.tile[0][3] if getattr(picture, "tile", None) else ""
    return arguments if isinstance(arguments, str) else ""


def _split(picture: Any, raw_mode: str) -> tuple[np.ndarray, np.ndarray | None, int]:
    """(pixels, alpha, largest) of a picture: grey (H, W) or RGB (H, W, 3), alpha (H, W) or None."""
    picture.load()
    mode, key = picture.mode, picture.info.get("transparency")  # key: the colour that is transparent
    if _is_grey_16(picture):
        values = np.asarray(picture).astype(np.uint16)
        return round_to_bytes(values), _alpha_of_key(values, key), int(values.max())
    if mode in WITH_ALPHA or (mode == "P" and (key is not None or picture.palette.mode == "RGBA")):
        picture = picture.convert("LA") if mode == "La" else picture
        rgba = np.asarray(picture.convert("RGBA"))
        return rgba[..., :3], rgba[..., 3], 0
    if mode in ("1", "L"):
        pixels = np.asarray(picture.convert("L"))
        scaled = None if key is None else 255 * bool(key) if mode == "1" else key * GREY_UNIT.get(raw_mode, 1)
        return pixels, _alpha_of_key(pixels, scaled), 0
    pixels = np.asarray(picture.convert("RGB"))
    return pixels, _alpha_of_key(pixels, key if mode == "RGB" else None), 0


def _alpha_of_key(pixels: np.ndarray, key: Any) -> np.ndarray | None:
    """Alpha (H, W): 0 where a pixel is `key`, a grey or an RGB triple, and 255 elsewhere. None without a key."""
    if key is None:
        return None
    equal = pixels == np.asarray(key)
    return np.where(equal.all(axis=-1) if pixels.ndim == 3 else equal, np.uint8(0), np.uint8(255))


def _colours_of_16_bits(picture: Any, stream: BinaryIO, raw_mode: str) -> tuple[np.ndarray, np.ndarray | None, int]:
    """(pixels, alpha, largest) of a PNG whose colours have 16 bits.

    Pillow has no mode for them and keeps the upper bytes. The lower ones are those of the same data in the other order.
    """
    key = picture.info.get("transparency")
    stream.seek(0)
    with pillow().open(stream, formats=("PNG",)) as again:
        if raw_mode == "LA;16B":  # two numbers of 16 bits a pixel take the place of four of 8
            again.tile = [(*again.tile[0][:3], "RGBA")]
            values = np.ascontiguousarray(again).view(">u2").astype(np.uint16)  # (H, W, 2)
            return round_to_bytes(values[..., 0]), round_to_bytes(values[..., 1]), int(values[..., 0].max())
        again.tile = [(*again.tile[0][:3], f"{raw_mode[:-1]}L")]
        lower = np.asarray(again)
    stream.seek(0)
    with pillow().open(stream, formats=("PNG",)) as again:
        values = np.asarray(again).astype(np.uint16) << 8 | lower  # (H, W, 3) or (H, W, 4)
    colours = values[..., :3]
    alpha = round_to_bytes(values[..., 3]) if raw_mode == "RGBA;16B" else _alpha_of_key(colours, key)
    return round_to_bytes(colours), alpha, int(colours.max())


def _finish(
    picture: Any, pixels: np.ndarray, alpha: np.ndarray | None, colour: bool, background: int | None, who: str
) -> np.ndarray:
    """The pixels upright, over the background, in grey or in colour."""
    if alpha is not None and alpha.min() < 255:
        if background is None:
            remedy = "give background=0 (black) to 255 (white) to say what shows through"
            raise DataError(mismatch(who, "opaque pixels", "transparent ones", remedy))
        alpha = alpha.astype(np.uint16) if pixels.ndim == 2 else alpha[..., None].astype(np.uint16)
        pixels = ((pixels * alpha + background * (255 - alpha) + 127) // 255).astype(np.uint8)
    pixels = _upright(pixels, picture.getexif().get(ORIENTATION, 1))
    if colour:
        return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    grey = pixels if pixels.ndim == 2 else pillow().fromarray(np.ascontiguousarray(pixels)).convert("L")
    return np.asarray(grey, np.uint8)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo the orientation of EXIF, 1 to 8: mirrored for even numbers below 5 and odd ones from 5, rotated."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
