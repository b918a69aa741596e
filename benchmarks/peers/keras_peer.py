"""Keras 3 on TensorFlow: `compile` and `fit`, with several steps in each call of the graph."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from peers import Epoch, Task


def trainer(task: Task) -> Epoch:
    """One epoch of `fit` on arrays in memory."""
    layers: list[keras.Layer] = [keras.Input((task.widths[0],))]
    if task.network == "cnn":
        layers += [keras.layers.Reshape((28, 28, 1))]
        for channels in (32, 64):
            layers += [keras.layers.Conv2D(channels, 3, activation="relu"), keras.layers.MaxPooling2D()]
        layers += [keras.layers.Flatten(), keras.layers.Dense(128, activation="relu")]
    for width in task.widths[1:-1] if task.network == "mlp" else ():
        layers += [keras.layers.Dense(width, activation="sigmoid" if task.activation == "sigmoid" else "relu")]
        layers += [keras.layers.Dropout(task.dropout)] if task.dropout else []
    model = keras.Sequential([*layers, keras.layers.Dense(task.widths[-1])])
    model.compile(
        optimizer=(
            keras.optimizers.Adam(task.learning_rate / 100)
            if task.optimizer == "adam"
            else keras.optimizers.SGD(task.learning_rate)
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=min(20, len(task.starts)),
    )
    images, labels = task.pixels, task.labels

    def epoch() -> float:
        history = model.fit(images, labels, batch_size=task.batch_size, epochs=1, shuffle=True, verbose=0)
        return float(history.history["loss"][-1])

    return epoch
