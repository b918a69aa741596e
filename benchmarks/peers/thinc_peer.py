"""thinc: `chain` of its layers, `begin_update`, `finish_update`."""

from __future__ import annotations

import numpy as np
from thinc.api import SGD, Adam, Relu, Sigmoid, Softmax, chain

from peers import Epoch, NotOffered, Task


def trainer(task: Task) -> Epoch:
    """The loss is computed here, because thinc's Softmax takes the gradient of the logits."""
    if task.dropout and task.activation == "sigmoid":
        raise NotOffered("its Sigmoid has no dropout")
    if task.network == "cnn":
        raise NotOffered("it has no convolution of pictures")
    if task.activation == "sigmoid":
        hidden = [Sigmoid(width) for width in task.widths[1:-1]]
    else:
        hidden = [Relu(width, dropout=task.dropout or None) for width in task.widths[1:-1]]
    model = chain(*hidden, Softmax(task.widths[-1]))
    images, labels = task.pixels, task.labels
    model.initialize(X=images[:2], Y=np.eye(task.widths[-1], dtype="float32")[:2])
    if task.optimizer == "adam":
        optimizer = Adam(task.learning_rate / 100, L2=0.0, grad_clip=0.0, use_averages=False)
    else:
        optimizer = SGD(task.learning_rate, L2=0.0, grad_clip=0.0, use_averages=False)
    generator = np.random.default_rng(0)

    def epoch() -> float:
        total = np.float32(0)
        order = generator.permutation(len(images))
        for start in task.starts:
            chosen = order[start : start + task.batch_size]
            y = labels[chosen]
            probabilities, backward = model.begin_update(images[chosen])
            rows = np.arange(len(chosen))
            total += -np.log(probabilities[rows, y] + 1e-12).sum()
            probabilities[rows, y] -= 1
            backward(probabilities / len(chosen))
            model.finish_update(optimizer)
        return float(total) / len(images)

    return epoch
