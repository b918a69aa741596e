"""The networks of the zoo have the documented shapes and parameter counts."""

import numpy as np
import pytest

import tinynet as tn


@pytest.mark.parametrize(
    ("model", "inputs", "count"),
    [
        (tn.zoo.mlp(), (784,), 235_146),
        (tn.zoo.mlp(20, (8,), 3, tn.Tanh, dropout=0.1, batch_norm=True), (20,), 20 * 8 + 8 + 16 + 8 * 3 + 3),
        (tn.zoo.lenet(), (28, 28, 1), 61_706),  # as LeNet-5 is usually counted
        (tn.zoo.lenet((32, 32, 3), 7), (32, 32, 3), 456 + 2416 + 577 * 120 + 121 * 84 + 85 * 7),
        (tn.zoo.resnet_small((28, 28, 1)), (28, 28, 1), None),
        (tn.zoo.resnet_small(blocks=3), (32, 32, 3), 273_258),  # the paper's table 6: 0.27 million
    ],
    ids=["mlp", "mlp with everything", "lenet", "lenet of CIFAR", "resnet", "resnet-20"],
)
def test_each_network_has_its_output_shape_and_parameter_count(model, inputs, count):
    generator = np.random.default_rng(0)
    y = model(generator.random((2, *inputs), dtype="float32"))
    assert y.shape == (2, model[-1].outputs)
    assert count is None or model.parameter_count == count
    flat = model(generator.random((2, int(np.prod(inputs))), dtype="float32"))
    assert flat.shape == y.shape


@pytest.mark.parametrize("make", [tn.zoo.mlp, tn.zoo.lenet, tn.zoo.resnet_small])
def test_the_seed_decides_the_weights(make):
    one, same, other = make(seed=1), make(seed=1), make(seed=2)
    assert np.array_equal(one.theta, same.theta)
    assert not np.array_equal(one.theta, other.theta)


def test_a_perceptron_normalizes_activates_and_drops_in_this_order():
    model = tn.zoo.mlp(20, (8, 6), 3, tn.Tanh, dropout=0.1, batch_norm=True)
    hidden = [tn.Dense, tn.BatchNorm, tn.Tanh, tn.Dropout]
    assert [type(layer) for layer in model] == [tn.Flatten, *hidden, *hidden, tn.Dense]
    assert [layer.rate for layer in model if isinstance(layer, tn.Dropout)] == [0.1, 0.1]
    plain = tn.zoo.mlp(20, (8,), 3)
    assert [type(layer) for layer in plain] == [tn.Flatten, tn.Dense, tn.ReLU, tn.Dense]


def test_initial_weights_suit_the_activation():
    """He et al. 2015 for ReLU: variance 2 / fan_in; Glorot and Bengio 2010 for tanh: 2 / (fan_in + fan_out)."""
    weights = {activation: tn.zoo.mlp(300, (200,), 3, activation)[1].weight for activation in (tn.ReLU, tn.Tanh)}
    assert weights[tn.ReLU].var() == pytest.approx(2 / 300, rel=0.03)
    assert weights[tn.Tanh].var() == pytest.approx(2 / 500, rel=0.03)


def test_each_stage_of_a_residual_network_halves_the_picture():
    """Section 4.2 of the paper: 32 x 32 with 16 channels, 16 x 16 with 32, 8 x 8 with 64."""
    x, shapes = np.zeros((1, 32, 32, 3), "float32"), []
    for layer in tn.zoo.resnet_small(blocks=2):
        x = layer(x)
        if isinstance(layer, tn.Residual):
            shapes.append(x.shape[1:])
    assert shapes == [(32, 32, 16)] * 2 + [(16, 16, 32)] * 2 + [(8, 8, 64)] * 2


def test_stages_of_equal_width_need_a_shortcut_where_the_picture_shrinks():
    model = tn.zoo.resnet_small((8, 8, 1), 5, widths=(4, 4))
    assert [layer.shortcut is None for layer in model if isinstance(layer, tn.Residual)] == [True, False]
    assert model(np.zeros((2, 8, 8, 1), "float32")).shape == (2, 5)
