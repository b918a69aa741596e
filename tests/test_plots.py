"""Plots: the contents of the pictures, read from the SVG files and from the saved figures."""

from __future__ import annotations

import html
import struct
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinynet import plots
from tinynet.errors import DataError, ShapeError
from tinynet.training.history import History

matplotlib = pytest.importorskip("matplotlib")

NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
LONG = "a very long name of a configuration that goes on and on and needs several lines"
Draw = Callable[[Path, str], None]


@pytest.fixture(autouse=True)
def _global_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that imports pyplot or changes a setting of matplotlib."""
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    before = matplotlib.rcParams.copy()  # of a copy: reading the backend of the original imports pyplot
    yield
    assert matplotlib.rcParams.copy() == before


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures saved in this test."""
    from matplotlib.figure import Figure

    figures: list[Any] = []
    save = Figure.savefig

    def keep(figure: Any, *args: Any, **settings: Any) -> None:
        figures.append(figure)
        save(figure, *args, **settings)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


ALL = "running train validation"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[Any, None]:
    """The texts drawn in this test, in order, without ticks that are out of view."""
    from matplotlib.text import Text

    texts: dict[Any, None] = {}
    draw = Text.draw

    def keep(text: Any, renderer: Any) -> None:
        if text.get_visible() and text.get_text().strip():
            texts[text] = None
        draw(text, renderer)

    monkeypatch.setattr(Text, "draw", keep)
    return texts


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


def table(*arms: str, seeds: int = 5) -> list[dict[str, Any]]:
    """A table for `comparison`. Each configuration is a little better than the previous one."""
    return [
        {"arm": arm, "seeds": seeds, "test_accuracy": 0.85 + 0.01 * i, "test_accuracy_deviation": 0.004,
         "train_accuracy": 0.88 + 0.01 * i, "test_loss": 0.5 - 0.02 * i, "train_loss": 0.4 - 0.02 * i}
        for i, arm in enumerate(arms)
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
    "confusion": lambda path, note: plots.confusion_matrix(counts(10), NAMES, path, "On the test set", note),
    "confusion_2": lambda path, note: plots.confusion_matrix(counts(2), ["cat", "dog"], path, note=note),
    "confusion_20": lambda path, note: plots.confusion_matrix(counts(20), NAMES * 2, path, note=note),
    "predictions": lambda path, note: plots.predictions(*examples(9), NAMES, path, "Nine pictures", note),
    "predictions_colour": lambda path, note: plots.predictions(
        *examples(3, (8, 6, 3)), [f"{name} {LONG}" for name in NAMES], path, note=note, columns=4
    ),
    "weights": lambda path, note: plots.first_layer_weights(weight(), (28, 28), path, note=note),
    "weights_colour": lambda path, note: plots.first_layer_weights(weight(48, 3), (4, 4, 3), path, note=note),
}  # fmt: skip


def text_of(drawing: str, folder: Path, note: str = "") -> str:
    """The SVG, in which matplotlib notes each line of text in a comment."""
    DRAWINGS[drawing](folder / "picture.svg", note)
    return read(folder / "picture.svg")


def read(path: Path) -> str:
    return html.unescape(path.read_text("utf-8"))


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the header of a PNG file."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_pictures_fit_a_page_carry_their_note_and_no_text_overlaps(
    drawing: str, tmp_path: Path, drawn: dict[Any, None]
) -> None:
    DRAWINGS[drawing](path := tmp_path / "picture.png", "synthetic data")
    width, height = size_of(path)
    assert 400 <= width <= 2000
    assert 150 <= height <= 2000
    assert "synthetic data" in [text.get_text() for text in drawn]
    boxes = np.array([text.get_window_extent().extents for text in drawn])  # (texts, 4): x0, y0, x1, y1
    assert (boxes[:, :2] >= -1).all()
    assert (boxes[:, 2:] <= (width + 1, height + 1)).all()
    upright = [place for place, text in enumerate(drawn) if not text.get_rotation() % 90]  # slanted: box is too large
    low, high = boxes[upright, :2] + (2, 4), boxes[upright, 2:] - (2, 4)  # less the room around the letters, in pixels
    overlap = np.triu(((low[:, None] < high) & (low < high[:, None])).all(axis=2), 1)
    words = [list(drawn)[place].get_text() for place in upright]
    assert not [(words[a], words[b]) for a, b in np.argwhere(overlap)]


@pytest.mark.parametrize("ending", ["png", "PNG", "svg", "pdf"])
def test_the_ending_says_the_kind(ending: str, tmp_path: Path) -> None:
    DRAWINGS["regression"](path := tmp_path / f"picture.{ending}", "")
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending.lower()]
    assert path.read_bytes().startswith(begins)
    DRAWINGS["regression"](str(path), "")  # type: ignore[arg-type]  # a plain string will do


def test_curves_name_arms_and_kinds(tmp_path: Path) -> None:
    text = text_of("curves", tmp_path)
    for words in ("sigmoid", "relu", "epoch", "accuracy (%)", "loss (mean per example)",
                  "training set, after each epoch", "validation set, after each epoch"):  # fmt: skip
        assert f"<!-- {words} -->" in text
    assert "training batches" not in text  # the re-measured numbers are there, and preferred
    text = text_of("curves_of_seeds", tmp_path)
    assert "<!-- mean and range of 2 seeds -->" in text
    plots.learning_curves({"a": history(columns="running")}, tmp_path / "picture.svg")
    text = read(tmp_path / "picture.svg")
    assert "<!-- training batches, averaged over each epoch -->" in text
    assert "validation" not in text


def test_curves_are_means_in_bands_as_far_as_all_seeds_went(tmp_path: Path, saved: list[Any]) -> None:
    first, second = (History([{"epoch": e, "validation_accuracy": a} for e, a in enumerate(values, 1)])
                     for values in ([0.5, 0.7, 0.8], [0.7, 0.8]))  # fmt: skip
    plots.learning_curves({"relu": [first, second]}, tmp_path / "picture.png")
    (axes,) = saved[0].axes
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_xydata(), [[1, 60], [2, 75]])
    band = axes.collections[0].get_paths()[0].vertices
    assert {tuple(point) for point in band.round(6)} == {(1, 50), (1, 70), (2, 70), (2, 80)}
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_a_configuration_has_one_colour_in_all_panels_and_pictures(tmp_path: Path, saved: list[Any]) -> None:
    names = [f"configuration {number}" for number in range(9)]
    plots.learning_curves({name: history() for name in names}, tmp_path / "curves.png")
    plots.comparison(table(*names), tmp_path / "comparison.png")
    lines = [[line for line in axes.lines if line.get_marker() in "os^DvP"] for f in saved for axes in f.axes]
    looks = [list(dict.fromkeys((line.get_color(), line.get_marker()) for line in panel)) for panel in lines]
    assert len(looks) == 4
    assert looks.count(looks[0]) == 4
    assert len(set(looks[0])) == 9  # two configurations of one colour have different markers


def test_comparison_writes_its_numbers(tmp_path: Path, saved: list[Any]) -> None:
    text = text_of("comparison", tmp_path, "synthetic data")
    for words in ("relu-dropout", "85.0 ± 0.4", "90.0", "0.500", "test set", "training set", "axis does not start at 0",
                  "mean ± one standard deviation, 5 seeds", "synthetic data"):  # fmt: skip
        assert f"<!-- {words} -->" in text
    text = text_of("comparison_one", tmp_path)
    assert "<!-- 85.0 -->" in text
    assert "±" not in text
    plots.comparison([{"arm": "x", "test_loss": 0.5, "test_accuracy": float("nan")}], tmp_path / "loss.png")
    assert len(saved[-1].axes) == 1


def test_names_are_text_not_formulas(tmp_path: Path) -> None:
    text = text_of("comparison_long", tmp_path)
    assert "<!-- $x$ -->" in text
    assert "<!-- _hidden -->" in text
    broken = r"$\frac{$"  # as a formula it would raise
    plots.learning_curves({broken: history(1)}, tmp_path / "picture.svg", broken)
    plots.confusion_matrix(counts(2), [broken, broken], tmp_path / "picture.svg", broken)
    plots.predictions(*examples(1), [broken] * 10, tmp_path / "picture.svg")


def test_confusion_matrix_writes_counts_names_and_recall(tmp_path: Path) -> None:
    matrix = np.array([[812, 88], [0, 0]])
    plots.confusion_matrix(matrix, ["cat", "dog"], path := tmp_path / "picture.svg", "Cats only", "synthetic data")
    text = read(path)
    for words in ("812", "88", "cat", "dog", "90.2%", "–", "true class", "predicted class", "Cats only",
                  "synthetic data"):  # fmt: skip
        assert f"<!-- {words} -->" in text


def test_counts_stand_out_from_their_cells(tmp_path: Path, saved: list[Any]) -> None:
    from matplotlib.colors import to_rgb

    matrix = np.array([[share, 100 - share] for share in range(0, 101, 10)] + [[50, 50]])
    square = np.zeros((12, 12), int)
    square[:, :2] = matrix
    plots.confusion_matrix(square, [str(i) for i in range(12)], tmp_path / "picture.png")
    axes = saved[0].axes[0]
    for text in axes.texts:
        column, row = text.get_position()
        if text.get_text() != "0" and column in (0, 1) and row >= 0:
            cell = axes.images[0].to_rgba(np.sqrt(square[row, column] / 100))[:3]
            assert contrast(to_rgb(text.get_color()), cell) >= 4.5  # WCAG 2.1, level AA


def contrast(one: Any, other: Any) -> float:
    """The contrast ratio of two sRGB colours: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio"""
    shades = []
    for colour in (one, other):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        shades.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(shades) + 0.05) / (min(shades) + 0.05)


def test_predictions_tell_right_from_wrong_without_colour(tmp_path: Path, saved: list[Any]) -> None:
    images, labels, probabilities = examples(3)
    probabilities[0] = np.eye(10)[0]
    plots.predictions(images, labels, probabilities, NAMES, path := tmp_path / "picture.svg")
    text = read(path)
    for words in ("✓ T-shirt/top >99%", "✓ Trouser 82%", "✗ Dress 82%", "true: Pullover"):
        assert f"<!-- {words} -->" in text
    frames = [axes.spines["left"].get_linewidth() for axes in saved[0].axes]
    assert frames[2] > 2 * frames[1] == 2 * frames[0]


def test_weights_of_largest_norm_come_first_on_one_symmetric_scale(tmp_path: Path, saved: list[Any]) -> None:
    columns = np.array([[1.0, 3.0, -2.0], [1.0, 3.0, -2.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    plots.first_layer_weights(columns, (2, 2), tmp_path / "picture.png", count=2)
    pictures = [axes.images[0] for axes in saved[0].axes if axes.images]
    assert [picture.get_array().tolist() for picture in pictures] == [[[3, 3], [0, 0]], [[-2, -2], [0, 0]]]
    assert len({picture.get_clim() for picture in pictures}) == 1
    assert pictures[0].get_clim()[0] == -pictures[0].get_clim()[1] < 0


def test_choose_predictions() -> None:
    labels = np.array([0, 1, 0, 1, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7], [0.2, 0.8]])  # wrong: 1, 2, 4
    choose = plots.choose_predictions
    assert choose(labels, probabilities, 4, 2).tolist() == [2, 4, 0, 1]
    assert choose(labels, probabilities, 5, 9).tolist() == [2, 4, 1, 0, 3]
    assert choose(labels, probabilities, 2, 0).tolist() == [0, 1]
    assert choose(labels, probabilities, 1, 3).tolist() == [2]
    assert choose(labels, probabilities, 99, 1).tolist() == [2, 0, 1, 3, 4, 5]
    assert choose(np.zeros(3, int), np.full((3, 2), 0.5), 2, 2).tolist() == [0, 1]  # ties go to the lower class


def test_the_same_call_writes_the_same_bytes_also_from_threads(tmp_path: Path) -> None:
    DRAWINGS["regression"](tmp_path / "alone.png", "")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda number: DRAWINGS["regression"](tmp_path / f"{number}.png", ""), range(3)))
    assert len({path.read_bytes() for path in tmp_path.glob("*.png")}) == 1


def test_pictures_are_legible_under_a_dark_style_sheet(
    tmp_path: Path, saved: list[Any], drawn: dict[Any, None]
) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.image import imread

    dark = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), "white")
    dark |= {f"{part}.facecolor": "black" for part in ("axes", "figure", "savefig")}
    with matplotlib.rc_context({**dark, "axes.grid": True, "image.origin": "lower"}):
        for drawing in ("curves", "comparison_one", "confusion_2", "predictions_colour", "weights_colour"):
            DRAWINGS[drawing](tmp_path / f"{drawing}.png", "synthetic data")
            assert (imread(tmp_path / f"{drawing}.png")[0, 0] == 1).all()  # white, opaque
    in_cells = {text for figure in saved for axes in figure.axes if axes.images for text in axes.texts}
    for text in set(drawn) - in_cells:
        assert contrast(to_rgb(text.get_color()), (1, 1, 1)) >= 4.5, text


@pytest.mark.parametrize("name", ["picture.bmp", "picture", "missing/picture.png"])
def test_a_path_that_cannot_be_written(name: str, tmp_path: Path) -> None:
    for drawing in ("curves", "comparison", "confusion", "predictions", "weights"):
        with pytest.raises(DataError) as caught:
            DRAWINGS[drawing](tmp_path / name, "")
        expected = "plots: expected a path ending in .png, .svg or .pdf, in a folder that exists, got "
        assert str(caught.value) == f"{expected}{str(tmp_path / name)!r}; create the folder, or change the name"


def test_without_matplotlib_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for drawing in DRAWINGS.values():
        with pytest.raises(ImportError, match=r"needs matplotlib; install it with: pip install matplotlib"):
            drawing(tmp_path / "picture.png", "")


@pytest.mark.parametrize("histories", [{}, {"relu": []}, {"relu": history(), "empty": History()}])
def test_curves_of_nothing(histories: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="learning_curves: expected a History of at least one epoch .*, got {.*; train"):
        plots.learning_curves(histories, tmp_path / "picture.png")


@pytest.mark.parametrize("rows", [[], [{"arm": "relu"}], [{"test_accuracy": 0.5}]])
def test_comparison_of_nothing(rows: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"comparison: expected rows with 'arm' and .*, got \[.*; evaluate each"):
        plots.comparison(rows, tmp_path / "picture.png")


def test_arrays_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    images, labels, probabilities = examples(4)
    with pytest.raises(ShapeError, match="confusion_matrix: expected 10 class names, got 2; give one for each row"):
        plots.confusion_matrix(counts(10), ["cat", "dog"], path)
    with pytest.raises(ShapeError, match=r"predictions: expected n images .*, got shapes \(4, 784\), \(4,\)"):
        plots.predictions(images.reshape(4, -1), labels, probabilities, NAMES, path)
    with pytest.raises(ShapeError, match=r"and \(3, 10\); choose the same examples of each"):
        plots.predictions(images, labels, probabilities[:3], NAMES, path)
    with pytest.raises(DataError, match="predictions: expected labels from 0 to 9, got -1 in example 0"):
        plots.predictions(images, labels - 1, probabilities, NAMES, path)
    with pytest.raises(ShapeError, match=r"expected weight of shape \(784, outputs\) .*, got \(48, 3\) and 40; give"):
        plots.first_layer_weights(weight(48, 3), (28, 28), path)
    with pytest.raises(ShapeError, match=r"and a count from 1, got \(784, 4\) and 0; give"):
        plots.first_layer_weights(weight(), (28, 28), path, count=0)
    assert not path.exists()
