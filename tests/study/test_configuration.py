"""A configuration is a value; one with wrong settings is refused."""

import pytest

import tinynet as tn
from tests.support.studies import network
from tinynet.study import Configuration, Study

pytest.importorskip("scipy")


def test_a_configuration_of_ones_own_is_a_value(clothes):
    def network(seed):
        return tn.Sequential(tn.Dense(784, 3), tn.Tanh(), tn.Dense(3, 10), seed=seed)

    mine = Configuration("tanh", network, learning_rates=(0.1, 0.3))
    study = Study({"mine": mine}, clothes, seeds=1, learning_rate=0.1)
    jobs = study.first_jobs()
    assert [(job.part, job.name, job.learning_rate) for job in jobs] == [
        ("given", "mine", 0.1), ("grid", "mine", 0.1), ("grid", "mine", 0.3),
    ]  # fmt: skip
    assert "Tanh" in repr(mine.build(0))


def test_wrong_settings_are_refused():
    with pytest.raises(
        ValueError,
        match="ReLU: expected settings of fit that a study does not decide, got epochs; leave epochs to the study",
    ):
        Configuration("ReLU", network, fit={"epochs": 3})
    with pytest.raises(ValueError, match="ReLU: expected at least one learning rate, got none"):
        Configuration("ReLU", network, learning_rates=())


SCALE = {"factor": 1.0}


def scaled(seed):
    """Reads a dict, whose content is no part of the function's code."""
    model = network(seed)
    model.theta *= SCALE["factor"]
    return model


def test_initial_weights_are_a_part_of_what_numbers_depend_on(monkeypatch):
    first, same = Configuration("a", scaled).description, Configuration("a", scaled).description
    monkeypatch.setitem(SCALE, "factor", 2.0)
    assert first == same != Configuration("a", scaled).description
