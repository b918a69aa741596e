"""scikit-learn: `MLPClassifier.partial_fit`, which trains for one epoch; without momentum and L2, like the others."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier

from peers import Epoch, NotOffered, Predict, Task


def _model(task: Task) -> MLPClassifier:
    if task.dropout:
        raise NotOffered("it has no dropout")
    if task.network == "cnn":
        raise NotOffered("it has no convolution")
    adam = task.optimizer == "adam"
    return MLPClassifier(
        hidden_layer_sizes=task.widths[1:-1],
        activation="logistic" if task.activation == "sigmoid" else "relu",
        solver=task.optimizer,
        batch_size=task.batch_size,
        learning_rate_init=task.learning_rate / 100 if adam else task.learning_rate,
        momentum=0.0,
        nesterovs_momentum=False,
        alpha=0.0,
    )


def trainer(task: Task) -> Epoch:
    """One call of `partial_fit` is one epoch."""
    model, classes = _model(task), np.arange(task.widths[-1])
    images, labels = task.pixels, task.labels

    def epoch() -> float:
        model.partial_fit(images, labels, classes=classes)
        return float(model.loss_)

    return epoch


def predictor(task: Task) -> Predict:
    """`predict_proba` of a model that was trained on one batch."""
    model = _model(task)
    model.partial_fit(task.pixels[:1000], task.labels[:1000], classes=np.arange(task.widths[-1]))
    predict: Predict = model.predict_proba
    return predict
