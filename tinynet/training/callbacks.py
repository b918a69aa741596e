"""Callbacks: observe a training run without changing its numbers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tinynet.errors import mismatch, one_line, sequence, shown

if TYPE_CHECKING:
    from tinynet.training.history import History


# What other libraries, or a slip, call the methods of a callback. Nothing would call them here.
METHODS = {
    **dict.fromkeys(("on_epoch_begin", "on_epoch_start", "on_train_epoch_start", "epoch_begin"), "epoch_begins"),
    **dict.fromkeys(("on_batch_end", "on_train_batch_end", "on_step_end", "batch_end"), "batch_ends"),
    **dict.fromkeys(("on_epoch_end", "on_train_epoch_end", "on_validation_end", "epoch_end"), "epoch_ends"),
}


class Callback:
    """Base class of all callbacks. Override the methods that you need.

    A class with a method that nothing would call (`on_epoch_end`) is refused with TypeError.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in METHODS.keys() & vars(cls).keys():
            received = f"{name}, which nothing calls"
            raise TypeError(mismatch(cls.__name__, "the methods of tn.Callback", received, f"name it {METHODS[name]}"))

    def epoch_begins(self, epoch: int, epochs: int, examples: int) -> None:
        """Called before the first batch of an epoch; `epoch` counts from 1."""

    def batch_ends(self, examples: int, numbers: dict[str, float]) -> None:
        """Called after each batch; `numbers` are the running means (empty on a GPU, where reading them is slow)."""

    def epoch_ends(self, history: History) -> None:
        """Called after the evaluation of an epoch; its row is the last of `history`."""


def checked_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """`callbacks` as a tuple. TypeError unless they are a list of objects with the methods of a callback."""
    listed = sequence("fit: callbacks", callbacks, remedy="put it in a list: callbacks=[my_callback]")
    for each in listed:
        if isinstance(each, type) or not all(callable(getattr(each, name, None)) for name in set(METHODS.values())):
            remedy = f"call it: {each.__name__}()" if isinstance(each, type) else "derive its class from tn.Callback"
            raise TypeError(mismatch("fit: callbacks", "objects with the methods of tn.Callback", shown(each), remedy))
    return listed


class ProgressBar(Callback):
    """Show a tqdm bar for each epoch: loss, accuracy, samples per second. Needs tqdm.

    If standard error is missing or breaks, training goes on without the bar.
    """

    def __init__(self) -> None:
        from tqdm import tqdm  # optional dependency

        from tinynet.backend.terminal import FAILURES  # start-up time: only a bar needs it

        self._tqdm, self._failures = tqdm, FAILURES
        self._bar: Any = None

    def epoch_begins(self, epoch: int, epochs: int, examples: int) -> None:
        title = f"epoch {epoch}/{epochs}"
        look = {"desc": title, "unit": " samples", "unit_scale": True, "mininterval": 0.2}
        with self._drawing():
            self._bar = self._tqdm(total=examples, disable=sys.stderr is None, **look)

    def batch_ends(self, examples: int, numbers: dict[str, float]) -> None:
        if self._bar is not None:
            with self._drawing():
                self._show(numbers)
                self._bar.update(examples)

    def epoch_ends(self, history: History) -> None:
        if self._bar is not None:
            with self._drawing():
                self._show({name: value for name, value in history.last.items() if name.endswith(("loss", "accuracy"))})
                self._bar.close()

    @contextlib.contextmanager
    def _drawing(self) -> Iterator[None]:
        """Drop the bar of this epoch if standard error cannot be written to."""
        try:
            yield
        except self._failures:
            if self._bar is not None:
                self._bar.disable, self._bar = True, None  # or it would write once more when it is deleted

    def _show(self, numbers: dict[str, float]) -> None:
        """Show the numbers beside the bar, under shorter names."""
        short = {"running_": "", "validation_": "val_", "accuracy": "acc"}
        shown = {}
        for name, value in numbers.items():
            for long, brief in short.items():
                name = name.replace(long, brief)
            shown[one_line(name)] = f"{value:.4f}"
        self._bar.set_postfix(shown, refresh=False)


def default_callbacks(progress: bool) -> list[Callback]:
    """A progress bar if `progress` is True, standard error is a terminal, and tqdm is installed."""
    from tinynet.backend.terminal import is_terminal  # start-up time

    if not progress or not is_terminal(sys.stderr):
        return []
    try:
        return [ProgressBar()]
    except ImportError:  # training works without the bar
        return []
