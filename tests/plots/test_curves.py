"""Learning curves, comparisons and learning rates: the values, names and colours in the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.plots import history, read, table, text_of
from tinynet import plots
from tinynet.errors import DataError
from tinynet.training.history import History


def test_curves_name_configurations_and_data_sets(tmp_path: Path) -> None:
    text = text_of("curves", tmp_path)
    for words in ("sigmoid", "relu", "epoch", "accuracy (%)", "loss (mean per example)",
                  "training set, after each epoch", "validation set, after each epoch"):  # fmt: skip
        assert f"<!-- {words} -->" in text
    assert "training batches" not in text  # the re-measured numbers are there, and preferred
    text = text_of("curves_of_seeds", tmp_path)
    assert "<!-- mean and range of 2 seeds -->" in text
    plots.learning_curves({"a": history(columns="running")}, tmp_path / "picture.svg")
    text = read(tmp_path / "picture.svg")
    assert "<!-- training batches, averaged over each epoch -->" in text
    assert "validation" not in text


def test_seeds_are_drawn_as_their_mean_and_range_up_to_the_last_common_epoch(tmp_path: Path, saved: list[Any]) -> None:
    first, second = (History([{"epoch": e, "validation_accuracy": a} for e, a in enumerate(values, 1)])
                     for values in ([0.5, 0.7, 0.8], [0.7, 0.8]))  # fmt: skip
    plots.learning_curves({"relu": [first, second]}, tmp_path / "picture.png")
    (axes,) = saved[0].axes
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_xydata(), [[1, 60], [2, 75]])
    band = axes.collections[0].get_paths()[0].vertices
    assert {tuple(point) for point in band.round(6)} == {(1, 50), (1, 70), (2, 70), (2, 80)}
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_a_configuration_has_one_colour_in_all_panels_and_pictures(tmp_path: Path, saved: list[Any]) -> None:
    names = [f"configuration {number}" for number in range(9)]
    plots.learning_curves({name: history() for name in names}, tmp_path / "curves.png")
    plots.comparison(table(*names), tmp_path / "comparison.png")
    lines = [[line for line in axes.lines if line.get_marker() in "os^DvP"] for f in saved for axes in f.axes]
    looks = [list(dict.fromkeys((line.get_color(), line.get_marker()) for line in panel)) for panel in lines]
    assert len(looks) == 4
    assert looks.count(looks[0]) == 4
    assert len(set(looks[0])) == 9  # two configurations of one colour have different markers


def test_comparison_writes_its_numbers(tmp_path: Path, saved: list[Any]) -> None:
    text = text_of("comparison", tmp_path, "synthetic data")
    for words in ("relu-dropout", "85.0 ± 0.4", "90.0", "0.500", "test set", "training set", "axis does not start at 0",
                  "mean ± one standard deviation, 5 seeds", "synthetic data"):  # fmt: skip
        assert f"<!-- {words} -->" in text
    text = text_of("comparison_one", tmp_path)
    assert "<!-- 85.0 -->" in text
    assert "±" not in text
    plots.comparison([{"arm": "x", "test_loss": 0.5, "test_accuracy": float("nan")}], tmp_path / "loss.png")
    assert len(saved[-1].axes) == 1


@pytest.mark.parametrize("histories", [{}, {"relu": []}, {"relu": history(), "empty": History()}])
def test_curves_without_an_epoch_are_refused(histories: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="learning_curves: expected a History of at least one epoch .*, got {.*; train"):
        plots.learning_curves(histories, tmp_path / "picture.png")


@pytest.mark.parametrize("rows", [[], [{"arm": "relu"}], [{"test_accuracy": 0.5}]])
def test_a_comparison_without_names_or_numbers_is_refused(rows: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"comparison: expected rows with 'arm' and .*, got \[.*; evaluate each"):
        plots.comparison(rows, tmp_path / "picture.png")


def test_the_learning_rate_where_the_loss_falls_fastest_is_marked(tmp_path: Path, saved: list[Any]) -> None:
    plots.rate_range([0.001, 0.01, 0.1], [2.3, 1.9, 0.8], 0.05, path := tmp_path / "picture.svg")
    curve, mark = saved[0].axes[0].lines
    np.testing.assert_allclose(curve.get_xydata(), [[0.001, 2.3], [0.01, 1.9], [0.1, 0.8]])
    assert list(mark.get_xdata()) == [0.05, 0.05]
    assert "<!-- falls fastest at 0.05 -->" in read(path)


def test_the_best_learning_rate_has_a_star_and_failed_runs_a_cross(tmp_path: Path, saved: list[Any]) -> None:
    grid = {0.001: 0.5, 0.01: 0.84, 0.1: 0.86, 1.0: None}  # 0.5 is more than 10 points below the best
    plots.accuracy_over_rate({"relu": grid}, path := tmp_path / "picture.svg")
    curve, star, crosses = saved[0].axes[0].lines
    np.testing.assert_allclose(curve.get_xydata(), [[0.01, 84], [0.1, 86]])
    np.testing.assert_allclose(star.get_xydata(), [[0.1, 86]])
    np.testing.assert_allclose(crosses.get_xydata(), [[0.001, 76], [1, 76]])
    assert (star.get_marker(), crosses.get_marker()) == ("*", "x")
    assert "<!-- diverged, or below 76% -->" in read(path)


@pytest.mark.parametrize("grids", [{}, {"relu": {}}, {"relu": {0.1: None}}])
def test_learning_rates_without_an_accuracy_are_refused(grids: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="accuracy_over_rate: expected at least one accuracy .*; try smaller learning"):
        plots.accuracy_over_rate(grids, tmp_path / "picture.png")


def test_a_column_that_some_epochs_lack_is_drawn_with_a_gap(tmp_path: Path, saved: list[Any]) -> None:
    rows = [
        {"epoch": 1, "running_loss": 3.0, "train_loss": 2.5},
        {"epoch": 2, "running_loss": 2.0, "validation_loss": 2.0},
        {"epoch": 3, "running_loss": 1.0, "validation_loss": 1.5},
    ]
    plots.learning_curves({"": History(rows)}, tmp_path / "picture.svg")
    lines = [line.get_ydata() for line in saved[0].axes[0].lines]
    expected = [[np.nan, 2.0, 1.5], [2.5, np.nan, np.nan], [3.0, 2.0, 1.0]]
    np.testing.assert_equal([list(line) for line in lines], expected)
    History(rows).plot(tmp_path / "picture.png")
    assert "<!-- training batches, averaged over each epoch -->" in read(tmp_path / "picture.svg")


def test_the_band_of_three_seeds_reaches_from_the_least_to_the_largest(tmp_path: Path, saved: list[Any]) -> None:
    """Of two seeds the mean and one deviation reach as far."""
    seeds = [History([{"epoch": e, "validation_loss": v} for e in (1, 2)]) for v in (1.0, 2.0, 6.0)]
    plots.learning_curves({"relu": seeds}, tmp_path / "picture.png")
    (axes,) = saved[0].axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [3, 3])
    band = axes.collections[0].get_paths()[0].vertices
    assert {tuple(point) for point in band.round(6)} == {(1, 1), (1, 6), (2, 1), (2, 6)}


def test_the_test_set_is_filled_and_the_training_set_open_in_a_comparison(tmp_path: Path, saved: list[Any]) -> None:
    plots.comparison(table("relu"), tmp_path / "picture.png")
    accuracy, loss = saved[0].axes
    for axes, test, train in ((accuracy, 85, 88), (loss, 0.5, 0.4)):
        lines = [line for line in axes.lines if line.get_marker() == "o"]
        dots = {line.get_markerfacecolor() == "white": (line.get_xdata()[0], line.get_ydata()[0]) for line in lines}
        assert (dots[False][0], dots[True][0]) == pytest.approx((test, train))
        assert dots[False][1] < dots[True][1]  # the test set above
