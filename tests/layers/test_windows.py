"""Windows: refused kernels, strides and paddings, and convolution in chunks of the batch."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.layers import windows


def test_the_size_of_a_chunk_does_not_change_the_results(monkeypatch):
    layer, x = tn.Conv2D(9, 4, padding="same"), np.random.default_rng(0).normal(size=(7, 6, 5, 9)).astype("float32")
    results = []
    for limit in (1, 5000, 1 << 30):
        monkeypatch.setattr(windows, "CHUNK_ON_HOST", limit)
        grads = layer.views(np.full(layer.size, np.nan, "float32"))
        y, backward = layer.forward(x, tn.Context(training=True))
        results.append([y, backward(np.ones_like(y), grads), grads["weight"], grads["bias"]])
    for other in results[1:]:
        for one, same in zip(results[0], other):
            np.testing.assert_allclose(one, same, rtol=1e-5, atol=1e-5)  # float32 sums in another order


def test_pictures_smaller_than_the_kernel_are_refused():
    with pytest.raises(tn.ShapeError, match=r"pictures of at least \(5, 5\), got \(4, 8\) pixels"):
        tn.Conv2D(1, 4, 5)(np.zeros((2, 4, 8, 1), "f4"))


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
    ],
)
def test_hyperparameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
