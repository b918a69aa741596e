"""The checks of arguments: what they return, and what they say."""

import math

import numpy as np
import pytest

from tinynet.errors import above_zero, at_least_zero, fraction, whole_number


@pytest.mark.parametrize("check", [above_zero, at_least_zero, fraction])
def test_a_number_in_range_becomes_a_float_that_widens_no_array(check):
    value = check("SGD", "momentum", np.float64(0.5), remedy="try 0.9")
    assert type(value) is float
    assert (np.ones(2, "float32") * value).dtype == np.float32


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (above_zero, 0, "SGD: expected momentum above 0, got 0; try 0.9"),
        (above_zero, math.inf, "SGD: expected momentum above 0 and finite, got inf"),
        (above_zero, math.nan, "SGD: expected momentum above 0, got nan"),
        (at_least_zero, -1, "SGD: expected momentum of at least 0, got -1; try 0.9"),
        (at_least_zero, math.inf, "SGD: expected momentum of at least 0, got inf"),
        (fraction, 1, "SGD: expected momentum from 0 up to, not including, 1, got 1; try 0.9"),
        (fraction, math.nan, "SGD: expected momentum from 0 up to, not including, 1, got nan"),
    ],
)
def test_a_number_out_of_range_is_refused_with_a_remedy(check, value, message):
    with pytest.raises(ValueError, match=message):
        check("SGD", "momentum", value, remedy="try 0.9")


def test_bounds_that_belong_to_the_range():
    assert at_least_zero("SGD", "momentum", 0, remedy="") == fraction("SGD", "momentum", 0, remedy="") == 0


@pytest.mark.parametrize("value", [0, 11, True, 2.5, "two", None])
def test_what_is_no_whole_number_in_range_is_refused(value):
    with pytest.raises(ValueError, match=f"fit: epochs: expected a whole number from 1 to 10, got {value!r}; try 2"):
        whole_number("fit: epochs", value, 1, 10, remedy="try 2")


def test_a_whole_number_of_numpy_becomes_an_int():
    assert type(whole_number("fit: epochs", np.int8(10), 1, 10, remedy="")) is int
