"""Batch norm: running statistics, batches shared by threads, dtypes and refused inputs."""

import numpy as np
import pytest

import tinynet as tn


def normed(**settings):
    return tn.Sequential(
        tn.Dense(20, 16), tn.BatchNorm(16), tn.ReLU(), tn.Residual(tn.Dense(16, 16), tn.BatchNorm(16)), tn.Dense(16, 4),
        **settings,
    )  # fmt: skip


def test_statistics_are_named_views_into_a_vector_of_their_own():
    model = normed()
    assert list(model.statistics) == [
        "1.running_mean", "1.running_var", "3.block.1.running_mean", "3.block.1.running_var",
    ]  # fmt: skip
    assert model.statistics_vector.sum() == 32
    model[1].running_mean = np.full(16, 2, "float32")
    assert model.statistics_vector.sum() == 64
    assert model.parameter_count == 20 * 16 + 16 + 32 + 16 * 16 + 16 + 32 + 16 * 4 + 4
    assert model.mask().sum() == 20 * 16 + 16 * 16 + 16 * 4  # neither biases nor norms decay
    with pytest.raises(tn.ShapeError, match="running_mean"):
        model[1].running_mean = np.zeros(3)


def test_training_updates_the_statistics_and_evaluation_does_not(small_data):
    train, test = small_data
    model = normed()
    tn.fit(model, train, epochs=12, batch_size=50)
    inputs = train.images @ model[0].weight + model[0].bias
    np.testing.assert_allclose(model[1].running_mean, inputs.mean(axis=0), atol=0.3)
    np.testing.assert_allclose(model[1].running_var, inputs.var(axis=0), rtol=0.3)
    before = model.statistics_vector.copy()
    assert tn.evaluate(model, test).accuracy > 0.9
    model.loss_and_gradient(train.images, train.labels, context=tn.Context(training=True))
    assert np.array_equal(model.statistics_vector, before)


def test_threads_that_share_a_batch_use_the_statistics_of_the_whole_batch(small_data):
    vectors = []
    for threads in (1, 2, 3):
        model = normed(dtype="float64")
        tn.fit(model, small_data[0], epochs=2, batch_size=64, threads=threads)
        vectors.append((model.theta.copy(), model.statistics_vector.copy()))
    for theta, statistics in vectors[1:]:
        np.testing.assert_allclose(theta, vectors[0][0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(statistics, vectors[0][1], rtol=1e-9)


def test_a_batch_of_one_is_refused():
    data = np.random.default_rng(0).normal(size=(5, 20)).astype("float32"), np.arange(5) % 4
    for threads in (1, 2):
        with pytest.raises(
            ValueError, match=r"BatchNorm\(16\): expected more than one number.*choose another batch_size"
        ):
            tn.fit(normed(), data, batch_size=4, threads=threads)


def test_a_large_batch_stays_in_float32():
    layer = tn.BatchNorm(2)
    model = tn.Sequential(layer)
    x = np.random.default_rng(0).normal(size=(70_000, 2)).astype("float32")
    y, backward = layer.forward(x, tn.Context(training=True))
    dx = backward(np.ones_like(y), model.views(np.zeros_like(model.theta), np.zeros_like(model.statistics_vector))[0])
    assert (y.dtype, dx.dtype) == (np.float32, np.float32)  # NumPy 1 widened means over more than 65,535


def test_inputs_of_another_shape_are_refused():
    with pytest.raises(tn.ShapeError, match=r"BatchNorm\(3\): expected x of shape \(N, 3\), got \(2, 4\)"):
        tn.BatchNorm(3)(np.zeros((2, 4), "f4"))


def test_a_momentum_of_0_is_refused():
    with pytest.raises(ValueError, match="BatchNorm: expected momentum above 0 and up to 1"):
        tn.BatchNorm(2, momentum=0)


@pytest.mark.parametrize("layer", [tn.BatchNorm, tn.LayerNorm])
@pytest.mark.parametrize("epsilon", [0, -1e-5, float("nan")])
def test_an_epsilon_that_is_not_above_0_is_refused(layer, epsilon):
    with pytest.raises(ValueError, match="epsilon above 0, got .*; leave it out"):
        layer(3, epsilon=epsilon)
