"""Losses of numbers that can be counted, and in the precision of their logits."""

import numpy as np
import pytest

import tinynet as tn


def test_a_row_of_several_questions_is_right_if_every_answer_is():
    outputs = np.array([[2.0, -1.0], [2.0, 1.0], [-2.0, 1.0], [0.5, -3.0]])
    targets = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.9, 0.4]])
    assert int(tn.BinaryCrossEntropy().hits(outputs, targets)) == 2
    assert int(tn.BinaryCrossEntropy().hits(outputs[:, :1], targets[:, :1])) == 3


def test_class_weights_are_as_exact_as_the_logits_whatever_came_before():
    """SciPy's log-softmax in float64; the same loss was used in float32 before."""
    special = pytest.importorskip("scipy.special")
    weights, generator = [0.1, 0.3, 1.7], np.random.default_rng(0)
    logits, labels = generator.normal(size=(20, 3)), np.arange(20) % 3
    loss = tn.SoftmaxCrossEntropy(class_weights=weights)
    assert loss.forward(logits.astype("float32"), labels)[0].dtype == np.float32
    own = np.array(weights)[labels]
    expected = -(own * special.log_softmax(logits, axis=1)[np.arange(20), labels]).sum() / own.sum()
    assert float(loss.forward(logits, labels)[0]) == pytest.approx(expected, rel=1e-13)


def test_a_row_is_right_if_its_largest_logit_is_that_of_its_label():
    logits = np.array([[1.0, 3.0, 2.0], [5.0, -1.0, 4.0], [0.0, 0.5, 0.4], [2.0, 1.0, 9.0]])
    assert [int(tn.SoftmaxCrossEntropy().hits(logits, np.array(labels))) for labels in (
        [1, 0, 1, 2], [1, 1, 1, 1], [0, 2, 0, 0], [2, 0, 2, 2],
    )] == [4, 2, 0, 2]  # fmt: skip
