"""One epoch of training steps computes what the formulas say, in the dtype of the model."""

import numpy as np
import pytest

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


def test_a_loop_by_hand_cannot_forget_the_step(small_data):
    """It drew one mask for ever, and batch norm kept the statistics that it began with."""
    x, labels = small_data[0].images[:50], small_data[0].labels[:50]
    dropped, normed = small_model(), tn.Sequential(tn.BatchNorm(20), tn.Dense(20, 4))
    with pytest.raises(TypeError, match="context"):
        dropped.loss_and_gradient(x, labels)
    for model in (dropped, normed, tn.Sequential(tn.Residual(tn.Dense(20, 20), tn.Dropout(0.1)), tn.Dense(20, 4))):
        with pytest.raises(
            ValueError, match=r"number of the step in the context.*use tn.Trainer\(model\).step\(x, tar"
        ):
            model.loss_and_gradient(x, labels, context=tn.Context(training=True, seed=3))
        model.loss_and_gradient(x, labels, context=tn.Context())  # inference has neither masks nor statistics
    plain = tn.Sequential(tn.Dense(20, 4), tn.Dropout(0.0))  # nothing depends on the step
    plain.loss_and_gradient(x, labels, context=tn.Context(training=True))


def test_the_ways_that_the_message_names_have_masks_and_statistics_of_their_own(small_data):
    x, labels = small_data[0].images[:50], small_data[0].labels[:50]
    model = tn.Sequential(tn.BatchNorm(20), tn.Dropout(0.5), tn.Dense(20, 4))
    steps = [model.loss_and_gradient(x, labels, context=tn.Context(training=True, step=step))[0] for step in range(9)]
    assert len(set(steps)) == 9
    trainer = tn.Trainer(model, optimizer=tn.SGD(1e-30))  # the parameters stand still: only the masks differ
    assert [trainer.step(x, labels).loss for _ in range(9)] == pytest.approx(steps, rel=1e-6)
    np.testing.assert_allclose(model[0].running_mean, (1 - 0.9**9) * x.mean(axis=0), rtol=1e-4, atol=1e-6)


def test_a_step_on_examples_of_weight_0_changes_nothing_and_is_no_divergence(small_data):
    zeros = small_data[0].subset(small_data[0].labels == 0)
    model = small_model()
    before = model.theta.copy()
    measured = tn.Trainer(model, loss=tn.SoftmaxCrossEntropy(class_weights=[0, 1, 1, 1])).step(
        zeros.images, zeros.labels
    )
    assert np.isnan(measured.loss)  # a mean over nothing
    assert 0 <= measured.accuracy <= 1
    np.testing.assert_array_equal(model.theta, before)
