"""What a checkpoint file holds: how a training state is written as arrays and JSON, and restored from them."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet.backend.arrays import array_module, to_numpy
from tinynet.errors import DataError, mismatch
from tinynet.training.settings import REMEDY

if TYPE_CHECKING:
    from tinynet.training.state import TrainingState

KIND, VERSION = "checkpoint", 2
NAME = re.compile(r"step-([0-9]{9}|[1-9][0-9]{9,15})\.safetensors")  # a step has one name
INFINITE = ("nan", "inf", "-inf")  # how a loss that is not finite is written: JSON has no such numbers
MOST_CELLS = 10_000_000  # rows times columns of a history; only one whose rows share no columns could have more


def restore(state: TrainingState, arrays: Mapping[str, np.ndarray], about: dict[str, Any], path: Path) -> float:
    """Restore `state` from a checkpoint, or raise DataError and change nothing. Returns the best validation result."""
    ours = state.vectors()
    for name, values in ours.items():
        if name not in arrays or arrays[name].shape != values.shape:
            received = arrays[name].shape if name in arrays else "none"
            raise DataError(mismatch(path, f"{name} of shape {values.shape}", received, "delete it"))
    step: Any = about.get("step")
    rows: Any = about.get("history")
    seconds, best = about.get("seconds", 0.0), about.get("best")
    fits = type(step) is int and 0 <= step < 2**53 and _is_history(rows)
    fits = fits and _number(seconds) and seconds >= 0 and (best is None or _number(best))
    if not fits or state.meter is None:
        raise DataError(mismatch(path, "a step, a history, seconds", f"{about!r:.80}", "delete it"))
    meter = {name[6:]: values for name, values in arrays.items() if name.startswith("meter.")}
    _check_step(step, len(rows), meter, path)
    state.meter.from_arrays(meter, path)
    for name, values in ours.items():
        values[...] = array_module(values).asarray(arrays[name].astype(values.dtype))
    state.history.rows = [{name: float(v) if v in INFINITE else v for name, v in row.items()} for row in rows]
    state.step, state.seconds = step, float(seconds)
    return -math.inf if best is None else float(best)


def _is_history(rows: Any) -> bool:
    """Whether this is a row of numbers for each epoch, in their order, and no larger as a table than as rows."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return False
    if len(rows) * len({name for row in rows for name in row}) > MOST_CELLS:
        return False
    numbers = all(_number(value) or value in INFINITE for row in rows for value in row.values())
    return numbers and all(row.get("epoch", number) == number for number, row in enumerate(rows, 1))


def _check_step(step: int, epochs: int, meter: Mapping[str, np.ndarray], path: Path) -> None:
    """Raise DataError unless the step is that of the file's name, and enough for the epochs and the losses."""
    named = NAME.fullmatch(path.name)
    if named is not None and int(named[1]) != step:
        raise DataError(mismatch(path, f"step {int(named[1])}, as its name says", step, "delete it"))
    least = epochs + (len(meter["losses"]) if "losses" in meter and meter["losses"].ndim else 0)
    if step < least:  # each epoch has a step, and each loss is that of a step
        received = f"{step} with {epochs} epochs and the losses of the next"
        raise DataError(mismatch(path, f"a step of at least {least}", received, "delete it"))


def check_vectors(state: TrainingState, arrays: Mapping[str, np.ndarray], version: int, path: Path) -> None:
    """Raise ValueError if the file has vectors that the run has not, or if a file of format 1 is of another dtype.

    Format 1 says nothing of the mask of AdamW and of the model's dtype, which are seen in the arrays alone.
    """
    ours = state.vectors()
    others = sorted(name for name in arrays if name not in ours and not name.startswith("meter."))
    if others:
        raise ValueError(mismatch(path, f"the vectors {', '.join(ours)}", f"also {', '.join(others)}", REMEDY))
    if version > 1:
        return
    dtype = arrays["theta"].dtype if "theta" in arrays else state.theta.dtype
    if dtype != state.theta.dtype:
        raise ValueError(mismatch(path, f"a model of dtype {state.theta.dtype}", dtype, REMEDY))
    mask, theirs = ours.get("optimizer.mask"), arrays.get("optimizer.mask")
    if mask is not None and theirs is not None and not np.array_equal(to_numpy(mask), theirs):
        raise ValueError(mismatch(path, "the mask of this optimizer", "another", REMEDY))


def storable(name: str, values: Any) -> np.ndarray:
    """A vector in a dtype that files have: float32, float64 or int64. TypeError if none of them holds its values."""
    array = to_numpy(values)
    for wider in (np.float32, np.float64) if array.dtype.kind == "f" else (np.int64,):
        if np.can_cast(array.dtype, wider):
            return array.astype(wider, copy=False)
    expected, remedy = f"{name} of floats or whole numbers", "let start() of the optimizer return such vectors"
    raise TypeError(mismatch("Checkpoints", expected, array.dtype, remedy))


def rows_to_json(rows: list[dict[str, float]]) -> list[dict[str, Any]]:
    """The rows as JSON can hold them: NaN and infinity as strings, NumPy's numbers as Python's.

    A callback may have added columns. What is no number is left out, with a warning.
    """
    plain = ({name: _plain(name, value) for name, value in row.items()} for row in rows)
    return [{name: value for name, value in row.items() if value is not None} for row in plain]


def _plain(name: str, value: Any) -> int | float | str | None:
    """A number of a history as JSON can hold it; None, with a warning, for what is no number."""
    number = value.item() if hasattr(value, "item") and getattr(value, "size", 1) == 1 else value
    if isinstance(number, float) and not math.isfinite(number):
        return str(float(number))
    if isinstance(number, bool) or _number(number):
        return float(number) if isinstance(number, float) else int(number)
    problem = mismatch("history", f"numbers in the column {name!r}", repr(value), "keep other things elsewhere")
    warnings.warn(f"{problem}; checkpoints leave it out", stacklevel=6)
    return None


def _number(value: Any) -> bool:
    """Whether a value from JSON is a number that a float can hold."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:  # a whole number of hundreds of digits
        return False
