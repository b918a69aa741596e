"""Check data once, when they enter: that the model can take the inputs and the loss the targets."""

from __future__ import annotations

from dataclasses import replace

from tinynet.backend.arrays import Array, Device
from tinynet.data.dataset import Dataset, as_dataset
from tinynet.losses import Loss
from tinynet.model import Sequential

Data = Dataset | tuple[Array, Array]


def validate_data(data: Data, model: Sequential, loss: Loss, device: Device) -> Dataset:
    """The data set on `device`, after one example went through the model and every target was checked.

    Floating targets are converted to the model's dtype. Raises DataError, ShapeError or TypeError for data that do not
    fit the model or the loss.
    """
    dataset = as_dataset(data).to(device)
    if dataset.labels.dtype.kind == "f":  # targets of a regression
        dataset = replace(dataset, labels=dataset.labels.astype(model.dtype))
    outputs = model(dataset.inputs(slice(0, 1), model.dtype))
    loss.check_targets(dataset.labels, outputs.shape)
    return dataset
