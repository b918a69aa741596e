"""What the order of an epoch and the random numbers of transforms depend on."""

import numpy as np
import pytest

import tinynet as tn
from tests.data.test_batches import numbered
from tinynet.data.batches import shuffled


def test_the_order_depends_on_the_seed():
    orders = {seed: [batch.chosen.tolist() for batch in shuffled(numbered(60), 7, seed, epoch=1)] for seed in (0, 1, 2)}
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_a_part_of_a_part_knows_where_it_begins_in_the_whole_batch():
    batch = next(shuffled(numbered(20), 12, seed=0, epoch=0))
    inner = [part for half in batch.split(2) for part in half.split(3)]
    assert [part.first_row for part in inner] == [0, 2, 4, 6, 8, 10]


class Note:
    """A transform that changes nothing and keeps the random numbers that it was given, a row for each picture."""

    def __init__(self):
        self.numbers = []

    def __call__(self, pictures, lanes):
        self.numbers.append(lanes(3).copy())
        return pictures


def drawn(size=8, seed=0, epoch=0, parts=1, transforms=1):
    """The random numbers that each of some transforms gets in an epoch of 30 pictures: (transforms, 30, 3)."""
    notes = [Note() for _ in range(transforms)]
    data = tn.data.from_arrays(np.zeros((30, 4, 5), "uint8"), np.zeros(30, int))
    for batch in shuffled(data, size, seed, epoch, transforms=notes):
        for part in batch.split(parts):
            part.load()
    return np.array([np.concatenate(note.numbers) for note in notes])


def test_random_numbers_of_transforms_depend_on_seed_epoch_transform_and_position():
    usual = drawn()
    assert usual.shape == (1, 30, 3)
    assert len(np.unique(usual[0], axis=0)) == 30  # each picture has its own
    for other in (drawn(seed=1), drawn(epoch=1), drawn(transforms=2)[1:]):
        assert not np.isin(usual, other).all(axis=-1).any()
    np.testing.assert_array_equal(drawn(seed=3, epoch=5), drawn(seed=3, epoch=5))


@pytest.mark.parametrize(("size", "parts"), [(1, 1), (7, 1), (30, 1), (8, 2), (30, 4)])
def test_random_numbers_of_transforms_do_not_depend_on_batches_or_threads(size, parts):
    np.testing.assert_array_equal(drawn(size, parts=parts, transforms=2), drawn(transforms=2))


def test_pictures_are_changed_anew_in_each_epoch():
    """Seen in the batches themselves: of 16 flips an epoch, those of another epoch are others."""
    data = tn.data.from_arrays(np.tile(np.arange(4, dtype="uint8"), (16, 4, 1)), np.zeros(16, int))
    flips = [
        next(tn.data.batches(data, 16, 0, epoch, transforms=[tn.data.HorizontalFlip()]))[0][:, 0, 0] > 0
        for epoch in range(4)
    ]
    assert len({tuple(flipped) for flipped in flips}) == 4
