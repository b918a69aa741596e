"""report.html: the whole report as one page without other files, filled into template.html."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import tinynet as tn
from tinynet.data.layout import is_picture
from tinynet.study import figures, sentences
from tinynet.study.sentences import TITLES, part_title
from tinynet.study.summary import best_configuration
from tinynet.study.tables import Summary, accuracy_table, comparison_table, grid_table, held_out, points, title

Run = Mapping[str, Any]
Panel = dict[str, str]


def html(summary: Summary, runs: Sequence[Run], test: tn.data.Dataset, pictures: Mapping[str, bytes]) -> str:
    """The page; `pictures` are PNG files by name."""
    import jinja2  # optional

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    best = best_configuration(summary)
    return environment.get_template("template.html").render(
        summary=summary,
        descriptions=sentences.descriptions(summary),
        noise=sentences.noise_note(summary),
        data_name=sentences.data_name(summary),
        answer=sentences.answer(summary),
        legend=_legend(summary, summary["grids"]),
        tables=[_table(summary, part) for part in TITLES if part in summary],
        sections=[*_learning_sections(summary), *_gap_sections(summary)],
        grid=_grid(summary),
        units=_units(summary, runs, test, best[0]) if best else [],
        recall=_recall(summary, best[0]) if best else None,
        pictures={name: _uri(content) for name, content in pictures.items()},
        manifest=_manifest(summary),
    )


def _table(summary: Summary, part: str) -> dict[str, Any]:
    """A table with its picture, its comparisons and its sentences."""
    picture = ""
    if any(row["seeds"] for row in summary[part]["rows"]):
        description = f"{part_title(summary, part)}: {held_out(summary)} accuracy of each configuration"
        picture = figures.svg(figures.dots(summary, part), description, 1.1 + 0.36 * len(summary[part]["rows"]))
    return {
        "name": part,
        "title": part_title(summary, part),
        "setting": sentences.setting(summary, part) + ".",
        "picture": picture,
        "rows": accuracy_table(summary, part),
        "comparisons": comparison_table(summary, part),
        "sentences": sentences.comparison_sentences(summary, part),
    }


# Groups of panels, each with a title, a legend and sentences --------------------------------------------------------


def _learning_sections(summary: Summary) -> list[dict[str, Any]]:
    """Accuracy and loss over the epochs, and the gradients and activations of the baselines."""
    curves = summary.get("given", {}).get("curves")
    if not curves:
        return []
    accuracy = figures.over_epochs(summary, "given", "test_accuracy", "test accuracy (%)", factor=100)
    loss = figures.over_epochs(summary, "given", "test_loss", "test loss")
    note = "At the shared learning rate, after each epoch, in inference mode; mean over the seeds."
    sections = [
        {
            "title": "Learning curves",
            "legend": _legend(summary, curves),
            "panels": [_panel(accuracy, "Test accuracy"), _panel(loss, "Test loss")],
            "sentences": [note],
        }
    ]
    panels = [panel for name in sentences.baselines(summary, "given") for panel in _layer_panels(summary, name)]
    if panels:
        texts = sentences.gradient_sentences(summary)
        sections.append({"title": "Gradients and activations", "legend": [], "panels": panels, "sentences": texts})
    return sections


def _layer_panels(summary: Summary, name: str) -> list[Panel]:
    """Gradient norm, slope, and saturated or dead units of each layer of one configuration, where it has them."""
    curve, heading = summary["given"]["curves"][name], title(summary, name)
    state, units = ("saturated", "saturated units") if _any(curve["saturated"]) else ("dead", "dead units")
    panels = []
    if curve["gradient"][0]:
        draw = figures.layers_over_epochs(summary, name, "gradient", "gradient norm", log=True)
        panels.append(_panel(draw, f"{heading}: gradient norm of each layer's weights"))
    if curve["slope"][0]:
        draw = figures.layers_over_epochs(summary, name, "slope", "mean dy/dx")
        panels.append(_panel(draw, f"{heading}: mean slope of each activation"))
        draw = figures.layers_over_epochs(summary, name, state, f"{units} (%)", factor=100)
        panels.append(_panel(draw, f"{heading}: {units}"))
    return panels


def _any(rows: Sequence[Sequence[float]]) -> bool:
    """Whether any number is not 0."""
    return any(number for row in rows for number in row)


def _gap_sections(summary: Summary) -> list[dict[str, Any]]:
    """The generalization gap over the epochs, in the short and in the long runs."""
    sections = []
    for part in ("given", "long"):
        curves = summary.get(part, {}).get("curves")
        if not curves:
            continue
        epochs = summary["settings"]["long_epochs" if part == "long" else "epochs"]
        draw = figures.over_epochs(summary, part, "gap", "train minus test, points", factor=100)
        panels = [_panel(draw, f"Generalization gap, {epochs} epochs")]
        if part == "long":
            draw = figures.over_epochs(summary, part, "test_accuracy", "test accuracy (%)", factor=100)
            panels.insert(0, _panel(draw, f"Test accuracy, {epochs} epochs"))
        sections.append(
            {
                "title": f"Generalization gap{' of the long runs' if part == 'long' else ''}",
                "legend": _legend(summary, curves),
                "panels": panels,
                "sentences": sentences.gap_sentences(summary, part),
            }
        )
    return sections


def _panel(draw: figures.Draw, heading: str) -> Panel:
    return {"title": heading, "svg": figures.svg(draw, heading)}


# The rest -----------------------------------------------------------------------------------------------------------


def _grid(summary: Summary) -> dict[str, Any] | None:
    """The grid of learning rates, each cell with whether it was chosen."""
    if not summary["grids"]:
        return None
    header, rows = grid_table(summary)
    marked = [[(cell.strip("*"), cell.startswith("**")) for cell in row] for row in rows]
    picture = ""
    if any(accuracy is not None for grid in summary["grids"].values() for _, accuracy in grid):
        description = "Validation accuracy by learning rate, a line for each configuration"
        picture = figures.svg(figures.rates(summary), description, 3.6)
    return {"header": header, "rows": marked, "picture": picture, "notes": sentences.edge_note(summary)}


def _units(summary: Summary, runs: Sequence[Run], test: tn.data.Dataset, part: str) -> list[dict[str, str]]:
    """First-layer weights of seed 0 of each configuration of a part, where the examples are pictures."""
    shape = test.image_shape
    return [
        {"title": title(summary, run["arm"]), "uri": _uri(figures.first_layer(run, shape))}
        for run in runs
        if run["part"] == part and "first_layer" in run and is_picture(shape)
    ]


def _recall(summary: Summary, part: str) -> dict[str, Any]:
    """Recall by class: of each configuration, and its difference from the baseline."""
    rows = []
    for name, values in summary[part]["recall"].items():
        against = summary["arms"][name]["against"]
        baseline = summary[part]["recall"].get(against)
        cells = [_recall_cell(value, other) for value, other in zip(values, baseline or [None] * len(values))]
        rows.append(
            {"title": title(summary, name), "against": title(summary, against) if baseline else "", "cells": cells}
        )
    return {
        "classes": summary["classes"],
        "rows": rows,
        "sentences": sentences.class_sentences(summary, part),
        "title": part_title(summary, part),
    }


def _recall_cell(value: float | None, baseline: float | None) -> dict[str, Any]:
    """A recall, its difference from the baseline, and how strongly the cell is coloured: fully at 10 points."""
    change = None if value is None or baseline is None else value - baseline
    shade = 0 if change is None else max(-1.0, min(1.0, change / 0.1))
    return {
        "value": "–" if value is None else f"{100 * value:.1f}",
        "change": "" if change is None else points(change, 1),
        "shade": round(40 * abs(shade)),
        "up": shade > 0,
    }


def _legend(summary: Summary, names: Collection[str]) -> list[dict[str, str]]:
    return [
        {"title": title(summary, name), "colour": look["color"], "sign": figures.SIGNS[look["marker"]]}
        for name, look in figures.looks(summary).items()
        if name in names
    ]


def _manifest(summary: Summary) -> list[tuple[str, str]]:
    """Machine, settings and data as pairs of name and text."""
    manifest = summary["manifest"]
    about = {name: value for name, value in manifest.items() if name not in ("data", "command") and value}
    settings = {f"settings: {name}": value for name, value in summary["settings"].items() if value not in (None, False)}
    data = {f"data: {split}, SHA-256": about.get("sha256", []) for split, about in manifest["data"].items()}
    return [(name, _as_text(value)) for name, value in {**about, **settings, **data}.items()]


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _uri(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()
