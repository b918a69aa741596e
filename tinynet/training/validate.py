"""Validate data on entry: the inputs against the model, the targets against the loss."""

from __future__ import annotations

from dataclasses import replace

from tinynet.backend.arrays import Array, Device
from tinynet.data.dataset import Dataset, as_dataset
from tinynet.layers.reshape import Reshape
from tinynet.losses import Loss
from tinynet.model import Sequential

Data = Dataset | tuple[Array, Array]


def validate_data(data: Data, model: Sequential, loss: Loss, device: Device) -> Dataset:
    """Move data to `device`, run one example through the model, and check every target. Return the data set.

    Floating-point targets are converted to the model's dtype. Raises DataError, ShapeError or TypeError for data
    that do not fit the model or the loss.
    """
    dataset = as_dataset(data).to(device)
    if dataset.labels.dtype.kind == "f":  # targets of a regression
        dataset = replace(dataset, labels=dataset.labels.astype(model.dtype))
    if model.layers and isinstance(model.layers[0], Reshape):  # flat rows do not show the order of their axes
        model.layers[0].check_order(dataset.image_shape)
    outputs = model(dataset.inputs(slice(0, 1), model.dtype))
    loss.check_targets(dataset.labels, outputs.shape)
    return dataset
