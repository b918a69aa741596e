"""The results of a study as text and as files: results.json, results.md, results.csv, report.html and pictures."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet import metrics, plots
from tinynet.backend.arrays import ignoring
from tinynet.backend.files import write_atomically
from tinynet.study import figures, sentences
from tinynet.study.page import html
from tinynet.study.runs import predicted_classes, unpacked
from tinynet.study.sentences import TITLES
from tinynet.study.summary import best_configuration
from tinynet.study.tables import (
    Summary,
    accuracy_table,
    comparison_table,
    flat,
    grid_table,
    held_out,
    markdown,
    spreadsheet,
    title,
)

Run = Mapping[str, Any]
PACKAGES = ("scipy", "jinja2", "matplotlib")  # that the report needs


def check_packages(*names: str) -> None:
    """Raise ImportError, with the command that installs them, if any of these packages is missing."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"a study needs packages that are missing: pip install {' '.join(missing)}")


def terminal(summary: Summary) -> str:
    """The text that is printed at the end."""
    parts = []
    for part in TITLES:
        if part in summary:
            parts += [sentences.part_title(summary, part), markdown(*accuracy_table(summary, part))]
            items = sentences.comparison_sentences(summary, part)
            parts += ["\n".join(f"- {each}" for each in items) + "\n"] if items else []
    if summary["grids"]:
        parts += [markdown(*grid_table(summary)), *sentences.edge_note(summary), ""]
    return "\n\n".join([*parts, sentences.answer(summary)]) + "\n"


def page(summary: Summary) -> str:
    """results.md."""
    note = f" ({sentences.synthetic_note(summary)})" if summary["synthetic"] else ""
    parts = [f"# {sentences.data_name(summary)}: {', '.join(summary['arms'])}{note}", sentences.answer(summary)]
    described = sentences.descriptions(summary)
    parts += ["\n".join(f"- {each}" for each in described)] if described else []
    for part in TITLES:
        if part in summary:
            parts += [f"## {sentences.part_title(summary, part)}", sentences.setting(summary, part) + "."]
            parts += sentences.noise_note(summary) + [markdown(*accuracy_table(summary, part))]
            parts += [markdown(*comparison_table(summary, part))] if summary[part]["comparisons"] else []
            items = [*sentences.comparison_sentences(summary, part), *sentences.gap_sentences(summary, part)]
            parts += ["\n".join(f"- {each}" for each in items)] if items else []
    if summary["grids"]:
        parts += ["## The grid of learning rates", markdown(*grid_table(summary)), *sentences.edge_note(summary)]
    command = f"    {summary['manifest']['command']}"
    return "\n\n".join([*parts, "## How it was made", sentences.machine(summary), command]) + "\n"


def write_report(summary: Summary, runs: Sequence[Run], test: tn.data.Dataset, folder: Path) -> list[Path]:
    """Write everything into the folder; returns the paths, the report first. ImportError without its packages."""
    check_packages(*PACKAGES)
    folder.mkdir(parents=True, exist_ok=True)
    whole = json.dumps({**summary, "runs": list(runs)}, allow_nan=False, indent=None, separators=(",", ":"))
    numbers = [_written(folder / "results.json", whole + "\n")]  # first: no error of drawing may lose them
    numbers.append(_written(folder / "results.csv", csv_of(summary, runs)))
    numbers.append(_written(folder / "results.md", page(summary)))
    with ignoring("all"):  # matplotlib relies on what the caller may have turned into errors
        pictures = draw(summary, runs, test, folder)
        text = html(summary, runs, test, {path.stem: path.read_bytes() for path in pictures})
    return [_written(folder / "report.html", text), *reversed(numbers), *pictures]


def _written(path: Path, text: str) -> Path:
    """Write a text as UTF-8. A file name in it that is no text (undecodable bytes) is escaped."""
    write_atomically(path, text.encode("utf-8", "backslashreplace"))
    return path


def csv_of(summary: Summary, runs: Sequence[Run]) -> str:
    """results.csv: a line for each run."""
    split = held_out(summary)
    names = ["part", "arm", "seed", "learning_rate", "optimizer", "epochs", "batch_size", "validation_accuracy"]
    names += [f"{name}_{measure}" for name in ("train", split) for measure in ("loss", "accuracy")]
    return spreadsheet(list(dict.fromkeys([*names, "seconds", "diverged"])), (flat(run, split) for run in runs))


# Pictures -----------------------------------------------------------------------------------------------------------


def draw(summary: Summary, runs: Sequence[Run], test: tn.data.Dataset, folder: Path) -> list[Path]:
    """Draw the pictures for which there are numbers; returns their paths."""
    best = best_configuration(summary)
    if best is None:
        return []
    names = ("comparison", "learning_curves", "why", "rates", "confusion_matrix", "predictions")
    paths = {name: folder / f"{name}.png" for name in names}
    for path in paths.values():
        path.unlink(missing_ok=True)  # of an earlier study
    note = sentences.synthetic_note(summary)
    draw_from_summary(summary, paths, note)
    curves = histories(summary, runs)
    if curves:
        plots.learning_curves(curves, paths["learning_curves"], note, f"{held_out(summary)} set")
    run = next(run for run in runs if (run["part"], run["arm"]) == best and "diverged" not in run)
    heading = f"{title(summary, run['arm'])} at learning rate {run['learning_rate']:g}, seed {run['seed']}"
    _draw_predictions(run, test, summary["classes"], paths, heading, note)
    return [path for path in paths.values() if path.exists()]


def draw_from_summary(summary: Summary, paths: Mapping[str, Path], note: str = "") -> None:
    """The pictures that need no single run: the comparison, the gradients and the grid of learning rates."""
    figures.draw_comparison(summary, paths["comparison"])
    figures.draw_gradients(summary, paths["why"])
    grids = {title(summary, name): dict(summary["grids"][name]) for name in summary["grids"]
             if name in summary["chosen"]}  # fmt: skip
    if grids:
        plots.accuracy_over_rate(grids, paths["rates"], note)


def _draw_predictions(
    run: Run, test: tn.data.Dataset, classes: Sequence[str], paths: Mapping[str, Path], heading: str, note: str
) -> None:
    """The confusion matrix of a run, and some of its predictions where the examples are pictures."""
    labels, predicted = np.asarray(test.labels), predicted_classes(run)
    matrix = metrics.confusion_matrix(labels, predicted, len(classes))
    plots.confusion_matrix(matrix, classes, paths["confusion_matrix"], heading, note)
    if "confidence" in run and len(test.image_shape) >= 2:
        probabilities = np.zeros((len(labels), len(classes)))
        probabilities[np.arange(len(labels)), predicted] = unpacked(run["confidence"]) / 255
        chosen = plots.choose_predictions(labels, probabilities, count=32, mistakes=16)
        shown = test.pictures(chosen), labels[chosen], probabilities[chosen]
        plots.predictions(*shown, classes, paths["predictions"], heading, note)


def histories(summary: Summary, runs: Sequence[Run]) -> dict[str, list[tn.History]]:
    """The learning curves as histories, a list of seeds for each configuration."""
    found: dict[str, list[tn.History]] = {}
    for run in runs:
        rows = run.get("epochs", [])
        if run["part"] == "given" and run.get("curve"):
            rows = [_as_history(row) for row in run["curve"][1:]]
        if rows:
            found.setdefault(title(summary, run["arm"]), []).append(tn.History(rows))
    return found


def _as_history(row: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {name: value for name, value in row.items() if not isinstance(value, list)}
    return {name.replace("test_", "validation_"): value for name, value in numbers.items()}
