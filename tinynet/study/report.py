"""The files that a study ends in: results.json, results.md, results.csv, report.html and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet import metrics, plots
from tinynet.backend.files import write_atomically
from tinynet.study import pictures, words
from tinynet.study.opening import spreadsheet
from tinynet.study.page import html
from tinynet.study.runs import predicted_classes, unpacked

Study = Mapping[str, Any]
Run = Mapping[str, Any]


def write_report(study: Study, runs: Sequence[Run], test: tn.data.Dataset, folder: Path) -> list[Path]:
    """Write everything into the folder; returns the paths, the report first."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = json.dumps({**study, "runs": list(runs)}, allow_nan=False, indent=None, separators=(",", ":"))
    texts = {"results.json": whole + "\n", "results.md": words.page(study), "results.csv": table_of(runs)}
    paths = []
    drawn = _draw(study, runs, test, folder)
    texts["report.html"] = html(study, runs, test, {path.stem: path.read_bytes() for path in drawn})
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
        paths.append(folder / name)
    return [*reversed(paths), *drawn]


def table_of(runs: Sequence[Run]) -> str:
    """A line a run, for a spreadsheet."""
    names = ["part", "arm", "seed", "learning_rate", "epochs", "batch_size", "validation_accuracy", "train_loss",
             "train_accuracy", "test_loss", "test_accuracy", "seconds", "diverged"]  # fmt: skip
    rows = []
    for run in runs:
        row = {**run, **run["settings"]}
        for split in ("train", "test", "validation"):
            row |= {f"{split}_{name}": value for name, value in run.get(split, {}).items()}
        rows.append(row)
    return spreadsheet(names, rows)


# Pictures -----------------------------------------------------------------------------------------------------------


def _draw(study: Study, runs: Sequence[Run], test: tn.data.Dataset, folder: Path) -> list[Path]:
    """The pictures there are numbers for."""
    parts = [part for part in words.TITLES if any(row["seeds"] for row in study.get(part, {}).get("rows", []))]
    if not parts:
        return []
    note = "synthetic data, not Fashion-MNIST" if study["synthetic"] else ""
    named = {name: folder / f"{name}.png" for name in (
        "comparison", "learning_curves", "why", "rates", "confusion_matrix", "predictions"
    )}  # fmt: skip
    pictures.draw_opening(study, named["comparison"])
    if "given" in parts:
        plots.learning_curves(histories(study, runs, "given"), named["learning_curves"], note, "test set")
        pictures.draw_why(study, named["why"])
    grids = {
        study["arms"][name]["title"]: dict(grid) for name, grid in study["grids"].items() if name in study["chosen"]
    }
    if grids:
        plots.accuracy_over_rate(grids, named["rates"], note)
    part, arm = pictures.best_arm(study)
    run = next(run for run in runs if (run["part"], run["arm"]) == (part, arm) and "diverged" not in run)
    labels, predicted, classes = np.asarray(test.labels), predicted_classes(run), test.class_names
    title = f"{study['arms'][arm]['title']} at rate {run['learning_rate']:g}, seed {run['seed']}"
    matrix = metrics.confusion_matrix(labels, predicted, len(classes))
    plots.confusion_matrix(matrix, classes, named["confusion_matrix"], title, note)
    if "confidence" in run:
        probabilities = np.zeros((len(labels), len(classes)))
        probabilities[np.arange(len(labels)), predicted] = unpacked(run["confidence"]) / 255
        chosen = plots.choose_predictions(labels, probabilities, count=32, mistakes=16)
        shown = test.pictures(chosen), labels[chosen], probabilities[chosen]
        plots.predictions(*shown, classes, named["predictions"], title, note)
    return [path for path in named.values() if path.exists()]


def histories(study: Study, runs: Sequence[Run], part: str) -> dict[str, list[tn.History]]:
    """The curves as histories, a list of seeds for each arm."""
    found: dict[str, list[tn.History]] = {}
    for run in runs:
        if run["part"] == part and run.get("curve"):
            rows = [
                {
                    name.replace("test_", "validation_"): value
                    for name, value in row.items()
                    if not isinstance(value, list)
                }
                for row in run["curve"][1:]
            ]
            found.setdefault(study["arms"][run["arm"]]["title"], []).append(tn.History(rows))
    return found
