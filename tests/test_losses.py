"""Losses: extreme inputs, refused targets and hyperparameters, and a model that learns yes-or-no questions."""

import numpy as np
import pytest

import tinynet as tn


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_is_exact_at_huge_logits(dtype):
    logits = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0]], dtype)
    value, backward = tn.SoftmaxCrossEntropy().forward(logits, np.array([0, 1]))
    gradient = backward()
    assert float(value) == 1e4  # the mean of 0 and 2e4
    np.testing.assert_array_equal(gradient, [[0, 0, 0], [0.5, -0.5, 0]])
    assert gradient.dtype == logits.dtype


def test_cross_entropy_of_a_blind_guess_is_the_log_of_the_classes():
    assert tn.SoftmaxCrossEntropy()(np.zeros((5, 10), "float32"), np.arange(5)) == pytest.approx(np.log(10), rel=1e-6)


def test_mean_squared_error_stays_in_float32():
    value, backward = tn.MeanSquaredError().forward(np.array([[1, 2]], "float32"), np.array([[0, 4]], "float32"))
    assert float(value) == 2.5
    np.testing.assert_array_equal(backward(), [[1, -2]])
    assert backward().dtype == np.float32


def test_a_numpy_scalar_does_not_widen_a_gradient():
    _, backward = tn.MeanSquaredError().forward(np.ones((2, 2), "float32"), np.zeros((2, 2), "float32"))
    assert backward(np.float64(0.5)).dtype == np.float32


LABEL_ERRORS = [
    (np.array([0, 10]), "expected labels from 0 to 9, got 10 in example 1; the last layer has 10 outputs"),
    (np.array([-1, 0]), "got -1 in example 0"),
    (np.array([0.0, 1.0]), r"expected integer labels of shape \(N,\), got float64 of shape \(2,\); use np.asarray"),
    (np.zeros((2, 1), np.int64), r"got int64 of shape \(2, 1\); use np.asarray\(labels\).reshape\(-1\)"),
    (np.eye(10)[:2], r"got float64 of shape \(2, 10\); use np.asarray\(labels\).argmax\(axis=1\), since"),
    (np.array([True, False]), "expected integer labels"),
]


@pytest.mark.parametrize(("labels", "message"), LABEL_ERRORS)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(tn.DataError, match=message):
        tn.SoftmaxCrossEntropy()(np.zeros((2, 10), "float32"), labels)


def test_shapes_that_would_broadcast_silently_are_refused():
    with pytest.raises(
        tn.ShapeError, match=r"labels of shape \(3,\), got \(3, 1\); use np.asarray\(labels\).reshape\(-1\)"
    ):
        tn.SoftmaxCrossEntropy().forward(np.zeros((3, 4)), np.zeros((3, 1), int))
    with pytest.raises(tn.ShapeError, match=r"targets of shape \(3, 1\), got \(3,\); reshape the targets"):
        tn.MeanSquaredError().forward(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(tn.ShapeError, match=r"logits of shape \(N, classes\), got \(2, 3, 4\)"):
        tn.SoftmaxCrossEntropy().check_targets(np.zeros(2, int), (2, 3, 4))
    with pytest.raises(tn.ShapeError, match=r"targets of shape \(N, 1\), got \(3,\)"):
        tn.MeanSquaredError().check_targets(np.zeros(3), (3, 1))
    with pytest.raises(
        tn.DataError, match=r"floating targets, got int64; convert them: np.asarray\(targets, 'float32'\)"
    ):
        tn.MeanSquaredError().check_targets(np.zeros((3, 1), int), (3, 1))


def test_binary_questions_are_learned():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(400, 2)).astype("float32")
    t = np.stack([x[:, 0] * x[:, 1] > 0, x[:, 0] > x[:, 1]], axis=1).astype("float32")
    model = tn.Sequential(tn.Dense(2, 32), tn.Tanh(), tn.Dense(32, 2))
    history = tn.fit(model, (x, t), loss=tn.BinaryCrossEntropy(), optimizer=tn.Adam(0.02), epochs=40, batch_size=50)
    assert history["running_accuracy"][-1] > 0.95  # both answers right


def test_targets_of_binary_cross_entropy_are_checked():
    loss = tn.BinaryCrossEntropy()
    with pytest.raises(tn.DataError, match="BinaryCrossEntropy.*: expected targets from 0 to 1"):
        loss.check_targets(np.array([[2.0]]), (1, 1))
    with pytest.raises(tn.ShapeError, match="reshape"):
        loss.check_targets(np.array([1.0]), (1, 1))
    with pytest.raises(tn.DataError, match="floating targets"):
        loss.check_targets(np.array([[1]]), (1, 1))


def test_class_weights_must_fit_the_classes():
    with pytest.raises(tn.ShapeError, match="3 class_weights, got 2; give one weight for each class"):
        tn.SoftmaxCrossEntropy(class_weights=[1, 2]).check_targets(np.array([0]), (1, 3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tn.SoftmaxCrossEntropy(1), "expected label_smoothing from 0 up to, not including, 1, got 1"),
        (lambda: tn.SoftmaxCrossEntropy(class_weights=[1, -1]), "expected class_weights of at least 0, one above 0"),
        (lambda: tn.SoftmaxCrossEntropy(class_weights=[0, 0]), "expected class_weights of at least 0, one above 0"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
