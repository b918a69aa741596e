"""Checkpoints: save a training run at intervals, and resume it to the same bits.

A checkpoint is a file that holds the TrainingState: `step-000000120.safetensors`. The newest ones are kept. Beside
them, `best.safetensors` is the model with the best validation result so far; `tn.load` reads it.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import re
import stat
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tinynet.backend.arrays import is_finite
from tinynet.backend.files import PathLike
from tinynet.backend.locks import file_lock
from tinynet.backend.terminal import say
from tinynet.errors import DataError, SaveError, above_zero, file_name, mismatch, whole_number
from tinynet.io.array_files import read_arrays, safetensors, write_arrays
from tinynet.io.models import KIND as MODEL_KIND
from tinynet.io.models import VERSION as MODEL_VERSION
from tinynet.training.checkpoint_files import KIND, NAME, VERSION, check_vectors, restore, rows_to_json, storable
from tinynet.training.config import Resume
from tinynet.training.settings import Settings
from tinynet.training.signals import Signals

if TYPE_CHECKING:
    from tinynet.model import Sequential
    from tinynet.training.state import TrainingState

BEST = "best.safetensors"
UNFINISHED = re.compile(r"\.(step-.*|best\.safetensors)\..*\.part", re.DOTALL)


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
        self.folder = Path(file_name("Checkpoints", folder))
        self.every_seconds = every_seconds if every_seconds is not None else math.inf
        self.every_steps = every_steps or 0
        self._lock: Any = None
        self._signals = Signals()
        self._settings = Settings({}, {}, {})
        self._state: TrainingState | None = None  # of the run in progress
        self._saved: Path | None = None  # the newest checkpoint that this run has written or read
        self._best = -math.inf
        self._last = 0.0

    # One run at a time, and signals ---------------------------------------------------------------------------------

    def __enter__(self) -> Checkpoints:
        lock = file_lock(self.folder / ".lock", "checkpoints need")
        safetensors()  # raises now if it is missing, not at the first checkpoint
        self.folder.mkdir(parents=True, exist_ok=True)
        names = self._names()
        _acquire(lock, self.folder)
        self._lock = lock  # not before it is acquired: another thread may be using this object
        for name in names:
            if UNFINISHED.fullmatch(name):  # left by a run that was killed while it wrote
                with contextlib.suppress(OSError):  # they do no harm
                    (self.folder / name).unlink()
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
            storable(name, values.reshape(-1)[:0])
        self._settings, self._state, self._best, self._saved = settings, state, -math.inf, None
        found = self.steps()
        if found and not resume:
            remedy = "pass resume=True to continue it, or name another folder"
            raise ValueError(mismatch(self.folder, "no run in this folder", f"one at step {found[-1]}", remedy))
        if found:
            self._resume(state, [self.path(step) for step in reversed(found)], trust=resume == "trust")

    def _resume(self, state: TrainingState, paths: list[Path], trust: bool) -> None:
        """Restore `state` from the first of these checkpoints, the newest, that can be read.

        A file of format 1 with other settings may be a damaged one, since its checksum does not cover them: it is
        passed over if an older checkpoint fits.
        """
        problem: Exception | None = None
        other: ValueError | None = None
        for path in paths:
            try:
                arrays, about, version = read_arrays(path, KIND, VERSION)
                self._settings.check(about, version, path, trust)
                check_vectors(state, arrays, version, path)
                self._best, self._saved = restore(state, arrays, about, path), path
                break
            except (DataError, OSError) as error:
                then = "; trying the checkpoint before it" if path != paths[-1] else ""
                warnings.warn(f"{_told(error, path)}{then}", stacklevel=4)
                problem = error
            except ValueError as error:
                if version > 1:
                    raise
                other = other or error
        else:
            if other is not None:
                raise other
            received = f"{len(paths)} that cannot be read"
            remedy = f"put a good copy of one there, or delete step-*.safetensors in {self.folder} to begin again"
            raise DataError(mismatch(self.folder, "a checkpoint that can be read", received, remedy)) from problem
        if other is not None:
            reason = "its format does not protect its settings, so it is taken to be damaged"
            warnings.warn(f"{other}; {reason}, and the run goes on from {self._saved}", stacklevel=4)
        self._check_best()

    def _check_best(self) -> None:
        """Warn if the best model so far, which the run has saved, cannot be read; the next one is then saved."""
        if self._best == -math.inf or not os.path.lexists(self.folder / BEST):  # moved away, as it may be
            return
        try:
            read_arrays(self.folder / BEST, MODEL_KIND, MODEL_VERSION)
        except (DataError, OSError) as error:
            told = _told(error, self.folder / BEST)
            warnings.warn(f"{told}; the best model so far is lost, and that of the next epoch is saved", stacklevel=5)
            self._best = -math.inf

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
        if self._saved is not None:
            say(f"saved {self._saved}; resume=True continues from there")
        self._signals.act()

    def after_epoch(self, state: TrainingState, model: Sequential) -> None:
        """Save the model if it is the best so far on the validation set: by accuracy, else by loss."""
        row = state.history.last
        score = row.get("validation_accuracy", -row.get("validation_loss", math.inf))
        if score > self._best and self._try(lambda: model.save(_no_pipe(self.folder / BEST))):
            self._best = score

    def save(self, state: TrainingState) -> None:
        """Write a checkpoint, then remove all but the newest. A state with NaN or infinity is not written."""
        vectors = state.vectors()
        if not all(is_finite(vector) for vector in vectors.values()):
            return
        arrays = {name: storable(name, vector) for name, vector in vectors.items()}
        about: dict[str, Any] = {"step": state.step, "seed": state.seed, "history": rows_to_json(state.history.rows)}
        if state.meter is not None:
            kept, about["seconds"] = state.meter.to_arrays(), state.seconds
            arrays |= {f"meter.{name}": values for name, values in kept.items()}
        about["best"] = self._best if math.isfinite(self._best) else None
        about |= self._settings.to_json()
        path = self.path(state.step)
        write_arrays(_no_pipe(path), KIND, VERSION, arrays, about)
        self._saved = path
        with contextlib.suppress(DataError):  # a folder that cannot be listed
            older = [step for step in self.steps() if step <= state.step]  # newer ones could not be read
            for step in older[: -self.keep]:
                with contextlib.suppress(OSError):  # an old checkpoint that cannot be removed does no harm
                    self.path(step).unlink()

    # In the folder --------------------------------------------------------------------------------------------------

    def steps(self) -> list[int]:
        """The steps of all checkpoints in the folder, in ascending order."""
        names = (NAME.fullmatch(name) for name in self._names())
        return sorted(int(found[1]) for found in names if found)

    def _names(self) -> list[str]:
        """The names of all files in the folder; none if there is no folder yet."""
        try:
            return os.listdir(self.folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            remedy = "make it readable, or name another folder"
            received = error.strerror or error
            raise DataError(mismatch(self.folder, "a folder that can be listed", received, remedy)) from error

    def path(self, step: int) -> Path:
        """The path of the checkpoint of a step."""
        return self.folder / f"step-{step:09}.safetensors"

    def __repr__(self) -> str:
        return f"Checkpoints({str(self.folder)!r})"


def _acquire(lock: Any, folder: Path) -> None:
    """Acquire the lock of the folder. DataError if another run has it, or if its file cannot be locked."""
    try:
        lock.acquire(timeout=0)
    except TimeoutError as error:
        remedy = "wait for it, or give this run a folder of its own"
        raise DataError(mismatch(folder, "a folder that no other run is using", "one that is", remedy)) from error
    except OSError as error:
        remedy = f"make {folder} and {folder / '.lock'} writable, or give this run a folder of its own"
        expected, received = "a file that can be locked", error.strerror or error
        raise DataError(mismatch(folder / ".lock", expected, received, remedy)) from error


def _told(error: Exception, path: Path) -> str:
    """An error of reading `path` in a warning."""
    return f"{path} cannot be opened ({error.strerror or error})" if isinstance(error, OSError) else str(error)


def _no_pipe(path: Path) -> Path:
    """`path`, unless there is a pipe or a device in its place: `open` would write into it, or wait for ever."""
    try:
        mode = os.stat(path).st_mode
    except OSError:  # missing, or the writer says what it is
        return path
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        text = f"{path} could not be saved (there is a pipe or a device of this name): remove it"
        raise SaveError(errno.EINVAL, text)
    return path
