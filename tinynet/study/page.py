"""report.html: one page that needs nothing else, filled into template.html."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import tinynet as tn
from tinynet.study import pictures, words

Study = Mapping[str, Any]
Run = Mapping[str, Any]


def html(study: Study, runs: Sequence[Run], test: tn.data.Dataset, drawn: Mapping[str, bytes]) -> str:
    """The whole report as one page that needs nothing else."""
    import jinja2

    folder = Path(__file__).parent
    ended = [run for run in runs if "predictions" in run]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("template.html").render(
        study=study,
        words=words,
        legend=_legend(study, study["grids"]),
        tables=[_part(study, part) for part in words.TITLES if part in study],
        sections=_sections(study),
        grid=_grid(study),
        units=_units(study, runs, test) if ended else [],
        recall=_recall(study) if ended else None,
        pictures={name: _uri(content) for name, content in drawn.items()},
        manifest=_manifest(study),
    )


def _part(study: Study, part: str) -> dict[str, Any]:
    named = any(row["seeds"] for row in study[part]["rows"])
    return {
        "name": part,
        "title": words.TITLES[part],
        "setting": words.setting(study, part) + ".",
        "picture": pictures.svg(
            pictures.dots(study, part),
            f"{words.TITLES[part]}: test accuracy of each arm",
            1.1 + 0.36 * len(study[part]["rows"]),
        )
        if named
        else "",
        "rows": words.rows_of(study[part]),
        "comparisons": words.comparisons_of(study, part),
        "sentences": words.sentences(study, part),
    }


def _sections(study: Study) -> list[dict[str, Any]]:
    """Groups of panels, each with its sentences."""
    sections = []
    if study.get("given", {}).get("curves"):
        curves = [
            _panel(
                pictures.over_epochs(study, "given", "test_accuracy", "test accuracy (%)", factor=100), "Test accuracy"
            ),
            _panel(pictures.over_epochs(study, "given", "test_loss", "test loss"), "Test loss"),
        ]
        note = ["At the shared rate, after each epoch, in inference mode; mean over the seeds."]
        arms = _legend(study, study["given"]["curves"])
        sections.append({"title": "How they learn", "legend": arms, "panels": curves, "sentences": note})
        sections.append(
            {
                "title": "Why sigmoid is slow",
                "legend": [],
                "panels": _why(study),
                "sentences": words.slope_sentences(study),
            }
        )
    for part in ("given", "long"):
        if study.get(part, {}).get("curves"):
            epochs = study["settings"]["long_epochs" if part == "long" else "epochs"]
            panels = [
                _panel(
                    pictures.over_epochs(study, part, "gap", "training less test, points", factor=100),
                    f"Gap, {epochs} epochs",
                )
            ]
            if part == "long":
                panels.insert(
                    0,
                    _panel(
                        pictures.over_epochs(study, part, "test_accuracy", "test accuracy (%)", factor=100),
                        f"Test accuracy, {epochs} epochs",
                    ),
                )
            title = "What dropout does" + (", given time" if part == "long" else "")
            said, arms = words.gap_sentences(study, part), _legend(study, study[part]["curves"])
            sections.append({"title": title, "legend": arms, "panels": panels, "sentences": said})
    return sections


def _why(study: Study) -> list[dict[str, str]]:
    curves = study["given"]["curves"]
    panels = []
    for arm in ("sigmoid", "relu"):
        if arm in curves:
            name = study["arms"][arm]["title"]
            panels.append(
                _panel(
                    pictures.layers_over_epochs(study, arm, "gradient", "length of gradient", log=True),
                    f"{name}: gradient of each layer's weights",
                )
            )
            panels.append(
                _panel(
                    pictures.layers_over_epochs(study, arm, "slope", "mean dy/dx"),
                    f"{name}: what each activation passes on",
                )
            )
            state, said = ("saturated", "saturated outputs") if arm == "sigmoid" else ("dead", "dead units")
            panels.append(
                _panel(
                    pictures.layers_over_epochs(study, arm, state, f"{said} (%)", factor=100),
                    f"{name}: share of {said}",
                )
            )
    return panels


def _panel(draw: pictures.Draw, title: str) -> dict[str, str]:
    return {"title": title, "svg": pictures.svg(draw, title)}


def _grid(study: Study) -> dict[str, Any] | None:
    if not study["grids"]:
        return None
    header, rows = words.grid_rows(study)
    marked = [[(cell.strip("*"), cell.startswith("**")) for cell in row] for row in rows]
    picture = (
        pictures.svg(pictures.rates(study), "Validation accuracy over the learning rate, a line for each arm", 3.6)
        if study["chosen"]
        else ""
    )
    return {"header": header, "rows": marked, "picture": picture, "notes": words.edge_note(study)}


def _units(study: Study, runs: Sequence[Run], test: tn.data.Dataset) -> list[dict[str, str]]:
    """First-layer weights of seed 0 of each arm, from the tuned table where there is one."""
    part, _ = pictures.best_arm(study)
    shape = test.image_shape
    return [
        {"title": study["arms"][run["arm"]]["title"], "uri": _uri(pictures.first_layer(run, shape))}
        for run in runs
        if run["part"] == part and "first_layer" in run and len(shape) >= 2
    ]


def _recall(study: Study) -> dict[str, Any] | None:
    """Recall by class: the arm itself, and the difference to the arm it changes."""
    part, _ = pictures.best_arm(study)
    rows = []
    for name, values in study[part]["recall"].items():
        other = study[part]["recall"].get(study["arms"][name]["against"])
        cells = []
        for place, value in enumerate(values):
            change = None if value is None or other is None or other[place] is None else value - other[place]
            shade = 0 if change is None else max(-1.0, min(1.0, change / 0.1))
            said = "–" if value is None else f"{100 * value:.1f}"
            cells.append(
                {
                    "value": said,
                    "change": "" if change is None else words.points(change, 1),
                    "shade": round(100 * abs(shade) * 0.4),
                    "up": shade > 0,
                }
            )
        against = study["arms"].get(study["arms"][name]["against"], {}).get("title", "") if other else ""
        rows.append({"title": study["arms"][name]["title"], "against": against, "cells": cells})
    return {
        "classes": study["classes"],
        "rows": rows,
        "sentences": words.class_sentences(study, part),
        "title": words.TITLES[part],
    }


def _legend(study: Study, arms: Collection[str]) -> list[dict[str, str]]:
    return [
        {"title": study["arms"][name]["title"], "colour": look["color"], "sign": pictures.SIGNS[look["marker"]]}
        for name, look in pictures.looks(study).items()
        if name in arms
    ]


def _manifest(study: Study) -> list[tuple[str, str]]:
    flat = {name: value for name, value in study["manifest"].items() if name not in ("data", "command")}
    lines = [
        (name, ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value))
        for name, value in flat.items()
        if value not in (None, {})
    ]
    lines += [
        (f"settings: {name}", " ".join(map(str, value)) if isinstance(value, list) else str(value))
        for name, value in study["settings"].items()
        if value not in (None, False)
    ]
    return lines + [
        (f"data: {split}, SHA-256", " ".join(about.get("sha256", [])))
        for split, about in study["manifest"]["data"].items()
    ]


def _uri(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()
