"""Loss scaling: how gradients survive float16.

Small gradients are 0 in float16 and large ones infinite: its positive numbers go from 6e-8 to 65504. So the loss is
multiplied by a scale, and with it, by the chain rule, every gradient on the way back; what arrives in float32 is
divided by it again. The scale finds itself: where a gradient overflows, the step is left out and the scale halved;
after PATIENCE steps without overflow it is doubled. It is always a power of two, so scaling itself rounds nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from tinynet.backend.arrays import Array, array_module, to_numpy
from tinynet.optimizers import State, Wrapper
from tinynet.training.nan_guard import is_finite

FIRST, LEAST = 2.0**16, 2.0**-24
PATIENCE = 2000  # steps


class LossScaled(Wrapper):
    """Another optimizer, fed the gradient of scale times the loss: g <- g / scale, if g is finite.

        g not finite:           no step;  scale <- scale / 2
        PATIENCE finite ones:   scale <- 2 scale

    What it remembers, `loss_scale`, is the scale and how many finite gradients it has seen in a row. Steps left out
    count for schedules. At the least scale, 2^-24, the step is taken whatever the gradient is: a run that cannot be
    saved by scaling diverges, and is told so by the NaN guard. PyTorch's GradScaler has no least scale, else the same.
    Source: P. Micikevicius et al., "Mixed precision training", ICLR 2018.
    """

    elementwise = False

    @property
    def recordable(self) -> bool:
        return False  # what comes next depends on the gradient

    def start(self, theta: Array) -> State:
        return {**super().start(theta), "loss_scale": array_module(theta).asarray([FIRST, 0.0], dtype="float64")}

    def around(self, theta: Array, gradient: Array, state: State, step: Callable[[], None]) -> None:
        scale, finite = (float(number) for number in to_numpy(state["loss_scale"]))
        gradient *= 1 / scale
        if is_finite(gradient):
            step()
            grown = finite + 1 == PATIENCE
            scale, finite = (2 * scale, 0) if grown else (scale, finite + 1)
        elif scale > LEAST:
            scale, finite = scale / 2, 0
        else:
            step()
        state["loss_scale"][0], state["loss_scale"][1] = scale, finite

    def loss_scale(self, state: State) -> float:
        return float(to_numpy(state["loss_scale"])[0])

    def __repr__(self) -> str:
        return f"LossScaled({self.optimizer})"
