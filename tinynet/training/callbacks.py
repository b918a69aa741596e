"""Callbacks: observe a training run without changing its numbers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinynet.training.history import History


class Callback:
    """Base class of all callbacks. Override the methods that you need."""

    def epoch_begins(self, epoch: int, epochs: int, examples: int) -> None:
        """Called before the first batch of an epoch; `epoch` counts from 1."""

    def batch_ends(self, examples: int, numbers: dict[str, float]) -> None:
        """Called after each batch; `numbers` are the running means (empty on a GPU, where reading them is slow)."""

    def epoch_ends(self, history: History) -> None:
        """Called after the evaluation of an epoch; its row is the last of `history`."""


class ProgressBar(Callback):
    """Show a tqdm bar for each epoch: loss, accuracy, samples per second. Needs tqdm."""

    def __init__(self) -> None:
        from tqdm import tqdm  # optional dependency

        self._tqdm = tqdm
        self._bar: Any = None

    def epoch_begins(self, epoch: int, epochs: int, examples: int) -> None:
        title = f"epoch {epoch}/{epochs}"
        self._bar = self._tqdm(total=examples, desc=title, unit=" samples", unit_scale=True, mininterval=0.2)

    def batch_ends(self, examples: int, numbers: dict[str, float]) -> None:
        self._show(numbers)
        self._bar.update(examples)

    def epoch_ends(self, history: History) -> None:
        self._show({name: value for name, value in history.last.items() if name.endswith(("loss", "accuracy"))})
        self._bar.close()

    def _show(self, numbers: dict[str, float]) -> None:
        """Show the numbers beside the bar, under shorter names."""
        short = {"running_": "", "validation_": "val_", "accuracy": "acc"}
        shown = {}
        for name, value in numbers.items():
            for long, brief in short.items():
                name = name.replace(long, brief)
            shown[name] = f"{value:.4f}"
        self._bar.set_postfix(shown, refresh=False)


def default_callbacks(progress: bool) -> list[Callback]:
    """A progress bar if `progress` is True, standard error is a terminal, and tqdm is installed."""
    if not progress or not sys.stderr.isatty():
        return []
    try:
        return [ProgressBar()]
    except ImportError:  # training works without the bar
        return []
