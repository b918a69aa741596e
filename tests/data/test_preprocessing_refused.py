"""A record that a user writes is refused with the name of what is wrong in it."""

import re

import pytest

import tinynet as tn


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pixels": "yes"}, "Preprocessing: expected pixels"),
        ({"mean": float("nan")}, "Preprocessing: expected a mean, got nan; leave it out"),
        ({"deviation": 0.0}, "Preprocessing: expected a deviation above 0, got 0.0; leave it out"),
        ({"class_names": "ab"}, "Preprocessing: expected class_names as a list"),
        ({"value_range": [2, 1]}, "Preprocessing: expected value_range as two numbers in order"),
    ],
    ids=str,
)
def test_a_record_that_is_wrong_is_refused_by_name(given, message):
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}"):
        tn.data.Preprocessing(**given)
