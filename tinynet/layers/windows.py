"""Windows that slide over pictures: what convolution and pooling share. Pictures are (N, H, W, C), channels last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tinynet.backend.arrays import Array, array_module, device_of
from tinynet.errors import ShapeError, mismatch

Pair = tuple[int, int]
Padding = str | int | tuple[int, int]

# Bytes of windows worked on at once. On a CPU they should stay in the cache between being gathered and multiplied:
# measured, the speed is even from 0.3 to 2 MB and a fifth lower at 9. On a GPU few large products are faster.
CHUNK_ON_HOST, CHUNK_ON_GPU = 1 << 20, 1 << 28


class Windows:
    """The geometry of windows of `kernel` rows and columns, `stride` apart, over pictures with a margin of `padding`.

    padding     "valid": none; "same": so much that H and W become ceil(H / stride), ceil(W / stride), an odd one below
                and to the right, as in TensorFlow; or the number of rows above and below and columns left and right
    Kernel, stride and a numeric padding may be one number, or two for height and width. Raises ValueError for others.
    """

    def __init__(self, who: str, kernel: int | Pair, stride: int | Pair, padding: Padding) -> None:
        self.who = who
        self.kernel, self.stride = _pair(who, "kernel_size", kernel, 1), _pair(who, "stride", stride, 1)
        if isinstance(padding, str):
            if padding not in ("valid", "same"):
                expected = "padding 'valid', 'same' or a number"
                raise ValueError(mismatch(who, expected, repr(padding), "use 'valid' for none"))
            self.padding: str | Pair = padding
        else:
            self.padding = _pair(who, "padding", padding, 0)

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

    def places(self, size: Pair) -> Pair:
        """How many windows stand one below the other, and side by side."""
        margins = self.margins(size)
        inner = [n + sum(margin) - k for n, margin, k in zip(size, margins, self.kernel)]
        if min(inner) < 0:
            remedy = "use padding='same', a smaller kernel, or fewer layers that shrink the picture"
            raise ShapeError(mismatch(self.who, f"pictures of at least {self.kernel}", f"{size} pixels", remedy))
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
        """What was inside the margin, as a view."""
        (above, _), (left, _) = self.margins(size)
        return padded[:, above : above + size[0], left : left + size[1]]

    def view(self, padded: Array, places: Pair) -> Array:
        """(N, rows, columns, KH, KW, C): every window of the padded pictures, as a view; nothing is copied."""
        image, row, column, channel = padded.strides
        (KH, KW), (down, right) = self.kernel, self.stride
        shape = (len(padded), *places, KH, KW, padded.shape[-1])
        strides = (image, row * down, column * right, row, column, channel)
        return array_module(padded).lib.stride_tricks.as_strided(padded, shape, strides)

    def taps(self, padded: Array, places: Pair) -> Iterator[Array]:
        """For each place in a window, row by row: (N, rows, columns, C), what all windows see there; views."""
        (KH, KW), (down, right) = self.kernel, self.stride
        for i in range(KH):
            for j in range(KW):
                yield padded[:, i : i + places[0] * down : down, j : j + places[1] * right : right]


def chunks(x: Array, bytes_each: int) -> Iterator[slice]:
    """Slices of the examples of `x`, each with windows of about as many bytes as should be worked on at once."""
    limit = CHUNK_ON_HOST if device_of(x).on_host else CHUNK_ON_GPU
    size = max(1, limit // bytes_each)
    for start in range(0, len(x), size):
        yield slice(start, start + size)


def _pair(who: str, name: str, value: Any, least: int) -> Pair:
    pair = value if isinstance(value, tuple) else (value, value)
    if len(pair) != 2 or not all(isinstance(each, int) and each >= least for each in pair):
        expected = f"{name} as a whole number from {least}, or two"
        raise ValueError(mismatch(who, expected, repr(value), f"try {name}={max(least, 1)}"))
    return pair
