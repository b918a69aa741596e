"""Losses, which training minimizes. Each returns its value and the function that gives the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tinynet.backend.arrays import Array, array_module, ignoring
from tinynet.backend.representation import constructor_call, refuse_unknown_attribute
from tinynet.errors import DataError, ShapeError, fraction, mismatch

LossBackward = Callable[..., Array]  # backward(dloss=1.0) -> gradient of the outputs


class Loss:
    """Base of all losses. `check_targets` checks the targets once, before training; `forward` relies on that.

    A check in every step would wait for the GPU, on which a label out of range raises no error.
    """

    hyperparameters: tuple[str, ...] = ()  # the arguments of __init__, kept as attributes of the same names
    splittable = False  # whether threads may share a batch: the loss is a plain mean over independent rows

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        """The loss, a 0-d value averaged over the batch, and backward(dloss=1.0) -> the gradient of `outputs`."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(outputs, targets)")

    def measure(self, outputs: Array, targets: Array, fraction: float = 1.0) -> tuple[Array, Array | None, Array]:
        """The loss, the number of correct outputs (None: not defined), and `fraction` times the gradient of `outputs`.

        Where threads share a batch, `fraction` is the part of the batch that these outputs are.
        """
        value, backward = self.forward(outputs, targets)
        return value, self.hits(outputs, targets), backward(fraction)

    def __call__(self, outputs: Array, targets: Array) -> float:
        """Check the targets; return the loss as a float."""
        self.check_targets(targets, outputs.shape)
        with ignoring("under"):
            return float(self.forward(outputs, targets)[0])

    def check_targets(self, targets: Array, outputs_shape: tuple[int, ...]) -> None:
        """Raise DataError or ShapeError unless `targets` fit outputs of this shape, whatever the batch size."""

    def hits(self, outputs: Array, targets: Array) -> Array | None:
        """The number of correct outputs, as a 0-d value; None if the loss does not define "correct"."""
        return None

    def __setattr__(self, name: str, value: Any) -> None:
        refuse_unknown_attribute(self, name)
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return constructor_call(self, self.hyperparameters)


class SoftmaxCrossEntropy(Loss):
    """loss = mean over rows of -log softmax(logits)[label];   dlogits = (softmax(logits) - onehot(label)) / N.

    logits (N, classes), labels (N,) integers from 0. With m the largest logit of a row, the loss of the row is
    log(sum_j exp(logit_j - m)) - (logit_label - m): finite and exact at logits of +-1e4, where softmax alone is 0 or 1.

    With `label_smoothing` e, a target is not the label alone but q = (1 - e) onehot(label) + e / classes. With
    `class_weights` w (classes,), q_j is multiplied by w_j, and the mean over rows is weighted by w of each row's label.
    Then, W being the sum of those weights, loss = -sum q log softmax / W and dlogits = (softmax sum_j q_j - q) / W.
    Both as in PyTorch. Raises ValueError for smoothing outside [0, 1), or weights that are negative or all 0.
    Source of smoothing: C. Szegedy and others, "Rethinking the Inception architecture", CVPR 2016, section 7.
    """

    splittable = True
    hyperparameters = ("label_smoothing", "class_weights")

    def __init__(self, label_smoothing: float = 0.0, class_weights: Sequence[float] | None = None) -> None:
        who = type(self).__name__
        self.label_smoothing = fraction(who, "label_smoothing", label_smoothing, remedy="try 0.1")
        self.class_weights = None if class_weights is None else tuple(float(weight) for weight in class_weights)
        if self.class_weights is not None:
            if min(self.class_weights) < 0 or not 0 < sum(self.class_weights) < math.inf:
                expected = "class_weights of at least 0, one above 0"
                raise ValueError(mismatch(who, expected, class_weights, "give one weight for each class"))
            self.splittable = False  # rows have weights, so the mean of the parts' means is not the mean of the whole

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        logits, labels = outputs, targets
        xp = array_module(logits)
        count = len(logits)
        if labels.shape != (count,):  # (N, 1) would broadcast to (N, N) in silence
            expected, remedy = f"labels of shape ({count},)", "use labels.reshape(-1)"
            raise ShapeError(mismatch(self, expected, tuple(labels.shape), remedy))
        if self.label_smoothing or self.class_weights:
            return self._with_soft_targets(logits, labels)
        rows = xp.arange(count)
        shifted = xp.array(logits.T, order="C")  # (classes, N): along N, NumPy is several times faster
        shifted -= shifted.max(axis=0)  # at most 0
        exponentials = xp.exp(shifted)
        total = exponentials.sum(axis=0)  # (N,), at least 1
        loss = (xp.log(total) - shifted[labels, rows]).sum() / count

        def backward(dloss: Any = 1.0) -> Array:
            dlogits = exponentials / total
            dlogits[labels, rows] -= 1
            dlogits *= float(dloss) / count
            return dlogits.T  # (N, classes)

        return loss, backward

    def _with_soft_targets(self, logits: Array, labels: Array) -> tuple[Array, LossBackward]:
        """The loss with targets q, a probability for each class, instead of one label a row; all (classes, N)."""
        xp, (count, classes) = array_module(logits), logits.shape
        shifted = logits.T - logits.max(axis=1)
        exponentials = xp.exp(shifted)
        total = exponentials.sum(axis=0)
        q = xp.full((classes, count), self.label_smoothing / classes, shifted.dtype)
        q[labels, xp.arange(count)] += 1 - self.label_smoothing
        whole: Any = count
        if self.class_weights:
            weights = xp.asarray(self.class_weights, dtype=q.dtype)
            q *= weights[:, None]
            whole = weights[labels].sum()
        loss = (q * (xp.log(total) - shifted)).sum() / whole

        def backward(dloss: Any = 1.0) -> Array:
            dlogits = exponentials / total * q.sum(axis=0)
            dlogits -= q
            dlogits *= float(dloss) / whole
            return dlogits.T  # (N, classes)

        return loss, backward

    def check_targets(self, targets: Array, outputs_shape: tuple[int, ...]) -> None:
        if len(outputs_shape) != 2:
            remedy = "end the model with Flatten() and Dense(inputs, classes)"
            raise ShapeError(mismatch(self, "logits of shape (N, classes)", outputs_shape, remedy))
        classes = outputs_shape[1]
        if targets.dtype.kind not in "iu" or targets.ndim != 1:
            received = f"{targets.dtype} of shape {tuple(targets.shape)}"
            remedy = "use labels.astype('int64')"
            if targets.ndim == 2:
                column = targets.shape[1] == 1
                remedy = "use labels.reshape(-1)" if column else "use labels.argmax(axis=1) for one-hot rows"
            raise DataError(mismatch(self, "integer labels of shape (N,)", received, remedy))
        if self.class_weights and len(self.class_weights) != classes:
            remedy = "give one weight for each class"
            raise ShapeError(mismatch(self, f"{classes} class_weights", len(self.class_weights), remedy))
        wrong = (targets < 0) | (targets >= classes)
        if bool(wrong.any()):
            first = int(wrong.argmax())
            received = f"{int(targets[first])} in example {first}"
            remedy = f"the last layer has {classes} outputs, and labels count from 0"
            raise DataError(mismatch(self, f"labels from 0 to {classes - 1}", received, remedy))

    def hits(self, outputs: Array, targets: Array) -> Array:
        return array_module(outputs).count_nonzero(outputs.argmax(axis=1) == targets)


class MeanSquaredError(Loss):
    """loss = mean of (y - t)^2 over all entries;   dy = 2 (y - t) / (number of entries).

    Outputs y and targets t of one shape, (N, K), floating.
    """

    splittable = True

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        if outputs.shape != targets.shape:  # (N,) against (N, 1) would broadcast to (N, N) in silence
            raise ShapeError(mismatch(self, f"targets of shape {outputs.shape}", tuple(targets.shape), _TARGETS_REMEDY))
        difference = outputs - targets
        loss = (difference * difference).mean()

        def backward(dloss: Any = 1.0) -> Array:
            return difference * (2 * float(dloss) / difference.size)

        return loss, backward

    def check_targets(self, targets: Array, outputs_shape: tuple[int, ...]) -> None:
        _check_shape(self, targets, outputs_shape)
        if targets.dtype.kind != "f":
            remedy = "convert them: targets.astype('float32')"
            raise DataError(mismatch(self, "floating targets", targets.dtype, remedy))


class BinaryCrossEntropy(Loss):
    """loss = mean of -(t log s(x) + (1 - t) log(1 - s(x))), s the sigmoid;   dx = (s(x) - t) / (number of entries).

    Logits x and targets t of one shape, (N, K), t floating in [0, 1]: K yes-or-no questions for each example.
    It is computed as log(1 + exp(x)) - x t, which is finite and exact at logits of +-1e4. A row is correct if every
    entry is: x above 0 where t is above 1/2, and only there.
    """

    splittable = True

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        if outputs.shape != targets.shape:  # (N,) against (N, 1) would broadcast to (N, N) in silence
            raise ShapeError(mismatch(self, f"targets of shape {outputs.shape}", tuple(targets.shape), _TARGETS_REMEDY))
        xp = array_module(outputs)
        softplus = xp.logaddexp(outputs, xp.zeros(outputs.shape[-1:], outputs.dtype))  # log(1 + exp(x))
        loss = (softplus - outputs * targets).mean()

        def backward(dloss: Any = 1.0) -> Array:
            gradient = xp.exp(outputs - softplus)  # the sigmoid
            gradient -= targets
            gradient *= float(dloss) / gradient.size
            return gradient

        return loss, backward

    def check_targets(self, targets: Array, outputs_shape: tuple[int, ...]) -> None:
        _check_shape(self, targets, outputs_shape)
        if targets.dtype.kind != "f":
            remedy = "convert them: targets.astype('float32')"
            raise DataError(mismatch(self, "floating targets", targets.dtype, remedy))
        if bool(((targets < 0) | (targets > 1)).any()):
            raise DataError(mismatch(self, "targets from 0 to 1", "others", "use MeanSquaredError for a regression"))

    def hits(self, outputs: Array, targets: Array) -> Array:
        right = (outputs > 0) == (targets > 0.5)
        return array_module(outputs).count_nonzero(right.reshape(len(right), -1).all(axis=1))


_TARGETS_REMEDY = "reshape the targets: targets.reshape(-1, 1) for one output"


def _check_shape(loss: Loss, targets: Array, outputs_shape: tuple[int, ...]) -> None:
    """Raise ShapeError unless each example has as many targets as outputs, in the same shape."""
    if tuple(targets.shape[1:]) != tuple(outputs_shape[1:]):
        wanted = ", ".join(["N", *map(str, outputs_shape[1:])])
        raise ShapeError(mismatch(loss, f"targets of shape ({wanted})", tuple(targets.shape), _TARGETS_REMEDY))
