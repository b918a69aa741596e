"""The numbers of a summary are those of SciPy and NumPy, over the right runs: paired by seed, without diverged ones."""

import numpy as np
import pytest

from tests.support.studies import LABELS, made_up_run, made_up_summary
from tinynet.study.summary import best_configuration

stats = pytest.importorskip("scipy.stats")

ACCURACIES = {"a": [0.80, 0.84, 0.85], "b": [0.85, 0.86, 0.90], "c": [0.81, 0.83, 0.86]}
AGAINST = {"a": "", "b": "a", "c": "a"}


def runs_of(accuracies, **more):
    return [
        made_up_run(arm, seed, accuracy=accuracy, **more)
        for arm, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]


def test_a_row_holds_means_the_interval_of_students_t_and_medians():
    runs = [
        made_up_run("a", seed, accuracy=accuracy, losses=(0.1 + seed, 0.2 + seed), train=0.9 + 0.01 * seed,
                    seconds=seconds)
        for seed, accuracy, seconds in zip(range(3), ACCURACIES["a"], (1.0, 2.0, 100.0))
    ]  # fmt: skip
    (row,) = made_up_summary(runs, {"a": ""})["best"]["rows"]
    low, high = stats.t.interval(0.95, 2, np.mean(ACCURACIES["a"]), stats.sem(ACCURACIES["a"]))
    expected = {
        "test_accuracy": np.mean(ACCURACIES["a"]), "deviation": np.std(ACCURACIES["a"], ddof=1), "low": low,
        "high": high, "train_loss": 1.1, "test_loss": 1.2, "train_accuracy": 0.91, "seconds": 2.0, "seeds": 3,
        "diverged": 0, "rate": 0.1,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == pytest.approx(expected)
    assert (row["arm"], row["title"]) == ("a", "A")


def test_runs_that_diverged_are_counted_and_left_out():
    runs = [*runs_of({"a": [0.8, 0.9]}), {**made_up_run("a", 2), "diverged": "the loss was nan"}]
    (row,) = made_up_summary(runs, {"a": ""})["best"]["rows"]
    assert (row["seeds"], row["diverged"], row["test_accuracy"]) == (2, 1, pytest.approx(0.85))


def test_comparisons_are_paired_t_tests_adjusted_by_holm():
    summary = made_up_summary(runs_of(ACCURACIES), AGAINST)
    b, c = summary["best"]["comparisons"]
    for found, arm in ((b, "b"), (c, "c")):
        theirs = stats.ttest_rel(ACCURACIES[arm], ACCURACIES["a"])
        assert (found["arm"], found["against"], found["seeds"]) == (arm, "a", 3)
        assert found["difference"] == pytest.approx(np.mean(ACCURACIES[arm]) - np.mean(ACCURACIES["a"]))
        assert found["p"] == pytest.approx(theirs.pvalue)
        assert (found["low"], found["high"]) == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert b["p"] < c["p"]
    assert b["p_holm"] == pytest.approx(2 * b["p"])  # the smaller of two
    assert c["p_holm"] == pytest.approx(max(2 * b["p"], c["p"]))


def test_runs_are_paired_by_their_seeds_in_whatever_order_they_come():
    runs = runs_of(ACCURACIES)
    expected = made_up_summary(runs, AGAINST)["best"]["comparisons"]
    shuffled = [runs[number] for number in np.random.default_rng(0).permutation(len(runs))]
    found = made_up_summary(shuffled, AGAINST)["best"]["comparisons"]
    for one, other in zip(sorted(found, key=lambda each: each["arm"]), expected):
        for name in ("arm", "seeds", "mcnemar"):
            assert one[name] == other[name]
        for name in ("difference", "low", "high", "p", "p_holm"):
            assert one[name] == pytest.approx(other[name])
    missing = [run for run in runs if (run["arm"], run["seed"]) not in {("a", 0), ("b", 2)}]  # one seed is left of both
    (b, _) = made_up_summary(missing, AGAINST)["best"]["comparisons"]
    assert b["seeds"] == 1
    assert b["difference"] == pytest.approx(ACCURACIES["b"][1] - ACCURACIES["a"][1])
    assert b["p"] is None


def test_mcnemars_test_counts_the_examples_that_one_of_two_gets_right():
    runs = [made_up_run("a", 0, wrong=range(8)), made_up_run("b", 0, wrong=[7, 8]),
            made_up_run("a", 1, wrong=[0]), made_up_run("b", 1, wrong=[1])]  # fmt: skip
    (comparison,) = made_up_summary(runs, {"a": "", "b": "a"})["best"]["comparisons"]
    test = stats.binomtest(1, 8)
    assert comparison["mcnemar"] == {"first": 7, "second": 1, "p": pytest.approx(test.pvalue)}
    assert comparison["mcnemar_seeds"] == 0
    runs[0] = made_up_run("a", 0, wrong=range(20))
    (comparison,) = made_up_summary(runs, {"a": "", "b": "a"})["best"]["comparisons"]
    assert comparison["mcnemar_seeds"] == 1  # 18 against 0 is no chance, 1 against 1 is


def test_recall_is_that_of_each_class_averaged_over_the_seeds():
    members = np.flatnonzero(LABELS == 2)
    runs = [made_up_run("a", 0, wrong=members[:5]), made_up_run("a", 1, wrong=members[:1])]
    assert made_up_summary(runs, {"a": ""})["best"]["recall"]["a"] == pytest.approx([1, 1, (0.5 + 0.9) / 2, 1])


def test_curves_are_means_over_the_seeds():
    def curve(offset):
        usual = {"train_loss": 1.0, "test_loss": 2.0, "train_accuracy": 0.5, "gradient": [1.0, 3.0], "slope": [0.5],
                 "saturated": [0.0], "dead": [0.0]}  # fmt: skip
        return [{"epoch": epoch, "test_accuracy": 0.25 * epoch + offset, **usual} for epoch in (0, 1, 2)]

    runs = [made_up_run("a", seed, part="given", curve=curve(0.1 * seed)) for seed in (0, 1)]
    curves = made_up_summary(runs, {"a": ""}, parts=("given",))["given"]["curves"]["a"]
    assert curves["epoch"] == [0, 1, 2]
    assert curves["test_accuracy"] == pytest.approx([0.05, 0.3, 0.55])
    assert curves["gradient"] == [[1, 3]] * 3


def test_the_best_is_the_highest_mean_of_the_runs_at_their_own_learning_rates():
    runs = runs_of(ACCURACIES)
    assert best_configuration(made_up_summary(runs, AGAINST)) == ("best", "b")
    given = [{**run, "part": "given", "test": {"loss": 1.0, "accuracy": 0.99}} for run in runs[:3]]
    assert best_configuration(made_up_summary([*runs, *given], AGAINST, ("given", "best"))) == ("best", "b")
    assert best_configuration(made_up_summary(given, AGAINST, ("given",))) == ("given", "a")
    wild = [{**run, "diverged": "yes"} for run in runs]
    assert best_configuration(made_up_summary(wild, AGAINST)) is None
