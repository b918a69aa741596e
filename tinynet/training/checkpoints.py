"""Checkpoints: save a training run at intervals, and resume it to the same bits.

A checkpoint is a file that holds the TrainingState: `step-000000120.safetensors`. The newest ones are kept. Beside
them, `best.safetensors` is the model with the best validation result so far; `tn.load` reads it.
"""

from __future__ import annotations

import contextlib
import math
import re
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet.backend.arrays import array_module, is_finite, to_numpy
from tinynet.backend.files import PathLike
from tinynet.backend.locks import file_lock
from tinynet.backend.terminal import say
from tinynet.errors import DataError, SaveError, above_zero, mismatch, whole_number
from tinynet.io.array_files import read_arrays, safetensors, write_arrays
from tinynet.training.config import Resume
from tinynet.training.settings import REMEDY, Settings
from tinynet.training.signals import Signals

if TYPE_CHECKING:
    from tinynet.model import Sequential
    from tinynet.training.state import TrainingState

KIND, VERSION = "checkpoint", 2
NAME = re.compile(r"step-(\d{9,})\.safetensors")
BEST = "best.safetensors"
INFINITE = ("nan", "inf", "-inf")  # how a loss that is not finite is written: JSON has no such numbers


class Checkpoints:
    """Save a run in `folder`: `fit(..., checkpoint=Checkpoints("runs/a", every_steps=100), resume=True)`.

    folder          created if it does not exist; a lock allows one run at a time
    every_seconds   the interval between two checkpoints; None: no checkpoints by time
    every_steps     the interval in steps; None: no checkpoints by steps
    keep            how many of the newest checkpoints to keep

    A checkpoint is also written at the end of the run, and before the process ends on Ctrl-C or SIGTERM (see
    signals.py: handlers that others have set are called afterwards). Raises
    ValueError for an interval that is not above 0, and for numbers of steps or checkpoints that are not whole.
    """

    def __init__(
        self, folder: PathLike, every_seconds: float | None = 30.0, every_steps: int | None = None, keep: int = 2
    ) -> None:
        if every_seconds is not None:
            every_seconds = above_zero("Checkpoints", "every_seconds", every_seconds, remedy="leave it out")
        if every_steps is not None:
            every_steps = whole_number("Checkpoints: every_steps", every_steps, remedy="leave it out")
        self.keep = whole_number("Checkpoints: keep", keep, remedy="leave it out")
        self.folder = Path(folder)
        self.every_seconds = every_seconds if every_seconds is not None else math.inf
        self.every_steps = every_steps or 0
        self._lock: Any = None
        self._signals = Signals()
        self._settings = Settings({}, {}, {})
        self._state: TrainingState | None = None  # of the run in progress
        self._best = -math.inf
        self._last = 0.0

    # One run at a time, and signals ---------------------------------------------------------------------------------

    def __enter__(self) -> Checkpoints:
        lock = file_lock(self.folder / ".lock", "checkpoints need")
        safetensors()  # raises now if it is missing, not at the first checkpoint
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except TimeoutError as error:
            remedy = "wait for it, or give this run a folder of its own"
            raise DataError(
                mismatch(self.folder, "a folder that no other run is using", "one that is", remedy)
            ) from error
        self._lock = lock  # not before it is acquired: another thread may be using this object
        for name in (".step-*", f".{BEST}"):  # left by a run that was killed while it wrote
            for path in self.folder.glob(f"{name}.*.part"):
                path.unlink(missing_ok=True)
        self._last = time.monotonic()
        self._signals.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._signals.stop()
        state, self._state = self._state, None
        if error is not None and error is self._signals.ended_inside and state is not None:
            self._try(lambda: self.save(state))
        self._lock.release()

    # In a run -------------------------------------------------------------------------------------------------------

    def begin(self, state: TrainingState, settings: Settings, resume: Resume) -> None:
        """Restore `state` from the newest checkpoint before the first step, if there is a checkpoint.

        `settings` must equal those that the checkpoint was written with. Raises ValueError if they do not, or if there
        is a checkpoint and `resume` is False; DataError if no checkpoint can be read; TypeError for an optimizer whose
        vectors a file cannot hold.
        """
        if resume not in (True, False, "trust"):
            raise ValueError(mismatch("fit: resume", 'True, False or "trust"', repr(resume), "try resume=True"))
        for name, values in state.vectors().items():
            _storable(name, values.reshape(-1)[:0])
        self._settings, self._state, self._best = settings, state, -math.inf
        found = self.steps()
        if found and not resume:
            remedy = "pass resume=True to continue it, or name another folder"
            raise ValueError(mismatch(self.folder, "no run in this folder", f"one at step {found[-1]}", remedy))
        problem: DataError | None = None
        for step in reversed(found):
            path = self.path(step)
            try:
                arrays, about, version = read_arrays(path, KIND, VERSION)
                settings.check(about, version, path, trust=resume == "trust")
                _check_vectors(state, arrays, version, path)
                self._best = _restore(state, arrays, about, path)
                return
            except DataError as error:
                warnings.warn(f"{error}; trying the checkpoint before it", stacklevel=3)
                problem = error
        if problem is not None:
            raise problem

    def after_step(self, state: TrainingState) -> None:
        """Save if it is time or a signal came. If a signal came, do what it would have done without the run."""
        due = self.every_steps and state.step % self.every_steps == 0
        if due or self._signals.pending is not None or time.monotonic() - self._last >= self.every_seconds:
            self._try(lambda: self.save(state))
            self._last = time.monotonic()
        self._act_on_signal()

    def end(self, state: TrainingState) -> None:
        """Save after the last epoch. A signal may have come while that epoch was evaluated."""
        self._try(lambda: self.save(state))
        self._act_on_signal()

    def _try(self, save: Callable[[], None]) -> bool:
        """Call `save`. If it cannot write, warn and return False: the run goes on without this checkpoint."""
        try:
            save()
        except SaveError as error:
            warnings.warn(f"{error}; training goes on", stacklevel=4)
            return False
        return True

    def _act_on_signal(self) -> None:
        """If a signal came, say what was saved, and do what it would have done without the run."""
        if self._signals.pending is None:
            return
        if self.steps():
            say(f"saved {self.path(self.steps()[-1])}; resume=True continues from there")
        self._signals.act()

    def after_epoch(self, state: TrainingState, model: Sequential) -> None:
        """Save the model if it is the best so far on the validation set: by accuracy, else by loss."""
        row = state.history.last
        score = row.get("validation_accuracy", -row.get("validation_loss", math.inf))
        if score > self._best and self._try(lambda: model.save(self.folder / BEST)):
            self._best = score

    def save(self, state: TrainingState) -> None:
        """Write a checkpoint, then remove all but the newest. A state with NaN or infinity is not written."""
        vectors = state.vectors()
        if not all(is_finite(vector) for vector in vectors.values()):
            return
        arrays = {name: _storable(name, vector) for name, vector in vectors.items()}
        about: dict[str, Any] = {"step": state.step, "seed": state.seed, "history": _for_json(state.history.rows)}
        if state.meter is not None:
            kept, about["seconds"] = state.meter.to_arrays(), state.seconds
            arrays |= {f"meter.{name}": values for name, values in kept.items()}
        about["best"] = self._best if math.isfinite(self._best) else None
        about |= self._settings.to_json()
        write_arrays(self.path(state.step), KIND, VERSION, arrays, about)
        for step in self.steps()[: -self.keep]:
            with contextlib.suppress(OSError):  # an old checkpoint that cannot be removed does no harm
                self.path(step).unlink()

    # In the folder --------------------------------------------------------------------------------------------------

    def steps(self) -> list[int]:
        """The steps of all checkpoints in the folder, in ascending order."""
        names = (NAME.fullmatch(path.name) for path in self.folder.glob("step-*.safetensors"))
        return sorted(int(found[1]) for found in names if found)

    def path(self, step: int) -> Path:
        """The path of the checkpoint of a step."""
        return self.folder / f"step-{step:09}.safetensors"

    def __repr__(self) -> str:
        return f"Checkpoints({str(self.folder)!r})"


def _restore(state: TrainingState, arrays: Mapping[str, np.ndarray], about: dict[str, Any], path: Path) -> float:
    """Restore `state` from a checkpoint, or raise DataError and change nothing. Returns the best validation result."""
    ours = state.vectors()
    for name, values in ours.items():
        if name not in arrays or arrays[name].shape != values.shape:
            received = arrays[name].shape if name in arrays else "none"
            raise DataError(mismatch(path, f"{name} of shape {values.shape}", received, "delete it"))
    step: Any = about.get("step")
    rows: Any = about.get("history")
    seconds, best = about.get("seconds", 0.0), about.get("best")
    fits = isinstance(step, int) and not isinstance(step, bool) and 0 <= step < 2**53
    fits = fits and _number(seconds) and (best is None or _number(best))
    fits = fits and isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    numbers = (value for row in rows for value in row.values()) if fits else ()
    if not fits or not all(_number(value) or value in INFINITE for value in numbers) or state.meter is None:
        raise DataError(mismatch(path, "a step, a history, seconds", f"{about!r:.80}", "delete it"))
    state.meter.from_arrays({name[6:]: values for name, values in arrays.items() if name.startswith("meter.")}, path)
    for name, values in ours.items():
        values[...] = array_module(values).asarray(arrays[name].astype(values.dtype))
    state.history.rows = [{name: float(v) if v in INFINITE else v for name, v in row.items()} for row in rows]
    state.step, state.seconds = int(step), float(seconds)
    return -math.inf if best is None else float(best)


def _check_vectors(state: TrainingState, arrays: Mapping[str, np.ndarray], version: int, path: Path) -> None:
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


def _storable(name: str, values: Any) -> np.ndarray:
    """A vector in a dtype that files have: float32, float64 or int64. TypeError if none of them holds its values."""
    array = to_numpy(values)
    for wider in (np.float32, np.float64) if array.dtype.kind == "f" else (np.int64,):
        if np.can_cast(array.dtype, wider):
            return array.astype(wider, copy=False)
    expected, remedy = f"{name} of floats or whole numbers", "let start() of the optimizer return such vectors"
    raise TypeError(mismatch("Checkpoints", expected, array.dtype, remedy))


def _for_json(rows: list[dict[str, float]]) -> list[dict[str, Any]]:
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
