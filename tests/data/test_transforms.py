"""Transforms: their effect on pictures, and that they depend only on seed, epoch and position."""

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tinynet.backend import arrays
from tinynet.backend.random import Purpose, Stream
from tinynet.data.transforms import Lanes

PICTURES = np.random.default_rng(0).integers(1, 256, (300, 8, 12)).astype("uint8")
DATA = tn.data.from_arrays(PICTURES, np.arange(300) % 3, flatten=True)
ALL = [tn.data.Shift(2), tn.data.HorizontalFlip(), tn.data.RandomErasing(0.5)]


def lanes(like) -> Lanes:
    return lambda k: Stream(0, Purpose.TRANSFORM).lanes((len(like), k), like=like)


def test_a_shift_moves_all_pixels_of_a_picture_alike():
    moved = tn.data.Shift(2)(PICTURES, lanes(PICTURES))
    padded = np.pad(PICTURES, ((0, 0), (2, 2), (2, 2)))
    offsets = set()
    for before, after in zip(padded, moved):
        found = [(r, c) for r in range(5) for c in range(5) if np.array_equal(before[r : r + 8, c : c + 12], after)]
        assert len(found) == 1
        offsets.add(found[0])
    assert len(offsets) == 25


@pytest.mark.parametrize("probability", [0, 0.3, 1])
def test_a_flip_mirrors_the_expected_fraction(probability):
    flipped = tn.data.HorizontalFlip(probability)(PICTURES, lanes(PICTURES))
    same = (flipped == PICTURES).all(axis=(1, 2))
    mirrored = (flipped == PICTURES[:, :, ::-1]).all(axis=(1, 2))
    assert (same | mirrored).all()
    assert mirrored.mean() == pytest.approx(probability, abs=4 * np.sqrt(probability * (1 - probability) / 300))


def test_erasing_blackens_one_rectangle():
    erased = tn.data.RandomErasing(1.0)(PICTURES, lanes(PICTURES))
    for before, after in zip(PICTURES, erased):
        gone = after == 0
        rows, columns = np.flatnonzero(gone.any(axis=1)), np.flatnonzero(gone.any(axis=0))
        assert 2 <= len(rows) <= 4
        assert 3 <= len(columns) <= 6
        assert gone.sum() == len(rows) * len(columns)
        np.testing.assert_array_equal(after[~gone], before[~gone])


@pytest.mark.parametrize("transform", ALL, ids=repr)
@pytest.mark.parametrize("shape", [(20, 8, 12), (20, 8, 12, 3)])
def test_shape_and_dtype_stay_on_every_device(transform, shape):
    pictures = np.random.default_rng(0).integers(0, 256, shape).astype("uint8")
    here = transform(pictures, lanes(pictures))
    placed = strict.device.put(pictures)
    there = transform(placed, lanes(placed))
    assert (here.shape, here.dtype) == (shape, np.uint8)
    np.testing.assert_array_equal(arrays.to_numpy(there), here)


def epoch(data=DATA, size=64, seed=0, number=0, first_step=0):
    parts = [x for x, _ in tn.data.batches(data, size, seed, number, transforms=ALL, first_step=first_step)]
    return np.concatenate([arrays.to_numpy(part) for part in parts])


def test_an_epoch_is_a_function_of_seed_and_number_whatever_the_batch_size():
    whole = epoch()
    np.testing.assert_array_equal(epoch(size=7), whole)
    np.testing.assert_array_equal(epoch(size=300), whole)
    np.testing.assert_array_equal(epoch(data=DATA.to(strict.device)), whole)
    assert (epoch(seed=1) != whole).any()
    assert (epoch(number=1) != whole).any()


def test_an_epoch_can_begin_at_any_step():
    np.testing.assert_array_equal(epoch(first_step=2), epoch()[128:])


def test_fit_applies_transforms():
    model = tn.Sequential(tn.Dense(96, 3))
    history = tn.fit(model, DATA, epochs=1, batch_size=50, transforms=ALL)
    assert len(history) == 1
    flat = tn.data.from_arrays(np.zeros((4, 96), "uint8"), np.zeros(4, int))
    with pytest.raises(tn.ShapeError, match="transforms: expected pictures of shape"):
        tn.fit(model, flat, epochs=1, transforms=ALL)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tn.data.Shift(0), "Shift: most: expected a whole number from 1, got 0"),
        (lambda: tn.data.HorizontalFlip(2), "HorizontalFlip: expected a probability from 0 to 1, got 2"),
        (lambda: tn.data.RandomErasing(-1), "RandomErasing: expected a probability from 0 to 1, got -1"),
    ],
)
def test_arguments_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
