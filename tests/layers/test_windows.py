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


@pytest.mark.parametrize(
    ("shape", "channels", "remedy"),
    [
        ((2, 784), None, "put Reshape(28, 28, 1) before it"),
        ((2, 3072), 3, "put Reshape(32, 32, 3) before it"),
        ((5, 5), None, "give it a batch of one: x.reshape(1, 5, 5, 1)"),
        ((4, 5), None, "put Reshape(height, width, 1) before it, with height x width x 1 = 5"),
        ((10, 10), 3, "put Reshape(height, width, 3) before it, with height x width x 3 = 10"),
        ((8, 9, 3), 3, "give it a batch of one: x[None]"),
        ((8, 9, 1), None, "give it a batch of one: x[None]"),
        ((8, 9, 3), None, "give it a batch of one: x[None]"),
        ((8, 9, 4), None, "give it a batch of one: x[None]"),
        ((8, 9, 2), None, "put Reshape(9, 2, 1) before it"),
        ((2, 8, 9), 1, "put Reshape(8, 9, 1) before it"),
        ((3, 8, 9), 3, "give it a batch of one with the channels last: x.transpose(1, 2, 0)[None]"),
        ((7, 8, 9), 3, "give it pictures of shape (N, height, width, 3)"),
        ((4,), None, "give it pictures of shape (N, height, width, 1)"),
        ((2, 3, 4, 5, 6), 2, "give it pictures of shape (N, height, width, 2)"),
    ],
)
def test_what_makes_pictures_of_other_shapes(shape, channels, remedy):
    assert windows.pictures_remedy(shape, channels) == remedy


def test_margins_on_either_side_add_up_as_in_tensorflow():
    same = windows.Windows("Conv2D", (4, 2), (3, 1), "same")
    assert same.margins((7, 6)) == ((1, 2), (0, 1))  # 3 windows of 4 rows, 3 apart, take 10
    assert same.margins((10, 9)) == ((1, 2), (0, 1))
    assert same.output_size((7, 6)) == (3, 6)
    assert windows.Windows("Conv2D", (5, 4), 1, "same").margins((7, 6)) == ((2, 2), (1, 2))
    assert windows.Windows("Conv2D", (4, 5), 1, "same").margins((7, 6)) == ((1, 2), (2, 2))
    given = windows.Windows("Conv2D", 3, 2, (1, 0))
    assert given.margins((7, 6)) == ((1, 1), (0, 0))
    assert given.output_size((7, 6)) == (4, 2)
    assert windows.Windows("Conv2D", 3, 2, "valid").margins((7, 6)) == ((0, 0), (0, 0))


def test_pictures_without_a_margin_are_not_copied():
    x = np.ones((1, 4, 4, 1))
    assert windows.Windows("Conv2D", 3, 1, "valid").pad(x) is x
    assert windows.Windows("Conv2D", 2, 2, "same").pad(x) is x


def test_arguments_come_back_as_they_were_given():
    assert windows.Windows("Conv2D", 3, (2, 1), "same").as_given == (3, (2, 1), "same")
    assert windows.Windows("Conv2D", [3, 3], 2, 1).as_given == ((3, 3), 2, 1)
    assert windows.Windows("Conv2D", 3, 2, (1, 0)).as_given == (3, 2, (1, 0))


def test_windows_overlap_where_one_is_larger_than_its_step():
    for kernel, stride, overlap in [(2, 2, False), (3, 2, True), ((3, 2), (3, 1), True), ((1, 2), (2, 3), False)]:
        assert windows.Windows("MaxPool2D", kernel, stride, None).overlap is overlap


def test_pictures_smaller_than_the_kernel_are_refused():
    with pytest.raises(
        tn.ShapeError, match=r"^Conv2D\(1, 4\): expected pictures of at least \(5, 5\), got \(4, 8\) pixels"
    ):
        tn.Conv2D(1, 4, 5)(np.zeros((2, 4, 8, 1), "f4"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: tn.Conv2D(1, 2, 0),
            r"Conv2D\(1, 2\): kernel_size: expected a whole number from 1, got 0; give one number, or two",
        ),
        (
            lambda: tn.Conv2D(1, 2, (3, 0)),
            r"Conv2D\(1, 2\): kernel_size: expected a whole number from 1, got 0; give one",
        ),
        (lambda: tn.Conv2D(1, 2, 3, (1, 2, 3)), r"stride: expected a whole number from 1, got \(1, 2, 3\)"),
        (
            lambda: tn.Conv2D(1, 2, padding="full"),
            "padding 'valid', 'same' or a number, got 'full'; use 'valid' for none",
        ),
        (lambda: tn.Conv2D(1, 2, padding="SAME"), "got 'SAME'; write padding='same'"),
        (lambda: tn.Conv2D(1, 2, padding="Valid"), "got 'Valid'; write padding='valid'"),
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


def test_pictures_must_fit_into_memory_with_their_margins(monkeypatch):
    machine = {"SC_PHYS_PAGES": 300 * 250 * 4, "SC_PAGE_SIZE": 1}  # bytes of one channel in float32
    monkeypatch.setattr("os.sysconf", machine.__getitem__)
    padded = windows.Windows("Conv2D(1, 4)", 3, 2, 100)
    assert padded.output_size((100, 50)) == (149, 124)
    machine["SC_PHYS_PAGES"] -= 1
    with pytest.raises(MemoryError, match=r"^Conv2D\(1, 4\): expected arrays that fit into memory, got 0.0 GB; choose"):
        padded.output_size((100, 50))
