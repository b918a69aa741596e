"""Pictures of a run, written to a file: PNG, SVG or PDF, by the ending of `path`. Needs matplotlib.

Nothing here is global: no pyplot, no window, no setting of matplotlib touched, so it works without a screen and in
threads. Colours and sizes are therefore given to each artist, not to `rcParams`. A `note` ("synthetic data") stands
at the top of its picture. An arm has the colour and marker of its place in the order given.
"""

from __future__ import annotations

import itertools
import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinynet.arrays import Array, to_numpy
from tinynet.errors import DataError, ShapeError, mismatch
from tinynet.metrics import check_classes, check_matrix, recall

Path = str | os.PathLike[str]
History = Any  # tinynet.History: it can draw itself, so it knows this file, and this file need not know it

WIDTH = 8.0  # inches: 1200 pixels, sharp where a README shows 800 of them
FILE: dict[str, Any] = {"dpi": 150, "facecolor": "white", "transparent": False}  # whatever the user's own settings say
INK, MUTED, GRID = "#222222", "#666666", "#DDDDDD"
# Okabe and Ito's palette, "Color universal design", 2008: told apart by the colour-blind. Its yellow is lost on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P")  # one fewer than colours, so that 42 arms go by before a pair comes again
LOOKS = [{"color": colour, "marker": marker} for colour, marker in zip(COLOURS * 6, MARKERS * 7)]
WRONG = "#B84A00"
OPEN = {"markerfacecolor": "white"}  # whatever belongs to the training set
KINDS: dict[str, tuple[str, dict[str, Any]]] = {  # of a History's columns: words and look in the key
    "validation": ("validation set, after each epoch", {"linestyle": "-", "zorder": 3}),
    "train": ("training set, after each epoch", {"linestyle": "--", **OPEN}),
    "running": ("training batches, averaged over each epoch", {"linestyle": ":", **OPEN}),
}
MEASURES = {"loss": (1, "loss (mean per example)"), "accuracy": (100, "accuracy (%)")}  # factor, axis label
SPLITS = {"test": -0.16, "train": 0.16}  # above and below the middle of the arm's row


def learning_curves(
    histories: Mapping[str, History | Sequence[History]], path: Path, note: str = "", held_out: str = "validation set"
) -> None:
    """Loss and accuracy over the epochs, a colour for each arm: {"relu": history, "sigmoid": [one, for, each, seed]}.

    The validation set is solid, and called `held_out` in the key. Training is dashed where it was measured after the
    epoch, dotted where it is the running average. Of several seeds: their mean, in a band from the lowest to the
    highest, as far as all of them went.
    """
    arms = {arm: list(given) if isinstance(given, (list, tuple)) else [given] for arm, given in histories.items()}
    looks = dict(zip(arms, itertools.cycle(LOOKS)))
    curves = [(measure, arm, kind) for measure in MEASURES for arm in arms for kind in _kinds(arms[arm], measure)]
    if not arms or set(arms) - {arm for _, arm, _ in curves}:
        raise DataError(mismatch("learning_curves", "arms with a History of an epoch or more", arms, "train first"))
    measures = list(dict.fromkeys(measure for measure, _, _ in curves))  # a regression has no accuracy
    names = {textwrap.fill(_plain(arm), 40): look for arm, look in looks.items() if arm}
    figure = _figure(path, WIDTH, 3.1 + 0.19 * max(2, len("\n".join(names).splitlines())), note=note)
    panels = dict(zip(measures, figure.subplots(1, len(measures), squeeze=False)[0]))
    for measure, arm, kind in curves:
        _draw_curve(panels[measure], arms[arm], kind, measure, looks[arm])
    for measure, axes in panels.items():
        _finish(axes, "epoch", MEASURES[measure][1], grid="both")
        axes.locator_params(axis="x", integer=True, nbins=10, min_n_ticks=1)
    shown = {kind for _, _, kind in curves}
    words_of = {kind: words.replace("validation set", held_out) for kind, (words, _) in KINDS.items()}
    meanings = {words_of[kind]: {"marker": "o", **look} for kind, (_, look) in KINDS.items() if kind in shown}
    seeds = sorted({len(seeds) for seeds in arms.values()})
    if seeds[-1] > 1:
        meanings[f"mean and range of {' or '.join(map(str, seeds))} seeds"] = {"color": GRID, "linewidth": 8}
    _key(figure, meanings, names)
    figure.savefig(path, **FILE)


def comparison(table: Sequence[Mapping[str, Any]], path: Path, note: str = "") -> None:
    """Accuracy and loss of each arm, on the test set (filled) and the training set (open), with their numbers.

    A row: {"arm", "seeds", "test_accuracy", "train_accuracy", "test_loss", "train_loss"}, and for any of these four
    a "..._deviation", drawn as a bar of one standard deviation where seeds > 1. What is missing or NaN is left out.
    """
    rows = [{name: value for name, value in row.items() if value is not None and value == value} for row in table]
    measures = [m for m in ("accuracy", "loss") if any(f"{split}_{m}" in row for row in rows for split in SPLITS)]
    if not measures or not all("arm" in row for row in rows):
        expected = "rows with 'arm' and 'test_accuracy' or 'test_loss'"
        raise DataError(mismatch("comparison", expected, [dict(row) for row in table], "measure each arm first"))
    figure = _figure(path, WIDTH, 1.3 + 0.5 * len(rows), note=note)
    for axes, measure in zip(panels := figure.subplots(1, len(measures), squeeze=False)[0], measures):
        for place, (row, look) in enumerate(zip(rows, itertools.cycle(LOOKS))):
            _draw_dots(axes, row, measure, place, look)
        _finish(axes, f"{MEASURES[measure][1]}\naxis does not start at 0", "", grid="x")
        arms = [textwrap.fill(_plain(row["arm"]), 24) if axes is panels[0] else "" for row in rows]
        axes.set_yticks(range(len(rows)), arms)
        axes.set(ylim=(len(rows) - 0.5, -0.5), xmargin=0.15)
        axes.tick_params(axis="y", length=0, labelsize=10)
    dots = {"marker": "o", "linestyle": ""}
    meanings = {"test set": dots, "training set": {**dots, **OPEN}}
    seeds = sorted({row.get("seeds", 1) for row in rows})
    if seeds[-1] > 1:
        meanings[f"mean ± one standard deviation, {' or '.join(map(str, seeds))} seeds"] = {"marker": "|"}
    _key(figure, meanings, {})
    figure.savefig(path, **FILE)


def rate_range(rates: Sequence[float], losses: Sequence[float], steepest: float, path: Path, note: str = "") -> None:
    """The loss while the learning rate rises, and a line at the rate where it falls fastest."""
    figure = _figure(path, WIDTH, 3.4, note=note)
    axes = figure.subplots()
    axes.semilogx(rates, losses, color=COLOURS[0], linewidth=1.6)
    axes.axvline(steepest, color=COLOURS[1], linewidth=1.2, linestyle="--")
    axes.set_ylim(0.95 * min(losses), min(max(losses), 1.3 * losses[0]))
    _finish(axes, "learning rate", "loss (smoothed)", grid="both")
    look = {"color": COLOURS[1], "linestyle": "--"}
    _key(figure, {f"falls fastest at {steepest:.3g}": look}, {})
    figure.savefig(path, **FILE)


def confusion_matrix(matrix: Array, class_names: Sequence[str], path: Path, title: str = "", note: str = "") -> None:
    """Counts, true class by row and predicted class by column, coloured by their share of the row; recall at the right.

    matrix (classes, classes) integers, from `metrics.confusion_matrix`. 2 to 30 classes stay readable.
    """
    matrix = check_matrix("confusion_matrix", matrix)
    classes, names = len(matrix), [_plain(name) for name in class_names]
    if len(names) != classes:
        raise ShapeError(mismatch("confusion_matrix", f"{classes} class names", len(names), "give one for each row"))
    side = min(max(0.52 * classes, 2.2), 9.0)  # inches
    longest = max(len(name) for name in names)
    figure = _figure(path, side + 1.9 + 0.08 * longest, side + 0.8 + 0.05 * longest, title, note)
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1, origin="upper")  # the root shows rare mistakes
    _finish(axes, "predicted class", "true class")
    size = min(10.0, 72 * side / classes / (0.7 * max(len(str(matrix.max())), 3)))  # points, so that a count fits
    words = {"fontsize": max(size, 6.5), "color": INK}
    axes.set_xticks(range(classes), names, rotation=45, ha="right", rotation_mode="anchor", **words)
    axes.set_yticks(range(classes), names, **words)
    axes.tick_params(length=0)
    bright = image.to_rgba(np.sqrt(shares))[..., :3] ** 2.2 @ (0.2126, 0.7152, 0.0722)  # (classes, classes) luminance
    for row, column in np.ndindex(matrix.shape):
        colour = "white" if bright[row, column] < 0.18 else "black" if matrix[row, column] else "#AAAAAA"
        middle = {"ha": "center", "va": "center", "clip_on": True}  # clipped: the layout need not measure them all
        axes.text(column, row, matrix[row, column], color=colour, fontsize=size, **middle)
    axes.text(classes - 0.3, -0.6, "recall", va="bottom", weight="bold", **words)
    for row, value in enumerate(recall(matrix)):
        axes.text(classes - 0.3, row, "–" if math.isnan(value) else f"{100 * value:.1f}%", va="center", **words)
    ticks = {"ticks": np.sqrt([0, 0.01, 0.05, 0.2, 0.5, 1]), "format": lambda root, _: f"{100 * root**2:.0f}%"}
    _colour_bar(figure, image, axes, "share of the true class", **ticks)
    figure.savefig(path, **FILE)


def predictions(
    images: Array, labels: Array, probabilities: Array, class_names: Sequence[str], path: Path,
    title: str = "", note: str = "", columns: int = 8,
) -> None:  # fmt: skip
    """A grid of pictures with predicted class and probability; a wrong one has a frame, and the true class below it.

    images (n, H, W) or (n, H, W, C), labels (n,), probabilities (n, classes), as `model.predict` returns them.
    `choose_predictions` says which examples to show.
    """
    images, probabilities, classes = to_numpy(images), to_numpy(probabilities), len(class_names)
    labels, count = check_classes("predictions", "labels", labels, classes), len(images)
    if images.ndim not in (3, 4) or len(labels) != count or probabilities.shape != (count, classes):
        expected = f"n images (n, H, W) or (n, H, W, C), n labels and probabilities (n, {classes})"
        received = f"shapes {images.shape}, {labels.shape} and {probabilities.shape}"
        raise ShapeError(mismatch("predictions", expected, received, "choose the same examples of each"))
    cell = WIDTH / columns  # inches
    letters = min(int(72 * cell / 3.5) - 7, 22)  # of a name, at 6 points, beside " 100%" and a mark
    names = [_plain(name if len(name) <= letters else f"{name[: letters - 1]}…") for name in class_names]
    size = min(9.0, 72 * cell / (0.58 * max(len(name) + 7 for name in names)))  # points
    predicted, percent = probabilities.argmax(axis=1), 100 * probabilities.max(axis=1)
    captions = [f"{names[p]} {'>99' if share >= 99.5 else f'{share:.0f}'}%" for p, share in zip(predicted, percent)]
    rows, columns, tall = math.ceil(count / columns), min(columns, count), images.shape[1] / images.shape[2]
    figure = _figure(path, max(cell * columns, 3.0), rows * (cell * tall + 0.3), title, note)
    for number in range(count):
        axes = figure.add_subplot(rows, columns, number + 1)
        right = predicted[number] == labels[number]
        _draw_picture(axes, images[number], "gray", 0, 255 if images.dtype == np.uint8 else None)
        axes.spines[:].set(color=GRID if right else WRONG, linewidth=0.8 if right else 2.5)
        words = f"✓ {captions[number]}\n" if right else f"✗ {captions[number]}\ntrue: {names[labels[number]]}"
        label = axes.set_xlabel(words, color=COLOURS[0] if right else WRONG, fontsize=size, labelpad=3)
        label.set_fontfamily([*label.get_fontfamily(), "DejaVu Sans"])  # where the user's font has no check mark
    figure.savefig(path, **FILE)


def first_layer_weights(
    weight: Array, image_shape: tuple[int, ...], path: Path, count: int = 40, note: str = ""
) -> None:
    """What the first units look for: columns of `weight` (inputs, outputs) as pictures, the largest norms first.

    image_shape (H, W) or (H, W, C), of `inputs` numbers in all; channels are averaged. One symmetric scale for all.
    """
    weight, (H, W, *channels) = to_numpy(weight), image_shape
    if weight.ndim != 2 or len(weight) != math.prod(image_shape) or count < 1:
        expected = f"weight of shape ({math.prod(image_shape)}, outputs) and a count from 1"
        received = f"{weight.shape} and {count}"
        raise ShapeError(mismatch("first_layer_weights", expected, received, "give the first Dense layer's weight"))
    largest = np.argsort(-np.linalg.norm(weight, axis=0), kind="stable")[:count]
    pictures = weight.T[largest].reshape(-1, H, W, math.prod(channels)).mean(axis=3)  # (count, H, W)
    limit = float(np.quantile(np.abs(pictures), 0.995)) or 1.0  # one outlier would make all the others pale
    rows, columns = math.ceil(len(pictures) / 10), min(10, len(pictures))
    cell = min(6.8 / columns, 1.2)  # inches
    title = f"First-layer weights: {len(pictures)} of {weight.shape[1]} units, largest norm first"
    figure = _figure(path, max(cell * columns + 1.2, 4.0), max(rows * cell * H / W, 1.0), title, note)
    for number, picture in enumerate(pictures):
        image = _draw_picture(figure.add_subplot(rows, columns, number + 1), picture, "RdBu_r", -limit, limit)
    _colour_bar(figure, image, figure.axes, "weight", extend="both")
    figure.savefig(path, **FILE)


def choose_predictions(labels: Array, probabilities: Array, count: int, mistakes: int) -> np.ndarray:
    """`count` indices of examples to show: the `mistakes` most confident mistakes, then the first of the others.

    labels (N,), probabilities (N, classes). A pure function; where there are fewer mistakes, more of the others follow.
    """
    labels, probabilities = to_numpy(labels), to_numpy(probabilities)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    wrong = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:mistakes]
    others = np.setdiff1d(np.arange(len(labels)), wrong)
    return np.concatenate([wrong, others])[:count]


def class_pictures(dataset: Any, path: Path, count: int = 10, note: str = "") -> None:
    """The first `count` pictures of each class of a `tn.data.Dataset`, a row a class."""
    labels, names = to_numpy(dataset.labels), [_plain(name) for name in dataset.class_names]
    rows = len(names)
    figure = _figure(
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


def _figure(path: Path, width: float, height: float, title: str = "", note: str = "") -> Any:
    """A white figure of `height` inches under a heading; the path is looked at before any work is done."""
    name = os.fspath(path)
    if not name.lower().endswith((".png", ".svg", ".pdf")) or not os.path.isdir(os.path.dirname(name) or "."):
        expected = "a path ending in .png, .svg or .pdf, in a folder that exists"
        raise DataError(mismatch("plots", expected, repr(name), "create the folder, or change the name"))
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("tinynet.plots needs matplotlib; install it with: pip install 'tinynet[examples]'") from error
    heading = [(line, 12, "bold", INK) for line in textwrap.wrap(_plain(title), int(9 * width))]
    heading += [(line, 10, "normal", WRONG) for line in textwrap.wrap(_plain(note), int(11 * width))]
    total = height + 0.22 * len(heading) + (0.1 if heading else 0)
    figure: Any = Figure((width, total), dpi=FILE["dpi"], layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0, 1, height / total), w_pad=0.06, h_pad=0.06)
    for number, (line, size, weight, colour) in enumerate(heading):
        x, y = 0.08 / width, 1 - (0.08 + 0.22 * number) / total
        figure.text(x, y, line, fontsize=size, weight=weight, color=colour, va="top")
    return figure


def _plain(words: object) -> str:
    return str(words).replace("$", r"\$")  # or it would open a formula


def _finish(axes: Any, xlabel: str, ylabel: str, grid: str = "") -> None:
    """Labels, and everything a user's style sheet could have made unreadable on white."""
    axes.set(facecolor="white", axisbelow=True, anchor="N")
    axes.grid(False)
    if grid:
        axes.grid(True, axis=grid, color=GRID, linewidth=0.6, linestyle="-")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(visible=bool(grid), color=MUTED, linewidth=0.8)
    axes.tick_params(color=MUTED, labelcolor=INK, labelsize=9)
    axes.set_xlabel(xlabel, color=INK, fontsize=10)
    axes.set_ylabel(ylabel, color=INK, fontsize=10)


def _key(figure: Any, meanings: Mapping[str, Mapping[str, Any]], arms: Mapping[str, Mapping[str, Any]]) -> None:
    """One key below the panels: what styles mean, and in a second column the arms."""
    from matplotlib.lines import Line2D

    rows = max(len(meanings), len(arms)) if arms else 1
    looks = [{"label": words, "color": MUTED, **look} for words, look in meanings.items()]
    looks += [{"label": " ", "linestyle": ""}] * (-len(looks) % rows)  # matplotlib fills column by column
    looks += [{"label": arm, **look} for arm, look in arms.items()]
    style = {"linewidth": 1.6, "markersize": 6, "solid_capstyle": "butt"}
    handles, columns = [Line2D([], [], **{**style, **look}) for look in looks], math.ceil(len(looks) / rows)
    settings = {"frameon": False, "fontsize": 9, "labelcolor": INK, "columnspacing": 3.0, "handlelength": 2.6}
    figure.legend(handles=handles, ncols=columns, loc="outside lower left", **settings)


def _colour_bar(figure: Any, image: Any, axes: Any, words: str, **settings: Any) -> None:
    bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=22, **settings)
    bar.set_label(words, color=INK, fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.tick_params(color=MUTED, labelcolor=INK, labelsize=8)


def _draw_picture(axes: Any, pixels: np.ndarray, colours: str, low: float | None, high: float | None) -> Any:
    image = axes.imshow(pixels, cmap=colours, vmin=low, vmax=high, interpolation="nearest", origin="upper")
    axes.grid(False)
    axes.set(xticks=[], yticks=[], anchor="N")  # room left over goes to the caption
    axes.spines[:].set(visible=True, color=GRID, linewidth=0.8)
    return image


def _kinds(seeds: Sequence[History], measure: str) -> list[str]:
    """What to draw of an arm: the re-measured training set is preferred to the running average."""
    found = [k for k in KINDS if seeds and all(h.rows and f"{k}_{measure}" in h.rows[0] for h in seeds)]
    return found[:-1] if {"train", "running"} <= set(found) else found


def _draw_curve(axes: Any, seeds: Sequence[History], kind: str, measure: str, look: Mapping[str, Any]) -> None:
    length = min(len(history) for history in seeds)
    epochs, colour = seeds[0]["epoch"][:length], look["color"]
    values = np.array([history[f"{kind}_{measure}"][:length] for history in seeds]) * MEASURES[measure][0]  # (seeds, E)
    if len(seeds) > 1:
        axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
    look = {**look, **KINDS[kind][1], "markersize": 4.5, "markevery": max(1, length // 10)}
    axes.plot(epochs, values.mean(axis=0), linewidth=1.6, **look)


def _draw_dots(axes: Any, row: Mapping[str, Any], measure: str, place: int, look: Mapping[str, str]) -> None:
    factor, digits = MEASURES[measure][0], 1 if measure == "accuracy" else 3
    for split, shift in SPLITS.items():
        if (name := f"{split}_{measure}") not in row:
            continue
        bar = factor * row.get(f"{name}_deviation", 0.0) if row.get("seeds", 1) > 1 else 0.0
        value, y, face = factor * row[name], place + shift, look["color"] if split == "test" else "white"
        words = f"{value:.{digits}f}" + (f" ± {bar:.{digits}f}" if bar else "")
        axes.errorbar(value, y, xerr=bar or None, linestyle="", markerfacecolor=face, capsize=3, elinewidth=1.4, **look)
        axes.annotate(words, (value + bar, y), (7, 0), textcoords="offset points", va="center", color=INK, fontsize=8.5)
