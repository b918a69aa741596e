"""Random streams equal the published vectors and NumPy's generator, and have the properties that they promise."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.support import strict
from tinynet.backend.random import Purpose, Stream, check_seed, philox

# kat_vectors of the Random123 distribution, philox4x64 with 10 rounds: counter, key, result.
PUBLISHED = [
    ((0,) * 4, (0,) * 2, (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B)),
    ((2**64 - 1,) * 4, (2**64 - 1,) * 2,
     (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0)),
    ((0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
     (0x452821E638D01377, 0xBE5466CF34E90C6C),
     (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6)),
]  # fmt: skip


@pytest.mark.parametrize(("counter", "key", "expected"), PUBLISHED)
def test_philox_gives_the_published_vectors(counter, key, expected):
    lanes = philox(tuple(np.array([word], np.uint64) for word in counter), key)
    assert tuple(int(lane[0]) for lane in lanes) == expected


@pytest.mark.parametrize("start", [0, 1, 3, 4, 1001])
def test_words_are_those_of_numpys_philox(start):
    stream = Stream(seed=11, purpose=Purpose.DROPOUT, layer=5, step=2**40)
    numpy_generator = np.random.Philox(
        key=np.array([11, (3 << 32) + 5], np.uint64), counter=np.array([0, 0, 2**40, 0], np.uint64)
    )
    np.testing.assert_array_equal(stream.words(50, start), numpy_generator.random_raw(start + 50)[start:])


@pytest.mark.parametrize("start", [0, 2, 4, 4099, 2**60 + 1])  # the last: no float64 holds it
def test_array_operations_and_c_generator_agree(start):
    stream = Stream(seed=2**64 - 1, purpose=Purpose.WEIGHTS, layer=2**32 - 1, step=2**64 - 1)
    device = stream.words(100, start, like=strict.device.put(np.zeros(1)))
    np.testing.assert_array_equal(device.get(), stream.words(100, start))


class Given(Stream):
    """A stream whose words are given, and not drawn."""

    def words(self, count, start=0, like=None):
        return np.array([0b1011, 0b0110, 0b0011], np.uint64)


def test_a_permutation_sorts_by_all_bits_above_those_that_hold_the_numbers():
    assert Given(0, Purpose.SHUFFLE).permutation(3).tolist() == [2, 1, 0]  # by 0b1000, 0b0100 and 0b0000


def test_a_step_in_the_memory_of_a_device_gives_the_words_of_that_step():
    there, like = strict.device.put(np.array(2**40, "uint64")), strict.device.put(np.zeros(1))
    expected = Stream(seed=1, purpose=Purpose.DROPOUT, layer=2, step=2**40).words(9)
    stream = Stream(seed=1, purpose=Purpose.DROPOUT, layer=2, step=there)
    assert np.array_equal(stream.words(9, like=like).get(), expected)


def test_lanes_do_not_depend_on_how_rows_are_split():
    stream = Stream(3, Purpose.DROPOUT, 1, 7)
    whole = stream.lanes((13, 7))
    for cut in range(1, 13):
        parts = [stream.lanes((cut, 7)), stream.lanes((13 - cut, 7), first_row=cut)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_lanes_are_the_words_cut_in_four_from_the_low_end():
    stream = Stream(3, Purpose.DROPOUT)
    word = int(stream.words(1)[0])
    assert list(stream.lanes((4, 1))[:, 0]) == [(word >> shift) & 0xFFFF for shift in (0, 16, 32, 48)]


def test_every_part_of_the_name_matters():
    names = [(0, Purpose.DROPOUT, 0, 0), (1, Purpose.DROPOUT, 0, 0), (0, Purpose.SHUFFLE, 0, 0),
             (0, Purpose.DROPOUT, 1, 0), (0, Purpose.DROPOUT, 0, 1)]  # fmt: skip
    draws = {Stream(*name).words(4).tobytes() for name in names}
    assert len(draws) == len(names)


def test_uniform_is_uniform_and_normal_is_normal():
    stats = pytest.importorskip("scipy.stats")
    stream = Stream(0, Purpose.CHECK)
    uniform, normal = stream.uniform((20_000,), -2, 3), stream.normal((20_000,), 1, 2)
    assert uniform.min() >= -2
    assert uniform.max() < 3
    assert stats.kstest(uniform, stats.uniform(-2, 5).cdf).pvalue > 0.01
    assert stats.kstest(normal, stats.norm(1, 2).cdf).pvalue > 0.01


def test_threads_that_draw_at_once_draw_what_they_draw_alone():
    """Each has a generator of its own: with a shared one, a thread sets the counter between another's two calls."""
    streams = [Stream(number, Purpose.DROPOUT) for number in range(4)]
    draw = lambda stream: [stream.words(20_000, start)[-1] for start in range(100)]  # noqa: E731
    alone = [draw(stream) for stream in streams]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(len(streams)) as pool:
            assert list(pool.map(draw, streams)) == alone
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("count", [1, 2, 7, 64, 60_000])
def test_permutation_holds_every_number_once(count):
    order = Stream(0, Purpose.SHUFFLE).permutation(count)
    np.testing.assert_array_equal(np.sort(order), np.arange(count))


@pytest.mark.parametrize("count", [1, 2, 7, 8, 64, 1000])
def test_a_permutation_sorts_the_numbers_by_their_random_words(count):
    stream = Stream(3, Purpose.SHUFFLE, 2, 5)
    words, bits = [int(word) for word in stream.words(count)], count.bit_length()
    expected = sorted(range(count), key=lambda number: (words[number] >> bits, number))
    assert stream.permutation(count).tolist() == expected
    there = stream.permutation(count, like=strict.device.put(np.zeros(1)))
    assert there.get().tolist() == expected
    assert (stream.permutation(count).dtype, there.get().dtype) == (np.int64, np.int64)


def test_published_results_depend_on_the_numbers_of_purposes():
    numbers = {"WEIGHTS": 1, "SHUFFLE": 2, "DROPOUT": 3, "SPLIT": 4, "DRAWING": 5, "CHECK": 6, "TRANSFORM": 7}
    assert {purpose.name: purpose.value for purpose in Purpose} == numbers


def test_uniform_numbers_are_those_of_numpys_generator():
    numpy_generator = np.random.Generator(np.random.Philox(key=np.array([9, 6 << 32], np.uint64)))
    expected = numpy_generator.random((5, 7))
    np.testing.assert_array_equal(Stream(9, Purpose.CHECK).uniform((5, 7)), expected)
    np.testing.assert_allclose(Stream(9, Purpose.CHECK).uniform((5, 7), -2, 3), 5 * expected - 2, rtol=1e-15)


def test_normal_numbers_scale_with_mean_and_deviation():
    stream = Stream(9, Purpose.CHECK)
    unit = stream.normal((4, 5))
    assert unit.shape == (4, 5)
    np.testing.assert_allclose(stream.normal((4, 5), 3, 2), 3 + 2 * unit)
    stats = pytest.importorskip("scipy.stats")
    radius, angle = stream.uniform((2, 20))  # of a point whose coordinates are normally distributed
    expected = stats.rayleigh.ppf(radius) * np.exp(2j * np.pi * angle).real
    np.testing.assert_allclose(unit.ravel(), expected, rtol=1e-9)


def test_lanes_of_a_part_on_a_device_are_those_of_the_whole():
    stream, like = Stream(3, Purpose.DROPOUT, 1, 7), strict.device.put(np.zeros(1))
    np.testing.assert_array_equal(stream.lanes((5, 3), 8, like).get(), stream.lanes((13, 3))[8:])
    assert stream.lanes((2, 3, 4)).shape == (2, 3, 4)
    np.testing.assert_array_equal(stream.lanes((2, 3, 4)).reshape(2, 12), stream.lanes((2, 12)))


def test_threads_that_draw_at_once_get_what_one_would():
    stream, found, start = Stream(3, Purpose.DROPOUT), [], threading.Barrier(4)
    expected = [Stream(3, Purpose.DROPOUT, layer).words(1000).tobytes() for layer in range(4)]

    def draw(layer):
        start.wait()
        found.append(all(Stream(3, Purpose.DROPOUT, layer).words(1000).tobytes() == expected[layer] for _ in range(50)))

    threads = [threading.Thread(target=draw, args=(layer,)) for layer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4
    assert stream.words(1000).tobytes() == expected[0]


def test_permutations_are_evenly_spread():
    stats = pytest.importorskip("scipy.stats")
    seen = [tuple(Stream(seed, Purpose.SHUFFLE).permutation(4)) for seed in range(2400)]
    counts = [seen.count(order) for order in sorted(set(seen))]
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 0.01


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1, np.uint64(7)])
def test_a_seed_in_range_is_taken_as_a_number_of_python(seed):
    assert check_seed(seed) == seed
    assert type(check_seed(seed)) is int


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "0", None, True])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match=f"seed: expected a whole number from 0 to {2**64 - 1}, got .*(try |write )"):
        check_seed(seed)
