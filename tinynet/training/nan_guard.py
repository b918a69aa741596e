"""The NaN guard: stop a run if a number becomes NaN or infinite, and say where and when that happened.

    before training   inputs and targets with NaN or infinity are refused, with the index of the example
                      (data/dataset.py)
    in each step      the loss is checked before the update, so the parameters stay those of the last good step. On a
                      GPU reading a loss means waiting, so all losses of an epoch are checked at its end
    after each epoch  parameters, statistics and the optimizer's vectors are checked, since a gradient can overflow
                      while the loss is finite. They are also checked before each checkpoint is written

It takes well under 1 % of a step: `python benchmarks/nan_guard.py`.
"""

from __future__ import annotations

import math

from tinynet.backend.arrays import is_finite
from tinynet.errors import DivergenceError
from tinynet.model import Sequential
from tinynet.optimizers import Optimizer
from tinynet.training.state import Meter, TrainingState


def check_run(state: TrainingState, meter: Meter, epoch: int, optimizer: Optimizer, model: Sequential) -> None:
    """Raise DivergenceError if a loss of the epoch (counted from 0) or a vector of the run is NaN or infinite."""
    bad = meter.first_bad()
    if bad is not None:
        step = state.step - meter.done + bad + (1 if meter.diverged else 0)
        what = f"the loss was {float(meter.losses[bad])} in epoch {epoch + 1}, step {step}"
    else:
        wrong = [name for name, vector in state.vectors().items() if not is_finite(vector)]
        if not wrong:
            return
        step = state.step - 1
        where = [name for name, values in {**model.parameters, **model.statistics}.items() if not is_finite(values)]
        what = f"{', '.join((where or wrong)[:4])} held NaN or infinity after epoch {epoch + 1}, step {step}"
    raise DivergenceError(divergence(what, optimizer.rate(step), model), state.history)


def divergence(what: str, rate: float, model: Sequential) -> str:
    """The message of a DivergenceError."""
    remedy = f"try a smaller one, such as {rate / 10:g}, or look for outliers in the data"
    norms = f"Largest norms of parameters: {_largest_norms(model)}"
    return f"training diverged: {what}, at learning rate {rate:g}; {remedy}. {norms}"


def _largest_norms(model: Sequential) -> str:
    """The four largest Euclidean norms of parameters, those that are not finite first."""
    norms = {name: math.sqrt(float((values * values).sum())) for name, values in model.parameters.items()}
    largest = sorted(norms, key=lambda name: -norms[name] if math.isfinite(norms[name]) else -math.inf)[:4]
    return ", ".join(f"{name} {norms[name]:.3g}" for name in largest)
