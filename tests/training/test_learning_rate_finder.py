"""find_learning_rate: the model is left as it was, statistics included."""

import numpy as np

import tinynet as tn


def test_parameters_and_statistics_are_restored(small_data):
    model = tn.Sequential(tn.Dense(20, 16), tn.BatchNorm(16), tn.ReLU(), tn.Dense(16, 4))
    theta, statistics = model.theta.copy(), model.statistics_vector.copy()
    found = tn.find_learning_rate(model, small_data[0], steps=20, batch_size=50)
    np.testing.assert_array_equal(model.theta, theta)
    np.testing.assert_array_equal(model.statistics_vector, statistics)
    assert len(found.rates) == len(found.losses) <= 20
