"""Reshape and ChannelsLast refuse inputs that they cannot rearrange."""

import numpy as np
import pytest

import tinynet as tn


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: tn.Reshape(28, 28, 1)(np.zeros((2, 3))),
            r"Reshape\(28, 28, 1\): expected examples of 784 numbers, got",
        ),
        (lambda: tn.ChannelsLast()(np.zeros((2, 3))), r"ChannelsLast\(\): expected pictures of shape \(N, C, H, W\)"),
    ],
)
def test_wrong_inputs_are_refused(make, message):
    with pytest.raises(tn.ShapeError, match=message):
        make()


def test_a_reshape_knows_its_inputs_and_comes_back_from_its_description():
    layer = tn.Reshape(4, 6, 1)
    assert layer.input_shape == (24,)
    assert repr(tn.Reshape.from_config(layer.get_config())) == repr(layer) == "Reshape(4, 6, 1)"
    with pytest.raises(
        ValueError, match=r"Reshape: expected the hyperparameters \('shape',\), got \['evil', 'shape'\]"
    ):
        tn.Reshape.from_config({**layer.get_config(), "evil": 1})


def draw(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_reshape_does_not_scramble_channels_first_pictures():
    x, message = draw(2, 3, 8, 8), r"or flat ones, got \(3, 8, 8\); give images.transpose\(0, 2, 3, 1\), or put Reshape"
    with pytest.raises(tn.ShapeError, match=message):
        tn.Reshape(8, 8, 3)(x)
    expected = np.moveaxis(x, 1, -1)
    np.testing.assert_array_equal(tn.Reshape(8, 8, 3)(x.transpose(0, 2, 3, 1)), expected)
    np.testing.assert_array_equal(tn.Sequential(tn.Reshape(3, 8, 8), tn.ChannelsLast())(x), expected)


@pytest.mark.parametrize("target", [(20, 28), (20, 28, 1)])
def test_reshape_does_not_swap_height_and_width(target):
    x = draw(2, 28, 20)
    with pytest.raises(tn.ShapeError, match=r"got \(28, 20\); it moves no axes: transpose the data first, for example"):
        tn.Reshape(*target)(x)
    np.testing.assert_array_equal(tn.Reshape(*target)(x.swapaxes(1, 2)).reshape(2, 20, 28), x.transpose(0, 2, 1))


def test_reshape_still_splits_merges_and_adds_axes():
    for before, after in [
        ((28, 28), (28, 28, 1)),
        ((6,), (2, 3)),
        ((2, 3), (6,)),
        ((4, 6), (2, 2, 6)),
        ((4, 3), (2, 6)),
    ]:
        x = draw(5, *before)
        np.testing.assert_array_equal(tn.Reshape(*after)(x), x.reshape(5, *after))


def test_fit_compares_the_axes_of_flat_rows_with_the_first_reshape():
    images, labels = np.random.default_rng(0).integers(0, 256, (20, 3, 8, 8), np.uint8), np.arange(20) % 2
    model = tn.Sequential(tn.Reshape(8, 8, 3), tn.Flatten(), tn.Dense(192, 2))
    with pytest.raises(tn.ShapeError, match=r"Reshape\(8, 8, 3\): expected .* got \(3, 8, 8\); give images.transpose"):
        tn.fit(model, tn.data.from_arrays(images, labels, flatten=True), epochs=1)
    upright = tn.data.from_arrays(images.transpose(0, 2, 3, 1), labels, flatten=True)
    assert len(tn.fit(model, upright, epochs=1)) == 1
    told = tn.Sequential(tn.Reshape(3, 8, 8), tn.ChannelsLast(), tn.Flatten(), tn.Dense(192, 2))
    assert len(tn.fit(told, tn.data.from_arrays(images, labels, flatten=True), epochs=1)) == 1


def test_channels_last_refuses_what_is_channels_last():
    x = draw(2, 8, 8, 3)
    with pytest.raises(
        tn.ShapeError, match=r"\(2, 8, 8, 3\), which looks like \(N, H, W, C\); leave it out; if these are"
    ):
        tn.ChannelsLast()(x)
    with pytest.raises(tn.ShapeError, match=r"\(2, 8, 8, 4\), which looks like \(N, H, W, C\)"):
        tn.ChannelsLast()(draw(2, 8, 8, 4))
    for shape in [(2, 8, 8, 5), (2, 5, 5, 5), (2, 3, 8, 8), (2, 3, 8, 4), (2, 64, 4, 4), (2, 3, 3, 3), (2, 4, 4, 1)]:
        np.testing.assert_array_equal(tn.ChannelsLast()(draw(*shape)), np.moveaxis(draw(*shape), 1, -1))
