"""Checkpoints: save a training run at intervals, and resume it to the same bits.

A checkpoint is a file that holds the TrainingState: `step-000000120.safetensors`. The newest ones are kept. Beside
them, `best.safetensors` is the model with the best validation result so far; `tn.load` reads it.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
import signal
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet.backend.arrays import array_module, is_finite, to_numpy
from tinynet.backend.files import PathLike
from tinynet.backend.terminal import say
from tinynet.errors import DataError, SaveError, mismatch, whole_number
from tinynet.io.array_files import read_arrays, safetensors, write_arrays

if TYPE_CHECKING:
    from tinynet.data.dataset import Dataset
    from tinynet.model import Sequential
    from tinynet.training.state import TrainingState

KIND, VERSION = "checkpoint", 1
NAME = re.compile(r"step-(\d{9,})\.safetensors")
BEST = "best.safetensors"
INFINITE = ("nan", "inf", "-inf")  # how a loss that is not finite is written: JSON has no such numbers


class Checkpoints:
    """Save a run in `folder`: `fit(..., checkpoint=Checkpoints("runs/a", every_steps=100), resume=True)`.

    folder          created if it does not exist; a lock allows one run at a time
    every_seconds   the interval between two checkpoints; None: no checkpoints by time
    every_steps     the interval in steps; None: no checkpoints by steps
    keep            how many of the newest checkpoints to keep

    A checkpoint is also written at the end of the run, and before the process ends on Ctrl-C or SIGTERM. Raises
    ValueError for an interval that is not above 0, and for numbers of steps or checkpoints that are not whole.
    """

    def __init__(
        self, folder: PathLike, every_seconds: float | None = 30.0, every_steps: int | None = None, keep: int = 2
    ) -> None:
        if every_seconds is not None and not every_seconds > 0:
            raise ValueError(mismatch("Checkpoints", "every_seconds above 0", every_seconds, "leave it out"))
        if every_steps is not None:
            whole_number("Checkpoints: every_steps", every_steps, remedy="leave it out")
        whole_number("Checkpoints: keep", keep, remedy="leave it out")
        self.folder, self.keep = Path(folder), keep
        self.every_seconds = every_seconds if every_seconds is not None else math.inf
        self.every_steps = every_steps or 0
        self._lock: Any = None
        self._handlers: dict[int, Any] = {}
        self._signal: int | None = None  # received since the run began
        self._settings: dict[str, Any] = {}
        self._best = -math.inf
        self._last = 0.0

    # One run at a time, and signals ---------------------------------------------------------------------------------

    def __enter__(self) -> Checkpoints:
        filelock = _filelock()
        safetensors()  # raises now if it is missing, not at the first checkpoint
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = filelock.FileLock(self.folder / ".lock")
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout as error:
            remedy = "wait for it, or give this run a folder of its own"
            raise DataError(
                mismatch(self.folder, "a folder that no other run is using", "one that is", remedy)
            ) from error
        for path in self.folder.glob(".*.safetensors.*.part"):  # left by a run that was killed while it wrote
            path.unlink(missing_ok=True)
        self._signal, self._last = None, time.monotonic()
        if threading.current_thread() is threading.main_thread():  # only the main thread may handle signals
            self._handlers = {
                number: signal.signal(number, self._note_signal) for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
        self._lock.release()

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        """Note a signal; `after_step` acts on it when the step is finished. A second signal interrupts at once."""
        if self._signal is not None:
            raise KeyboardInterrupt
        self._signal = number

    # In a run -------------------------------------------------------------------------------------------------------

    def begin(self, state: TrainingState, settings: Mapping[str, Any], resume: bool) -> None:
        """Restore `state` from the newest checkpoint before the first step, if there is a checkpoint.

        `settings` must equal those that the checkpoint was written with. Raises ValueError if they do not, or if there
        is a checkpoint and `resume` is False; DataError if no checkpoint can be read.
        """
        self._settings = dict(settings)
        found = self.steps()
        if found and not resume:
            remedy = "pass resume=True to continue it, or name another folder"
            raise ValueError(mismatch(self.folder, "no run in this folder", f"one at step {found[-1]}", remedy))
        problem: DataError | None = None
        for step in reversed(found):
            path = self.path(step)
            try:
                arrays, about, _ = read_arrays(path, KIND, VERSION)
                self._check_settings(about, path)
                self._best = _restore(state, arrays, about, path)
                return
            except DataError as error:
                warnings.warn(f"{error}; trying the checkpoint before it", stacklevel=3)
                problem = error
        if problem is not None:
            raise problem

    def after_step(self, state: TrainingState) -> None:
        """Save if it is time or a signal came. If a signal came, end the process as the signal would."""
        due = self.every_steps and state.step % self.every_steps == 0
        if due or self._signal is not None or time.monotonic() - self._last >= self.every_seconds:
            self._try(lambda: self.save(state))
            self._last = time.monotonic()
        self._exit_on_signal()

    def end(self, state: TrainingState) -> None:
        """Save after the last epoch. End the process if a signal came while that epoch was evaluated."""
        self._try(lambda: self.save(state))
        self._exit_on_signal()

    def _try(self, save: Callable[[], None]) -> bool:
        """Call `save`. If it cannot write, warn and return False: the run goes on without this checkpoint."""
        try:
            save()
        except SaveError as error:
            warnings.warn(f"{error}; training goes on", stacklevel=4)
            return False
        return True

    def _exit_on_signal(self) -> None:
        """End the process if a signal came, as the signal would have ended it."""
        if self._signal is None:
            return
        if self.steps():
            say(f"saved {self.path(self.steps()[-1])}; resume=True continues from there")
        if self._signal == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self._signal)

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
        arrays = {name: to_numpy(vector) for name, vector in vectors.items()}
        about: dict[str, Any] = {"step": state.step, "seed": state.seed, "history": _for_json(state.history.rows)}
        if state.meter is not None:
            kept, about["seconds"] = state.meter.to_arrays(), state.seconds
            arrays |= {f"meter.{name}": values for name, values in kept.items()}
        about["best"] = self._best if math.isfinite(self._best) else None
        about["settings"] = self._settings
        write_arrays(self.path(state.step), KIND, VERSION, arrays, about)
        for step in self.steps()[: -self.keep]:
            with contextlib.suppress(OSError):  # an old checkpoint that cannot be removed does no harm
                self.path(step).unlink()

    @staticmethod
    def fingerprint(data: Dataset) -> str:
        """The SHA-256 of the examples: a run resumes only with the data that it began with."""
        digest = hashlib.sha256()
        for array in (data.images, data.labels):
            values = np.ascontiguousarray(to_numpy(array))
            digest.update(f"{values.dtype.name} {values.shape}".encode())
            digest.update(values.data)
        digest.update(f"{data.mean} {data.deviation}".encode())
        return digest.hexdigest()

    # In the folder --------------------------------------------------------------------------------------------------

    def steps(self) -> list[int]:
        """The steps of all checkpoints in the folder, in ascending order."""
        names = (NAME.fullmatch(path.name) for path in self.folder.glob("step-*.safetensors"))
        return sorted(int(found[1]) for found in names if found)

    def path(self, step: int) -> Path:
        """The path of the checkpoint of a step."""
        return self.folder / f"step-{step:09}.safetensors"

    def _check_settings(self, about: Any, path: Path) -> None:
        theirs = about.get("settings") if isinstance(about, dict) else None
        if not isinstance(theirs, dict):
            raise DataError(mismatch(path, "a checkpoint's description", "another", "delete it"))
        theirs = {"precision": "float32", **theirs}  # older files do not state it
        for name, value in self._settings.items():
            if theirs.get(name) != value:
                remedy = "resume with the same settings, or name another folder"
                raise ValueError(mismatch(path, f"{name} {value}", theirs.get(name), remedy))

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
    fits = fits and isinstance(rows, list) and all(isinstance(row, dict) and list(row) == list(rows[0]) for row in rows)
    numbers = (value for row in rows for value in row.values()) if fits else ()
    if not fits or not all(_number(value) or value in INFINITE for value in numbers) or state.meter is None:
        raise DataError(mismatch(path, "a step, a history, seconds", f"{about!r:.80}", "delete it"))
    state.meter.from_arrays({name[6:]: values for name, values in arrays.items() if name.startswith("meter.")}, path)
    for name, values in ours.items():
        values[...] = array_module(values).asarray(arrays[name].astype(values.dtype))
    state.history.rows = [{name: float(v) if v in INFINITE else v for name, v in row.items()} for row in rows]
    state.step, state.seconds = int(step), float(seconds)
    return -math.inf if best is None else float(best)


def _for_json(rows: list[dict[str, float]]) -> list[dict[str, Any]]:
    """The rows, with NaN and infinity as strings, since JSON has neither."""
    return [{name: v if math.isfinite(v) else str(float(v)) for name, v in row.items()} for row in rows]


def _number(value: Any) -> bool:
    """Whether a value from JSON is a number that a float can hold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _filelock() -> Any:
    try:
        import filelock  # optional dependency
    except ImportError as error:
        raise ImportError(f"checkpoints need filelock ({error}); install it with: pip install filelock") from error
    return filelock
