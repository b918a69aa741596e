"""Only the eight matrix products of a training step, in NumPy: the least time that a step can take on this BLAS."""

from __future__ import annotations

import itertools

import numpy as np

from peers import Epoch, Task


def trainer(task: Task) -> Epoch:
    """The products of all steps of an epoch; the loss is NaN."""
    generator = np.random.default_rng(0)
    weights = [generator.normal(size=shape).astype("float32") for shape in itertools.pairwise(task.widths)]
    rows = min(task.batch_size, len(task.images))
    if task.network == "cnn":
        return _convolutional(task)
    activations = [generator.normal(size=(rows, width)).astype("float32") for width in task.widths]

    def step(rows: int) -> None:
        layers = [each[:rows] for each in activations]
        for x, weight in zip(layers, weights):
            x @ weight  # forward
        for number in range(len(weights) - 1, -1, -1):
            layers[number].T @ layers[number + 1]  # the weight's gradient
            if number:
                layers[number + 1] @ weights[number].T  # the input's gradient, which the first layer does not need

    def epoch() -> float:
        for start in task.starts:
            step(min(task.batch_size, len(task.images) - start))
        return float("nan")

    return epoch


def _convolutional(task: Task) -> Epoch:
    """The products of the convolutional network, on windows that are already laid out as rows."""
    # each layer: rows per image, inputs, outputs
    layers = [(26 * 26, 9, 32), (11 * 11, 288, 64), (1, 1600, 128), (1, 128, 10)]
    chunk = 8  # images: the windows of more would not stay in the cache
    generator = np.random.default_rng(0)
    arrays = []
    for rows, inputs, outputs in layers:
        count = chunk * rows if rows > 1 else task.batch_size
        shapes = [(count, inputs), (inputs, outputs), (count, outputs)]
        arrays.append([generator.normal(size=shape).astype("float32") for shape in shapes])

    def epoch() -> float:
        for start in task.starts:
            count = min(task.batch_size, len(task.images) - start)
            for number, ((rows, _, _), (x, weight, dy)) in enumerate(zip(layers, arrays)):
                for _ in range(-(-count // chunk) if rows > 1 else 1):
                    x @ weight
                    x.T @ dy
                    if number:
                        dy @ weight.T
        return float("nan")

    return epoch
