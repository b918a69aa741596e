"""Metrics equal those of scikit-learn, or values counted by hand where it says so."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from tests.support.strict import StrictArray
from tinynet.errors import DataError, ShapeError
from tinynet.metrics import accuracy, confusion_matrix, precision, recall


def draw(classes: int, count: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and predictions that are right about two times in three."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    predicted = np.where(random.random(count) < 0.6, labels, random.integers(0, classes, count))
    return labels, predicted


@pytest.mark.parametrize("classes", [2, 10, 30])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "uint64"])
def test_all_metrics_agree_with_scikit_learn(classes: int, dtype: str) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    labels, predicted = (values.astype(dtype) for values in draw(classes))
    names = np.arange(classes)
    matrix = confusion_matrix(labels, predicted, classes)
    assert accuracy(labels, predicted) == pytest.approx(sklearn.accuracy_score(labels, predicted), rel=1e-15)
    np.testing.assert_array_equal(matrix, sklearn.confusion_matrix(labels, predicted, labels=names))
    np.testing.assert_allclose(recall(matrix), sklearn.recall_score(labels, predicted, labels=names, average=None))
    np.testing.assert_allclose(
        precision(matrix), sklearn.precision_score(labels, predicted, labels=names, average=None)
    )


def test_classes_absent_or_never_predicted_are_nan_as_in_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    labels, predicted = [0, 0, 2, 2, 2], [0, 3, 2, 2, 0]  # class 1 in neither, 3 only predicted
    matrix = confusion_matrix(labels, predicted, 4)
    options = {"labels": [0, 1, 2, 3], "average": None, "zero_division": np.nan}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, called = recall(matrix), precision(matrix)
    np.testing.assert_allclose(found, sklearn.recall_score(labels, predicted, **options))
    np.testing.assert_allclose(called, sklearn.precision_score(labels, predicted, **options))
    assert np.isnan(found).tolist() == [False, True, False, True]
    assert np.isnan(called).tolist() == [False, True, False, False]


def test_rows_are_true_and_columns_predicted() -> None:
    matrix = confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 1]), 2)  # counted by hand
    assert matrix.tolist() == [[0, 2], [0, 1]]
    assert matrix.dtype == np.int64


def test_small_integers_do_not_overflow() -> None:
    labels = np.full(300, 29, np.uint8)  # 29 * 30 + 29 = 899 does not fit into 8 bits
    matrix = confusion_matrix(labels, labels, np.uint8(30))
    assert matrix.shape == (30, 30)
    assert matrix[29, 29] == matrix.sum() == 300


def test_arrays_of_a_device_are_brought_to_the_host() -> None:
    here, there = StrictArray(np.array([0, 1, 2, 2])), StrictArray(np.array([0, 1, 1, 2]))
    assert accuracy(here, there) == 0.75


@pytest.mark.parametrize(
    ("labels", "predicted", "error", "message"),
    [
        (
            [0, 1],
            [[0.9, 0.1], [0.2, 0.8]],
            ShapeError,
            "expected predicted of shape (N,), got (2, 2); use np.asarray(predicted).argmax(axis=1) "
            "on probabilities or one-hot rows",
        ),
        (
            3,
            [0],
            DataError,
            "expected labels with an axis of examples, got the single value 3; give one entry for each example: "
            "[labels] for a single one",
        ),
        (
            [0, 1, 1],
            [0, 1],
            ShapeError,
            "expected as many predicted as labels, got 3 labels and 2 predicted; take both from the same data set",
        ),
        ([], [], DataError, "expected at least one of labels, got none; check how the data were split or filtered"),
        (
            [0],
            [0.0],
            DataError,
            "expected predicted that are integers, got float64; use np.asarray(predicted, 'int64')",
        ),
    ],
)
def test_pairs_that_do_not_fit_are_refused(
    labels: object, predicted: object, error: type[Exception], message: str
) -> None:
    for who, call in (("accuracy", accuracy), ("confusion_matrix", lambda t, p: confusion_matrix(t, p, 2))):
        with pytest.raises(error) as caught:
            call(labels, predicted)
        assert str(caught.value) == f"{who}: {message}"


@pytest.mark.parametrize(
    ("labels", "predicted", "part"),
    [
        ([0, 1], [0, 2], "expected predicted from 0 to 1, got 2 in example 1"),
        ([-1, 1], [0, 1], "expected labels from 0 to 1, got -1 in example 0"),
    ],
)
def test_classes_out_of_range_are_refused(labels: list[int], predicted: list[int], part: str) -> None:
    with pytest.raises(DataError) as caught:
        confusion_matrix(labels, predicted, 2)
    remedy = "class numbers count from 0; check how many classes there are"
    assert str(caught.value) == f"confusion_matrix: {part}; {remedy}"


@pytest.mark.parametrize("classes", [0, -1, 2.0, True, "2"])
def test_a_number_of_classes_that_is_not_a_whole_number_from_1_is_refused(classes: object) -> None:
    with pytest.raises(ValueError, match="confusion_matrix: classes: expected a whole number from 1"):
        confusion_matrix([0], [0], classes)  # type: ignore[arg-type]


def test_no_more_classes_are_counted_than_a_matrix_can_hold() -> None:
    with pytest.raises(ValueError, match=r"^confusion_matrix: classes: expected .* 1 to 32768, got 32769; try 10"):
        confusion_matrix([40_000], [0], 2**15 + 1)
    with pytest.raises(DataError, match="^confusion_matrix: expected labels from 0 to 32767, got 40000 in example 0"):
        confusion_matrix([40_000], [0], 2**15)


@pytest.mark.parametrize(
    ("predicted", "remedy"),
    [
        ([[0], [1]], "got (2, 1); use np.asarray(predicted).reshape(-1)"),
        ([[[0]], [[1]]], "got (2, 1, 1); give one class for each example"),
        ([0.25, 1.0], "got float64; use (np.asarray(predicted) > 0.5).astype('int64')"),
        ([0.25, 0.0], "got float64; use (np.asarray(predicted) > 0.5).astype('int64')"),
        ([-0.25, 0.5], "got float64; round them to class numbers"),
        ([0.5, 1.5], "got float64; round them to class numbers"),
        ([1.0, 2.0], "got float64; use np.asarray(predicted, 'int64')"),
    ],
)
def test_predictions_in_another_form_are_refused_with_what_makes_classes_of_them(predicted: list, remedy: str) -> None:
    with pytest.raises((ShapeError, DataError)) as caught:
        accuracy([0, 1], predicted)
    assert str(caught.value).startswith("accuracy: expected predicted ")
    assert str(caught.value).endswith(remedy)


def test_the_last_class_is_in_range_and_the_first_wrong_example_is_named() -> None:
    assert confusion_matrix([0, 2, 2], [2, 0, 2], 3).tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 1]]
    assert confusion_matrix([0], [0], 1).tolist() == [[1]]
    with pytest.raises(DataError, match="confusion_matrix: expected labels from 0 to 2, got 7 in example 1; class"):
        confusion_matrix([0, 7, 9], [0, 0, 0], 3)


@pytest.mark.parametrize("metric", [recall, precision])
def test_matrices_that_are_no_counts_are_refused(metric: object) -> None:
    assert callable(metric)
    name = metric.__name__
    for matrix, message in [
        (
            np.zeros((2, 2, 2), int),
            rf"^{name}: expected a matrix of shape \(classes, classes\), got \(2, 2, 2\); make it",
        ),
        (np.zeros((0, 0), int), rf"^{name}: expected (a matrix|matrix)"),
        ([[1, -1], [0, 2]], rf"^{name}: expected counts: integers from 0, got int64 with a minimum of -1"),
        ([["a"]], rf"^{name}: expected matrix of numbers, got text"),
    ]:
        with pytest.raises((ShapeError, DataError), match=message):
            metric(matrix)
    assert metric([[2]]).tolist() == [1]
    assert metric(np.array([[1, 0], [0, 3]], np.uint8)).tolist() == [1, 1]


@pytest.mark.parametrize("metric", [recall, precision])
def test_recall_and_precision_refuse_other_matrices(metric: object) -> None:
    assert callable(metric)
    with pytest.raises(ShapeError, match=r"expected a matrix of shape \(classes, classes\), got \(2, 3\); make it"):
        metric(np.zeros((2, 3), int))
    with pytest.raises(DataError, match="expected counts: integers from 0, got float64 with a minimum of 0.5; make it"):
        metric(np.full((2, 2), 0.5))
