"""The context of a forward pass: whether it is training, and what random numbers depend on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tinynet.backend.arrays import Array
from tinynet.backend.random import Purpose, Stream


def _itself(x: Array) -> Array:
    return x


class Context(NamedTuple):
    """What layers need to know about one forward pass. They read it and never change it.

    training        True in training: dropout is on, batch norm uses the statistics of the batch
    seed, step      with the layer's position, they determine its random numbers; `step` counts updates from 0
    layer           the position of the layer in its model
    first_row       the index of the first row of x in the whole batch: above 0 only where threads share a batch
    input_gradient  whether backward must return dx. The first layer's dx is not needed, and computing it would cost
                    more than a quarter of an MLP's multiplications
    all_reduce      where threads share a batch, sums an array over their parts; each thread must call it, in the same
                    order
    """

    training: bool = False
    seed: int = 0
    step: int = 0
    layer: int = 0
    first_row: int = 0
    input_gradient: bool = True
    all_reduce: Callable[[Array], Array] = _itself

    def at(self, position: int, input_gradient: bool) -> Context:
        """The context of a part of this layer; `position` counts from the layer's own."""
        layer = self.layer + position
        return Context(self.training, self.seed, self.step, layer, self.first_row, input_gradient, self.all_reduce)

    def stream(self, purpose: Purpose) -> Stream:
        """The random numbers of this layer in this step."""
        return Stream(self.seed, purpose, self.layer, self.step)


INFERENCE = Context()
TRAINING = Context(training=True)
