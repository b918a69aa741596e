"""Accuracy and loss as `evaluate` computes them equal their definitions, for every batch size and number of threads."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model


def test_evaluate_agrees_with_the_definition_and_ignores_batches(small_data):
    _, test = small_data
    model = small_model()
    probabilities = model.predict(test)
    expected = -np.log(probabilities[np.arange(len(test)), test.labels]).mean()
    for batch_size in (1, 7, 200, 1000):
        measured = tn.evaluate(model, test, batch_size=batch_size)
        assert measured.loss == pytest.approx(expected, rel=1e-5)
        assert measured.accuracy == (probabilities.argmax(axis=1) == test.labels).mean()


def test_predictions_and_measurements_are_shared(small_data):
    model, (_, test) = small_model(), small_data
    assert np.array_equal(model.predict(test, batch_size=10), model.predict(test, batch_size=10, threads=3))
    one, three = (tn.evaluate(model, test, batch_size=10, threads=threads) for threads in (1, 3))
    assert one == three
