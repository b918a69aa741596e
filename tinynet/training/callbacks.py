"""What happens beside training: callbacks see the run go by, and never change a number of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinynet.training.history import History


class Callback:
    """Base of all callbacks. Override what you need."""

    def epoch_begins(self, epoch: int, epochs: int, examples: int) -> None:
        """Before the first batch; `epoch` counts from 1."""

    def batch_ends(self, examples: int, numbers: dict[str, float]) -> None:
        """After each batch of so many examples, with the running numbers, empty where reading them would cost."""

    def epoch_ends(self, history: History) -> None:
        """After evaluation; the epoch's row is the last of `history`."""


class ProgressBar(Callback):
    """One tqdm bar an epoch: loss, accuracy, samples per second. Needs tqdm."""

    def __init__(self) -> None:
        from tqdm import tqdm

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
        """The numbers beside the bar, under names short enough for a line of a terminal."""
        short = {"running_": "", "validation_": "val_", "accuracy": "acc"}
        shown = {}
        for name, value in numbers.items():
            for long, brief in short.items():
                name = name.replace(long, brief)
            shown[name] = f"{value:.4f}"
        self._bar.set_postfix(shown, refresh=False)


def default_callbacks(progress: bool) -> list[Callback]:
    """A progress bar, where it was asked for, standard error is a terminal, and tqdm is installed."""
    if not progress or not sys.stderr.isatty():
        return []
    try:
        return [ProgressBar()]
    except ImportError:  # training works without the bar; the README says which extra brings it
        return []
