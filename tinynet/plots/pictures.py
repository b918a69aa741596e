"""Draw confusion matrices, predictions, first-layer weights and examples of each class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array, ignoring, to_numpy
from tinynet.errors import ShapeError, mismatch
from tinynet.metrics import check_classes, check_matrix, recall
from tinynet.plots.style import COLOURS, FILE, GRID, INK, WIDTH, WRONG, Path, colour_bar, finish, new_figure, plain


@ignoring("all")
def confusion_matrix(matrix: Array, class_names: Sequence[str], path: Path, title: str = "", note: str = "") -> None:
    """Draw a confusion matrix: true classes as rows, predicted classes as columns, recall at the right.

    matrix (classes, classes) integers, from `metrics.confusion_matrix`. Readable with 2 to 30 classes. A cell's colour
    is its fraction of the row.
    """
    matrix = check_matrix("confusion_matrix", matrix)
    classes, names = len(matrix), [plain(name) for name in class_names]
    if len(names) != classes:
        raise ShapeError(mismatch("confusion_matrix", f"{classes} class names", len(names), "give one for each row"))
    side = min(max(0.52 * classes, 2.2), 9.0)  # inches
    longest = max(len(name) for name in names)
    figure = new_figure(path, side + 1.9 + 0.08 * longest, side + 0.8 + 0.05 * longest, title, note)
    axes = figure.subplots()
    fractions = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    roots = np.sqrt(fractions)  # make rare mistakes visible
    image = axes.imshow(roots, cmap="Blues", vmin=0, vmax=1, origin="upper")
    finish(axes, "predicted class", "true class")
    size = min(10.0, 72 * side / classes / (0.7 * max(len(str(matrix.max())), 3)))  # points: a count fits its cell
    words = {"fontsize": max(size, 6.5), "color": INK}
    axes.set_xticks(range(classes), names, rotation=45, ha="right", rotation_mode="anchor", **words)
    axes.set_yticks(range(classes), names, **words)
    axes.tick_params(length=0)
    rgb = image.to_rgba(roots)[..., :3]  # (classes, classes, 3)
    luminance = rgb**2.2 @ (0.2126, 0.7152, 0.0722)
    for row, column in np.ndindex(matrix.shape):
        colour = "white" if luminance[row, column] < 0.18 else "black" if matrix[row, column] else "#AAAAAA"
        middle = {"ha": "center", "va": "center", "clip_on": True}  # clipped text costs the layout no time
        axes.text(column, row, matrix[row, column], color=colour, fontsize=size, **middle)
    axes.text(classes - 0.3, -0.6, "recall", va="bottom", weight="bold", **words)
    for row, value in enumerate(recall(matrix)):
        axes.text(classes - 0.3, row, "–" if math.isnan(value) else f"{100 * value:.1f}%", va="center", **words)
    ticks = {"ticks": np.sqrt([0, 0.01, 0.05, 0.2, 0.5, 1]), "format": lambda root, _: f"{100 * root**2:.0f}%"}
    colour_bar(figure, image, axes, "fraction of the true class", **ticks)
    figure.savefig(path, **FILE)


@ignoring("all")
def predictions(
    images: Array, labels: Array, probabilities: Array, class_names: Sequence[str], path: Path,
    title: str = "", note: str = "", columns: int = 8,
) -> None:  # fmt: skip
    """Draw a grid of pictures with predicted class and probability. Wrong ones have a frame and the true class below.

    images (n, H, W) or (n, H, W, C), labels (n,), probabilities (n, classes), as `model.predict` returns them.
    `choose_predictions` chooses the examples.
    """
    images, probabilities, classes = to_numpy(images), to_numpy(probabilities), len(class_names)
    labels, count = check_classes("predictions", "labels", labels, classes), len(images)
    if images.ndim not in (3, 4) or len(labels) != count or probabilities.shape != (count, classes):
        expected = f"n images (n, H, W) or (n, H, W, C), n labels and probabilities (n, {classes})"
        received = f"shapes {images.shape}, {labels.shape} and {probabilities.shape}"
        raise ShapeError(mismatch("predictions", expected, received, "choose the same examples of each"))
    cell = WIDTH / columns  # inches
    letters = min(int(72 * cell / 3.5) - 7, 22)  # of a class name at 6 points, beside " 100%" and a mark
    names = [plain(name if len(name) <= letters else f"{name[: letters - 1]}…") for name in class_names]
    size = min(9.0, 72 * cell / (0.58 * max(len(name) + 7 for name in names)))  # points
    predicted, percent = probabilities.argmax(axis=1), 100 * probabilities.max(axis=1)
    captions = [f"{names[p]} {'>99' if value >= 99.5 else f'{value:.0f}'}%" for p, value in zip(predicted, percent)]
    rows, columns, tall = math.ceil(count / columns), min(columns, count), images.shape[1] / images.shape[2]
    figure = new_figure(path, max(cell * columns, 3.0), rows * (cell * tall + 0.3), title, note)
    for number in range(count):
        axes = figure.add_subplot(rows, columns, number + 1)
        right = predicted[number] == labels[number]
        _draw_picture(axes, images[number], "gray", 0, 255 if images.dtype == np.uint8 else None)
        axes.spines[:].set(color=GRID if right else WRONG, linewidth=0.8 if right else 2.5)
        words = f"✓ {captions[number]}\n" if right else f"✗ {captions[number]}\ntrue: {names[labels[number]]}"
        label = axes.set_xlabel(words, color=COLOURS[0] if right else WRONG, fontsize=size, labelpad=3)
        label.set_fontfamily([*label.get_fontfamily(), "DejaVu Sans"])  # if the user's font has no check mark
    figure.savefig(path, **FILE)


@ignoring("all")
def first_layer_weights(
    weight: Array, image_shape: tuple[int, ...], path: Path, count: int = 40, note: str = ""
) -> None:
    """Draw the columns of the first layer's `weight` (inputs, outputs) as pictures, largest norms first.

    image_shape (H, W) or (H, W, C), with `inputs` numbers in all; channels are averaged. All share one symmetric scale.
    """
    weight, (H, W, *channels) = to_numpy(weight), image_shape
    if weight.ndim != 2 or len(weight) != math.prod(image_shape) or count < 1:
        expected = f"weight of shape ({math.prod(image_shape)}, outputs) and a count from 1"
        received = f"{weight.shape} and {count}"
        raise ShapeError(mismatch("first_layer_weights", expected, received, "give the first Dense layer's weight"))
    largest = np.argsort(-np.linalg.norm(weight, axis=0), kind="stable")[:count]
    pictures = weight.T[largest].reshape(-1, H, W, math.prod(channels)).mean(axis=3)  # (count, H, W)
    limit = float(np.quantile(np.abs(pictures), 0.995)) or 1.0  # the maximum may be an outlier
    rows, columns = math.ceil(len(pictures) / 10), min(10, len(pictures))
    cell = min(6.8 / columns, 1.2)  # inches
    title = f"First-layer weights: {len(pictures)} of {weight.shape[1]} units, largest norm first"
    figure = new_figure(path, max(cell * columns + 1.2, 4.0), max(rows * cell * H / W, 1.0), title, note)
    for number, picture in enumerate(pictures):
        image = _draw_picture(figure.add_subplot(rows, columns, number + 1), picture, "RdBu_r", -limit, limit)
    colour_bar(figure, image, figure.axes, "weight", extend="both")
    figure.savefig(path, **FILE)


def choose_predictions(labels: Array, probabilities: Array, count: int, mistakes: int) -> np.ndarray:
    """Choose `count` examples to show: the `mistakes` most confident mistakes, then the first of the others.

    labels (N,), probabilities (N, classes). Returns indices. With fewer mistakes, more of the others follow.
    """
    labels, probabilities = to_numpy(labels), to_numpy(probabilities)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    wrong = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:mistakes]
    others = np.setdiff1d(np.arange(len(labels)), wrong)
    return np.concatenate([wrong, others])[:count]


@ignoring("all")
def class_pictures(dataset: Any, path: Path, count: int = 10, note: str = "") -> None:
    """Draw the first `count` pictures of each class of a `tn.data.Dataset`, one class per row."""
    labels, names = to_numpy(dataset.labels), [plain(name) for name in dataset.class_names]
    rows = len(names)
    figure = new_figure(
        path, WIDTH, rows * (WIDTH - 1.3) / count, dataset.name, note or ("synthetic" * dataset.is_synthetic)
    )
    panels = figure.subplots(rows, count, squeeze=False)
    for label, name in enumerate(names):
        shown = to_numpy(dataset.pictures(np.flatnonzero(labels == label)[:count]))
        for axes, picture in zip(panels[label], shown):
            _draw_picture(axes, picture, "gray", 0, 255 if picture.dtype == np.uint8 else None)
        for axes in panels[label, len(shown) :]:
            axes.set_axis_off()
        panels[label, 0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9, color=INK)
    figure.savefig(path, **FILE)


def _draw_picture(axes: Any, pixels: np.ndarray, colours: str, low: float | None, high: float | None) -> Any:
    image = axes.imshow(pixels, cmap=colours, vmin=low, vmax=high, interpolation="nearest", origin="upper")
    axes.grid(False)
    axes.set(xticks=[], yticks=[], anchor="N")  # leave the remaining room to the caption
    axes.spines[:].set(visible=True, color=GRID, linewidth=0.8)
    return image
