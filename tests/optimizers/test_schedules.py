"""Learning rate schedules: their first and last values, reprs, and refused arguments."""

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


def test_steps_decay_after_each_so_many():
    rates = [schedules.step_decay(1.0, every=3, factor=0.5)(step) for step in range(8)]
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


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
    if steps > 3:  # PyTorch's own is not defined where the rise takes less than a step
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=steps)
        rates = [optimizer.param_groups[0]["lr"]]
        for _ in range(steps - 1):  # it refuses one more
            optimizer.step()
            schedule.step()
            rates.append(optimizer.param_groups[0]["lr"])
        assert ours(schedules.one_cycle(0.2, steps)) == pytest.approx(rates)


def test_the_history_holds_the_learning_rate_of_each_epochs_last_step(small_data):
    rate = schedules.one_cycle(0.2, steps=3 * 6)
    history = tn.fit(small_model(), small_data[0], optimizer=tn.Clipped(tn.Adam(rate)), epochs=3, batch_size=100)
    assert history["learning_rate"] == [rate(5), rate(11), rate(17)]
    assert repr(tn.Adam(rate)) == "Adam(one_cycle(peak=0.2, steps=18, rise=0.3, start=25.0, end=10000.0))"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.constant(0), "constant: expected rate above 0"),
        (lambda: schedules.step_decay(0.1, 0), "step_decay: every: expected a whole number from 1"),
        (lambda: schedules.cosine(0.1, 10, -1), "expected a final rate of at least 0"),
        (lambda: schedules.one_cycle(0.1, 10, rise=1), "expected a rise between 0 and 1"),
        (lambda: schedules.warm_up(schedules.constant(1), 0), "warm_up: steps: expected a whole number from 1"),
    ],
)
def test_arguments_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
