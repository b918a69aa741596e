"""Conv2D: output shapes, refused inputs, and a small network that learns pictures."""

import numpy as np
import pytest

import tinynet as tn


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (tn.Conv2D(3, 8, 3), (2, 9, 7, 3), (2, 7, 5, 8)),
        (tn.Conv2D(3, 8, 3, padding="same"), (2, 9, 7, 3), (2, 9, 7, 8)),
        (tn.Conv2D(3, 8, 3, 2, padding="same"), (2, 9, 7, 3), (2, 5, 4, 8)),
        (tn.Conv2D(3, 8, 2, 2, padding="same"), (2, 9, 8, 3), (2, 5, 4, 8)),
        (tn.Conv2D(3, 8, (1, 5), (3, 1), padding=(0, 2)), (2, 9, 7, 3), (2, 3, 7, 8)),
    ],
    ids=repr,
)
def test_the_output_shape_follows_kernel_stride_and_padding(layer, shape, expected):
    assert layer(np.ones(shape, "float32")).shape == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: tn.Conv2D(1, 4)(np.zeros((2, 784), "f4")),
            r"got \(2, 784\); put Reshape\(28, 28, 1\) b",
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
            lambda: tn.Conv2D(1, 4)(np.zeros((2, 8, 8, 1))),
            r"expected x of dtype float32, like the weights, got float64",
        ),
    ],
)
def test_wrong_inputs_are_refused_with_a_remedy(make, message):
    with pytest.raises(tn.ShapeError, match=message):
        make()


def test_a_picture_smaller_than_the_kernel_is_refused_with_its_height_and_width():
    with pytest.raises(tn.ShapeError, match=r"expected pictures of at least \(3, 3\), got \(2, 8\) pixels; write pa"):
        tn.Conv2D(1, 4)(np.zeros((5, 2, 8, 1), "f4"))


def test_the_gradient_of_pictures_that_nobody_needs_is_left_out():
    layer, x = tn.Conv2D(3, 2), np.ones((4, 5, 5, 3), "float32")
    y, backward = layer.forward(x, tn.Context(training=True, step=0, input_gradient=False))
    assert backward(np.ones_like(y), layer.views(np.zeros(layer.size, "float32"))) is None


def test_sizes_that_are_no_whole_numbers_are_refused():
    for make, name in [(lambda: tn.Conv2D(0, 3), "inputs"), (lambda: tn.Conv2D(3, 0), "outputs")]:
        with pytest.raises(
            ValueError, match=rf"Conv2D: {name}: expected a whole number from 1, got 0; write Conv2D\(in"
        ):
            make()


def test_multiplications_are_those_of_all_windows():
    layer = tn.Conv2D(3, 8, (3, 2), stride=2, padding="same")  # 5 x 4 windows of 3 x 2 x 3 numbers, 8 times
    assert layer.multiplications(np.ones((1, 9, 7, 3), "float32")) == 5 * 4 * 3 * 2 * 3 * 8


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
