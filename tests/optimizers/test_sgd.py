"""SGD refuses hyperparameters out of range, and keeps NumPy scalars as Python numbers."""

import numpy as np
import pytest

import tinynet as tn


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(learning_rate=0), "SGD: expected a learning rate above 0, got 0"),
        (dict(learning_rate=float("inf")), "SGD: expected a learning rate above 0 and finite, got inf"),
        (dict(learning_rate=0.1, momentum=1), "SGD: expected momentum from 0 up to, not including, 1, got 1; try 0.9"),
        (dict(learning_rate=0.1, nesterov=True), "SGD: expected momentum above 0 with nesterov=True, got 0; try"),
        (dict(learning_rate=0.1, weight_decay=-1), "SGD: expected weight_decay of at least 0, got -1; leave it out"),
        (dict(learning_rate=0.1, weight_decay=float("nan")), "weight_decay of at least 0, got nan"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        tn.SGD(**settings)


def test_a_flag_that_is_no_flag_is_refused():
    with pytest.raises(TypeError, match="^SGD: expected nesterov as True or False, got 'no'; write nesterov=False"):
        tn.SGD(0.1, 0.9, nesterov="no")


def test_hyperparameters_that_are_numpy_scalars_become_python_numbers():
    settings = dict(momentum=np.float64(0.9), nesterov=True, weight_decay=np.float64(0.01))
    optimizer = tn.SGD(np.float64(0.1), **settings)
    assert [type(value) for value in (optimizer.rate(0), optimizer.momentum, optimizer.weight_decay)] == [float] * 3
    assert type(tn.SGD(lambda step: np.float64(0.1)).rate(0)) is float


def test_nothing_is_remembered_without_momentum_and_the_repr_names_what_is_set():
    assert tn.SGD(0.1).start(np.ones(3)) == {}
    assert list(tn.SGD(0.1, momentum=0.5).start(np.ones(3))) == ["velocity"]
    plain = tn.SGD(0.1)
    assert (plain.momentum, plain.nesterov, plain.weight_decay) == (0, False, 0)
    for argument in ("momentum=0.5", "weight_decay=0.5"):
        name, _, value = argument.partition("=")
        assert repr(tn.SGD(0.1, **{name: float(value)})) == f"SGD(0.1, {argument})"
    assert repr(tn.SGD(0.1, 0.5, True)) == "SGD(0.1, momentum=0.5, nesterov=True)"
