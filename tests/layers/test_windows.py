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


@pytest.mark.parametrize(
    ("layer", "smaller"),
    [
        (tn.Conv2D(1, 1, 3, padding=10**6), tn.Conv2D(1, 1, 3, padding=1)),
        (tn.Conv2D(1, 1, 1, padding=(0, 101)), tn.Conv2D(1, 1, 1, padding=(0, 100))),
        (tn.MaxPool2D(10**6, padding="same"), tn.MaxPool2D(10, padding="same")),
        (tn.MaxPool2D(10**6, stride=1, padding="same"), tn.MaxPool2D(200, stride=1, padding="same")),
    ],
    ids=repr,
)
def test_a_margin_that_is_much_larger_than_the_picture_is_refused_and_the_advice_works(layer, smaller):
    """A model of 300 bytes would take all memory at its first use."""
    x = np.ones((2, 5, 4, 1), "float32")
    with pytest.raises(
        tn.ShapeError, match=r"expected pictures of at least .* got \(5, 4\) pixels; use a smaller padding"
    ):
        layer(x)
    assert np.isfinite(smaller(x)).all()
    large = np.ones((1, 150, 150, 1), "float32")  # as many as the picture has: PyTorch's limit for pooling is lower
    assert tn.Conv2D(1, 1, 3, padding=150)(large).shape == (1, 448, 448, 1)
