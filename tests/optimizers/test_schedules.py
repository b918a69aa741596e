"""Learning rate schedules: their first and last values, reprs, and refused arguments."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.optimizers import schedules


def test_schedules_start_and_end_at_the_documented_values():
    assert schedules.cosine(0.1, 10, 0.01)(10) == schedules.cosine(0.1, 10, 0.01)(1000) == pytest.approx(0.01)
    assert schedules.one_cycle(0.1, 10)(1000) == pytest.approx(0.1 / 25 / 1e4)
    assert schedules.one_cycle(0.1, 3)(0) == pytest.approx(0.1, rel=0.01)  # its rise is shorter than a step
    warmed = schedules.warm_up(schedules.cosine(0.1, 100), 4)
    factors = [warmed(step) / schedules.cosine(0.1, 100)(step) for step in range(6)]
    assert factors == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


@pytest.mark.torch
@pytest.mark.parametrize("steps", [1, 7, 20])
def test_schedules_are_pytorchs(steps):
    torch = pytest.importorskip("torch")

    def theirs(make):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.2)
        schedule, rates = make(optimizer, torch.optim.lr_scheduler), []
        for _ in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        return rates

    def ours(schedule):
        return [schedule(step) for step in range(steps)]

    assert ours(schedules.cosine(0.2, steps, 0.05)) == pytest.approx(
        theirs(lambda optimizer, known: known.CosineAnnealingLR(optimizer, steps, eta_min=0.05))
    )
    assert ours(schedules.step_decay(0.2, 4, 0.3)) == pytest.approx(
        theirs(lambda optimizer, known: known.StepLR(optimizer, 4, gamma=0.3))
    )


def test_schedules_have_the_values_of_their_definitions():
    steps = range(7)
    assert [schedules.constant(0.3)(step) for step in steps] == [0.3] * 7
    assert [schedules.step_decay(8, 3, 0.5)(step) for step in steps] == [8, 8, 8, 4, 4, 4, 2]
    assert schedules.step_decay(1, 1)(2) == pytest.approx(0.01)
    falling = [schedules.cosine(3, 4, 1)(step) for step in steps]
    assert falling == pytest.approx([3, 2 + 0.5**0.5, 2, 2 - 0.5**0.5, 1, 1, 1])
    assert schedules.cosine(0.1, 4)(4) == 0
    assert schedules.warm_up(schedules.constant(8), 4)(1) == 4


@pytest.mark.parametrize("more", [{}, {"rise": 0.5}, {"rise": 0.1}, {"start": 5.0, "end": 20.0}])
def test_one_cycle_is_pytorchs(more):
    torch = pytest.importorskip("torch")
    names = {"rise": "pct_start", "start": "div_factor", "end": "final_div_factor"}
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.2, total_steps=20, **{names[name]: value for name, value in more.items()}
    )
    ours = schedules.one_cycle(0.2, 20, **more)
    for step in range(20):
        assert ours(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        if step < 19:
            theirs.step()
    assert ours(200) == ours(19)


def test_one_cycle_of_one_step_has_a_rate():
    assert schedules.one_cycle(0.2, 1)(0) == pytest.approx(0.2 / 25 / 1e4)
    assert schedules.one_cycle(0.2, 2, rise=0.5)(0) == pytest.approx(0.2)


def test_numbers_of_numpy_become_pythons():
    a, b = np.float32(0.5), np.int64(4)
    made = [
        schedules.constant(a),
        schedules.step_decay(a, b, a),
        schedules.cosine(a, b, a),
        schedules.one_cycle(a, b, a),
    ]
    for schedule in made:
        assert {type(value) for value in vars(schedule).values()} <= {int, float}
    assert repr(schedules.cosine(a, b, a)) == "cosine(rate=0.5, steps=4, final=0.5)"
    assert repr(schedules.warm_up(made[0], b)) == "warm_up(schedule=constant(rate=0.5), steps=4)"


def test_the_history_holds_the_learning_rate_of_each_epochs_last_step(small_data):
    rate = schedules.one_cycle(0.2, steps=3 * 6)
    history = tn.fit(small_model(), small_data[0], optimizer=tn.Clipped(tn.Adam(rate)), epochs=3, batch_size=100)
    assert history["learning_rate"] == [rate(5), rate(11), rate(17)]
    assert repr(tn.Adam(rate)) == "Adam(one_cycle(peak=0.2, steps=18, rise=0.3, start=25.0, end=10000.0))"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.constant(0), "constant: expected rate above 0, got 0; give a finite rate above 0"),
        (lambda: schedules.step_decay(0, 1), "step_decay: expected rate above 0"),
        (lambda: schedules.step_decay(1, 1, 0), "step_decay: expected factor above 0, got 0; give a finite factor"),
        (lambda: schedules.cosine(0, 1), "cosine: expected rate above 0"),
        (
            lambda: schedules.cosine(1, 0),
            "cosine: steps: expected a whole number from 1, got 0; count the steps: epochs",
        ),
        (lambda: schedules.one_cycle(0, 1), "one_cycle: expected peak above 0"),
        (lambda: schedules.one_cycle(1, 1, start=0), "one_cycle: expected start above 0"),
        (lambda: schedules.one_cycle(1, 1, end=0), "one_cycle: expected end above 0"),
        (lambda: schedules.one_cycle(1, 0), "one_cycle: steps: expected a whole number from 1"),
        (lambda: schedules.one_cycle(1, 9, rise=0), "one_cycle: expected a rise between 0 and 1, got 0; leave it out"),
        (lambda: schedules.step_decay(0.1, 0), "step_decay: every: expected a whole number from 1"),
        (lambda: schedules.cosine(0.1, 10, -1), "cosine: expected a final rate of at least 0, got -1; leave it out"),
        (lambda: schedules.one_cycle(0.1, 10, rise=1), "one_cycle: expected a rise between 0 and 1, got 1"),
        (lambda: schedules.warm_up(schedules.constant(1), 0), "warm_up: steps: expected a whole number from 1"),
    ],
)
def test_arguments_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (schedules.constant, "a schedule as a function of the step, got <class .*constant'>"),
        (0.1, "schedule as a function, got 0.1"),
    ],
)
def test_what_is_no_schedule_is_not_warmed_up(given, message):
    with pytest.raises(TypeError, match=rf"^warm_up: expected {message}; give a schedule: warm_up\(constant\(0.1\)"):
        schedules.warm_up(given, 4)


@pytest.mark.parametrize("given", ["0.1", None, True])
def test_a_rate_that_is_no_number_is_left_for_the_optimizer_to_refuse(given):
    warmed = schedules.warm_up(lambda step: given, 4)
    assert warmed(0) is given
    with pytest.raises(ValueError, match="expected a learning rate of at least 0 for step 0, got"):
        tn.SGD(warmed).scalars(0)
