"""What every optimizer inherits: its learning rate, and the errors and properties of rules of one's own."""

import numpy as np
import pytest

import tinynet as tn


def test_a_learning_rate_is_a_number_or_a_function_of_the_step():
    assert tn.SGD(0.1).rate(7) == 0.1
    assert [tn.SGD(lambda step: 1 / (1 + step)).rate(step) for step in range(3)] == [1, 1 / 2, 1 / 3]


def test_what_a_rule_of_ones_own_need_not_define():
    class Sign(tn.Optimizer):
        learning_rate = 0.5

        def move(self, theta, gradient, state, rate):
            theta -= rate * np.sign(gradient)

    theta, rule = np.zeros(2), Sign()
    state = rule.start(theta)
    rule.update(theta, np.array([3.0, -2]), state, 0)
    assert theta.tolist() == [-0.5, 0.5]
    assert (state, rule.loss_scale(state), rule.elementwise, rule.recordable) == ({}, 1, True, True)
    assert rule.result(theta, state) is theta


def test_a_rule_of_ones_own_refuses_arguments_that_it_does_not_know():
    class Own(tn.Optimizer):
        def __init__(self, learning_rate):
            self.learning_rate = learning_rate

    with pytest.raises(TypeError, match=r"Own: expected arguments among \(learning_rate\), got lr=1"):
        Own(lr=1)


def test_a_rule_of_ones_own_may_have_a_base_that_looks_at_its_classes():
    seen = []

    class Listing:
        def __init_subclass__(cls, label, **arguments):
            seen.append((cls.__name__, label))

    class Own(tn.Optimizer, Listing, label="own"):
        pass

    assert seen == [("Own", "own")]


def test_an_optimizer_without_a_rule_says_what_to_define():
    class Empty(tn.Optimizer):
        learning_rate = 0.1

    with pytest.raises(NotImplementedError, match=r"Empty must define move\(theta, gradient, state, \*scalars\)"):
        Empty().update(np.zeros(2), np.zeros(2), {}, 0)


def test_only_rules_without_an_update_of_their_own_can_be_recorded():
    class Own(tn.SGD):
        def update(self, theta, gradient, state, step):
            theta -= gradient

    assert tn.SGD(0.1).recordable
    assert tn.Clipped(tn.SGD(0.1)).recordable
    assert not Own(0.1).recordable
    assert not tn.Clipped(Own(0.1)).recordable


@pytest.mark.parametrize("make", [lambda: tn.SGD(0.1), lambda: tn.Adam(), lambda: tn.Clipped(tn.SGD(0.1))])
@pytest.mark.parametrize("name", ["lr", "rate"])
def test_a_learning_rate_under_another_name_is_refused_and_the_remedy_sets_it(make, name):
    optimizer = make()
    with pytest.raises(
        AttributeError,
        match=f"^{type(optimizer).__name__}: expected the attribute learning_rate, got '{name}'; set learning_rate = 0",
    ):
        setattr(optimizer, name, 0.5)
    optimizer.learning_rate = 0.5
    assert optimizer.rate(0) == 0.5


def test_the_method_that_gives_the_rate_may_be_replaced_by_a_function():
    optimizer = tn.SGD(0.1)
    optimizer.rate = lambda step: 0.5 / (step + 1)
    assert optimizer.scalars(1) == (0.25,)


@pytest.mark.parametrize("name", ["betas", "eps", "param_groups", "trainable"])
def test_an_attribute_that_no_optimizer_reads_is_refused(name):
    with pytest.raises(
        AttributeError, match=f"Adam: unknown attribute '{name}'; .* Known: beta1, beta2, epsilon, learn"
    ):
        setattr(tn.Adam(), name, 1)


@pytest.mark.parametrize("wrong", [None, "0.1", True, -0.1, float("nan"), float("inf"), 1e39, [0.1], 1j])
def test_a_schedule_that_returns_no_learning_rate_is_refused_where_it_is_used(wrong):
    for schedule in (lambda step: wrong, tn.schedules.warm_up(lambda step: wrong, 10)):
        with pytest.raises(ValueError, match="expected a learning rate of at least 0 for step 3.* got .*; "):
            tn.SGD(schedule).rate(3)


def falling(step):
    return 1.0 - step


def test_a_rate_below_0_is_refused_with_the_schedule_and_the_step():
    message = "^<function falling .*>: expected a learning rate of at least 0 for step 3, got -2.0; return a number"
    with pytest.raises(ValueError, match=message):
        tn.SGD(falling).rate(3)
    assert tn.SGD(falling).rate(1) == 0


@pytest.mark.parametrize("right", [0, 1, 0.0, 1e-50, np.float32(0.5), np.array(0.5), np.int8(1)])
def test_a_schedule_may_return_any_number(right):
    assert tn.SGD(lambda step: right).rate(0) == float(right)
    assert type(tn.SGD(lambda step: right).rate(0)) is float


@pytest.mark.parametrize(
    ("optimizer", "name", "wrong", "right"),
    [
        (tn.SGD(0.1, 0.9, True), "learning_rate", -1, 0.5),
        (tn.SGD(0.1, 0.9, True), "momentum", 0, np.float32(0.5)),
        (tn.SGD(0.1, 0.9), "nesterov", "no", True),
        (tn.Adam(), "epsilon", 0, 1e-3),
        (tn.AdamW(), "weight_decay", "0.1", 0),
        (tn.RMSprop(), "decay", 1, 0.5),
        (tn.Clipped(tn.SGD(0.1)), "norm", float("nan"), 3),
        (tn.Clipped(tn.SGD(0.1)), "learning_rate", "0.1", 0.2),
        (tn.Averaged(tn.SGD(0.1)), "decay", 2, 0.5),
        (tn.Averaged(tn.SGD(0.1)), "optimizer", tn.SGD, tn.Adam()),
    ],
    ids=repr,
)
def test_an_argument_that_is_set_later_is_checked_as_by_the_constructor(optimizer, name, wrong, right):
    before = repr(optimizer)
    with pytest.raises((ValueError, TypeError), match="expected .*, got .*; "):
        setattr(optimizer, name, wrong)
    assert repr(optimizer) == before
    setattr(optimizer, name, right)
    assert getattr(optimizer, name) == right
