"""RMSprop refuses hyperparameters out of range."""

import numpy as np
import pytest

import tinynet as tn


def test_the_defaults_are_pytorchs_and_the_repr_names_others():
    made = tn.RMSprop()
    assert (made.rate(0), made.decay, made.momentum, made.epsilon) == (0.01, 0.99, 0, 1e-8)
    assert list(made.start(np.ones(2))) == ["square"]
    assert list(tn.RMSprop(momentum=0.5).start(np.ones(2))) == ["square", "velocity"]
    for argument in ("decay=0.5", "momentum=0.5", "epsilon=0.5"):
        name, _, value = argument.partition("=")
        assert repr(tn.RMSprop(0.1, **{name: float(value)})) == f"RMSprop(0.1, {argument})"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tn.RMSprop(0), "RMSprop: expected a learning rate above 0, got 0"),
        (lambda: tn.RMSprop(decay=1), "RMSprop: expected decay from 0 up to, not including, 1, got 1; leave it out"),
        (lambda: tn.RMSprop(momentum=1), "RMSprop: expected momentum from 0 up to, not including, 1, got 1; try 0.9"),
        (lambda: tn.RMSprop(epsilon=0), "RMSprop: expected epsilon above 0, got 0; leave it out"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
