"""Planted bugs are found by the check that must find them, and correct code passes."""

import numpy as np
import pytest

import tinynet as tn
from tests.gradcheck.planted.__main__ import main
from tests.gradcheck.planted.correct import DIFFICULT
from tests.gradcheck.planted.gradients import one_in_a_million
from tests.gradcheck.planted.kit import spoiled
from tests.gradcheck.planted.limits import LIMITS, cancelling
from tests.gradcheck.planted.table import CORRECT, GROUPS, LOSSES, MODELS, OPTIMIZERS
from tinynet.gradcheck import check_layer

PLANTS = [plant for plants in GROUPS.values() for plant in plants]
LARGE = "one entry of a million off by 0.1 %"


def named(value):
    return getattr(value, "bug", getattr(value, "what", ""))


@pytest.mark.parametrize("plant", [plant for plant in PLANTS if plant.bug != LARGE], ids=named)
def test_a_planted_bug_is_found_and_explained(plant):
    report = plant.check()
    assert plant.found(report), report


@pytest.mark.parametrize("case", [*DIFFICULT, *MODELS, *LOSSES, *OPTIMIZERS], ids=named)
def test_correct_code_passes(case):
    report = case.check()
    assert report, report


@pytest.mark.parametrize("plant", LIMITS, ids=named)
def test_what_cannot_be_found_passes(plant):
    """The list of docs/gradcheck.md is true: a bug that is found one day belongs into the other tables."""
    report = plant.check()
    assert report, report


def test_a_backward_that_divides_by_the_size_of_dy_is_found():
    """The mean over a batch of examples of weight 0 has such a dy."""

    def normalized(dx, grads, x, dy, context):
        with np.errstate(invalid="ignore"):
            return dx if dx is None else dx * (np.abs(dy).sum() / np.abs(dy).sum())

    report = check_layer(spoiled(tn.Dense(4, 3), normalized), (5, 4))
    assert [row.array for row in report.rows if not row.passed] == ["scaled dy"], report


def test_thorough_finds_errors_that_cancel_in_sums():
    layer = spoiled(tn.Dense(100, 100), cancelling)
    assert check_layer(layer, (4, 100))
    assert not check_layer(layer, (4, 100), thorough=True)


@pytest.mark.slow  # 10 s each on an idle machine: a million entries
@pytest.mark.parametrize("seed", range(2))
def test_one_entry_of_a_million_is_found_whatever_the_seed(seed):
    report = check_layer(spoiled(tn.Dense(1000, 1000), one_in_a_million), (2, 1000), seed=seed)
    assert [row.where for row in report.rows if not row.passed] == ["[123, 45]"]


@pytest.mark.slow  # a minute: the whole table
def test_the_table_is_printed(capsys):
    assert main() == 0
    printed = capsys.readouterr().out
    assert f"planted bugs found: {len(PLANTS)} of {len(PLANTS)}" in printed
    assert f"passed: {len(CORRECT)} of {len(CORRECT)}" in printed


def test_there_are_as_many_as_the_table_promises():
    assert len({plant.bug for plant in PLANTS}) == len(PLANTS) >= 60
    assert len({case.what for case in CORRECT}) == len(CORRECT) >= 50
