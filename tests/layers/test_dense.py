"""Dense refuses inputs of another shape or dtype, and says what to do."""

import numpy as np
import pytest

import tinynet as tn


def test_wrong_inputs_are_refused_with_a_remedy():
    layer = tn.Dense(784, 10)
    cases = [
        (np.zeros((32, 28, 28), "float32"), r"Dense\(784, 10\): expected x of shape \(N, 784\), got \(32, 28, 28\); "
                                           r"put Flatten\(\) before it$"),
        (np.zeros((32, 3, 5), "float32"), r"got \(32, 3, 5\); put Flatten\(\) before it, and write Dense\(15, 10\)"),
        (np.zeros((32, 100), "float32"), r"got \(32, 100\); write Dense\(100, 10\), or check"),
        (np.zeros(784, "float32"), r"expected x of shape \(N, 784\), got \(784,\); give it a batch of one: x\[None\]"),
        (np.zeros((2, 784), "uint8"), r"got uint8; convert it: x.astype\('float32'\) / 255 for pixels"),
        (np.zeros((2, 784)), r"x of dtype float32, like the weights, got float64; convert it: x.astype\('float32'\)"),
    ]  # fmt: skip
    for x, message in cases:
        with pytest.raises(tn.ShapeError, match=message):
            layer(x)


@pytest.mark.parametrize(("layer", "x"), [(tn.Dense(3, 2), np.ones((4, 3), "float32")),
                                          (tn.Conv2D(3, 2), np.ones((4, 5, 5, 3), "float32"))])  # fmt: skip
def test_the_input_gradient_is_left_out_where_nobody_needs_it(layer, x):
    grads = [layer.views(np.zeros(layer.size, "float32")) for _ in range(2)]
    outputs = [layer.forward(x, tn.Context(True, input_gradient=needed)) for needed in (True, False)]
    dx = [backward(np.ones_like(y), part) for (y, backward), part in zip(outputs, grads)]
    assert dx[0].shape == x.shape
    assert dx[1] is None
    for name in ("weight", "bias"):
        np.testing.assert_array_equal(grads[0][name], grads[1][name])
        assert grads[0][name].all()


def test_sizes_are_checked_and_known():
    assert tn.Dense(3, 2).input_shape == (3,)
    for make, name in [(lambda: tn.Dense(0, 2), "inputs"), (lambda: tn.Dense(3, 0), "outputs")]:
        with pytest.raises(
            ValueError, match=rf"^Dense: {name}: expected a whole number from 1, got 0; write Dense\(inputs"
        ):
            make()
