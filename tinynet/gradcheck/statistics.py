"""Check a layer's statistics, such as the running mean of a batch norm: training moves them, inference uses them."""

from __future__ import annotations

import numpy as np

from tinynet.backend.random import Purpose, Stream
from tinynet.gradcheck.passes import Arrays, Subject, copy_as, failing
from tinynet.gradcheck.report import Row
from tinynet.layers.base import Layer

TITLE = "statistics"
ROUNDS = 6
LARGEST = 2**20  # numbers in the repeated batch
ROWS = 256  # the batch is repeated to so many rows, since the divisors M and M - 1 of a variance differ by 1 / M
SETTLED = 0.01  # once statistics are settled, inference agrees with training to this fraction of the deviation of y


def check_statistics(subject: Subject) -> Row | None:
    """Whether training reports finite changes that settle, and inference uses the statistics."""
    for name in subject.statistics_layout:
        if not np.isfinite(subject.first[name]).all():
            hint = f"grads[{name!r}] is not finite: write the change of the statistic for every entry, in training"
            return failing(TITLE, hint)
    if (row := subject.difference(TITLE, subject.run(changes=False), _WITHOUT)) is not None:
        return row
    used = [name for name in subject.statistics_layout if _is_used(subject, name)]
    if not used:
        return failing(TITLE, "the statistics have no influence on inference: use them where context.training is False")
    return _settling(subject, used)


_WITHOUT = "{name} is different where grads has no entries for the statistics, as in model.loss_and_gradient"


def _is_used(subject: Subject, name: str) -> bool:
    """Whether inference depends on a statistic."""
    moved, context = copy_as(subject.layer, np.float64), subject.context._replace(training=False)
    before = moved.forward(subject.x, context)[0].copy()
    values = moved.statistics[name]
    values += 0.1 * (1 + np.abs(values)) * Stream(0, Purpose.CHECK, layer=10).uniform(values.shape, 0.5, 1)
    return not np.array_equal(moved.forward(subject.x, context)[0], before)


def _settling(subject: Subject, used: list[str]) -> Row | None:
    """Train on one batch until the statistics no longer change. Then inference gives what training gives."""
    layer = copy_as(subject.layer, np.float64)
    times = max(2, min(ROWS // subject.rows, LARGEST // subject.x.size))
    x = np.concatenate([subject.x] * times)
    dy = np.concatenate([subject.dy] * times)
    for _ in range(ROUNDS):
        first = _changes(subject, layer, x, dy)
        _add(layer, first, 1.0)
        second = _changes(subject, layer, x, dy)
        for name in used:
            before, after = np.abs(first[name]).max(), np.abs(second[name]).max()
            if before > 1e-9 * (1 + np.abs(layer.statistics[name]).max()) and not after < (1 - 1e-6) * before:
                hint = f"{name} does not settle on one batch: the change is momentum * (value of the batch - {name})"
                return failing(TITLE, hint)
        _add(layer, {name: _rest(first[name], second[name]) for name in used}, 1.0)
    return None if _has_repeated_layers(layer) else _agreement(subject, layer, x)


def _has_repeated_layers(layer: Layer) -> bool:
    """Whether a layer stands at two positions. Its statistics are those of both: inference differs from training."""
    parts = list(getattr(layer, "layers", ()))
    return len(set(map(id, parts))) < len(parts) or any(map(_has_repeated_layers, parts))


def _agreement(subject: Subject, layer: Layer, x: np.ndarray) -> Row | None:
    def y(**context: object) -> np.ndarray:
        return np.array(layer.forward(x, subject.context._replace(**context))[0])  # type: ignore[arg-type]

    trained, inferred = y(), y(training=False)
    if not np.array_equal(trained, y(seed=subject.context.seed + 1)):
        return None  # random numbers, such as those of dropout: the two differ
    error = np.abs(trained - inferred).max()
    tolerance = SETTLED * len(subject.statistics_layout) + 2 / len(x)  # each layer adds to the difference
    if not error <= tolerance * (trained.std() + 1e-12):
        hint = f"inference differs from training by {error:.2g} after the statistics have settled on one batch: check "
        return failing(TITLE, hint + "what backward writes as their changes, and how inference uses them")
    return None


def _changes(subject: Subject, layer: Layer, x: np.ndarray, dy: np.ndarray) -> Arrays:
    arrays = subject.run(x, dy.copy(), layer=layer)
    return {name: arrays[name] for name in subject.statistics_layout}


def _add(layer: Layer, changes: Arrays, factor: float) -> None:
    for name, change in changes.items():
        layer.statistics[name][...] += factor * change


def _rest(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The sum of all changes from the second on, each of which is the same fraction of the one before it."""
    with np.errstate(all="ignore"):
        ratio = second / first
        rest = second / (1 - ratio)
    return np.where(np.isfinite(rest) & (np.abs(ratio) < 1), rest, second)
