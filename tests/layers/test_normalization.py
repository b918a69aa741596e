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
    model.loss_and_gradient(train.images, train.labels, context=tn.Context(training=True, step=0))
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


def test_a_momentum_of_1_keeps_the_last_batch_alone():
    x = np.random.default_rng(0).normal(size=(50, 2)).astype("float32")
    model = tn.Sequential(tn.BatchNorm(2, momentum=1), tn.Dense(2, 2))
    tn.Trainer(model).step(x, np.arange(50) % 2)
    np.testing.assert_allclose(model[0].running_mean, x.mean(axis=0), rtol=1e-4, atol=1e-6)


def test_what_is_no_picture_is_told_the_number_of_features():
    with pytest.raises(tn.ShapeError, match=r"got \(5, 3, 4\); write BatchNorm\(4\): the size of the last axis of x"):
        tn.BatchNorm(3)(np.ones((5, 3, 4), "float32"))
    with pytest.raises(tn.ShapeError, match=r"got \(5, 3, 4, 4\); put ChannelsLast\(\) before it"):
        tn.BatchNorm(3)(np.ones((5, 3, 4, 4), "float32"))
    with pytest.raises(tn.ShapeError, match=r"got \(5, 2, 4, 4\); write BatchNorm\(4\)"):
        tn.BatchNorm(3)(np.ones((5, 2, 4, 4), "float32"))


@pytest.mark.parametrize("layer", [tn.BatchNorm, tn.LayerNorm])
def test_a_number_of_features_below_1_is_refused(layer):
    message = "features: expected a whole number from 1, got 0; give the size of the last axis of x"
    with pytest.raises(ValueError, match=f"^{layer.__name__}: {message}"):
        layer(0)


def test_a_momentum_of_0_is_refused():
    with pytest.raises(ValueError, match="BatchNorm: expected momentum above 0 and up to 1"):
        tn.BatchNorm(2, momentum=0)


@pytest.mark.parametrize("layer", [tn.BatchNorm, tn.LayerNorm])
@pytest.mark.parametrize("epsilon", [0, -1e-5, float("nan")])
def test_an_epsilon_that_is_not_above_0_is_refused(layer, epsilon):
    with pytest.raises(ValueError, match="epsilon above 0, got .*; leave it out"):
        layer(3, epsilon=epsilon)


GENERATOR = np.random.default_rng(0)
HARD = {  # many numbers in a mean, far from 0 for their spread: a plain float32 sum is too coarse
    "constant": np.full((128, 28, 28, 4), 10.1, "float32"),
    "mean 1000": (1000 + GENERATOR.normal(size=(128, 28, 28, 4))).astype("float32"),
    "mean 1000, deviation 0.01": (1000 + 0.01 * GENERATOR.normal(size=(128, 28, 28, 4))).astype("float32"),
    "many rows": (50 + GENERATOR.normal(size=(100_003, 3))).astype("float32"),
}


@pytest.mark.parametrize("name", HARD)
def test_batch_norm_in_float32_is_as_exact_as_in_float64(name):
    x = HARD[name]
    (y, changes), (exact, exact_changes) = (_normed(x.astype(dtype)) for dtype in ("float32", "float64"))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, exact, rtol=1e-5, atol=1e-5)  # it was wrong by 0.32, 3e-3, 1e-2 and 2e-4
    np.testing.assert_allclose(changes, exact_changes, rtol=1e-5, atol=1e-6)  # of the variance: 0.1 (1.0003 - 1)


@pytest.mark.parametrize("name", HARD)
def test_the_running_mean_in_float32_is_the_exact_mean_rounded(name):
    x = HARD[name]
    _, changes = _normed(x, momentum=1)
    exact = x.astype("float64").mean(axis=tuple(range(x.ndim - 1)))
    np.testing.assert_array_max_ulp(changes[: len(exact)], exact.astype("float32"), maxulp=1)


@pytest.mark.parametrize("name", HARD)
def test_batch_norm_in_float32_agrees_with_pytorch_in_float64(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x = HARD[name]
    theirs = (torch.nn.BatchNorm2d if x.ndim == 4 else torch.nn.BatchNorm1d)(x.shape[-1]).double()
    expected = theirs(torch.from_numpy(np.moveaxis(x, -1, 1).astype("float64"))).detach().numpy()
    np.testing.assert_allclose(_normed(x)[0], np.moveaxis(expected, 1, -1), rtol=1e-5, atol=1e-5)


def test_threads_agree_on_a_mean_of_many_numbers():
    x = HARD["mean 1000"]
    models = [tn.Sequential(tn.BatchNorm(4), tn.GlobalAveragePool2D(), tn.Dense(4, 3)) for _ in range(2)]
    for model, threads in zip(models, (1, 3)):
        tn.fit(model, (x, np.arange(128) % 3), epochs=2, batch_size=64, threads=threads)
    np.testing.assert_allclose(models[1].statistics_vector, models[0].statistics_vector, rtol=1e-6)


def test_layer_norm_of_numbers_far_from_zero_is_as_exact_as_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x = torch.from_numpy((1000 + np.random.default_rng(3).normal(size=(64, 4096))).astype("float32"))
    y, theirs = tn.LayerNorm(4096)(x.numpy()), torch.nn.functional.layer_norm(x, (4096,))
    exact = torch.nn.functional.layer_norm(x.double(), (4096,))
    assert abs(y - exact.numpy()).max() <= abs(theirs - exact).max() < 2e-4


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("what", ["a gradient that overflows", "a batch of weight 0", "a part of weight 0"])
def test_the_statistics_move_whatever_becomes_of_the_update(what, threads):
    """As in PyTorch, which moves them in the forward pass: under its GradScaler, and under weights of 0."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x = np.random.default_rng(4).integers(-4, 5, (8, 3)).astype("float32")  # float16 holds them
    labels = np.zeros(8, int) if what != "a part of weight 0" else np.repeat([0, 1], 4)
    loss = tn.SoftmaxCrossEntropy(class_weights=[0, 1] if "weight" in what else None)
    norm, last = tn.BatchNorm(3, 0.5), tn.Dense(3, 2, weight=np.full((3, 2), 1e4) * [1, -1])
    model = tn.Sequential(norm, last)
    before, theirs = model.theta.copy(), torch.nn.BatchNorm1d(3, momentum=0.5)
    trainer = tn.Trainer(model, loss=loss, precision="float16" if "overflows" in what else "float32")
    trainer.fit((x, labels), epochs=1, batch_size=8, threads=threads, progress=False)
    theirs(torch.from_numpy(x))
    assert np.array_equal(model.theta, before) == (what != "a part of weight 0")
    np.testing.assert_allclose(norm.running_mean, theirs.running_mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(norm.running_var, theirs.running_var, rtol=1e-5)


def _normed(x, momentum=0.1):
    """What batch norm makes of x in training, and the changes of its statistics."""
    layer = tn.BatchNorm(x.shape[-1], momentum)
    model = tn.Sequential(layer, dtype=x.dtype.name)
    changes = np.zeros_like(model.statistics_vector)
    y, backward = layer.forward(x, tn.Context(training=True))
    backward(np.ones_like(y), model.views(np.zeros_like(model.theta), changes)[0])
    return y, changes
