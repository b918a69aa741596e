"""The settings of a training run that stay the same in every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from tinynet.backend.arrays import Device
from tinynet.backend.habits import instance
from tinynet.data.batches import batch_count
from tinynet.data.dataset import Dataset
from tinynet.data.transforms import Transform
from tinynet.errors import mismatch
from tinynet.layers.base import Layer
from tinynet.losses import Loss, SoftmaxCrossEntropy
from tinynet.model import Sequential
from tinynet.optimizers import SGD, Optimizer

Resume = bool | Literal["trust"]  # "trust": functions that have no identity (see identity.py) are those of before


class RunConfig(NamedTuple):
    """The settings of a run that stay the same in every epoch: data, batch size, device, transforms, precision."""

    data: Dataset
    batch_size: int
    device: Device
    transforms: Sequence[Transform] = ()
    precision: str = "float32"

    @property
    def steps(self) -> int:
        """The number of steps in an epoch: one for each batch."""
        return batch_count(self.data, self.batch_size)


def checked_model(who: str, model: Any) -> Sequential:
    """`model`; TypeError unless it is a Sequential."""
    if isinstance(model, Sequential):
        return model
    remedy = "wrap it: tn.Sequential(layer)" if isinstance(model, Layer) else "give the model first, then the data"
    raise TypeError(mismatch(f"{who}: model", "a Sequential", type(model).__name__, remedy))


def checked_loss(who: str, loss: Any) -> Loss:
    """`loss`, or SoftmaxCrossEntropy() for None; TypeError for anything else that is no Loss."""
    otherwise = "write tn.SoftmaxCrossEntropy() for classes, tn.MeanSquaredError() for numbers"
    if hasattr(loss, "shape") or isinstance(loss, (list, tuple)):
        otherwise = "give images and labels as a pair: tn.evaluate(model, (x, y))"
    checked: Loss = instance(f"{who}: loss", SoftmaxCrossEntropy() if loss is None else loss, Loss, otherwise)
    return checked


def checked_optimizer(who: str, optimizer: Any) -> Optimizer:
    """`optimizer`, or SGD(0.1) for None; TypeError for anything else that is no Optimizer."""
    chosen = SGD(0.1) if optimizer is None else optimizer
    checked: Optimizer = instance(f"{who}: optimizer", chosen, Optimizer, "write tn.SGD(0.1) or tn.Adam()")
    return checked
