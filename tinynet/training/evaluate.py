"""Evaluate a model: its loss and accuracy on a data set."""

from __future__ import annotations

import math
from typing import NamedTuple

from tinynet.backend.arrays import Array, Device, ignoring
from tinynet.backend.habits import explained
from tinynet.backend.threads import Team, team_size
from tinynet.data.batches import batch_count, in_order
from tinynet.data.dataset import Dataset
from tinynet.losses import Loss
from tinynet.model import Sequential
from tinynet.training.config import checked_loss, checked_model
from tinynet.training.state import Meter
from tinynet.training.validate import Data, validate_data


class Evaluation(NamedTuple):
    """The mean loss, and the accuracy: the fraction of examples that a classifier got right (else NaN)."""

    loss: float
    accuracy: float


@explained
def evaluate(
    model: Sequential,
    data: Data,
    loss: Loss | None = None,
    batch_size: int = 1000,
    device: str | Device | None = None,
    threads: int | None = None,
) -> Evaluation:
    """Return the loss and accuracy of `model` on `data` in inference mode: dropout is off, the model does not change.

    If training standardized its data, raw data are scaled the same way. A standardized Dataset keeps its scale.
    `threads` is how many threads share the batches; None chooses a good number. Raises DataError, ShapeError or
    TypeError for data that do not fit the model.
    """
    model, loss = checked_model("evaluate", model), checked_loss("evaluate", loss)
    device = model.to(device).device if device is not None else model.device
    with device.active(), ignoring("under"):
        dataset = validate_data(data, model, loss, device, model.preprocessing)
        means = evaluate_dataset(model, dataset, loss, batch_size, threads)
    return Evaluation(means["loss"], means.get("accuracy", math.nan))


def evaluate_dataset(
    model: Sequential, data: Dataset, loss: Loss, batch_size: int = 1000, threads: int | None = None
) -> dict[str, float]:
    """`evaluate` for validated data on the model's device. Returns a dict: loss, and accuracy if it is defined."""
    batches = in_order(data, batch_size)
    size = team_size(threads, model.products(data) if len(batches) > 1 else 0, on_host=model.device.on_host)

    def evaluate_batch(rows: slice) -> tuple[Array, Array | None, int, Array | None]:
        outputs, labels = model(data.inputs(rows, model.dtype)), data.labels[rows]
        weight = loss.weight(labels) if loss.weighted else None
        return loss.forward(outputs, labels)[0], loss.hits(outputs, labels), len(labels), weight

    meter = Meter(batch_count(data, batch_size), model.device)
    with Team(size) as team:
        for measured in team.map(evaluate_batch, batches):
            meter.add(*measured)
    return meter.means()
