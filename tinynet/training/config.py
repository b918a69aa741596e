"""The settings of a training run that stay the same in every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from tinynet.backend.arrays import Device
from tinynet.data.batches import batch_count
from tinynet.data.dataset import Dataset
from tinynet.data.transforms import Transform

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
