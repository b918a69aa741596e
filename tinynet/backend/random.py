"""Random numbers as a function of where they are used, independent of what was drawn before.

A `Stream` is named by (seed, purpose, layer, step). Its word i is

    word i = output i % 4 of Philox4x64-10 with key (seed, purpose * 2^32 + layer) and counter (i // 4 + 1, 0, step, 0)

so each word can be computed without those before it. Masks, shuffles and initial weights are therefore the same on
every device and for every way of splitting a batch, and a checkpoint needs no random state.

The CPU uses NumPy's implementation in C, a GPU uses a kernel. `philox` implements the same algorithm in array
operations, for devices without a kernel. The tests compare all three with the vectors published with the paper.

Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array, array_module, kernels_for
from tinynet.errors import whole_number

LANES_PER_WORD = 4  # a 64-bit word holds four 16-bit lanes


class Purpose(IntEnum):
    """What a stream is used for. Published results depend on these numbers: add new ones, never renumber."""

    WEIGHTS = 1
    SHUFFLE = 2
    DROPOUT = 3
    SPLIT = 4
    DRAWING = 5
    CHECK = 6
    TRANSFORM = 7


@dataclass(frozen=True)
class Stream:
    """The random numbers for one purpose: `seed` and `step` in [0, 2^64), `layer` in [0, 2^32).

    On a GPU, `step` may be a 0-d uint64 array in its memory, so that a recorded step can be replayed.
    """

    seed: int
    purpose: Purpose
    layer: int = 0
    step: Any = 0

    @property
    def key(self) -> tuple[int, int]:
        """The two words of the Philox key."""
        return self.seed, (int(self.purpose) << 32) + self.layer

    def words(self, count: int, start: int = 0, like: Array | None = None) -> Array:
        """Words `start` ... `start + count - 1`, uint64, on the device of `like` (None: the CPU)."""
        first_block, skipped = divmod(start, 4)
        xp = np if like is None else array_module(like)
        if xp is np:
            # NumPy advances the counter before it draws: starting at block b means counter b + 1.
            return _numpy_generator(self.key, (first_block, 0, self.step, 0)).random_raw(skipped + count)[skipped:]
        if kernels := kernels_for(like):
            return kernels.words(count, start, self.key, self.step, like)
        blocks = xp.arange(first_block + 1, first_block + 1 + -(-(skipped + count) // 4), dtype=xp.uint64)
        zero = xp.zeros_like(blocks)
        step = self.step if hasattr(self.step, "dtype") else xp.uint64(self.step)
        outputs = philox((blocks, zero, zero + step, zero), self.key)
        return xp.stack(outputs, axis=1).reshape(-1)[skipped : skipped + count]

    def lanes(self, shape: tuple[int, ...], first_row: int = 0, like: Array | None = None) -> Array:
        """uint16 numbers of `shape`: the rows from `first_row` on of an endless table.

        Row r depends on r alone, so the parts of a split batch draw the rows of the whole batch.
        """
        columns = math.prod(shape[1:])
        count, first = shape[0] * columns, first_row * columns
        first_word, skipped = divmod(first, LANES_PER_WORD)
        words = self.words(-(-(skipped + count) // LANES_PER_WORD), first_word, like)
        return words.view("uint16")[skipped : skipped + count].reshape(shape)

    def uniform(self, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """float64 numbers, uniform in [low, high), each from the top 53 bits of a word."""
        unit = (self.words(math.prod(shape)) >> np.uint64(11)) * 2.0**-53
        return (low + (high - low) * unit).reshape(shape)

    def normal(self, shape: tuple[int, ...], mean: float = 0.0, deviation: float = 1.0) -> np.ndarray:
        """Normally distributed float64 numbers, by the transform of Box and Muller (1958)."""
        radius, angle = self.uniform((2, math.prod(shape)))
        unit = np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle)
        return (mean + deviation * unit).reshape(shape)

    def permutation(self, count: int, like: Array | None = None) -> Array:
        """The numbers 0 ... count - 1 in random order (int64), on the device of `like` (None: the CPU).

        Each number is put into the low bits of a random word, and the words are sorted. No two words are equal, so
        every sorting algorithm gives the same order on every device.
        """
        xp, low_bits = np if like is None else array_module(like), (1 << count.bit_length()) - 1
        if xp is not np and (kernels := kernels_for(like)):
            keys = kernels.shuffle_keys(count, low_bits, self.key, self.step, like)
        else:
            keys = self.words(count, like=like) & xp.uint64(2**64 - 1 - low_bits)
            keys |= xp.arange(count, dtype=xp.uint64)
        return (xp.sort(keys) & xp.uint64(low_bits)).astype(xp.int64)


def check_seed(seed: int) -> int:
    """`seed` as an int. Raises ValueError unless it is a whole number in [0, 2^64)."""
    return whole_number("seed", seed, 0, 2**64 - 1, remedy="try seed=0")


_thread = threading.local()


def _numpy_generator(key: tuple[int, int], counter: tuple[int, int, int, int]) -> np.random.Philox:
    """NumPy's generator, set to this key and counter. Each thread reuses one, since making one is slow."""
    if not hasattr(_thread, "generator"):
        _thread.generator = np.random.Philox()
    generator: np.random.Philox = _thread.generator
    position: Any = {"key": np.array(key, np.uint64), "counter": np.array(counter, np.uint64)}
    generator.state = {
        "bit_generator": "Philox",
        "state": position,
        "buffer": np.zeros(4, np.uint64),  # holds four words; position 4 means that all are used
        "buffer_pos": 4,
        "has_uint32": 0,
        "uinteger": 0,
    }
    return generator


def philox(counter: tuple[Array, Array, Array, Array], key: tuple[int, int]) -> tuple[Array, ...]:
    """Philox4x64-10 on any device: four uint64 arrays of counters give four arrays of random words."""
    xp = array_module(counter[0])
    a, b, c, d = counter
    for round_index in range(10):
        key_0 = (key[0] + round_index * 0x9E3779B97F4A7C15) % 2**64  # the golden ratio, then sqrt(3) - 1
        key_1 = (key[1] + round_index * 0xBB67AE8584CAA73B) % 2**64
        high_a, low_a = _multiply(a, 0xD2E7470EE14C6C93)
        high_c, low_c = _multiply(c, 0xCA5A826395121157)
        a, b, c, d = high_c ^ b ^ xp.uint64(key_0), low_c, high_a ^ d ^ xp.uint64(key_1), low_a
    return a, b, c, d


def _multiply(x: Array, constant: int) -> tuple[Array, Array]:
    """The high and the low 64 bits of x * constant, by long multiplication of 32-bit halves."""
    xp = array_module(x)
    half, low_half = xp.uint64(32), xp.uint64(0xFFFFFFFF)
    c_high, c_low = xp.uint64(constant >> 32), xp.uint64(constant & 0xFFFFFFFF)
    x_high, x_low = x >> half, x & low_half
    middle = x_high * c_low + ((x_low * c_low) >> half)  # cannot overflow: (2^32 - 1)^2 + 2^32 - 1 < 2^64
    carry = x_low * c_high + (middle & low_half)
    return x_high * c_high + (middle >> half) + (carry >> half), x * xp.uint64(constant)
