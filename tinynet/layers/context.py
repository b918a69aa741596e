"""The context of a forward pass: whether it is training, and what random numbers depend on."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Number
from typing import Any, NamedTuple

from tinynet.backend.arrays import Array
from tinynet.backend.random import Purpose, Stream, check_seed
from tinynet.errors import flag, function, mismatch, whole_number


def _itself(x: Array) -> Array:
    return x


class _NotGiven(int):
    """A step of 0 that nobody chose."""


NOT_GIVEN = _NotGiven()


class _Fields(NamedTuple):
    training: bool
    seed: int
    step: int
    layer: int
    first_row: int
    input_gradient: bool
    all_reduce: Callable[[Array], Array]


class Context(_Fields):
    """What layers need to know about one forward pass. They read it and never change it.

    training        True in training: dropout is on, batch norm uses the statistics of the batch
    seed, step      with the layer's position, they determine its random numbers; `step` counts updates from 0. A
                    single pass may leave it out; a training loop must not, or each step has the same masks
    layer           the position of the layer in its model
    first_row       the index of the first row of x in the whole batch: above 0 only where threads share a batch
    input_gradient  whether backward must return dx. The first layer's dx is not needed, and computing it would cost
                    more than a quarter of an MLP's multiplications
    all_reduce      where threads share a batch, sums an array over their parts; each thread must call it, in the same
                    order

    Raises ValueError or TypeError for numbers and flags out of range.
    """

    __slots__ = ()

    def __new__(
        cls,
        training: bool = False,
        seed: int = 0,
        step: int = NOT_GIVEN,
        layer: int = 0,
        first_row: int = 0,
        input_gradient: bool = True,
        all_reduce: Callable[[Array], Array] = _itself,
    ) -> Context:
        recorded = str(getattr(step, "dtype", "")) == "uint64" and not isinstance(step, Number)  # an array: see Stream
        if not (step is NOT_GIVEN or step is None or recorded):
            step = whole_number("Context: step", step, 0, 2**64 - 1, remedy="count the updates from 0")
        return super().__new__(
            cls,
            flag("Context", "training", training),
            check_seed(seed),
            step,
            whole_number("Context: layer", layer, 0, 2**32 - 1, remedy="leave it out"),
            whole_number("Context: first_row", first_row, 0, remedy="leave it out"),
            flag("Context", "input_gradient", input_gradient),
            function("Context", "all_reduce", all_reduce, remedy="leave it out"),
        )

    def in_loop(self, statistics: bool) -> Context:
        """This context, for a step of a training loop, where a step that was not given is refused once it matters.

        It matters where a layer draws random numbers, and where the model has `statistics`, which a loop must move.
        """
        if not self.training or self.step is not NOT_GIVEN:
            return self
        if statistics:
            raise ValueError(_NO_STEP)
        unknown: Any = None
        return self._replace(step=unknown)

    def at(self, position: int, input_gradient: bool) -> Context:
        """The context of a part of this layer; `position` counts from the layer's own."""
        training, seed, step, layer, first_row, _, all_reduce = self
        moved = training, seed, step, layer + position, first_row, input_gradient, all_reduce
        return tuple.__new__(Context, moved)  # without the checks: each layer calls this in each step

    def stream(self, purpose: Purpose) -> Stream:
        """The random numbers of this layer in this step."""
        if self.step is None:
            raise ValueError(_NO_STEP)
        return Stream(self.seed, purpose, self.layer, self.step)


_NO_STEP = mismatch(
    "loss_and_gradient",
    "the number of the step in the context, since dropout draws new masks in each and batch norm moves its statistics",
    "none",
    "use tn.Trainer(model).step(x, targets), for both; for a gradient alone give tn.Context(training=True, step=0)",
)

INFERENCE = Context()
TRAINING = Context(training=True)
