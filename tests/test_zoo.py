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
