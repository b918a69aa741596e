"""What a model is worth on data: `evaluate`; and the door that data come in by."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from tinynet.backend.arrays import Array, Device
from tinynet.backend.threads import Team, team_size
from tinynet.data.batches import batch_count, in_order
from tinynet.data.dataset import Dataset, as_dataset
from tinynet.losses import Loss, SoftmaxCrossEntropy
from tinynet.model import Sequential
from tinynet.training.state import Meter

Data = Dataset | tuple[Array, Array]


class Evaluation(NamedTuple):
    """The mean loss and, for a classifier, the share of examples it got right (else NaN)."""

    loss: float
    accuracy: float


def evaluate(
    model: Sequential,
    data: Data,
    loss: Loss | None = None,
    batch_size: int = 1000,
    device: str | Device | None = None,
    threads: int | None = None,
) -> Evaluation:
    """The loss and accuracy of `model` on `data` in inference mode: dropout off, nothing changed.

    `threads` share the batches, None: as many as it pays to have. Raises what `fit` raises for data that do not fit.
    """
    loss = loss or SoftmaxCrossEntropy()
    place = model.to(device).device if device is not None else model.device
    with place.active():
        measured = measure(model, enter(data, model, loss, place), loss, batch_size, threads)
    return Evaluation(measured["loss"], measured.get("accuracy", math.nan))


def measure(
    model: Sequential, data: Dataset, loss: Loss, batch_size: int = 1000, threads: int | None = None
) -> dict[str, float]:
    """Loss and accuracy in inference mode, of data that are checked and in place."""
    parts = in_order(data, batch_size)
    size = team_size(threads, model.products(data) if len(parts) > 1 else 0, on_host=model.device.on_host)

    def of_rows(rows: slice) -> tuple[Array, Array | None, int]:
        outputs, labels = model(data.inputs(rows, model.dtype)), data.labels[rows]
        return loss.forward(outputs, labels)[0], loss.hits(outputs, labels), len(labels)

    meter = Meter(batch_count(data, batch_size), model.device)
    with Team(size) as team:
        for measured in team.map(of_rows, parts):
            meter.add(*measured)
    return meter.means()


def enter(data: Data, model: Sequential, loss: Loss, device: Device) -> Dataset:
    """The data set on the device, once it is sure that the model can take it and the loss its labels."""
    dataset = as_dataset(data).to(device)
    if dataset.labels.dtype.kind == "f":  # targets of a regression
        dataset = replace(dataset, labels=dataset.labels.astype(model.dtype))
    outputs = model(dataset.inputs(slice(0, 1), model.dtype))
    loss.check_targets(dataset.labels, outputs.shape)
    return dataset
