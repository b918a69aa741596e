"""One epoch of training steps computes what the formulas say, in the dtype of the model."""

import numpy as np

import tinynet as tn
from tests.support.models import small_model


def test_one_epoch_does_what_the_formulas_say(small_data):
    train, _ = small_data
    model, by_hand = small_model(), small_model()
    tn.fit(model, train, optimizer=tn.SGD(0.1), epochs=1, batch_size=100, seed=3)
    for step, (x, labels) in enumerate(tn.data.batches(train, 100, seed=3, epoch=0)):
        _, gradient = by_hand.loss_and_gradient(x, labels, context=tn.Context(training=True, seed=3, step=step))
        by_hand.theta -= 0.1 * gradient
    np.testing.assert_allclose(model.theta, by_hand.theta, rtol=1e-5, atol=1e-7)


def test_float64_trains_in_float64(small_data):
    model = small_model(dtype="float64")
    tn.fit(model, small_data[0], epochs=1, batch_size=100)
    assert model.theta.dtype == np.float64


def test_padding_between_parameters_stays_zero(small_data):
    model = tn.Sequential(tn.Dense(20, 4))  # 80 weights, 4 biases, 12 of padding
    tn.fit(model, small_data[0], optimizer=tn.SGD(0.1, momentum=0.9, weight_decay=0.1), epochs=2, batch_size=100)
    assert len(model.theta) == 96
    assert not model.theta[84:].any()
