"""RMSprop refuses hyperparameters out of range."""

import pytest

import tinynet as tn


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tn.RMSprop(0), "RMSprop: expected a learning rate above 0, got 0"),
        (lambda: tn.RMSprop(decay=1), "RMSprop: expected decay from 0 up to, not including, 1, got 1"),
        (lambda: tn.RMSprop(epsilon=0), "RMSprop: expected epsilon above 0, got 0"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
