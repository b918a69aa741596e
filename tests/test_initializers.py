"""Initializers have the published variances, take arrays, and refuse what does not fit."""

import pickle

import numpy as np
import pytest

import tinynet as tn
from tinynet.backend.random import Purpose, Stream
from tinynet.initializers import INITIALIZERS, fans

VARIANCES = {
    "glorot_uniform": lambda i, o: 2 / (i + o), "glorot_normal": lambda i, o: 2 / (i + o),
    "he_uniform": lambda i, o: 2 / i, "he_normal": lambda i, o: 2 / i,
    "lecun_uniform": lambda i, o: 1 / i, "lecun_normal": lambda i, o: 1 / i,
    "zeros": lambda i, o: 0, "ones": lambda i, o: 0,
}  # fmt: skip


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers_have_the_published_variance(name):
    values = INITIALIZERS[name]((200, 300), Stream(0, Purpose.WEIGHTS))
    expected = VARIANCES[name](200, 300)
    assert values.var() == pytest.approx(expected, rel=0.03)  # 60,000 draws: 4 standard errors are 2.3%
    assert values.mean() == pytest.approx(1 if name == "ones" else 0, abs=4 * np.sqrt(expected / values.size) + 1e-12)


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name.endswith(("uniform", "normal"))])
def test_uniform_ones_keep_within_their_bounds_and_normal_ones_do_not(name):
    values = INITIALIZERS[name]((200, 300), Stream(0, Purpose.WEIGHTS))
    bound = np.sqrt(3 * VARIANCES[name](200, 300))  # a uniform distribution of this variance ends there
    assert (abs(values).max() <= bound) == name.endswith("uniform")
    assert abs(values).max() > 0.999 * bound
    kernel = INITIALIZERS[name]((3, 3, 20, 30), Stream(0, Purpose.WEIGHTS))
    assert kernel.var() == pytest.approx(VARIANCES[name](180, 270), rel=0.1)


def test_fans_of_a_kernel_count_its_field():
    assert fans((784, 256)) == (784, 256)
    assert fans((3, 3, 16, 32)) == (9 * 16, 9 * 32)
    assert fans((10,)) == (10, 10)
    assert fans(()) == (1, 1)
    assert fans((0,)) == (1, 1)


def test_an_array_gives_the_initial_values():
    weight = np.arange(6.0).reshape(2, 3)
    model = tn.Sequential(tn.Dense(2, 3, weight=weight, bias="ones"))
    np.testing.assert_array_equal(model[0].weight, weight)
    assert (model[0].bias == 1).all()
    with pytest.raises(tn.ShapeError, match=r"initializer: expected an array of shape \(3, 2\), got \(2, 3\)"):
        tn.Dense(3, 2, weight=weight)


def test_a_misspelt_name_is_answered_with_the_closest_one():
    with pytest.raises(ValueError, match=r"unknown initializer 'he_norml'; did you mean 'he_normal'\? Known: glorot"):
        tn.Dense(2, 3, weight="he_norml")


def test_values_that_cannot_be_used_are_refused():
    for given in (np.array([[np.nan, 1]]), np.array([[1, -np.inf]])):
        with pytest.raises(tn.DataError, match="initializer: expected finite numbers, got NaN or infinity; use numpy"):
            tn.Dense(1, 2, weight=given)
    for given in (0.5, 3, np.float32(0.5)):
        with pytest.raises(tn.ShapeError, match=r"initializer: expected an array of shape \(1, 2\), got \(\)"):
            tn.Dense(1, 2, weight=given)
    with pytest.raises(tn.DataError, match="initializer: expected values of numbers, got text"):
        tn.Dense(1, 2, weight=[["a", "b"]])
    with pytest.raises(tn.DataError, match="^initializer: expected values as an array or a list, got a ReLU"):
        tn.Dense(1, 2, weight=tn.ReLU())


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(float).max, reason="long doubles are doubles here")
def test_values_that_are_infinite_in_float64_are_refused():
    with pytest.raises(tn.DataError, match=r"^initializer: .*largest in float64, got 1e\+400; .*np.asarray\(values\)"):
        tn.Dense(1, 2, weight=np.full((1, 2), np.longdouble(10) ** 400))


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        (1.0, r"an array of shape \(1, 2\), got float; return an array of the shape that the function is given"),
        (
            np.ones(2),
            r"an array of shape \(1, 2\), got \(2,\); return an array of the shape",
        ),
        (np.full((1, 2), 1j), r"values of numbers, got complex128; use np.real\(values\)"),
        (np.full((1, 2), 1e39), r"numbers up to 3.40282e\+38, .*, got 1e\+39; scale them: np.asarray\(values\)"),
        (np.full((1, 2), np.nan), r"finite numbers, got NaN or infinity; use numpy.nan_to_num\(values\)"),
    ],
)
def test_what_a_function_must_not_return_is_refused_with_the_name_of_the_parameter(drawn, message):
    layer = tn.Dense(1, 2, weight=lambda shape, stream: drawn)
    with pytest.raises(ValueError, match=rf"^initializer of Dense\(1, 2\).weight: expected {message}"):
        layer.weight  # noqa: B018


def test_a_function_and_values_of_any_kind_are_taken():
    assert tn.Dense(1, 2, weight=lambda shape, stream: np.full(shape, 7)).weight.tolist() == [[7, 7]]
    assert tn.Dense(1, 2, weight=[[1, 2]]).weight.tolist() == [[1, 2]]
    assert pickle.loads(pickle.dumps(tn.Dense(1, 2, weight=[[1, 2]]))).weight.tolist() == [[1, 2]]
