"""Windows that slide over pictures: what convolution and pooling share. Pictures are (N, H, W, C), channels last."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tinynet.backend.arrays import Array, array_module, device_of
from tinynet.errors import ShapeError, mismatch, whole_number

Pair = tuple[int, int]
Padding = str | int | tuple[int, int]

# How many bytes of windows are laid out and multiplied at once. On a CPU they should fit in the cache: speed was the
# same from 0.3 to 2 MB, and a fifth lower at 9. On a GPU few large products are faster.
CHUNK_ON_HOST, CHUNK_ON_GPU = 1 << 20, 1 << 28

WIDEST = 100  # rows or columns that may be added on each side of a picture which has fewer


class Windows:
    """The geometry of windows of `kernel` rows and columns, `stride` apart, over pictures with a margin of `padding`.

    padding     "valid": none; "same": enough that the output has ceil(H / stride) rows and ceil(W / stride) columns (an
                odd row or column goes below or to the right, as in TensorFlow); or the number of rows above and below,
                and of columns left and right
                None: "valid", for a layer without that argument
    Kernel, stride and a numeric padding are one number, or two for height and width. ValueError for other arguments.
    """

    def __init__(
        self, who: str, kernel: int | Pair, stride: int | Pair, padding: Padding | None, name: str = "kernel_size"
    ) -> None:
        self.who = who
        self.remedy = f"use a smaller {name}" if padding is None else "write padding='same'"
        padding = "valid" if padding is None else padding
        self.kernel, self.stride = _pair(who, name, kernel, 1), _pair(who, "stride", stride, 1)
        if isinstance(padding, str):
            if padding not in ("valid", "same"):
                expected = "padding 'valid', 'same' or a number"
                known = padding.lower() in ("valid", "same")
                remedy = f"write padding={padding.lower()!r}" if known else "use 'valid' for none"
                raise ValueError(mismatch(who, expected, repr(padding), remedy))
            self.padding: str | Pair = padding
        else:
            self.padding = _pair(who, "padding", padding, 0)

        given = zip((kernel, stride, padding), (self.kernel, self.stride, self.padding))
        self.as_given: Any = tuple(now[0] if _is_one(value) else now for value, now in given)

    @property
    def overlap(self) -> bool:
        """Whether a pixel may be in several windows."""
        return any(k > s for k, s in zip(self.kernel, self.stride))

    def margins(self, size: Pair) -> tuple[Pair, Pair]:
        """((above, below), (left, right)) of pictures of this height and width."""
        if self.padding == "valid":
            return (0, 0), (0, 0)
        if not isinstance(self.padding, str):
            return (self.padding[0],) * 2, (self.padding[1],) * 2
        missing = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, self.kernel, self.stride)]
        above, left = missing[0] // 2, missing[1] // 2
        return (above, missing[0] - above), (left, missing[1] - left)

    def output_size(self, size: Pair) -> Pair:
        """(P, Q): how many windows there are one below the other, and side by side."""
        margins = self.margins(size)
        if any(max(margin) > max(n, WIDEST) for n, margin in zip(size, margins)):  # a small file could take all memory
            expected = f"pictures of at least {max(map(max, margins))} rows and columns, as many as padding adds"
            raise ShapeError(mismatch(self.who, expected, f"{tuple(size)} pixels", "use a smaller padding or window"))
        inner = [n + sum(margin) - k for n, margin, k in zip(size, margins, self.kernel)]
        if min(inner) < 0:
            expected = f"pictures of at least {self.kernel}"
            raise ShapeError(mismatch(self.who, expected, f"{tuple(size)} pixels", self.remedy))
        return inner[0] // self.stride[0] + 1, inner[1] // self.stride[1] + 1

    def pad(self, x: Array, value: float = 0.0) -> Array:
        """The pictures with their margin; `x` itself if there is none."""
        (above, below), (left, right) = self.margins(x.shape[1:3])
        if above == below == left == right == 0:
            return x
        N, H, W, C = x.shape
        padded = array_module(x).full((N, above + H + below, left + W + right, C), value, x.dtype)
        padded[:, above : above + H, left : left + W] = x
        return padded

    def unpad(self, padded: Array, size: Pair) -> Array:
        """The pictures without their margin, as a view."""
        (above, _), (left, _) = self.margins(size)
        return padded[:, above : above + size[0], left : left + size[1]]

    def view(self, padded: Array, output_size: Pair) -> Array:
        """(N, P, Q, KH, KW, C): every window of the padded pictures, as a view; nothing is copied."""
        image, row, column, channel = padded.strides
        (KH, KW), (down, right) = self.kernel, self.stride
        shape = (len(padded), *output_size, KH, KW, padded.shape[-1])
        strides = (image, row * down, column * right, row, column, channel)
        return array_module(padded).lib.stride_tricks.as_strided(padded, shape, strides)

    def taps(self, padded: Array, output_size: Pair) -> Iterator[Array]:
        """For each offset (i, j) in a window, row by row: (N, P, Q, C), the pixels of all windows there, as a view."""
        (KH, KW), (down, right) = self.kernel, self.stride
        for i in range(KH):
            for j in range(KW):
                yield padded[:, i : i + output_size[0] * down : down, j : j + output_size[1] * right : right]


def chunks(x: Array, bytes_each: int) -> Iterator[slice]:
    """Slices of the examples of `x`, so that the windows of each slice take about CHUNK_ON_... bytes."""
    limit = CHUNK_ON_HOST if device_of(x).on_host else CHUNK_ON_GPU
    size = max(1, limit // bytes_each)
    for start in range(0, len(x), size):
        yield slice(start, start + size)


def pictures_remedy(shape: tuple[int, ...], channels: int | None = None) -> str:
    """What makes pictures (N, H, W, C) of x of shape `shape`; `channels`: how many they must have, if that is fixed."""
    many = channels if channels is not None else 1
    if len(shape) == 2:  # rows of pixels, or one grey picture
        side = math.isqrt(shape[1] // many)
        if side * side * many == shape[1]:
            return f"put Reshape({side}, {side}, {many}) before it"
        if many == 1 and shape[0] == shape[1]:
            return f"give it a batch of one: x.reshape(1, {shape[0]}, {shape[1]}, 1)"
        return f"put Reshape(height, width, {many}) before it, with height x width x {many} = {shape[1]}"
    if len(shape) == 3 and (shape[2] == channels or (channels is None and shape[2] in (1, 3, 4))):
        return "give it a batch of one: x[None]"
    if len(shape) == 3 and many == 1:
        return f"put Reshape({shape[1]}, {shape[2]}, 1) before it"
    if len(shape) == 3 and shape[0] == channels:
        return "give it a batch of one with the channels last: x.transpose(1, 2, 0)[None]"
    return f"give it pictures of shape (N, height, width, {many})"


def _pair(who: str, name: str, value: Any, least: int) -> Pair:
    """(height, width), of one number or two."""
    height, width = value if isinstance(value, (tuple, list)) and len(value) == 2 else (value, value)
    who, remedy = f"{who}: {name}", f"give one number, or two for height and width: {name}=({least}, {least})"
    return whole_number(who, height, least, remedy=remedy), whole_number(who, width, least, remedy=remedy)


def _is_one(value: Any) -> bool:
    """Whether a kernel, a stride or a padding is one number, so that a layer shows it as one."""
    return not isinstance(value, (tuple, list, str))
