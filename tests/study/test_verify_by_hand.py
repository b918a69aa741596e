"""What counts as the same run: bit for bit on one kind of machine, within the tolerance on another."""

import pytest

from tests.support.studies import made_up_run
from tinynet.study.verify import TOLERANCE, compare

RUN = made_up_run("a", 0, losses=(0.5, 0.7), accuracy=0.8)


def test_on_the_same_kind_of_machine_every_number_counts_but_the_times():
    assert compare(RUN, {**RUN, "seconds": 99.0, "samples_per_second": 1.0, "key": "another"}, exact=True) == ""
    changed = {**RUN, "test": {"loss": 0.7, "accuracy": 0.8 + 1e-12}, "seed": 1}
    assert compare(RUN, changed, exact=True) == "differs in seed, test"
    assert (
        compare(RUN, {name: value for name, value in RUN.items() if name != "train"}, exact=True) == "differs in train"
    )


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", TOLERANCE)
@pytest.mark.parametrize("sign", [1, -1])
def test_on_another_kind_of_machine_numbers_may_differ_by_the_tolerance(split, name, sign):
    def with_difference(difference):
        return {**RUN, split: {**RUN[split], name: RUN[split][name] + sign * difference}}

    assert compare(RUN, with_difference(0.9 * TOLERANCE[name]), exact=False) == ""
    assert compare(RUN, with_difference(1.1 * TOLERANCE[name]), exact=False).startswith(f"{split} {name} was ")
    assert compare(RUN, {**RUN, split: {}}, exact=False).endswith("is None")


@pytest.mark.parametrize("exact", [True, False])
def test_a_run_that_diverged_then_and_not_now_differs(exact):
    wild = {"part": "best", "diverged": "the loss was nan"}
    assert compare(wild, RUN, exact) == "was diverged, is finished"
    assert compare(RUN, wild, exact) == "was finished, is diverged"
    assert compare(wild, wild, exact) == ""
