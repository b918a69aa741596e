"""Losses: extremes, and what they refuse."""

import numpy as np
import pytest

import tinynet as tn


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_at_huge_logits(dtype):
    logits = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0]], dtype)
    value, backward = tn.SoftmaxCrossEntropy().forward(logits, np.array([0, 1]))
    gradient = backward()
    assert float(value) == 1e4  # the mean of 0 and 2e4
    np.testing.assert_array_equal(gradient, [[0, 0, 0], [0.5, -0.5, 0]])
    assert gradient.dtype == logits.dtype


def test_cross_entropy_of_a_blind_guess_is_the_log_of_the_classes():
    assert tn.SoftmaxCrossEntropy()(np.zeros((5, 10), "float32"), np.arange(5)) == pytest.approx(np.log(10), rel=1e-6)


def test_mean_squared_error_in_float32():
    value, backward = tn.MeanSquaredError().forward(np.array([[1, 2]], "float32"), np.array([[0, 4]], "float32"))
    assert float(value) == 2.5
    np.testing.assert_array_equal(backward(), [[1, -2]])
    assert backward().dtype == np.float32


LABEL_ERRORS = [
    (np.array([0, 10]), "expected labels from 0 to 9, got 10 in example 1; the last layer has 10 outputs"),
    (np.array([-1, 0]), "got -1 in example 0"),
    (np.array([0.0, 1.0]), r"expected integer labels of shape \(N,\), got float64 of shape \(2,\); use labels.astype"),
    (np.zeros((2, 1), np.int64), r"got int64 of shape \(2, 1\); use labels.reshape\(-1\)"),
    (np.eye(10)[:2], r"got float64 of shape \(2, 10\); use labels.argmax\(axis=1\) for one-hot rows"),
    (np.array([True, False]), "expected integer labels"),
]


@pytest.mark.parametrize(("labels", "message"), LABEL_ERRORS)
def test_labels_that_do_not_fit(labels, message):
    with pytest.raises(tn.DataError, match=message):
        tn.SoftmaxCrossEntropy()(np.zeros((2, 10), "float32"), labels)


def test_shapes_that_would_broadcast_in_silence_are_refused():
    with pytest.raises(tn.ShapeError, match=r"labels of shape \(3,\), got \(3, 1\); use labels.reshape\(-1\)"):
        tn.SoftmaxCrossEntropy().forward(np.zeros((3, 4)), np.zeros((3, 1), int))
    with pytest.raises(tn.ShapeError, match=r"targets of shape \(3, 1\), got \(3,\); reshape the targets"):
        tn.MeanSquaredError().forward(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(tn.ShapeError, match=r"logits of shape \(N, classes\), got \(2, 3, 4\)"):
        tn.SoftmaxCrossEntropy().check_targets(np.zeros(2, int), (2, 3, 4))
    with pytest.raises(tn.ShapeError, match=r"targets of shape \(N, 1\), got \(3,\)"):
        tn.MeanSquaredError().check_targets(np.zeros(3), (3, 1))
    with pytest.raises(tn.DataError, match=r"floating targets, got int64; convert them: targets.astype\('float32'\)"):
        tn.MeanSquaredError().check_targets(np.zeros((3, 1), int), (3, 1))
