"""A training run that cannot be lost: what it is, written every so often, and taken up again to the same bits.

A run is a value (TrainingState), and a checkpoint is that value as a file: `step-000000120.safetensors`. The newest few
are kept, and beside them `best.safetensors`, the model that did best on the validation set, which `tn.load` reads.
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
from tinynet.backend.files import PathLike, read_arrays, safetensors, write_arrays
from tinynet.errors import DataError, SaveError, mismatch
from tinynet.training.nan_guard import vectors_of

if TYPE_CHECKING:
    from tinynet.data.dataset import Dataset
    from tinynet.model import Sequential
    from tinynet.training.state import TrainingState

KIND, VERSION = "checkpoint", 1
NAME = re.compile(r"step-(\d{9,})\.safetensors")
BEST = "best.safetensors"
INFINITE = ("nan", "inf", "-inf")  # JSON has no such numbers: a validation loss may be one


class Checkpoints:
    """Keeps a run in `folder`: `fit(..., checkpoint=Checkpoints("runs/a", every_steps=100), resume=True)`.

    folder          made where it is not there; one run at a time, which a lock sees to
    every_seconds   how much work may be lost at most, about; None: not by time
    every_steps     a checkpoint after so many steps, too
    keep            so many of the newest are kept

    One is also written at the end, and before leaving on Ctrl-C or SIGTERM. Raises ValueError for numbers below 1.
    """

    def __init__(
        self, folder: PathLike, every_seconds: float | None = 30.0, every_steps: int | None = None, keep: int = 2
    ) -> None:
        for name, value in (("every_seconds", every_seconds), ("every_steps", every_steps), ("keep", keep)):
            if value is not None and not value > 0:
                raise ValueError(mismatch("Checkpoints", f"{name} above 0", value, f"leave {name} out"))
        self.folder, self.keep = Path(folder), keep
        self.every_seconds = every_seconds if every_seconds is not None else math.inf
        self.every_steps = every_steps or 0
        self._lock: Any = None
        self._handlers: dict[int, Any] = {}
        self._asked: int | None = None
        self._settings: dict[str, Any] = {}
        self._best = -math.inf
        self._last = 0.0

    # One run at a time, and signals ---------------------------------------------------------------------------------

    def __enter__(self) -> Checkpoints:
        filelock = _filelock()
        safetensors()  # now, not when the first checkpoint is due
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = filelock.FileLock(self.folder / ".lock")
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout as error:
            remedy = "wait for it, or give this run a folder of its own"
            raise DataError(
                mismatch(self.folder, "a folder that no other run is using", "one that is", remedy)
            ) from error
        for path in self.folder.glob(".*.safetensors.*.part"):  # of a run that was killed while it wrote
            path.unlink(missing_ok=True)
        self._asked, self._last = None, time.monotonic()
        if threading.current_thread() is threading.main_thread():  # Python lets nobody else handle signals
            self._handlers = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
        self._lock.release()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: the step that runs is finished first; whoever asks twice does not wait for it."""
        if self._asked is not None:
            raise KeyboardInterrupt
        self._asked = number

    # In a run -------------------------------------------------------------------------------------------------------

    def begin(self, state: TrainingState, settings: Mapping[str, Any], resume: bool) -> None:
        """Before the first step: `state` becomes that of the newest checkpoint, if there is one.

        Raises ValueError where there is one and `resume` is False, or where it is of a run with other settings;
        DataError where none can be read.
        """
        self._settings = dict(settings)
        found = self.steps()
        if found and not resume:
            remedy = "pass resume=True to go on with it, or name another folder"
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
        """Save if it is time, or if a signal asked to leave; then leave as that signal would have."""
        due = self.every_steps and state.step % self.every_steps == 0
        if due or self._asked is not None or time.monotonic() - self._last >= self.every_seconds:
            self._try(lambda: self.save(state))
            self._last = time.monotonic()
        self._leave_if_asked()

    def end(self, state: TrainingState) -> None:
        """After the last epoch: save, and leave if a signal came while that epoch was measured."""
        self._try(lambda: self.save(state))
        self._leave_if_asked()

    def _try(self, save: Callable[[], None]) -> bool:
        """Whether the disk took it. If not that is told, for better a run without this checkpoint than no run."""
        try:
            save()
        except SaveError as error:
            warnings.warn(f"{error}; training goes on", stacklevel=4)
            return False
        return True

    def _leave_if_asked(self) -> None:
        if self._asked is None:
            return
        if self.steps():
            print(f"saved {self.path(self.steps()[-1])}; resume=True goes on from there", flush=True)
        if self._asked == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self._asked)

    def after_epoch(self, state: TrainingState, model: Sequential) -> None:
        """Keep the model if it is the best so far on the validation set: by accuracy, else by loss."""
        row = state.history.last
        merit = row.get("validation_accuracy", -row.get("validation_loss", math.inf))
        if merit > self._best and self._try(lambda: model.save(self.folder / BEST)):
            self._best = merit

    def save(self, state: TrainingState) -> None:
        """Write a checkpoint, then remove those that are too many. One with NaN or infinity in it is not written."""
        vectors = vectors_of(state)
        if not all(is_finite(vector) for vector in vectors.values()):
            return
        arrays = {name: to_numpy(vector) for name, vector in vectors.items()}
        about: dict[str, Any] = {"step": state.step, "seed": state.seed, "history": _sayable(state.history.rows)}
        if state.meter is not None:
            kept, about["seconds"] = state.meter.to_arrays(), state.seconds
            arrays |= {f"meter.{name}": values for name, values in kept.items()}
        about["best"] = self._best if math.isfinite(self._best) else None
        about["settings"] = self._settings
        write_arrays(self.path(state.step), KIND, VERSION, arrays, about)
        for step in self.steps()[: -self.keep]:
            with contextlib.suppress(OSError):  # one too many does no harm
                self.path(step).unlink()

    @staticmethod
    def fingerprint(data: Dataset) -> str:
        """SHA-256 of the examples: a run goes on with the data that it began with."""
        digest = hashlib.sha256()
        for array in (data.images, data.labels):
            values = np.ascontiguousarray(to_numpy(array))
            digest.update(f"{values.dtype.name} {values.shape}".encode())
            digest.update(values.data)
        digest.update(f"{data.mean} {data.deviation}".encode())
        return digest.hexdigest()

    # In the folder --------------------------------------------------------------------------------------------------

    def steps(self) -> list[int]:
        """The steps there are checkpoints of, in order."""
        names = (NAME.fullmatch(path.name) for path in self.folder.glob("step-*.safetensors"))
        return sorted(int(found[1]) for found in names if found)

    def path(self, step: int) -> Path:
        """Where the checkpoint of a step is, or would be."""
        return self.folder / f"step-{step:09}.safetensors"

    def _check_settings(self, about: Any, path: Path) -> None:
        theirs = about.get("settings") if isinstance(about, dict) else None
        if not isinstance(theirs, dict):
            raise DataError(mismatch(path, "a checkpoint's description", "another", "delete it"))
        theirs = {"precision": "float32", **theirs}  # as it was before there was a choice
        for name, value in self._settings.items():
            if theirs.get(name) != value:
                remedy = "resume with the same settings, or name another folder"
                raise ValueError(mismatch(path, f"{name} {value}", theirs.get(name), remedy))

    def __repr__(self) -> str:
        return f"Checkpoints({str(self.folder)!r})"


def _restore(state: TrainingState, arrays: Mapping[str, np.ndarray], about: dict[str, Any], path: Path) -> float:
    """Write what a checkpoint holds into the state, or change nothing where it does not fit. Returns the best merit."""
    ours = vectors_of(state)
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


def _sayable(rows: list[dict[str, float]]) -> list[dict[str, Any]]:
    """The rows with words for what JSON cannot say."""
    return [{name: v if math.isfinite(v) else str(float(v)) for name, v in row.items()} for row in rows]


def _number(value: Any) -> bool:
    """Whether JSON gave a number that is one, and that a float can hold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _filelock() -> Any:
    try:
        import filelock
    except ImportError as error:
        raise ImportError(f"checkpoints need filelock ({error}); install it with: pip install filelock") from error
    return filelock
