"""The NaN guard of `fit`: a run whose numbers are no longer finite is stopped, and says where and when that was.

    before training   NaN and infinity in inputs and targets are refused, by the index of the example (data/dataset.py)
    in each step      the loss, before the optimizer moves: the parameters stay those of the last good step. On a GPU,
                      where reading a loss means waiting, all losses of an epoch at its end
    after each epoch  parameters, statistics and what the optimizer remembers, for a gradient may overflow under a loss
                      that does not; the same before each checkpoint, so the last one kept is a good one

It costs well under 1 % of a step: `python benchmarks/nan_guard.py`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tinynet.backend.arrays import Array, is_finite
from tinynet.errors import DivergenceError

if TYPE_CHECKING:
    from tinynet.model import Sequential
    from tinynet.optimizers import Optimizer
    from tinynet.training.state import Meter, TrainingState


def vectors_of(state: TrainingState) -> dict[str, Array]:
    """All vectors of a run, by the names that a checkpoint has for them."""
    remembered = {f"optimizer.{name}": values for name, values in state.optimizer.items()}
    return {"theta": state.theta, "statistics": state.statistics, **remembered}


def check_run(state: TrainingState, meter: Meter, epoch: int, optimizer: Optimizer, model: Sequential) -> None:
    """Raise DivergenceError if a loss of this epoch (from 0) or a vector of the run is NaN or infinite."""
    bad = meter.first_bad()
    if bad is not None:
        step = epoch * len(meter.counts) + bad
        what = f"the loss was {float(meter.losses[bad])} in epoch {epoch + 1}, step {step}"
    else:
        wrong = [name for name, vector in vectors_of(state).items() if not is_finite(vector)]
        if not wrong:
            return
        step = state.step - 1
        where = [name for name, values in {**model.parameters, **model.statistics}.items() if not is_finite(values)]
        what = f"{', '.join((where or wrong)[:4])} held NaN or infinity after epoch {epoch + 1}, step {step}"
    rate = optimizer.rate(step)
    remedy = f"try a smaller one, {rate / 10:g} say, or look for outliers in the data"
    raise DivergenceError(
        f"training diverged: {what}, at learning rate {rate:g}; {remedy}. Norms by now: {_largest_norms(model)}",
        state.history,
    )


def _largest_norms(model: Sequential) -> str:
    """The four largest Euclidean norms of parameters, those that are not finite last."""
    norms = {name: math.sqrt(float((values * values).sum())) for name, values in model.parameters.items()}
    largest = sorted(norms, key=lambda name: -norms[name] if math.isfinite(norms[name]) else -math.inf)[:4]
    return ", ".join(f"{name} {norms[name]:.3g}" for name in largest)
