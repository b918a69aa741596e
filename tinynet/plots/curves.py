"""Plot learning curves, comparisons of configurations, and accuracy by learning rate."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinynet.backend.arrays import ignoring
from tinynet.errors import DataError, mismatch
from tinynet.plots.style import COLOURS, FILE, GRID, INK, LOOKS, OPEN, WIDTH, Path, finish, key, new_figure, plain

History = Any  # tinynet.History, whose `plot` uses this file: importing it here would be a circle

KINDS: dict[str, tuple[str, dict[str, Any]]] = {  # columns of a History: their description and style in the key
    "validation": ("validation set, after each epoch", {"linestyle": "-", "zorder": 3}),
    "train": ("training set, after each epoch", {"linestyle": "--", **OPEN}),
    "running": ("training batches, averaged over each epoch", {"linestyle": ":", **OPEN}),
}
METRICS = {"loss": (1, "loss (mean per example)"), "accuracy": (100, "accuracy (%)")}  # factor, axis label
SPLITS = {"test": -0.16, "train": 0.16}  # offsets from the middle of the configuration's row


@ignoring("all")
def learning_curves(
    histories: Mapping[str, History | Sequence[History]], path: Path, note: str = "", held_out: str = "validation set"
) -> None:
    """Plot loss and accuracy by epoch, with a colour for each configuration.

    histories  {"relu": history, "sigmoid": [a history for each seed]}
    held_out   the name of the validation set in the key

    The curve of the validation set is solid. That of the training set is dashed if it was measured after the epoch, and
    dotted if it is the running average. Several seeds are drawn as their mean in a band from minimum to maximum, up to
    the last epoch that all of them have.
    """
    runs = {name: list(given) if isinstance(given, (list, tuple)) else [given] for name, given in histories.items()}
    looks = dict(zip(runs, itertools.cycle(LOOKS)))
    curves = [(metric, name, kind) for metric in METRICS for name in runs for kind in _kinds(runs[name], metric)]
    if not runs or set(runs) - {name for _, name, _ in curves}:
        expected = "a History of at least one epoch for each configuration"
        raise DataError(mismatch("learning_curves", expected, runs, "train first"))
    metrics = list(dict.fromkeys(metric for metric, _, _ in curves))  # a regression has no accuracy
    names = {textwrap.fill(plain(name), 40): look for name, look in looks.items() if name}
    figure = new_figure(path, WIDTH, 3.1 + 0.19 * max(2, len("\n".join(names).splitlines())), note=note)
    panels = dict(zip(metrics, figure.subplots(1, len(metrics), squeeze=False)[0]))
    for metric, name, kind in curves:
        _draw_curve(panels[metric], runs[name], kind, metric, looks[name])
    for metric, axes in panels.items():
        finish(axes, "epoch", METRICS[metric][1], grid="both")
        axes.locator_params(axis="x", integer=True, nbins=10, min_n_ticks=1)
    shown = {kind for _, _, kind in curves}
    words_of = {kind: words.replace("validation set", held_out) for kind, (words, _) in KINDS.items()}
    meanings = {words_of[kind]: {"marker": "o", **look} for kind, (_, look) in KINDS.items() if kind in shown}
    seeds = sorted({len(seeds) for seeds in runs.values()})
    if seeds[-1] > 1:
        meanings[f"mean and range of {' or '.join(map(str, seeds))} seeds"] = {"color": GRID, "linewidth": 8}
    key(figure, meanings, names)
    figure.savefig(path, **FILE)


@ignoring("all")
def comparison(table: Sequence[Mapping[str, Any]], path: Path, note: str = "", held_out: str = "test set") -> None:
    """Plot accuracy and loss of each configuration on the test set (filled) and the training set (open).

    table     rows {"arm", "seeds", "test_accuracy", "train_accuracy", "test_loss", "train_loss"}, where "arm" is the
              name of the configuration. "..._deviation" of any of the last four is drawn as an error bar of one
              standard deviation if seeds > 1. Missing values and NaN are left out.
    held_out  the name of the test set in the key
    """
    rows = [{name: value for name, value in row.items() if value is not None and value == value} for row in table]
    metrics = [m for m in ("accuracy", "loss") if any(f"{split}_{m}" in row for row in rows for split in SPLITS)]
    if not metrics or not all("arm" in row for row in rows):
        expected = "rows with 'arm' and 'test_accuracy' or 'test_loss'"
        raise DataError(
            mismatch("comparison", expected, [dict(row) for row in table], "evaluate each configuration first")
        )
    figure = new_figure(path, WIDTH, 1.3 + 0.5 * len(rows), note=note)
    for axes, metric in zip(panels := figure.subplots(1, len(metrics), squeeze=False)[0], metrics):
        for position, (row, look) in enumerate(zip(rows, itertools.cycle(LOOKS))):
            _draw_dots(axes, row, metric, position, look)
        finish(axes, f"{METRICS[metric][1]}\naxis does not start at 0", "", grid="x")
        names = [textwrap.fill(plain(row["arm"]), 24) if axes is panels[0] else "" for row in rows]
        axes.set_yticks(range(len(rows)), names)
        axes.set(ylim=(len(rows) - 0.5, -0.5), xmargin=0.25)
        axes.tick_params(axis="y", length=0, labelsize=10)
    dots = {"marker": "o", "linestyle": ""}
    meanings = {held_out: dots, "training set": {**dots, **OPEN}}
    seeds = sorted({row.get("seeds", 1) for row in rows})
    if seeds[-1] > 1:
        meanings[f"mean ± one standard deviation, {' or '.join(map(str, seeds))} seeds"] = {"marker": "|"}
    key(figure, meanings, {})
    figure.savefig(path, **FILE)


@ignoring("all")
def rate_range(rates: Sequence[float], losses: Sequence[float], steepest: float, path: Path, note: str = "") -> None:
    """Plot the loss by learning rate, with a line at the learning rate where the loss falls fastest."""
    figure = new_figure(path, WIDTH, 3.4, note=note)
    axes = figure.subplots()
    axes.semilogx(rates, losses, color=COLOURS[0], linewidth=1.6)
    axes.axvline(steepest, color=COLOURS[1], linewidth=1.2, linestyle="--")
    axes.set_ylim(0.95 * min(losses), min(max(losses), 1.3 * losses[0]))
    finish(axes, "learning rate", "loss (smoothed)", grid="both")
    look = {"color": COLOURS[1], "linestyle": "--"}
    key(figure, {f"falls fastest at {steepest:.3g}": look}, {})
    figure.savefig(path, **FILE)


@ignoring("all")
def accuracy_over_rate(grids: Mapping[str, Mapping[float, float | None]], path: Path, note: str = "") -> None:
    """Plot accuracy by learning rate for each configuration, with a star on the best.

    grids  {"adam": {0.001: 0.87, 0.1: None}}, where None means that the run diverged

    Diverged runs, and runs more than 10 points below the best, are marked with a cross at the bottom of the picture. So
    the axis covers only 10 points, and small differences remain visible.
    """
    if not grids or not all(any(value is not None for value in grid.values()) for grid in grids.values()):
        expected = "at least one accuracy for each configuration"
        raise DataError(mismatch("accuracy_over_rate", expected, dict(grids), "try smaller learning rates"))
    figure = new_figure(path, WIDTH, 4.0, note=note)
    axes = figure.subplots()
    bottom = max(value for grid in grids.values() for value in grid.values() if value is not None) - 0.1
    for grid, look in zip(grids.values(), itertools.cycle(LOOKS)):
        found = {rate: 100 * value for rate, value in grid.items() if value is not None and value > bottom}
        axes.semilogx(list(found), list(found.values()), linewidth=1.6, markersize=5, **look)
        for best in sorted(found, key=found.__getitem__)[-1:]:
            axes.semilogx([best], [found[best]], marker="*", markersize=15, color=look["color"], zorder=4)
        failed = [rate for rate in grid if rate not in found]
        axes.semilogx(failed, [100 * bottom] * len(failed), linestyle="", marker="x", markersize=8, color=look["color"])
    finish(axes, "learning rate", "validation accuracy (%)", grid="both")
    meanings = {
        "best": {"marker": "*", "linestyle": ""},
        f"diverged, or below {100 * bottom:.0f}%": {"marker": "x", "linestyle": ""},
    }
    key(figure, meanings, dict(zip(grids, itertools.cycle(LOOKS))))
    figure.savefig(path, **FILE)


def _kinds(seeds: Sequence[History], metric: str) -> list[str]:
    """The kinds of curves to draw. The training set measured after the epoch is preferred to the running average."""
    found = [k for k in KINDS if seeds and all(h.rows and f"{k}_{metric}" in h.rows[0] for h in seeds)]
    return found[:-1] if {"train", "running"} <= set(found) else found


def _draw_curve(axes: Any, seeds: Sequence[History], kind: str, metric: str, look: Mapping[str, Any]) -> None:
    length = min(len(history) for history in seeds)
    epochs, colour = seeds[0]["epoch"][:length], look["color"]
    values = np.array([history[f"{kind}_{metric}"][:length] for history in seeds]) * METRICS[metric][0]  # (seeds, E)
    if len(seeds) > 1:
        axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
    look = {**look, **KINDS[kind][1], "markersize": 4.5, "markevery": max(1, length // 10)}
    axes.plot(epochs, values.mean(axis=0), linewidth=1.6, **look)


def _draw_dots(axes: Any, row: Mapping[str, Any], metric: str, position: int, look: Mapping[str, str]) -> None:
    factor, digits = METRICS[metric][0], 1 if metric == "accuracy" else 3
    for split, shift in SPLITS.items():
        if (name := f"{split}_{metric}") not in row:
            continue
        bar = factor * row.get(f"{name}_deviation", 0.0) if row.get("seeds", 1) > 1 else 0.0
        value, y, face = factor * row[name], position + shift, look["color"] if split == "test" else "white"
        words = f"{value:.{digits}f}" + (f" ± {bar:.{digits}f}" if bar else "")
        axes.errorbar(value, y, xerr=bar or None, linestyle="", markerfacecolor=face, capsize=3, elinewidth=1.4, **look)
        axes.annotate(words, (value + bar, y), (7, 0), textcoords="offset points", va="center", color=INK, fontsize=8.5)
