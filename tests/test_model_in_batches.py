"""Predictions are made in batches of the size that was asked for, and are the same whatever it is."""

import numpy as np
import pytest

import tinynet as tn


class Counts(tn.Layer):
    """Changes nothing and notes how many rows it was given."""

    def __init__(self):
        self.seen = []

    def forward(self, x, context):
        self.seen.append(len(x))
        return x, lambda dy, grads: dy


@pytest.mark.parametrize(("size", "batches"), [(4, [4, 4, 2]), (10, [10]), (1000, [10]), (1, [1] * 10)])
def test_every_row_is_predicted_once_in_batches_of_that_size(size, batches):
    model = tn.Sequential(counter := Counts(), tn.Dense(3, 2))
    x = np.random.default_rng(0).normal(size=(10, 3)).astype("float32")
    expected = model.predict(x)
    counter.seen.clear()
    predicted = model.predict(x, batch_size=size, threads=1)
    assert counter.seen in (batches, [1, *batches])  # one example may tell the number of products
    np.testing.assert_allclose(predicted, expected, rtol=1e-6)
    counter.seen.clear()
    model.predict_classes(x, batch_size=size, threads=1)
    assert counter.seen in (batches, [1, *batches])  # one example may tell the number of products


def test_classes_are_those_of_the_outputs_for_raw_and_for_scaled_numbers():
    """Numbers around 100 were standardized in training: as the network sees them, they are around 0."""
    generator = np.random.default_rng(0)
    labels = np.arange(300) % 3
    raw = (100 + 20 * generator.normal(size=(300, 3)) + 40 * np.eye(3)[labels]).astype("float32")
    data = tn.data.from_arrays(raw, labels, ("a", "b", "c")).standardize()
    model = tn.Sequential(tn.Dense(3, 3))
    tn.fit(model, data, epochs=20, batch_size=30)
    scaled = data.inputs(slice(None), np.dtype("float32"))
    for given, is_scaled in ((raw, False), (scaled, True)):
        probabilities = model.predict(given, scaled=is_scaled)
        names = np.array(["a", "b", "c"])[probabilities.argmax(axis=1)]
        np.testing.assert_array_equal(model.predict_classes(given, scaled=is_scaled), names)
        assert (names == np.array(["a", "b", "c"])[labels]).mean() > 0.8
