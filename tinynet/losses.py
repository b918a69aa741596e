"""Losses, which training minimizes. Each returns its value and the function that gives the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from tinynet.backend.arrays import Array, array_module, device_of, ignoring, to_numpy
from tinynet.backend.habits import explain_constructor, explained
from tinynet.backend.plain import plain_array
from tinynet.backend.representation import constructor_call, refuse_unknown_attribute, set_anew
from tinynet.errors import DataError, ShapeError, fraction, mismatch, sequence, whole_number

ClassWeights = Sequence[float] | Mapping[int, float]
LossBackward = Callable[..., Array]  # backward(dloss=1.0) -> gradient of the outputs


class Loss:
    """Base of all losses: a mean over examples, loss = sum of w_i l_i / sum of w_i, where each w_i is usually 1.

    `forward` returns that mean for a batch, and `weight` the sum of w_i. So sum(weight loss) / sum(weight) over several
    batches, or over the parts of one batch that threads share, is the mean over all examples, however they are split.

    `check_targets` checks the targets once, before training; `forward` relies on that. A check in every step would wait
    for the GPU, on which a label out of range raises no error.
    """

    hyperparameters: tuple[str, ...] = ()  # the arguments of __init__, kept as attributes of the same names
    splittable = False  # whether threads may share a batch: the loss is such a mean, its rows independent
    predicts = "numbers"  # what the outputs mean: "classes", "probabilities" or "numbers"; see `model.predict`

    @explained
    def __init__(self) -> None:
        pass  # a loss without arguments says so

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        explain_constructor(cls)

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        """The loss, a 0-d value averaged over the batch, and backward(dloss=1.0) -> the gradient of `outputs`."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(outputs, targets)")

    def measure(self, outputs: Array, targets: Array, fraction: float = 1.0) -> tuple[Array, Array | None, Array]:
        """The loss, the number of correct outputs (None: not defined), and `fraction` times the gradient of `outputs`.

        Where threads share a batch, `fraction` is the part of the batch that these outputs are, by weight.
        """
        value, backward = self.forward(outputs, targets)
        return value, self.hits(outputs, targets), backward(fraction)

    def __call__(self, outputs: Array, targets: Array) -> float:
        """Check the targets; return the loss as a float."""
        outputs, targets = plain_array(outputs, self, "outputs"), plain_array(targets, self, "targets")
        self.check_targets(targets, outputs.shape)
        with ignoring("under", "over"):  # a loss may be infinite
            return float(self.forward(outputs, targets)[0])

    def check_targets(self, targets: Array, outputs_shape: tuple[int, ...]) -> None:
        """Raise DataError or ShapeError unless `targets` fit outputs of this shape, whatever the batch size."""

    @property
    def weighted(self) -> bool:
        """Whether examples count differently, so that `weight` must be asked. By default: whether it is overridden."""
        return type(self).weight is not Loss.weight

    def weight(self, targets: Array) -> Any:
        """The sum of the examples' weights: a number or 0-d value that depends on the targets only. Here: how many.

        Where it is 0, `forward` divides by the number of examples instead.
        """
        return len(targets)

    def hits(self, outputs: Array, targets: Array) -> Array | None:
        """The number of correct outputs, as a 0-d value; None if the loss does not define "correct"."""
        return None

    def __setattr__(self, name: str, value: Any) -> None:
        refuse_unknown_attribute(self, name)
        set_anew(self, self.hyperparameters, name, value)

    def __repr__(self) -> str:
        return constructor_call(self, self.hyperparameters)


class SoftmaxCrossEntropy(Loss):
    """loss = mean over rows of -log softmax(logits)[label];   dlogits = (softmax(logits) - onehot(label)) / N.

    logits (N, classes), labels (N,) integers from 0. With m the largest logit of a row, the loss of the row is
    log(sum_j exp(logit_j - m)) - (logit_label - m): finite and exact at logits of +-1e4, where softmax alone is 0 or 1.

    With `label_smoothing` e, a target is not the label alone but q = (1 - e) onehot(label) + e / classes. With
    `class_weights` w (classes,), q_j is multiplied by w_j, and the mean over rows is weighted by w of each row's label.
    Then, W being the sum of those weights, loss = -sum q log softmax / W and dlogits = (softmax sum_j q_j - q) / W.
    Both as in PyTorch. `class_weights` are a list in the order of the classes, or a dict {class: weight}.
    Raises ValueError for smoothing outside [0, 1), weights that are negative or all 0, or a dict without some class;
    TypeError for weights without an order, such as a set.
    Source of smoothing: C. Szegedy and others, "Rethinking the Inception architecture", CVPR 2016, section 7.
    """

    splittable = True
    predicts = "classes"
    hyperparameters = ("label_smoothing", "class_weights")

    def __init__(self, label_smoothing: float = 0.0, class_weights: ClassWeights | None = None) -> None:
        who = type(self).__name__
        self.label_smoothing = fraction(who, "label_smoothing", label_smoothing, remedy="try 0.1")
        self.class_weights = None if class_weights is None else _by_class(who, class_weights)
        self._placed: dict[tuple[str, str], Array] = {}  # class_weights as a vector, by device and dtype

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        logits, labels = outputs, targets
        xp = array_module(logits)
        count = len(logits)
        if logits.ndim != 2:
            _refuse_logits(self, logits.shape)
        if labels.shape != (count,):  # (N, 1) would broadcast to (N, N) in silence
            expected = f"labels of shape ({count},)"
            raise ShapeError(mismatch(self, expected, tuple(labels.shape), _labels_remedy(labels)))
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
            weights = self._vector(q)
            q *= weights[:, None]
            whole = weights[labels].sum()
            whole = xp.where(whole > 0, whole, xp.full_like(whole, count))
        loss = (q * (xp.log(total) - shifted)).sum() / whole

        def backward(dloss: Any = 1.0) -> Array:
            dlogits = exponentials / total * q.sum(axis=0)
            dlogits -= q
            dlogits *= float(dloss) / whole
            return dlogits.T  # (N, classes)

        return loss, backward

    def check_targets(self, targets: Array, outputs_shape: tuple[int, ...]) -> None:
        if len(outputs_shape) != 2:
            _refuse_logits(self, outputs_shape)
        classes = outputs_shape[1]
        if targets.dtype.kind not in "iu" or targets.ndim != 1:
            received = f"{targets.dtype} of shape {tuple(targets.shape)}"
            raise DataError(mismatch(self, "integer labels of shape (N,)", received, _labels_remedy(targets)))
        if self.class_weights and len(self.class_weights) != classes:
            given = len(self.class_weights)
            remedy = "give one weight for each class" + (f"; class {given} has none" if given < classes else "")
            raise ShapeError(mismatch(self, f"{classes} class_weights", given, remedy))
        wrong = (targets < 0) | (targets >= classes)
        if bool(wrong.any()):
            first = int(wrong.argmax())
            received = f"{int(targets[first])} in example {first}"
            raise DataError(
                mismatch(self, f"labels from 0 to {classes - 1}", received, _range_remedy(targets, classes))
            )

    @property
    def weighted(self) -> bool:
        return self.class_weights is not None

    def weight(self, targets: Array) -> Any:
        return self._vector(targets, "float64")[targets].sum() if self.weighted else len(targets)

    def _vector(self, like: Array, dtype: Any = None) -> Array:
        """class_weights on the device of `like`. Copied there once: a recorded step can copy nothing from the host."""
        key = device_of(like).name, str(dtype or like.dtype)
        if key not in self._placed:
            self._placed.setdefault(key, array_module(like).asarray(self.class_weights, dtype=key[1]))
        return self._placed[key]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_placed": {}}  # a copy may go to a process without that device

    def hits(self, outputs: Array, targets: Array) -> Array:
        return array_module(outputs).count_nonzero(outputs.argmax(axis=1) == targets)


def _refuse_logits(loss: Loss, shape: tuple[int, ...]) -> None:
    remedy = "end the model with Flatten() and Dense(inputs, classes)"
    raise ShapeError(mismatch(loss, "logits of shape (N, classes)", tuple(shape), remedy))


def _by_class(who: str, weights: ClassWeights) -> tuple[float, ...]:
    """The weights of class 0, 1, ... from a sequence in that order, or from {class: weight}."""
    name = f"{who}: class_weights"
    if items := getattr(weights, "items", None):  # of a dict, or a pandas Series, whose order may be any
        given = {
            whole_number(f"{name}: a class", key, 0, remedy="class numbers are the keys: {0: 1.0, 1: 2.5}"): weight
            for key, weight in items()
        }
        classes = max(given, default=0) + 1
        missing = list(islice((number for number in range(classes) if number not in given), 5))
        if missing:
            received = f"none for {', '.join(map(str, missing))}"
            remedy = f"add the rest, as {missing[0]}: 1.0"
            raise ValueError(mismatch(name, f"a weight for each class from 0 to {classes - 1}", received, remedy))
        listed: Sequence[Any] = [given[number] for number in range(classes)]
    else:
        remedy = "give a list in the order of the classes, or a dict {class: weight}"
        listed = sequence(name, to_numpy(weights) if hasattr(weights, "get") else weights, remedy=remedy)
    values = tuple(float(weight) if hasattr(weight, "__float__") else math.nan for weight in listed)
    if not any(values) or not all(0 <= weight < math.inf for weight in values):
        expected = "class_weights of at least 0, one above 0"
        raise ValueError(mismatch(who, expected, listed, "give one weight for each class"))
    if any(weight and not 1e-20 <= weight <= 1e20 for weight in values):  # float32 holds their sums and products, too
        expected, remedy = "class_weights that are 0 or from 1e-20 to 1e20", "divide them by the largest"
        raise ValueError(mismatch(who, expected, listed, remedy))
    return values


class MeanSquaredError(Loss):
    """loss = mean of (y - t)^2 over all entries;   dy = 2 (y - t) / (number of entries).

    Outputs y and targets t of one shape, (N, K), floating.
    """

    splittable = True

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        if outputs.shape != targets.shape:  # (N,) against (N, 1) would broadcast to (N, N) in silence
            remedy = _targets_remedy(targets, outputs.shape)
            raise ShapeError(mismatch(self, f"targets of shape {outputs.shape}", tuple(targets.shape), remedy))
        difference = outputs - targets
        loss = (difference * difference).mean()

        def backward(dloss: Any = 1.0) -> Array:
            return difference * (2 * float(dloss) / difference.size)

        return loss, backward

    def check_targets(self, targets: Array, outputs_shape: tuple[int, ...]) -> None:
        _check_shape(self, targets, outputs_shape)
        if targets.dtype.kind != "f":
            remedy = "convert them: np.asarray(targets, 'float32')"
            raise DataError(mismatch(self, "floating targets", targets.dtype, remedy))


class BinaryCrossEntropy(Loss):
    """loss = mean of -(t log s(x) + (1 - t) log(1 - s(x))), s the sigmoid;   dx = (s(x) - t) / (number of entries).

    Logits x and targets t of one shape, (N, K), t floating in [0, 1]: K yes-or-no questions for each example.
    It is computed as log(1 + exp(x)) - x t, which is finite and exact at logits of +-1e4. A row is correct if every
    entry is: x above 0 where t is above 1/2, and only there.
    """

    splittable = True
    predicts = "probabilities"

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, LossBackward]:
        if outputs.shape != targets.shape:  # (N,) against (N, 1) would broadcast to (N, N) in silence
            remedy = _targets_remedy(targets, outputs.shape)
            raise ShapeError(mismatch(self, f"targets of shape {outputs.shape}", tuple(targets.shape), remedy))
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
            remedy = "convert them: np.asarray(targets, 'float32')"
            raise DataError(mismatch(self, "floating targets", targets.dtype, remedy))
        if bool(((targets < 0) | (targets > 1)).any()):
            signs = bool((abs(targets) == 1).all())
            remedy = (
                "use (np.asarray(targets) > 0).astype('float32')"
                if signs
                else "use loss=MeanSquaredError() for a regression"
            )
            received = f"numbers from {float(targets.min()):g} to {float(targets.max()):g}"
            raise DataError(mismatch(self, "targets from 0 to 1", received, remedy))

    def hits(self, outputs: Array, targets: Array) -> Array:
        right = (outputs > 0) == (targets > 0.5)
        return array_module(outputs).count_nonzero(right.reshape(len(right), -1).all(axis=1))


def _targets_remedy(targets: Array, outputs_shape: tuple[int, ...]) -> str:
    """How to make targets for outputs of this shape: another shape, one-hot rows, or a model that fits the targets."""
    shape = tuple(outputs_shape[1:])
    if targets.ndim and targets.size == len(targets) * math.prod(shape):
        return f"reshape the targets: np.asarray(targets).reshape(-1, {', '.join(map(str, shape))})"
    if targets.ndim == 1 and targets.dtype.kind in "iu" and len(shape) == 1:
        return f"use loss=SoftmaxCrossEntropy() for labels, or np.eye({shape[0]}, dtype='float32')[targets]"
    if targets.ndim == 1:
        return (
            "end the model with one output, Dense(..., 1), and reshape the targets: np.asarray(targets).reshape(-1, 1)"
        )
    return f"end the model with as many outputs as there are targets: Dense(..., {math.prod(targets.shape[1:])})"


def _labels_remedy(labels: Array) -> str:
    """How to make integer labels (N,) of `labels`: columns, one-hot rows, whole numbers in floats; nothing else."""
    kind = labels.dtype.kind
    if labels.ndim > 1 and labels.size == len(labels):
        return "use np.asarray(labels).reshape(-1)"
    if labels.ndim == 2:
        ones, zeros = labels == 1, labels == 0
        if bool((ones | zeros).all()) and bool((ones.sum(axis=1) == 1).all()):
            return "use np.asarray(labels).argmax(axis=1), since these rows are one-hot"
        if bool(((labels >= 0) & (labels <= 1)).all()):
            return "use loss=BinaryCrossEntropy() and np.asarray(labels, 'float32') for several targets in each row"
        return "use loss=MeanSquaredError() and np.asarray(labels, 'float32') for a regression"
    if labels.ndim == 1 and (kind == "b" or (kind == "f" and bool((labels % 1 == 0).all()))):
        return "use np.asarray(labels, 'int64')"
    if labels.ndim == 1 and kind == "f":
        return "use loss=MeanSquaredError() and np.asarray(labels).reshape(-1, 1) for a regression"
    return "give one label for each example"


def _range_remedy(labels: Array, classes: int) -> str:
    """How to make these integers labels from 0 to classes - 1."""
    low, high = int(labels.min()), int(labels.max())
    if low > 0 and (high == classes or high - low < classes):
        return f"labels count from 0: use np.asarray(labels) - {1 if high == classes else low}"
    if low >= 0:
        return f"the last layer has {classes} outputs, and labels count from 0: end with Dense(..., {high + 1})"
    return "number them from 0: np.unique(labels, return_inverse=True)[1]"


def _check_shape(loss: Loss, targets: Array, outputs_shape: tuple[int, ...]) -> None:
    """Raise ShapeError unless each example has as many targets as outputs, in the same shape."""
    if tuple(targets.shape[1:]) != tuple(outputs_shape[1:]):
        wanted = ", ".join(["N", *map(str, outputs_shape[1:])])
        remedy = _targets_remedy(targets, outputs_shape)
        raise ShapeError(mismatch(loss, f"targets of shape ({wanted})", tuple(targets.shape), remedy))
