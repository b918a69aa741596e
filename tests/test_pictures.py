"""Layers for pictures, and networks of them: shapes, errors, statistics, and threads that share a batch norm."""

import numpy as np
import pytest

import tinynet as tn
from tinynet import zoo as models
from tinynet.layers import windows

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (tn.Conv2D(3, 8, 3), (2, 9, 7, 3), (2, 7, 5, 8)),
        (tn.Conv2D(3, 8, 3, padding="same"), (2, 9, 7, 3), (2, 9, 7, 8)),
        (tn.Conv2D(3, 8, 3, 2, padding="same"), (2, 9, 7, 3), (2, 5, 4, 8)),
        (tn.Conv2D(3, 8, 2, 2, padding="same"), (2, 9, 8, 3), (2, 5, 4, 8)),
        (tn.Conv2D(3, 8, (1, 5), (3, 1), padding=(0, 2)), (2, 9, 7, 3), (2, 3, 7, 8)),
        (tn.MaxPool2D(), (2, 9, 7, 3), (2, 4, 3, 3)),
        (tn.MaxPool2D(3, 2, padding=1), (2, 9, 7, 3), (2, 5, 4, 3)),
        (tn.AveragePool2D((2, 1)), (2, 9, 7, 3), (2, 4, 7, 3)),
        (tn.GlobalAveragePool2D(), (2, 9, 7, 3), (2, 3)),
    ],
    ids=repr,
)
def test_shapes(layer, shape, expected):
    assert layer(np.ones(shape, "float32")).shape == expected


def test_how_many_pictures_are_worked_on_at_once_changes_nothing(monkeypatch):
    layer, x = tn.Conv2D(9, 4, padding="same"), RNG.normal(size=(7, 6, 5, 9)).astype("float32")
    results = []
    for limit in (1, 5000, 1 << 30):
        monkeypatch.setattr(windows, "CHUNK_ON_HOST", limit)
        grads = layer.views(np.full(layer.size, np.nan, "float32"))
        y, backward = layer.forward(x, tn.Context(training=True))
        results.append([y, backward(np.ones_like(y), grads), grads["weight"], grads["bias"]])
    for other in results[1:]:
        for one, same in zip(results[0], other):
            np.testing.assert_allclose(one, same, rtol=1e-5, atol=1e-5)  # float32 sums in another order


def test_of_equal_numbers_the_first_gets_the_gradient():
    y, backward = tn.MaxPool2D().forward(np.zeros((1, 4, 4, 1)), tn.Context())
    dx = backward(np.arange(1.0, 5).reshape(1, 2, 2, 1), {})[0, :, :, 0]
    assert dx.tolist() == [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: tn.Conv2D(1, 4)(np.zeros((2, 784), "f4")),
            r"got \(2, 784\); put Reshape\(height, width, channels\) b",
        ),
        (
            lambda: tn.Conv2D(1, 4)(np.zeros((2, 28, 28), "f4")),
            r"got \(2, 28, 28\); put Reshape\(28, 28, 1\) before it",
        ),
        (
            lambda: tn.Conv2D(3, 4)(np.zeros((2, 3, 8, 9), "f4")),
            r"put ChannelsLast\(\) before it, which takes pictures",
        ),
        (
            lambda: tn.Conv2D(1, 4, 5)(np.zeros((2, 4, 8, 1), "f4")),
            r"pictures of at least \(5, 5\), got \(4, 8\) pixels",
        ),
        (
            lambda: tn.Conv2D(1, 4)(np.zeros((2, 8, 8, 1))),
            r"expected x of dtype float32, like the weights, got float64",
        ),
        (
            lambda: tn.MaxPool2D()(np.zeros((2, 784), "f4")),
            r"MaxPool2D\(\): expected pictures of shape \(N, H, W, C\)",
        ),
        (
            lambda: tn.Reshape(28, 28, 1)(np.zeros((2, 3))),
            r"Reshape\(28, 28, 1\): expected examples of 784 numbers, got",
        ),
        (lambda: tn.ChannelsLast()(np.zeros((2, 3))), r"ChannelsLast\(\): expected pictures of shape \(N, C, H, W\)"),
        (
            lambda: tn.BatchNorm(3)(np.zeros((2, 4), "f4")),
            r"BatchNorm\(3\): expected x of shape \(N, 3\), got \(2, 4\)",
        ),
        (
            lambda: tn.Residual(tn.Dense(3, 4))(np.zeros((2, 3), "f4")),
            r"Residual of Dense\(3, 4\) ...: expected a block whose output has the shape \(2, 3\), like that",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_remedy(make, message):
    with pytest.raises(tn.ShapeError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: tn.Conv2D(1, 2, 0),
            r"Conv2D\(1, 2\): kernel_size: expected a whole number from 1, got 0; give one number, or two",
        ),
        (lambda: tn.Conv2D(1, 2, 3, (1, 2, 3)), r"stride: expected a whole number from 1, got \(1, 2, 3\)"),
        (lambda: tn.Conv2D(1, 2, padding="full"), "expected padding 'valid', 'same' or a number, got 'full'"),
        (lambda: tn.Conv2D(1, 2, padding=-1), "padding: expected a whole number from 0, got -1"),
        (lambda: tn.BatchNorm(2, momentum=0), "BatchNorm: expected momentum above 0 and up to 1"),
        (lambda: tn.Residual(), "Residual: expected at least one layer, got none"),
    ],
)
def test_settings_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Statistics -----------------------------------------------------------------------------------------------------------


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


def test_training_moves_the_statistics_and_measuring_does_not(small_data):
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


def test_a_batch_norm_that_threads_share_is_that_of_the_whole_batch(small_data):
    vectors = []
    for threads in (1, 2, 3):
        model = normed(dtype="float64")
        tn.fit(model, small_data[0], epochs=2, batch_size=64, threads=threads)
        vectors.append((model.theta.copy(), model.statistics_vector.copy()))
    for theta, statistics in vectors[1:]:
        np.testing.assert_allclose(theta, vectors[0][0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(statistics, vectors[0][1], rtol=1e-9)


def test_a_batch_of_one_has_no_variance():
    data = RNG.normal(size=(5, 20)).astype("float32"), np.arange(5) % 4
    for threads in (1, 2):
        with pytest.raises(
            ValueError, match=r"BatchNorm\(16\): expected more than one number.*choose another batch_size"
        ):
            tn.fit(normed(), data, batch_size=4, threads=threads)


# Networks to start from -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "inputs", "count"),
    [
        (models.mlp(), (784,), 235_146),
        (models.mlp(20, (8,), 3, tn.Tanh, dropout=0.1, batch_norm=True), (20,), 20 * 8 + 8 + 16 + 8 * 3 + 3),
        (models.lenet(), (28, 28, 1), 61_706),  # as LeNet-5 is usually counted
        (models.lenet((32, 32, 3), 7), (32, 32, 3), 456 + 2416 + 577 * 120 + 121 * 84 + 85 * 7),
        (models.resnet_small((28, 28, 1)), (28, 28, 1), None),
        (models.resnet_small(blocks=3), (32, 32, 3), 273_258),  # the paper's table 6: 0.27 million
    ],
    ids=["mlp", "mlp with everything", "lenet", "lenet of CIFAR", "resnet", "resnet-20"],
)
def test_models(model, inputs, count):
    y = model(RNG.random((2, *inputs), dtype="float32"))
    assert y.shape == (2, model[-1].outputs)
    assert count is None or model.parameter_count == count
    flat = model(RNG.random((2, int(np.prod(inputs))), dtype="float32"))
    assert flat.shape == y.shape


def test_the_summary_of_a_residual_network_fits_a_screen(capsys):
    models.resnet_small().summary()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 120
    assert lines[3].split()[-5:] == ["(N,", "32,", "32,", "16)", "448"]
    assert lines[6].startswith("4  Residual(Conv2D(16, 16, padding='same'), ")
    assert " ... " in lines[6]


def test_a_small_network_learns_pictures():
    train, test = tn.data.synthetic_fashion(1200, 300)
    network = tn.Sequential(
        tn.Reshape(28, 28, 1),
        tn.Conv2D(1, 8, 3, 2, "same"), tn.BatchNorm(8), tn.ReLU(),
        tn.Residual(tn.Conv2D(8, 8, 3, padding="same"), tn.BatchNorm(8)), tn.ReLU(),
        tn.MaxPool2D(), tn.Flatten(), tn.Dense(7 * 7 * 8, 10),
    )  # fmt: skip
    tn.fit(network, train, optimizer=tn.Adam(0.005), epochs=3, batch_size=50)
    assert tn.evaluate(network, test).accuracy > 0.75
