"""Cells say what the numbers are: units, signs, digits, and which of two losses is which."""

import csv
import io

import pytest

from tests.support.studies import made_up_run, made_up_summary
from tinynet.study import tables

pytest.importorskip("scipy")


@pytest.mark.parametrize(("fraction", "text"), [(0.01234, "+1.23"), (-0.01234, "−1.23"), (0, "+0.00"), (0.5, "+50.00")])
def test_differences_are_in_points_with_their_sign(fraction, text):
    assert tables.points(fraction) == text
    assert tables.points(0.0126, 1) == "+1.3"


@pytest.mark.parametrize(
    ("p", "text"),
    [(None, "–"), (0.00009, "< 0.0001"), (0.0001, "0.0001"), (0.01234, "0.012"), (0.0996, "0.1"), (0.3456, "0.35")],
)
def test_p_values_have_two_digits(p, text):
    assert tables.p_value(p) == text


@pytest.mark.parametrize(
    ("p", "adjusted", "difference", "verdict"),
    [
        (0.001, 0.002, 0.01, "better"), (0.001, 0.002, -0.01, "worse"), (0.001, 0.0499, 0.01, "better"),
        (0.025, 0.05, 0.01, "not significant"), (0.02, 0.06, 0.01, "not significant"), (None, None, 0.01, "not tested"),
    ],
)  # fmt: skip
def test_a_verdict_is_that_of_the_adjusted_test(p, adjusted, difference, verdict):
    assert tables.verdict({"p": p, "p_holm": adjusted, "difference": difference}) == verdict


def test_accuracies_are_percentages_with_deviation_interval_and_what_diverged():
    row = {"seeds": 3, "diverged": 0, "test_accuracy": 0.85432, "deviation": 0.00401, "low": 0.84, "high": 0.8612}
    assert tables.mean_accuracy(row) == "85.43% ± 0.40"
    assert tables.mean_accuracy({**row, "diverged": 2}) == "85.43% ± 0.40 (2 diverged)"
    assert tables.mean_accuracy({**row, "seeds": 1, "deviation": None}) == "85.43%"
    assert tables.mean_accuracy({**row, "seeds": 0}) == "diverged"
    assert tables.interval(row) == "84.00 to 86.12"
    assert tables.interval({"low": None}) == tables.interval({}) == "–"


def test_the_table_has_each_number_in_its_column():
    runs = [made_up_run("a", seed, train=0.91, losses=(0.25, 0.75), accuracy=0.8, seconds=3.0) for seed in (0, 1)]
    summary = made_up_summary(runs, {"a": ""})
    header, (cells,) = tables.accuracy_table(summary, "best")
    assert dict(zip(header, cells)) == {
        "configuration": "A", "learning rate": "0.1", "test accuracy": "80.00% ± 0.00",
        "95% interval": "80.00 to 80.00",
        "train accuracy": "91.00%", "test loss": "0.7500", "train loss": "0.2500",
    }  # fmt: skip
    header, (cells,) = tables.accuracy_table({**summary, "threads": None, "held_out": "validation"}, "best")
    assert header[2] == "validation accuracy"
    assert dict(zip(header, cells))["seconds"] == "3.0"
    assert dict(zip(header, cells))["samples/s"] == "100"


def test_the_chosen_learning_rate_alone_is_bold():
    grids = {"a": [(0.1, 0.8), (1.0, 0.85)], "b": [(0.1, None), (0.3, 0.9)]}
    summary = {"grids": grids, "chosen": {"a": 1.0, "b": 0.3}, "arms": {"a": {"title": "A"}, "b": {"title": "B"}}}
    header, rows = tables.grid_table(summary)
    assert header == ["validation accuracy, %", "0.1", "0.3", "1"]
    assert rows == [["A", "80.0", "", "**85.0**"], ["B", "diverged", "**90.0**", ""]]


def test_a_comparison_names_both_sides_in_their_order():
    runs = [made_up_run("a", 0, wrong=range(8)), made_up_run("a", 1, wrong=range(7)),
            made_up_run("b", 0, wrong=[0]), made_up_run("b", 1, wrong=[0, 1])]  # fmt: skip
    header, (cells,) = tables.comparison_table(made_up_summary(runs, {"a": "", "b": "a"}), "best")
    found = dict(zip(header, cells))
    assert found["comparison"] == "B against A"
    assert found["difference"] == "+15.00"
    assert found["McNemar, seed 0"].startswith("7:0, p 0.016")
    assert found["seeds with p < 0.05"] == "1 of 2"


def test_a_spreadsheet_has_a_column_for_each_measurement():
    run = made_up_run("a", 0, losses=(0.25, 0.75), accuracy=0.8)
    flat = tables.flat(run)
    assert (flat["test_accuracy"], flat["test_loss"], flat["train_loss"]) == (0.8, 0.75, 0.25)
    assert "test_accuracy" not in tables.flat(run, "validation")
    (row,) = csv.DictReader(io.StringIO(tables.spreadsheet(["arm", "seed", "train_loss", "test_loss"], [flat])))
    assert row == {"arm": "a", "seed": "0", "train_loss": "0.25", "test_loss": "0.75"}
