"""One epoch of training steps computes what the formulas say, in the dtype of the model."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.backend.arrays import CPU
from tinynet.data.batches import shuffled
from tinynet.optimizers.loss_scaling import LossScaled
from tinynet.training.state import Meter, TrainingState
from tinynet.training.step import TrainingStep


def test_one_epoch_does_what_the_formulas_say(small_data):
    train, _ = small_data
    model, by_hand = small_model(), small_model()
    tn.fit(model, train, optimizer=tn.SGD(0.1), epochs=1, batch_size=100, seed=3)
    for step, (x, labels) in enumerate(tn.data.batches(train, 100, seed=3, epoch=0)):
        _, gradient = by_hand.loss_and_gradient(x, labels, context=tn.Context(training=True, seed=3, step=step))
        by_hand.theta -= 0.1 * gradient
    np.testing.assert_allclose(model.theta, by_hand.theta, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("guard", [True, False, None])
def test_a_bad_loss_changes_nothing_unless_the_guard_is_off(guard):
    data = tn.data.from_arrays(np.array([[1, 2], [3, 5]], "float32"), np.zeros((2, 1), "float32"))
    model, optimizer = tn.Sequential(tn.BatchNorm(2), tn.Dense(2, 1)), tn.SGD(0.1)
    model[1].bias[...] = 1e30
    state = TrainingState.of(model, optimizer, seed=0)
    before = model.theta.copy(), model.statistics_vector.copy()
    step = TrainingStep(
        model, tn.MeanSquaredError(), optimizer, state, **({} if guard is None else {"nan_guard": guard})
    )
    meter = Meter(1, CPU)
    with np.errstate(all="ignore"):
        loss, hits = step(next(shuffled(data, 2, 0, 0)), meter, 0)
    assert (np.isfinite(loss), hits, meter.done, meter.diverged) == (False, None, 1, True)
    moved = guard is False
    assert state.step == moved
    assert np.array_equal(model.theta, before[0]) != moved
    assert np.array_equal(model.statistics_vector, before[1]) != moved


def test_a_step_moves_parameters_statistics_and_the_count_and_says_how_many_were_right(small_data):
    model, optimizer = tn.Sequential(tn.BatchNorm(20), tn.Dense(20, 4)), tn.SGD(0.1)
    state, meter = TrainingState.of(model, optimizer, seed=3), Meter(2, CPU)
    step = TrainingStep(model, tn.SoftmaxCrossEntropy(), optimizer, state)
    batch = next(shuffled(small_data[0], 100, 3, 0))
    x, labels = batch.load()
    twin = tn.Sequential(tn.BatchNorm(20), tn.Dense(20, 4))
    outputs, _ = twin.forward(x, tn.Context(training=True))
    expected, gradient = twin.loss_and_gradient(x, labels, context=tn.Context(training=True, seed=3, step=0))
    loss, hits = step(batch, meter, 0)
    assert float(loss) == pytest.approx(expected, rel=1e-6)
    assert hits == (outputs.argmax(axis=1) == labels).sum()
    assert (meter.done, meter.counts[0], state.step) == (1, 100, 1)
    np.testing.assert_allclose(model.theta, twin.theta - 0.1 * gradient, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(model[0].running_mean, 0.1 * x.mean(axis=0), rtol=1e-4, atol=1e-6)
    step(batch, meter, 1)
    assert (meter.done, state.step) == (2, 2)


def test_a_scaled_loss_moves_the_parameters_as_the_loss_itself(small_data):
    thetas = []
    for optimizer in (tn.SGD(0.1), LossScaled(tn.SGD(0.1))):
        model = small_model()
        state = TrainingState.of(model, optimizer, seed=3)
        step = TrainingStep(model, tn.SoftmaxCrossEntropy(), optimizer, state)
        step(next(shuffled(small_data[0], 100, 3, 0)), Meter(1, CPU), 0)
        thetas.append(model.theta)
    np.testing.assert_allclose(*thetas, rtol=1e-5, atol=1e-7)
    assert not np.array_equal(thetas[0], small_model().theta)
    moved = np.ones(2)
    plain = TrainingStep(model, tn.SoftmaxCrossEntropy(), tn.SGD(0.1), state)
    plain.operations.move(moved, np.array([1.0, 2.0]), {}, [0.25])  # with the scalars of a step, as on a GPU
    assert moved.tolist() == [0.75, 0.5]


def test_nobody_asks_the_first_layer_for_its_input_gradient(small_data):
    seen = []

    class Looking(tn.Layer):
        def forward(self, x, context):
            seen.append((context.training, context.seed, context.step, context.input_gradient))
            return x, lambda dy, grads: dy

    model, optimizer = tn.Sequential(Looking(), tn.Dense(20, 4), Looking()), tn.SGD(0.1)
    step = TrainingStep(model, tn.SoftmaxCrossEntropy(), optimizer, TrainingState.of(model, optimizer, seed=3))
    step(next(shuffled(small_data[0], 100, 3, 0)), Meter(1, CPU), 5)
    assert seen == [(True, 3, 5, False), (True, 3, 5, True)]


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
