"""Initializers have the published variances, take arrays, and refuse what does not fit."""

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


def test_fans_of_a_kernel_count_its_field():
    assert fans((784, 256)) == (784, 256)
    assert fans((3, 3, 16, 32)) == (9 * 16, 9 * 32)
    assert fans((10,)) == (10, 10)


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
