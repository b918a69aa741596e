"""Confusion matrices, predictions, weights and pictures of each class: what the figures show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.plots import NAMES, contrast, counts, examples, pictures, read, weight
from tinynet import plots
from tinynet.data import from_arrays
from tinynet.errors import DataError, ShapeError


def test_confusion_matrix_writes_counts_names_and_recall(tmp_path: Path) -> None:
    matrix = np.array([[812, 88], [0, 0]])
    plots.confusion_matrix(matrix, ["cat", "dog"], path := tmp_path / "picture.svg", "Cats only", "synthetic data")
    text = read(path)
    for words in ("812", "88", "cat", "dog", "90.2%", "–", "true class", "predicted class", "Cats only",
                  "synthetic data"):  # fmt: skip
        assert f"<!-- {words} -->" in text


def test_counts_stand_out_from_their_cells(tmp_path: Path, saved: list[Any]) -> None:
    from matplotlib.colors import to_rgb

    matrix = np.array([[count, 100 - count] for count in range(0, 101, 10)] + [[50, 50]])
    square = np.zeros((12, 12), int)
    square[:, :2] = matrix
    plots.confusion_matrix(square, [str(i) for i in range(12)], tmp_path / "picture.png")
    axes = saved[0].axes[0]
    for text in axes.texts:
        column, row = text.get_position()
        if text.get_text() != "0" and column in (0, 1) and row >= 0:
            cell = axes.images[0].to_rgba(np.sqrt(square[row, column] / 100))[:3]
            assert contrast(to_rgb(text.get_color()), cell) >= 4.5  # WCAG 2.1, level AA


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


def test_each_class_has_a_row_of_its_first_pictures(tmp_path: Path, saved: list[Any]) -> None:
    data = pictures()
    plots.class_pictures(data, path := tmp_path / "picture.svg", 3)
    rows = [
        [axes.images[0].get_array() for axes in saved[0].axes[start : start + 3] if axes.images] for start in (0, 3, 6)
    ]
    for row, chosen in zip(rows, ([0, 2, 4], [1, 6], [3])):
        np.testing.assert_array_equal(np.multiply(row, 255), data.pictures(chosen))
    for words in ("animals", "cat", "dog", "owl"):
        assert f"<!-- {words} -->" in read(path)


def test_the_most_confident_mistakes_are_chosen_first() -> None:
    labels = np.array([0, 1, 0, 1, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7], [0.2, 0.8]])  # wrong: 1, 2, 4
    choose = plots.choose_predictions
    assert choose(labels, probabilities, 4, 2).tolist() == [2, 4, 0, 1]
    assert choose(labels, probabilities, 5, 9).tolist() == [2, 4, 1, 0, 3]
    assert choose(labels, probabilities, 2, 0).tolist() == [0, 1]
    assert choose(labels, probabilities, 1, 3).tolist() == [2]
    assert choose(labels, probabilities, 99, 1).tolist() == [2, 0, 1, 3, 4, 5]
    assert choose(np.zeros(3, int), np.full((3, 2), 0.5), 2, 2).tolist() == [0, 1]  # ties go to the lower class


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
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


def drawn_pictures(figure: Any) -> np.ndarray:
    return np.stack([axes.images[0].get_array() for axes in figure.axes if axes.images])


def test_channels_first_pictures_are_refused_or_drawn_upright(tmp_path: Path, saved: list[Any]) -> None:
    path = tmp_path / "picture.png"
    images, labels, probabilities = examples(4, (8, 6, 3))
    first = images.transpose(0, 3, 1, 2)
    data = from_arrays(first, labels, NAMES[:4], flatten=True)
    with pytest.raises(
        ShapeError, match=r"predictions: .* got \(4, 3, 8, 6\), which looks like \(n, C, H, W\); say lay"
    ):
        plots.predictions(first, labels, probabilities, NAMES, path)
    with pytest.raises(
        ShapeError, match=r"class_pictures: .* got \(4, 3, 8, 6\), which looks like \(n, C, H, W\); say "
    ):
        plots.class_pictures(data, path)
    assert not path.exists()
    plots.predictions(first, labels, probabilities, NAMES, path, layout="NCHW")
    plots.predictions(first.transpose(0, 2, 3, 1), labels, probabilities, NAMES, path)
    plots.class_pictures(data, path, layout="NCHW")
    for figure in saved:
        np.testing.assert_array_equal(np.rint(255 * drawn_pictures(figure)), images)


def test_weights_of_channels_first_pictures(tmp_path: Path, saved: list[Any]) -> None:
    path, columns = tmp_path / "picture.png", np.random.default_rng(0).normal(size=(3 * 8 * 6, 1))
    with pytest.raises(
        ShapeError, match=r"first_layer_weights: .*, which looks like \(n, C, H, W\); say layout='NCHW'"
    ):
        plots.first_layer_weights(columns, (3, 8, 6), path)
    plots.first_layer_weights(columns, (3, 8, 6), path, layout="NCHW")
    np.testing.assert_allclose(drawn_pictures(saved[0])[0], columns.reshape(3, 8, 6).mean(axis=0), rtol=1e-12)
    plots.first_layer_weights(columns, (8, 6, 3), path)
    np.testing.assert_allclose(drawn_pictures(saved[1])[0], columns.reshape(8, 6, 3).mean(axis=2), rtol=1e-12)


@pytest.mark.parametrize("shape", [(3, 3, 3), (3, 8, 3)])
def test_shapes_that_tell_nothing_are_told_to_plots(tmp_path: Path, saved: list[Any], shape: tuple[int, ...]) -> None:
    images, labels, probabilities = examples(4, shape)
    with pytest.raises(ShapeError, match=r"which may be \(n, C, H, W\) as well; say layout='NHWC' or layout='NCHW'"):
        plots.predictions(images, labels, probabilities, NAMES, tmp_path / "picture.png")
    plots.predictions(images, labels, probabilities, NAMES, tmp_path / "picture.png", layout="NHWC")
    np.testing.assert_array_equal(np.rint(255 * drawn_pictures(saved[0])), images)


def test_other_numbers_of_channels_are_refused_and_one_can_be_drawn(tmp_path: Path, saved: list[Any]) -> None:
    images, labels, probabilities = examples(4, (8, 8, 2))
    with pytest.raises(
        ShapeError, match=r"predictions: expected 1, 3 or 4 channels, got 2; draw one channel: images\[\."
    ):
        plots.predictions(images, labels, probabilities, NAMES, tmp_path / "picture.png")
    plots.predictions(images[..., 0], labels, probabilities, NAMES, tmp_path / "picture.png")
    np.testing.assert_array_equal(np.rint(255 * drawn_pictures(saved[0])), images[..., 0])


@pytest.mark.parametrize("shape", [(8, 6), (8, 6, 3)])
@pytest.mark.parametrize("scale", [(1 / 255, 0), (1, 0), (4, -300), (1 / 60, -2)])
def test_floats_of_any_range_are_drawn_in_one_scale(
    tmp_path: Path, saved: list[Any], shape: tuple[int, ...], scale: tuple[float, float]
) -> None:
    images, labels, probabilities = examples(4, shape)
    images[0], images[1], images[2:] = 0, 255, 100 + images[2:] // 8
    floats = (images * np.float64(scale[0]) + scale[1]).astype("float32")
    plots.predictions(floats, labels, probabilities, NAMES, tmp_path / "picture.png")
    np.testing.assert_allclose(drawn_pictures(saved[0]) * 255, images, atol=1e-3)  # float32
    assert {axes.images[0].get_clim() for axes in saved[0].axes} <= {(0, 1)}
    assert not np.isnan(drawn_pictures(saved[0])).any()


def test_class_pictures_without_names_show_numbers(tmp_path: Path) -> None:
    plots.class_pictures(from_arrays(np.zeros((3, 6, 5), "uint8"), np.array([0, 2, 1])), path := tmp_path / "a.svg", 2)
    assert all(f"<!-- {label} -->" in read(path) for label in range(3))


def test_rows_of_a_confusion_matrix_are_true_classes_and_columns_predicted_ones(
    tmp_path: Path, saved: list[Any]
) -> None:
    matrix = np.array([[8, 2, 0], [1, 9, 0], [3, 3, 4]])
    plots.confusion_matrix(matrix, ["cat", "dog", "owl"], tmp_path / "picture.png")
    axes = saved[0].axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    (image,) = axes.images
    np.testing.assert_allclose(image.get_array() ** 2, matrix / 10, atol=1e-12)  # of the true class, by its root
    assert image.origin == "upper"
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert {(column, row): cells[column, row] for column, row in np.ndindex(3, 3)} == {
        (column, row): str(matrix[row, column]) for column, row in np.ndindex(3, 3)
    }
    recalls = {row: text for (column, row), text in cells.items() if column > 2.5 and row >= 0}
    assert recalls == {0: "80.0%", 1: "90.0%", 2: "40.0%"}


def test_pictures_stand_upright(tmp_path: Path, saved: list[Any]) -> None:
    images, labels, probabilities = examples(2)
    plots.predictions(images, labels, probabilities, NAMES, tmp_path / "picture.png")
    plots.class_pictures(pictures(), tmp_path / "picture.png", 2)
    plots.first_layer_weights(weight(), (28, 28), tmp_path / "picture.png")
    for axes in [axes for figure in saved for axes in figure.axes if axes.images]:
        bottom, top = axes.get_ylim()
        assert bottom > top  # row 0 is above
