"""An arm of the study: one way to build and train the network, as a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tinynet as tn

# Half a decade apart. Plain SGD's grid is shared by all arms that use it; momentum of 0.9 makes a step ten times as
# long in the end, so a tenth of each; RMSprop and Adam divide by the gradient's size: their rates mean another thing.
SGD_RATES = (0.1, 0.3, 1.0, 3.0, 10.0)
MOMENTUM_RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
ADAPTIVE_RATES = (0.0003, 0.001, 0.003, 0.01, 0.03)


@dataclass(frozen=True)
class Arm:
    """What follows each hidden Dense layer, and what trains it. It travels to other processes: no lambdas."""

    title: str
    activation: Callable[[], tn.Layer] = tn.ReLU
    dropout: float = 0.0
    optimizer: Callable[[float], tn.Optimizer] = tn.SGD
    rates: tuple[float, ...] = SGD_RATES  # of which the best is chosen
    as_given: bool = False  # whether it stands in the first table: plain SGD at the shared rate
    long: bool = False  # whether it is also trained five times as long
    against: str = "relu"  # the arm it is a change of, and is compared with; "" for none

    def build(self, inputs: int, hidden: Sequence[int], classes: int, seed: int) -> tn.Sequential:
        """inputs -> hidden[0] -> ... -> classes.

        A Dropout(0.0) does nothing, but it keeps the places of all other layers, and with them their initial weights
        and the shuffles, the same in every arm: seeds are paired.
        """
        layers: list[tn.Layer] = []
        for width in hidden:
            layers += [tn.Dense(inputs, width), self.activation(), tn.Dropout(self.dropout)]
            inputs = width
        return tn.Sequential(*layers, tn.Dense(inputs, classes), seed=seed)
