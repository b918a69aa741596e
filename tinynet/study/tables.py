"""What the runs amount to: a row an arm, a comparison with the arm it changes, classes, curves. Plain data."""

from __future__ import annotations

import argparse
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
from tinynet.study.plan import LONG_SEEDS, LONGER, Plan, choose, grid_of
from tinynet.study.runs import Data, predicted_classes
from tinynet.study.statistics import holm, mcnemar, mean, paired

Run = Mapping[str, Any]
FORMAT, VERSION = "tinynet-study", 1
CURVES = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "gradient", "slope", "saturated", "dead")


def study_of(runs: Sequence[Run], plan: Plan, data: Data, options: argparse.Namespace) -> dict[str, Any]:
    """All that is to be said, but for the runs themselves."""
    labels = to_numpy(data.test.labels)
    provenance = {"train": dict(data.train.provenance), "test": dict(data.test.provenance)}
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
    study: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "dataset": data.train.name,
        "synthetic": data.train.is_synthetic,
        "settings": {**settings, "long_epochs": LONGER * plan.epochs, "long_seeds": min(plan.seeds, LONG_SEEDS)},
        "manifest": {**environment.describe(data.device), "date": today, "data": provenance},
        "examples": {"train": len(data.train), "test": len(data.test)},
        "classes": list(data.train.class_names),
        "arms": {name: {"title": arm.title, "against": arm.against} for name, arm in plan.arms.items()},
        "grids": {name: sorted(grid.items()) for name, grid in grid_of(runs).items()},
        "chosen": choose(runs),
        "cpu_seconds": sum(run["seconds"] for run in runs),
    }
    for part in ("given", "best", "long"):
        if part in plan.parts and any(run["part"] == part for run in runs):
            study[part] = part_of([run for run in runs if run["part"] == part], plan, labels, len(study["classes"]))
    return study


def part_of(runs: Sequence[Run], plan: Plan, labels: np.ndarray, classes: int) -> dict[str, Any]:
    """A table: rows, comparisons, recall of each class, and curves where they were looked at."""
    arms = {name: [run for run in runs if run["arm"] == name] for name in dict.fromkeys(run["arm"] for run in runs)}
    ended = {name: [run for run in of_arm if "diverged" not in run] for name, of_arm in arms.items()}
    ended = {name: of_arm for name, of_arm in ended.items() if of_arm}
    part: dict[str, Any] = {
        "rows": [_row(name, plan.arms[name].title, ended.get(name, []), of_arm) for name, of_arm in arms.items()],
        "comparisons": _comparisons(ended, plan, labels),
        "recall": {name: _recall(of_arm, labels, classes) for name, of_arm in ended.items()},
        "curves": {name: _curves(of_arm) for name, of_arm in ended.items() if of_arm[0]["curve"]},
    }
    return part


def best_row(part: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the highest mean test accuracy."""
    return max((row for row in part["rows"] if row["seeds"]), key=lambda row: row["test_accuracy"])


def right(run: Run, labels: np.ndarray) -> np.ndarray:
    """Which of the test examples it got right."""
    return predicted_classes(run) == labels


def _row(name: str, title: str, ended: Sequence[Run], of_arm: Sequence[Run]) -> dict[str, Any]:
    row: dict[str, Any] = {"arm": name, "title": title, "rate": of_arm[0]["learning_rate"], "seeds": len(ended)}
    row["diverged"] = len(of_arm) - len(ended)
    if not ended:
        return row
    row["accuracies"] = [run["test"]["accuracy"] for run in ended]
    centre, deviation, low, high = map(_known, mean(row["accuracies"]))
    row |= {"test_accuracy": centre, "deviation": deviation, "low": low, "high": high}
    for split in ("train", "test"):
        row[f"{split}_loss"] = means.fmean(run[split]["loss"] for run in ended)
    row["train_accuracy"] = means.fmean(run["train"]["accuracy"] for run in ended)
    row["seconds"] = means.median(run["seconds"] for run in ended)
    row["samples_per_second"] = means.median(run["samples_per_second"] for run in ended)
    return row


def _comparisons(ended: Mapping[str, Sequence[Run]], plan: Plan, labels: np.ndarray) -> list[dict[str, Any]]:
    """Each arm with the one it changes, over the seeds that both came through."""
    comparisons: list[dict[str, Any]] = []
    for name, of_arm in ended.items():
        against = plan.arms[name].against
        others = {run["seed"]: run for run in ended.get(against, [])}
        pairs = [(run, others[run["seed"]]) for run in of_arm if run["seed"] in others]
        if against == name or not pairs:
            continue
        accuracies = [[run["test"]["accuracy"] for run in side] for side in zip(*pairs)]
        each = [mcnemar(right(a, labels), right(b, labels)) for a, b in pairs]
        comparison = {"arm": name, "against": against, "seeds": len(pairs), **paired(*accuracies)._asdict()}
        comparison |= {"mcnemar": each[0]._asdict(), "mcnemar_seeds": sum(test.p < 0.05 for test in each)}
        comparisons.append(comparison)
    for comparison, adjusted in zip(comparisons, holm([comparison["p"] for comparison in comparisons])):
        comparison["p_holm"] = adjusted
    return [{name: _known(value) for name, value in comparison.items()} for comparison in comparisons]


def _recall(runs: Sequence[Run], labels: np.ndarray, classes: int) -> list[float | None]:
    """Recall of each class, averaged over the seeds."""
    matrices = [metrics.confusion_matrix(labels, predicted_classes(run), classes) for run in runs]
    return [_known(float(value)) for value in np.mean([metrics.recall(matrix) for matrix in matrices], axis=0)]


def _curves(runs: Sequence[Run]) -> dict[str, Any]:
    """What was seen over the epochs, averaged over the seeds; a number a layer where there are several."""
    curves: dict[str, Any] = {"epoch": [row["epoch"] for row in runs[0]["curve"]]}
    for name in CURVES:
        values = np.array([[row[name] for row in run["curve"]] for run in runs])  # (seeds, looks) or (seeds, looks, L)
        curves[name] = [
            [float(f"{v:.5g}") for v in row] if np.ndim(row) else float(f"{row:.5g}") for row in values.mean(axis=0)
        ]
    return curves


def _known(value: Any) -> Any:
    """JSON has no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
