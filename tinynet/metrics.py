"""Metrics of a classifier, from integer labels and predicted classes: accuracy, confusion matrix, recall, precision.

`predicted` holds one class for each example: `model.predict(x).argmax(axis=1)`. Arrays on a GPU are copied to the host,
where the counting is done.
"""

from __future__ import annotations

import numpy as np

from tinynet.backend.arrays import Array, to_numpy
from tinynet.backend.plain import plain_array
from tinynet.errors import DataError, ShapeError, mismatch, whole_number

__all__ = ["accuracy", "confusion_matrix", "precision", "recall"]


def accuracy(labels: Array, predicted: Array) -> float:
    """The fraction of examples that are predicted correctly:   accuracy = (number of i with predicted_i = label_i) / N.

    labels, predicted (N,) integers. ShapeError or DataError for other shapes, dtypes, or no examples.
    """
    labels, predicted = _checked_pair("accuracy", labels, predicted)
    return float(np.count_nonzero(labels == predicted) / len(labels))


def confusion_matrix(labels: Array, predicted: Array, classes: int) -> np.ndarray:
    """matrix_tp = number of examples of the true class t that were predicted as p;   (classes, classes) int64.

    Rows are true, columns predicted: the diagonal counts what is right, and the sum of all is N.
    labels, predicted (N,) integers from 0 to classes - 1. ShapeError or DataError for anything else.
    """
    classes = whole_number("confusion_matrix: classes", classes, limit=2**15, remedy="try 10")
    labels, predicted = _checked_pair("confusion_matrix", labels, predicted)
    check_classes("confusion_matrix", "labels", labels, classes)
    check_classes("confusion_matrix", "predicted", predicted, classes)
    cells = labels.astype(np.int64) * classes + predicted.astype(np.int64)  # (N,), one number for each pair (t, p)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def recall(matrix: Array) -> np.ndarray:
    """recall_t = matrix_tt / sum_p matrix_tp: the fraction of class t that was found;   (classes,) float64.

    NaN for a class without examples. `matrix` is what `confusion_matrix` returns; ShapeError unless it is square.
    """
    matrix = check_matrix("recall", matrix)
    return _fraction(matrix.diagonal(), matrix.sum(axis=1))


def precision(matrix: Array) -> np.ndarray:
    """precision_p = matrix_pp / sum_t matrix_tp: the fraction of predictions p that are right;   (classes,) float64.

    NaN for a class that was never predicted. `matrix` as in `recall`.
    """
    matrix = check_matrix("precision", matrix)
    return _fraction(matrix.diagonal(), matrix.sum(axis=0))


def check_matrix(who: str, matrix: Array) -> np.ndarray:
    """`matrix` on the host; ShapeError unless it is square, DataError unless its entries are counts."""
    matrix = to_numpy(plain_array(matrix, who, "matrix"))
    remedy = "make it with confusion_matrix(...)"
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) == 0:
        raise ShapeError(mismatch(who, "a matrix of shape (classes, classes)", matrix.shape, remedy))
    if matrix.dtype.kind not in "iu" or matrix.min() < 0:
        received = f"{matrix.dtype} with a minimum of {matrix.min()}"
        raise DataError(mismatch(who, "counts: integers from 0", received, remedy))
    return matrix


def check_classes(who: str, name: str, values: Array, classes: int | None = None) -> np.ndarray:
    """`values` on the host; ShapeError unless (N,), DataError unless integers from 0 to classes - 1, at least one."""
    values = to_numpy(plain_array(values, who, name))
    if values.ndim != 1:
        remedy = "give one class for each example"
        if values.ndim == 2:
            column = values.shape[1] == 1
            change = "reshape(-1)" if column else "argmax(axis=1)"
            remedy = f"use np.asarray({name}).{change}{'' if column else ' on probabilities or one-hot rows'}"
        raise ShapeError(mismatch(who, f"{name} of shape (N,)", values.shape, remedy))
    if len(values) == 0:
        raise DataError(mismatch(who, f"at least one of {name}", "none", "check how the data were split or filtered"))
    if values.dtype.kind not in "iu":
        remedy = f"use np.asarray({name}, 'int64')"
        if bool((values % 1 != 0).any()):
            answers = bool(((values >= 0) & (values <= 1)).all())  # the probabilities of yes
            remedy = f"use (np.asarray({name}) > 0.5).astype('int64')" if answers else "round them to class numbers"
        raise DataError(mismatch(who, f"{name} that are integers", values.dtype, remedy))
    if classes is not None and (wrong := (values < 0) | (values >= classes)).any():
        received = f"{values[wrong][0]} in example {wrong.argmax()}"
        remedy = "class numbers count from 0; check how many classes there are"
        raise DataError(mismatch(who, f"{name} from 0 to {classes - 1}", received, remedy))
    return values


def _fraction(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where whole is 0; with `where`, NumPy does not divide by 0 and does not warn."""
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _checked_pair(who: str, labels: Array, predicted: Array) -> tuple[np.ndarray, np.ndarray]:
    """Both arrays on the host, checked: integer vectors of one length, not empty."""
    labels, predicted = check_classes(who, "labels", labels), check_classes(who, "predicted", predicted)
    if len(labels) != len(predicted):
        lengths = f"{len(labels)} labels and {len(predicted)} predicted"
        raise ShapeError(mismatch(who, "as many predicted as labels", lengths, "take both from the same data set"))
    return labels, predicted
