"""A run is resumed with the data that it began with."""

from dataclasses import replace

import numpy as np
import pytest

import tinynet as tn
from tests.training.test_settings import run
from tinynet.training.settings import fingerprint

PICTURES = np.arange(48, dtype="uint8").reshape(4, 12)


OTHERS = {
    "an image": lambda data: replace(data, images=np.concatenate([data.images[:3], data.images[:1]])),
    "a label": lambda data: replace(data, labels=np.array([0, 1, 2, 1])),
    "the order of the examples": lambda data: data.subset([1, 0, 2, 3]),
    "the order of the labels": lambda data: replace(data, labels=data.labels[::-1]),
    "fewer examples": lambda data: data.subset(slice(0, 3)),
    "the shape": lambda data: tn.data.from_arrays(data.images.reshape(4, 3, 4), data.labels),
    "the dtype": lambda data: replace(data, images=data.images.astype("float32")),
    "the mean": lambda data: replace(data, mean=0.25),
    "the deviation": lambda data: replace(data, deviation=0.5),
    "targets in place of labels": lambda data: replace(data, labels=data.labels.astype("float64")),
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_the_fingerprint_of_other_data_is_another_one(change):
    data = tn.data.from_arrays(PICTURES, np.array([0, 1, 2, 0]))
    assert fingerprint(change(data)) != fingerprint(data)


def test_equal_bytes_of_another_shape_or_dtype_are_other_data():
    made = [
        np.zeros((4, 12), "float32"), np.zeros((4, 6), "float64"), np.zeros((4, 6, 2), "float32"),
        np.zeros((4, 2, 6), "float32"), np.zeros((4, 48), "uint8"),
    ]  # fmt: skip
    assert len({array.tobytes() for array in made}) == 1
    assert len({fingerprint(tn.data.from_arrays(array, [0, 1, 2, 0])) for array in made}) == len(made)


def test_the_fingerprint_is_that_of_the_examples_and_not_of_their_memory_or_names():
    data = tn.data.from_arrays(PICTURES, np.array([0, 1, 2, 0]))
    for same in (
        tn.data.from_arrays(PICTURES.copy(), [0, 1, 2, 0], ("a", "b", "c"), "another name"),
        tn.data.from_arrays(np.asfortranarray(PICTURES), np.array([0, 0, 1, 0, 2, 0, 0, 0])[::2]),
    ):
        assert fingerprint(same) == fingerprint(data)


def test_a_run_is_not_resumed_with_other_labels(small_data, tmp_path):
    run(small_data, tmp_path)
    train = small_data[0]
    wrong = replace(train, labels=np.roll(train.labels, 1)), small_data[1]
    with pytest.raises(ValueError, match="expected data [0-9a-f]{64}, got [0-9a-f]{64}; resume with the same settings"):
        run(wrong, tmp_path, resume=True, epochs=2)
    assert len(run(small_data, tmp_path, resume=True, epochs=2)) == 2
