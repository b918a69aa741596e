"""Validate data on entry: the inputs against the model, the targets against the loss."""

from __future__ import annotations

from dataclasses import replace

from tinynet.backend.arrays import Array, Device
from tinynet.backend.plain import converted
from tinynet.data.dataset import Dataset, as_dataset, check_scaled
from tinynet.data.preprocessing import Preprocessing
from tinynet.data.raw_inputs import scaled_as
from tinynet.layers.reshape import Reshape
from tinynet.losses import Loss
from tinynet.model import Sequential

Data = Dataset | tuple[Array, Array]


def validate_data(
    data: Data, model: Sequential, loss: Loss, device: Device, scale: Preprocessing | None = None
) -> Dataset:
    """Move data to `device`, run one example through the model, and check every target. Return the data set.

    Floating-point targets are converted to the model's dtype. Images to evaluate get `scale`, that of training, unless
    they were standardized as a Dataset. Raises DataError, ShapeError or TypeError for data
    that do not fit the model or the loss.
    """
    dataset = as_dataset(data).to(device)
    if scale is not None:
        dataset = scaled_as(dataset, scale, "images")
    check_scaled(dataset, model.dtype)
    if dataset.labels.dtype.kind == "f":  # targets of a regression
        dataset = replace(dataset, labels=converted(dataset.labels, model.dtype, "labels", "labels"))
    if model.layers and isinstance(model.layers[0], Reshape):  # flat rows do not show the order of their axes
        model.layers[0].check_order(dataset.image_shape)
    outputs = model(dataset.inputs(slice(0, 1), model.dtype))
    loss.check_targets(dataset.labels, outputs.shape)
    return dataset
