"""Summarize runs as plain data: a row for each configuration, its comparison with the baseline, recall of each class,
and curves.

Keys are those of results.json, which calls a configuration "arm".
"""

from __future__ import annotations

import datetime
import math
import statistics as means
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinynet import metrics
from tinynet.backend import environment
from tinynet.backend.arrays import to_numpy
from tinynet.study.configuration import Configuration
from tinynet.study.jobs import Data
from tinynet.study.runs import predicted_classes
from tinynet.study.statistics import holm, mcnemar, mean, paired

Run = Mapping[str, Any]
FORMAT, VERSION = "tinynet-study", 1
PARTS = ("given", "best", "long")  # each has a table; the grid belongs to the last two
CURVES = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "gradient", "slope", "saturated", "dead")


def summarize(
    runs: Sequence[Run],
    configurations: Mapping[str, Configuration],
    parts: Sequence[str],
    data: Data,
    settings: Mapping[str, Any],
    chosen: Mapping[str, float],
) -> dict[str, Any]:
    """Everything in results.json except the runs."""
    labels = to_numpy(data.test.labels)
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    provenance = {"train": dict(data.train.provenance), "test": dict(data.test.provenance)}
    summary: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "dataset": data.train.name,
        "synthetic": data.train.is_synthetic,
        "settings": {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()},
        "manifest": {**environment.describe(data.device), "date": today, "data": provenance},
        "examples": {"train": len(data.train), "test": len(data.test)},
        "classes": list(data.train.class_names) or [str(label) for label in range(int(data.train.labels.max()) + 1)],
        "arms": {name: _about(each) for name, each in configurations.items()},
        "grids": {name: sorted(grid.items()) for name, grid in grids_of(runs).items()},
        "chosen": dict(chosen),
        "cpu_seconds": sum(run["seconds"] for run in runs),
    }
    for part in parts:
        of_part = [run for run in runs if run["part"] == part]
        if of_part:
            summary[part] = _summary_of_part(of_part, summary["arms"], labels, len(summary["classes"]))
    return summary


def _about(configuration: Configuration) -> dict[str, str]:
    about = {"title": configuration.title, "against": configuration.baseline}
    return about | ({"description": configuration.describe()} if configuration.describe() else {})


def grids_of(runs: Sequence[Run]) -> dict[str, dict[float, float | None]]:
    """{configuration: {learning rate: validation accuracy, None where it diverged}}."""
    grids: dict[str, dict[float, float | None]] = {}
    for run in runs:
        if run["part"] == "grid":
            accuracy = None if "diverged" in run else run["validation"]["accuracy"]
            grids.setdefault(run["arm"], {})[run["learning_rate"]] = accuracy
    return grids


def _summary_of_part(
    runs: Sequence[Run], names: Mapping[str, Mapping[str, str]], labels: np.ndarray, classes: int
) -> dict[str, Any]:
    """A table: rows, comparisons, recall of each class, and the curves that were measured."""
    by_name = {name: [run for run in runs if run["arm"] == name] for name in dict.fromkeys(run["arm"] for run in runs)}
    ended = {name: [run for run in each if "diverged" not in run] for name, each in by_name.items()}
    ended = {name: each for name, each in ended.items() if each}
    return {
        "rows": [_row(name, names[name]["title"], ended.get(name, []), each) for name, each in by_name.items()],
        "comparisons": _comparisons(ended, names, labels),
        "recall": {name: _recall(each, labels, classes) for name, each in ended.items()},
        "curves": {name: _curves(each) for name, each in ended.items() if each[0]["curve"]},
    }


def best_row(part: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the highest mean test accuracy."""
    return max((row for row in part["rows"] if row["seeds"]), key=lambda row: row["test_accuracy"])


def best_configuration(summary: Mapping[str, Any]) -> tuple[str, str] | None:
    """(part, name) of the highest mean test accuracy, in the table "best" if there is one; None if all diverged."""
    for part in ("best", "given", "long"):
        if any(row["seeds"] for row in summary.get(part, {}).get("rows", [])):
            return part, str(best_row(summary[part])["arm"])
    return None


def _row(name: str, title: str, ended: Sequence[Run], runs: Sequence[Run]) -> dict[str, Any]:
    """A row of the table, over the seeds that did not diverge."""
    row: dict[str, Any] = {"arm": name, "title": title, "rate": runs[0]["learning_rate"], "seeds": len(ended)}
    row["diverged"] = len(runs) - len(ended)
    if not ended:
        return row
    row["accuracies"] = [run["test"]["accuracy"] for run in ended]
    centre, deviation, low, high = map(_known, mean(row["accuracies"]))
    row |= {"test_accuracy": centre, "deviation": deviation, "low": low, "high": high}
    for split in ("train", "test"):
        row[f"{split}_loss"] = means.fmean(run[split]["loss"] for run in ended)
    row["train_accuracy"] = means.fmean(run["train"]["accuracy"] for run in ended)
    row["seconds"] = means.median(run.get("training_seconds", run["seconds"]) for run in ended)
    row["samples_per_second"] = means.median(run["samples_per_second"] for run in ended)
    return row


def _comparisons(
    ended: Mapping[str, Sequence[Run]], names: Mapping[str, Mapping[str, str]], labels: np.ndarray
) -> list[dict[str, Any]]:
    """Each configuration with its baseline, over the seeds in which neither diverged."""
    comparisons: list[dict[str, Any]] = []
    for name, runs in ended.items():
        against = names[name]["against"]
        others = {run["seed"]: run for run in ended.get(against, [])}
        pairs = [(run, others[run["seed"]]) for run in runs if run["seed"] in others]
        if against == name or not pairs:
            continue
        accuracies = [[run["test"]["accuracy"] for run in side] for side in zip(*pairs)]
        right = [[predicted_classes(run) == labels for run in pair] for pair in pairs]
        tests = [mcnemar(*pair) for pair in right]
        comparison = {"arm": name, "against": against, "seeds": len(pairs), **paired(*accuracies)._asdict()}
        comparison |= {"mcnemar": tests[0]._asdict(), "mcnemar_seeds": sum(test.p < 0.05 for test in tests)}
        comparisons.append(comparison)
    for comparison, adjusted in zip(comparisons, holm([comparison["p"] for comparison in comparisons])):
        comparison["p_holm"] = adjusted
    return [{name: _known(value) for name, value in comparison.items()} for comparison in comparisons]


def _recall(runs: Sequence[Run], labels: np.ndarray, classes: int) -> list[float | None]:
    """Recall of each class, averaged over the seeds."""
    matrices = [metrics.confusion_matrix(labels, predicted_classes(run), classes) for run in runs]
    return [_known(float(value)) for value in np.mean([metrics.recall(matrix) for matrix in matrices], axis=0)]


def _curves(runs: Sequence[Run]) -> dict[str, Any]:
    """Measurements over the epochs, averaged over the seeds; a number for each layer where there are several."""
    curves: dict[str, Any] = {"epoch": [row["epoch"] for row in runs[0]["curve"]]}
    for name in CURVES:
        values = np.array([[row[name] for row in run["curve"]] for run in runs])  # (seeds, looks) or (seeds, looks, L)
        curves[name] = [
            [float(f"{v:.5g}") for v in row] if np.ndim(row) else float(f"{row:.5g}") for row in values.mean(axis=0)
        ]
    return curves


def _known(value: Any) -> Any:
    """`value`, None instead of NaN, which JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
