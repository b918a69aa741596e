"""Randomness as a function: each number depends on where it is used, never on what was drawn before.

A `Stream` is named by (seed, purpose, layer, step); its word i is

    word i = lane i % 4 of Philox4x64-10 with key (seed, purpose * 2^32 + layer) and counter (i // 4 + 1, 0, step, 0)

so any word can be had without those before it. Masks, shuffles and initial weights are therefore the same on every
device and for every way of splitting a batch, and nothing random has to be saved to resume a run.

NumPy ships this generator in C, and on the CPU we use it; a GPU has a kernel for it. `philox` states the same algorithm
in array operations; it serves every device without one, and the tests hold all three against the vectors published
with the paper.

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

LANES_PER_WORD = 4  # a 64-bit word holds four 16-bit lanes


class Purpose(IntEnum):
    """What a stream is used for. The numbers are part of every published result: add new ones, never renumber."""

    WEIGHTS = 1
    SHUFFLE = 2
    DROPOUT = 3
    SPLIT = 4
    DRAWING = 5
    CHECK = 6
    TRANSFORM = 7


@dataclass(frozen=True)
class Stream:
    """The random numbers of one place: `seed` and `step` in [0, 2^64), `layer` in [0, 2^32).

    On another device than the CPU, `step` may be a 0-d uint64 array there, so that a recorded step can be repeated.
    """

    seed: int
    purpose: Purpose
    layer: int = 0
    step: Any = 0

    @property
    def key(self) -> tuple[int, int]:
        """The two words of Philox's key."""
        return self.seed, (int(self.purpose) << 32) + self.layer

    def words(self, count: int, start: int = 0, like: Array | None = None) -> Array:
        """Words `start` ... `start + count - 1`, uint64, on the device of `like` (the CPU when there is none)."""
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
        lanes = philox((blocks, zero, zero + step, zero), self.key)
        return xp.stack(lanes, axis=1).reshape(-1)[skipped : skipped + count]

    def lanes(self, shape: tuple[int, ...], first_row: int = 0, like: Array | None = None) -> Array:
        """uint16 numbers of `shape`, as rows `first_row` onwards of a table without end.

        A batch cut into shards draws the rows it would have drawn whole: row r is the same in both.
        """
        columns = math.prod(shape[1:])
        count, first = shape[0] * columns, first_row * columns
        first_word, skipped = divmod(first, LANES_PER_WORD)
        words = self.words(-(-(skipped + count) // LANES_PER_WORD), first_word, like)
        return words.view("uint16")[skipped : skipped + count].reshape(shape)

    def uniform(self, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """float64 numbers, uniform in [low, high): the top 53 bits of a word each."""
        unit = (self.words(math.prod(shape)) >> np.uint64(11)) * 2.0**-53
        return (low + (high - low) * unit).reshape(shape)

    def normal(self, shape: tuple[int, ...], mean: float = 0.0, deviation: float = 1.0) -> np.ndarray:
        """float64 numbers, normally distributed, by the transform of Box and Muller (1958)."""
        radius, angle = self.uniform((2, math.prod(shape)))
        unit = np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle)
        return (mean + deviation * unit).reshape(shape)

    def permutation(self, count: int, like: Array | None = None) -> Array:
        """The numbers 0 ... count - 1 in random order (int64), on the device of `like` (the CPU when there is none).

        Each number is put in the low bits of a random word, and the words are sorted: no two are equal, so every
        sorting algorithm, on every device, gives the same order.
        """
        xp, low_bits = np if like is None else array_module(like), (1 << count.bit_length()) - 1
        if xp is not np and (kernels := kernels_for(like)):
            keys = kernels.shuffle_keys(count, low_bits, self.key, self.step, like)
        else:
            keys = self.words(count, like=like) & xp.uint64(2**64 - 1 - low_bits)
            keys |= xp.arange(count, dtype=xp.uint64)
        return (xp.sort(keys) & xp.uint64(low_bits)).astype(xp.int64)


def check_seed(seed: int) -> int:
    """`seed` as an int; ValueError unless it is a whole number in [0, 2^64)."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise ValueError(f"seed: expected a whole number from 0 to 2^64 - 1, got {seed!r}; try seed=0")
    return int(seed)


_thread = threading.local()


def _numpy_generator(key: tuple[int, int], counter: tuple[int, int, int, int]) -> np.random.Philox:
    """NumPy's generator, put to this place. One a thread is kept: making it asks the system for entropy, needlessly."""
    if not hasattr(_thread, "generator"):
        _thread.generator = np.random.Philox()
    generator: np.random.Philox = _thread.generator
    position: Any = {"key": np.array(key, np.uint64), "counter": np.array(counter, np.uint64)}
    generator.state = {
        "bit_generator": "Philox",
        "state": position,
        "buffer": np.zeros(4, np.uint64),  # four words at a time are made; at position 4 none of them is left
        "buffer_pos": 4,
        "has_uint32": 0,
        "uinteger": 0,
    }
    return generator


def philox(counter: tuple[Array, Array, Array, Array], key: tuple[int, int]) -> tuple[Array, ...]:
    """Philox4x64-10: four uint64 arrays of counters to four of random words, on any device."""
    xp = array_module(counter[0])
    a, b, c, d = counter
    for turn in range(10):
        key_0 = (key[0] + turn * 0x9E3779B97F4A7C15) % 2**64  # the golden ratio, then sqrt(3) - 1
        key_1 = (key[1] + turn * 0xBB67AE8584CAA73B) % 2**64
        high_a, low_a = _multiply(a, 0xD2E7470EE14C6C93)
        high_c, low_c = _multiply(c, 0xCA5A826395121157)
        a, b, c, d = high_c ^ b ^ xp.uint64(key_0), low_c, high_a ^ d ^ xp.uint64(key_1), low_a
    return a, b, c, d


def _multiply(x: Array, constant: int) -> tuple[Array, Array]:
    """The high and the low 64 bits of x * constant, by schoolbook multiplication of 32-bit halves."""
    xp = array_module(x)
    half, low_half = xp.uint64(32), xp.uint64(0xFFFFFFFF)
    c_high, c_low = xp.uint64(constant >> 32), xp.uint64(constant & 0xFFFFFFFF)
    x_high, x_low = x >> half, x & low_half
    middle = x_high * c_low + ((x_low * c_low) >> half)  # cannot overflow: (2^32 - 1)^2 + 2^32 - 1 < 2^64
    carry = x_low * c_high + (middle & low_half)
    return x_high * c_high + (middle >> half) + (carry >> half), x * xp.uint64(constant)
