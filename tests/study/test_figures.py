"""Panels show the numbers of the summary: percent, intervals, and the gap as train minus test."""

import numpy as np
import pytest

from tests.support.studies import made_up_run, made_up_summary
from tinynet.study import figures

for needed in ("matplotlib", "scipy"):
    pytest.importorskip(needed)


def drawn(draw):
    """The axes that `draw` filled."""
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    draw(axes)
    return axes


def test_dots_are_percentages_with_their_interval():
    runs = [made_up_run(arm, seed, accuracy=accuracy) for arm, base in (("a", 0.8), ("b", 0.9))
            for seed, accuracy in enumerate((base, base + 0.02, base + 0.04))]  # fmt: skip
    summary = made_up_summary(runs, {"a": "", "b": "a"})
    axes = drawn(figures.dots(summary, "best"))
    for row, (_, _, (bar,)), y in zip(summary["best"]["rows"], axes.containers, (0, 1)):
        ends = bar.get_segments()[0]
        np.testing.assert_allclose(ends, [[100 * row["low"], y], [100 * row["high"], y]])
    assert [text.get_text() for text in axes.texts] == ["82.0", "92.0"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A", "B"]
    rings = [line for line in axes.lines if line.get_markerfacecolor() == "none"]
    np.testing.assert_allclose(rings[0].get_xydata(), [[80, 0], [82, 0], [84, 0]])


def test_curves_are_drawn_from_the_first_epoch_and_the_gap_is_train_minus_test():
    curve = {"epoch": [0, 1, 2], "train_accuracy": [0.1, 0.8, 0.95], "test_accuracy": [0.1, 0.75, 0.85]}
    summary = {"arms": {"a": {"title": "A"}}, "given": {"curves": {"a": curve}}}
    (line,) = drawn(figures.over_epochs(summary, "given", "gap", "gap", factor=100)).lines
    np.testing.assert_allclose(line.get_xydata(), [[0, 0], [1, 5], [2, 10]], atol=1e-12)
    axes = drawn(figures.over_epochs(summary, "given", "test_accuracy", "test accuracy (%)", factor=100))
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[1, 75], [2, 85]])
    assert axes.get_ylabel() == "test accuracy (%)"


def test_each_layer_has_a_line():
    curve = {"epoch": [0, 1], "gradient": [[1.0, 4.0], [2.0, 8.0]]}
    summary = {"arms": {"a": {"title": "A"}}, "given": {"curves": {"a": curve}}}
    lines = drawn(figures.layers_over_epochs(summary, "a", "gradient", "gradient norm", log=True)).lines
    assert [line.get_label() for line in lines] == ["layer 1", "layer 2"]
    assert [line.get_ydata().tolist() for line in lines] == [[1, 2], [4, 8]]


def test_learning_rates_are_drawn_with_the_chosen_one_large_and_failures_as_crosses():
    summary = {"arms": {"a": {"title": "A"}}, "chosen": {"a": 0.3}}
    summary["grids"] = {"a": [(0.1, 0.8), (0.3, 0.9), (1.0, None), (3.0, 0.5)]}
    curve, chosen, crosses = drawn(figures.rates(summary)).lines
    np.testing.assert_allclose(curve.get_xydata(), [[0.1, 80], [0.3, 90]])
    np.testing.assert_allclose(chosen.get_xydata(), [[0.3, 90]])
    np.testing.assert_allclose(crosses.get_xydata(), [[1, 70], [3, 70]])
    assert (chosen.get_markersize() > curve.get_markersize(), crosses.get_marker()) == (True, "x")
