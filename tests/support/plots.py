"""Histories, tables and arrays to draw, every kind of picture drawn from them, and readers of the files."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinynet import plots
from tinynet.data.dataset import Dataset, from_arrays
from tinynet.training.history import History

NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
LONG = "a very long name of a configuration that goes on and on and needs several lines"
Draw = Callable[[Path, str], None]
ALL = "running train validation"
RATES = {"relu": {0.001: 0.8, 0.01: 0.87, 0.1: None}, LONG: {0.001: 0.5, 0.01: 0.84, 0.1: 0.86}}


def history(epochs: int = 4, seed: int = 0, columns: str = ALL, accuracy: bool = True) -> History:
    """A history of falling losses and rising accuracies, with an offset for each kind and seed."""
    rows = []
    for epoch in range(1, epochs + 1):
        row: dict[str, float] = {"epoch": epoch}
        for position, kind in enumerate(columns.split()):
            row[f"{kind}_loss"] = 1 / epoch + 0.1 * position + 0.01 * seed
            if accuracy:
                row[f"{kind}_accuracy"] = 0.9 - 0.2 / epoch - 0.02 * position - 0.01 * seed
        rows.append(row)
    return History(rows)


def table(*names: str, seeds: int = 5) -> list[dict[str, Any]]:
    """A table for `comparison`. Each configuration is a little better than the previous one."""
    return [
        {"arm": name, "seeds": seeds, "test_accuracy": 0.85 + 0.01 * i, "test_accuracy_deviation": 0.004,
         "train_accuracy": 0.88 + 0.01 * i, "test_loss": 0.5 - 0.02 * i, "train_loss": 0.4 - 0.02 * i}
        for i, name in enumerate(names)
    ]  # fmt: skip


def counts(classes: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 30, (classes, classes)) + 900 * np.eye(classes, dtype=int)


def examples(count: int = 10, shape: tuple[int, ...] = (28, 28)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, labels 0, 1, 2, ..., and probabilities that are wrong for every third example."""
    labels = np.arange(count) % 10
    predicted = np.where(np.arange(count) % 3 == 2, (labels + 1) % 10, labels)
    probabilities = np.full((count, 10), 0.02) + 0.8 * np.eye(10)[predicted]
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
    return images, labels, probabilities


def pictures() -> Dataset:
    """A data set of pictures in three classes: four cats, two dogs and one owl."""
    images = np.random.default_rng(0).integers(0, 256, (7, 6, 5), dtype=np.uint8)
    return from_arrays(images, np.array([0, 1, 0, 2, 0, 0, 1]), ("cat", "dog", "owl"), name="animals", flatten=True)


def weight(inputs: int = 784, outputs: int = 4) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(inputs, outputs)).astype("float32")


DRAWINGS: dict[str, Draw] = {
    "curves": lambda path, note: plots.learning_curves({"sigmoid": history(), "relu": history(seed=1)}, path, note),
    "curves_of_seeds": lambda path, note: plots.learning_curves({"relu": [history(), history(seed=1)]}, path, note),
    "curves_one_epoch": lambda path, note: plots.learning_curves({"relu": history(1), LONG: history(1, 1)}, path, note),
    "curves_many": lambda path, note: plots.learning_curves(
        {f"{i} {LONG}": history(12, i, "running validation") for i in range(8)}, path, note
    ),
    "regression": lambda path, note: plots.learning_curves({"": history(accuracy=False)}, path, note),
    "comparison": lambda path, note: plots.comparison(table("sigmoid", "relu", "relu-dropout"), path, note),
    "comparison_one": lambda path, note: plots.comparison(table("relu", seeds=1), path, note),
    "comparison_long": lambda path, note: plots.comparison(table(LONG, "_hidden", "$x$"), path, note),
    "rate_range": lambda path, note: plots.rate_range([0.001, 0.01, 0.1, 1], [2.3, 1.9, 0.8, 4.5], 0.05, path, note),
    "accuracy_over_rate": lambda path, note: plots.accuracy_over_rate(RATES, path, note),
    "confusion": lambda path, note: plots.confusion_matrix(counts(10), NAMES, path, "On the test set", note),
    "confusion_2": lambda path, note: plots.confusion_matrix(counts(2), ["cat", "dog"], path, note=note),
    "confusion_20": lambda path, note: plots.confusion_matrix(counts(20), NAMES * 2, path, note=note),
    "predictions": lambda path, note: plots.predictions(*examples(9), NAMES, path, "Nine pictures", note),
    "predictions_colour": lambda path, note: plots.predictions(
        *examples(3, (8, 6, 3)), [f"{name} {LONG}" for name in NAMES], path, note=note, columns=4
    ),
    "class_pictures": lambda path, note: plots.class_pictures(pictures(), path, 3, note),
    "weights": lambda path, note: plots.first_layer_weights(weight(), (28, 28), path, note=note),
    "weights_colour": lambda path, note: plots.first_layer_weights(weight(48, 3), (4, 4, 3), path, note=note),
}  # fmt: skip  # fmt: skip


def text_of(drawing: str, folder: Path, note: str = "") -> str:
    """The SVG, in which matplotlib notes each line of text in a comment."""
    DRAWINGS[drawing](folder / "picture.svg", note)
    return read(folder / "picture.svg")


def read(path: Path) -> str:
    return html.unescape(path.read_text("utf-8"))


def contrast(one: Any, other: Any) -> float:
    """The contrast ratio of two sRGB colours: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio"""
    shades = []
    for colour in (one, other):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        shades.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(shades) + 0.05) / (min(shades) + 0.05)
