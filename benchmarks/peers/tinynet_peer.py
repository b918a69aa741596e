"""tinynet: `fit` and `predict`, as in the README. It gets uint8 pixels, and scales them batch by batch."""

from __future__ import annotations

import itertools

import numpy as np

import tinynet as tn
from peers import Epoch, Predict, Task


def _model(task: Task) -> tn.Sequential:
    if task.network == "cnn":
        return tn.Sequential(
            tn.Reshape(28, 28, 1),
            tn.Conv2D(1, 32), tn.ReLU(), tn.MaxPool2D(),
            tn.Conv2D(32, 64), tn.ReLU(), tn.MaxPool2D(),
            tn.Flatten(), tn.Dense(1600, 128), tn.ReLU(), tn.Dense(128, 10),
        )  # fmt: skip
    layers: list[tn.Layer] = []
    for inputs, outputs in itertools.pairwise(task.widths):
        layers += [tn.Dense(inputs, outputs), tn.Sigmoid() if task.activation == "sigmoid" else tn.ReLU()]
        layers += [tn.Dropout(task.dropout)] if task.dropout else []
    return tn.Sequential(*layers[: -2 if task.dropout else -1])


def trainer(task: Task) -> Epoch:
    """A call of `fit` for one epoch."""
    model, train = _model(task), tn.data.from_arrays(task.images, task.labels)
    seeds = itertools.count()

    def epoch() -> float:
        seed = next(seeds)
        if task.optimizer == "adam":
            optimizer: tn.Optimizer = tn.Adam(task.learning_rate / 100)
        else:
            optimizer = tn.SGD(task.learning_rate)
        history = tn.fit(
            model, train, optimizer=optimizer, epochs=1, batch_size=task.batch_size, seed=seed, progress=False
        )
        return float(history["running_loss"][-1])

    return epoch


def predictor(task: Task) -> Predict:
    """`model.predict`."""
    model = _model(task)

    def predict(x: np.ndarray) -> np.ndarray:
        return model.predict(x, batch_size=task.batch_size)

    return predict
