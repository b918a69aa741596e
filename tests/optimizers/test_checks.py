"""Optimizers refuse learning rates that are not above 0, and their reprs show the arguments that are not defaults."""

import pytest

import tinynet as tn


@pytest.mark.parametrize("optimizer", [tn.SGD, tn.RMSprop, tn.Adam, tn.AdamW, tn.Nadam])
@pytest.mark.parametrize("learning_rate", [0, -0.1, float("nan"), float("inf")])
def test_a_learning_rate_that_is_not_above_0_is_refused(optimizer, learning_rate):
    bounds = "above 0 and finite" if learning_rate == float("inf") else "above 0"
    message = f"^{optimizer.__name__}: expected a learning rate {bounds}, got {learning_rate}; try 0.01$"
    with pytest.raises(ValueError, match=message):
        optimizer(learning_rate)


@pytest.mark.parametrize(
    ("optimizer", "call"),
    [
        (tn.SGD(0.1), "SGD(0.1)"),
        (tn.SGD(0.1, momentum=0.9, nesterov=True), "SGD(0.1, momentum=0.9, nesterov=True)"),
        (tn.RMSprop(0.01, momentum=0.5), "RMSprop(0.01, momentum=0.5)"),
        (tn.AdamW(0.001, weight_decay=0.1), "AdamW(0.001, weight_decay=0.1)"),
        (tn.Clipped(tn.Averaged(tn.Adam(0.1), 0.9), 0.5), "Clipped(Averaged(Adam(0.1), decay=0.9), norm=0.5)"),
    ],
)
def test_the_repr_names_the_arguments_that_are_not_defaults(optimizer, call):
    assert repr(optimizer) == call
