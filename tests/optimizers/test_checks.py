"""Optimizers refuse learning rates that are not above 0, and their reprs show the arguments that are not defaults."""

import inspect

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
    ("rate", "remedy"),
    [
        (
            tn.schedules.cosine,
            r"call the schedule with its arguments, such as SGD\(tn.schedules.cosine\(0.1, steps",
        ),
        (tn.Sequential(tn.Dense(2, 2)), r"write SGD\(0.1\): fit gives the optimizer its parameters"),
        (tn.Dense(2, 2).parameters, r"write SGD\(0.1\): fit gives the optimizer its parameters"),
        ([0.1], r"write SGD\(0.1\): fit gives the optimizer its parameters"),
        ("0.1", "write 0.1$"),
        ("fast", "try 0.01$"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_learning_rate_is_refused_with_what_to_write(rate, remedy):
    with pytest.raises(ValueError, match=rf"^SGD: expected a learning rate above 0, got .*; {remedy}"):
        tn.SGD(rate)


@pytest.mark.parametrize(
    ("optimizer", "call"),
    [
        (tn.SGD(0.1), "SGD(0.1)"),
        (tn.SGD(0.1, momentum=0.9, nesterov=True), "SGD(0.1, momentum=0.9, nesterov=True)"),
        (tn.RMSprop(0.01, momentum=0.5), "RMSprop(0.01, momentum=0.5)"),
        (tn.AdamW(0.001, weight_decay=0.1), "AdamW(0.001, weight_decay=0.1)"),
        (tn.AdamW(0.1), "AdamW(0.1)"),
        (tn.AdamW(0.1, weight_decay=0), "AdamW(0.1, weight_decay=0.0)"),
        (tn.Clipped(tn.SGD(0.1), 1), "Clipped(SGD(0.1), norm=1)"),
        (tn.Clipped(tn.SGD(0.1), 1.0000001), "Clipped(SGD(0.1), norm=1.0000001)"),
        (tn.Averaged(tn.SGD(0.1), 0.9999999), "Averaged(SGD(0.1), decay=0.9999999)"),
        (tn.Clipped(tn.Averaged(tn.Adam(0.1), 0.9), 0.5), "Clipped(Averaged(Adam(0.1), decay=0.9), norm=0.5)"),
    ],
)
def test_the_repr_names_the_arguments_that_are_not_defaults(optimizer, call):
    assert repr(optimizer) == call


@pytest.mark.parametrize("cls", [tn.SGD, tn.RMSprop, tn.Adam, tn.AdamW, tn.Nadam])
def test_the_repr_is_the_call_that_makes_the_optimizer(cls):
    """For each argument, with its default, with 0 and with another number."""
    names = [name for name in inspect.signature(cls).parameters if name not in ("learning_rate", "mask", "nesterov")]
    for name in names:
        for value in (None, 0.0, 0.123456789, 0.99):
            if (name, value) != ("epsilon", 0.0):
                made = cls(0.1, **({} if value is None else {name: value}))
                again = eval(repr(made), vars(tn).copy())
                assert vars(again) == vars(made), repr(made)


def halved(step):
    return 0.5**step


def test_the_repr_names_a_schedule_of_ones_own():
    assert repr(tn.SGD(halved, momentum=0.5)) == "SGD(halved, momentum=0.5)"
    assert repr(tn.Adam(tn.schedules.constant(1))) == "Adam(constant(rate=1))"


def test_the_repr_of_a_derived_class_is_by_its_own_defaults():
    class Heavy(tn.SGD):
        def __init__(self, learning_rate, momentum=0.9):
            super().__init__(learning_rate, momentum)

    assert repr(Heavy(0.1)) == "Heavy(0.1)"
    assert repr(Heavy(0.1, momentum=0)) == "Heavy(0.1, momentum=0.0)"
