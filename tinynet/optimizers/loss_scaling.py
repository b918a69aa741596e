"""Loss scaling, which keeps gradients within the range of float16.

Small gradients become 0 in float16 and large ones infinite: its positive numbers go from 6e-8 to 65504. So the loss is
multiplied by a scale, and by the chain rule every gradient with it. The optimizer divides the gradient, in float32, by
the scale. The scale adapts: where a gradient overflows, the step is skipped and the scale halved; after PATIENCE steps
without overflow it is doubled. It is always a power of two, so scaling itself rounds nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from tinynet.backend.arrays import Array, array_module, is_finite, to_numpy
from tinynet.optimizers import State, Wrapper

FIRST, LEAST = 2.0**16, 2.0**-24
PATIENCE = 2000  # steps


class LossScaled(Wrapper):
    """Dynamic loss scaling: g is the gradient of scale times the loss; the wrapped optimizer gets g / scale.

        g not finite:           no step;  scale <- scale / 2
        PATIENCE finite ones:   scale <- 2 scale

    Its state, `loss_scale`, is the scale and the number of finite gradients in a row. Skipped steps count for
    schedules. At the least scale, 2^-24, every step is taken: a run that scaling cannot save then diverges, and the NaN
    guard reports it. PyTorch's GradScaler does the same, but without a least scale.
    Source: P. Micikevicius et al., "Mixed precision training", ICLR 2018.
    """

    elementwise = False

    @property
    def recordable(self) -> bool:
        return False  # whether the step is skipped depends on the gradient

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
