"""The history of a training run: the measurements of each epoch."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator

from tinynet.errors import one_line


class History:
    """A row for each epoch: a dict of numbers by name.

    epoch                     1 for the first
    running_loss, _accuracy   averages over the batches during training, while dropout is on and theta changes
    train_loss, _accuracy     measured after the epoch in inference mode, with `fit(measure_train=True)`
    validation_loss, _accuracy  the same on the validation set, if there is one
    learning_rate             the learning rate of the epoch's last step
    seconds                   the time of training, without evaluation
    samples_per_second        examples trained on, divided by these seconds

    Rows may have different names, for example if a run was resumed with a validation set that it did not have before.
    Then `history[name]` and `to_dict` have NaN where a number is missing, `to_csv` an empty field, `plot` a gap.
    """

    def __init__(self, rows: list[dict[str, float]] | None = None) -> None:
        self.rows: list[dict[str, float]] = rows or []

    def append(self, row: dict[str, float]) -> None:
        """Add one epoch."""
        self.rows.append(row)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, float]]:
        return iter(self.rows)

    @property
    def columns(self) -> list[str]:
        """The names in all rows, in the order in which they appear first."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def __getitem__(self, name: str) -> list[float]:
        """One column: `history["validation_accuracy"]`; NaN for an epoch without it.

        Raises KeyError, which lists the columns, for a name that is in no row.
        """
        if not any(name in row for row in self.rows):
            known = ", ".join(self.columns) if self.rows else "none: no epoch was completed"
            raise KeyError(f"history: no column {name!r}; there are: {known}")
        return [row.get(name, math.nan) for row in self.rows]

    @property
    def last(self) -> dict[str, float]:
        """The last epoch's row."""
        return self.rows[-1]

    def to_dict(self) -> dict[str, list[float]]:
        """The columns by name, for JSON or `pandas.DataFrame`."""
        return {name: self[name] for name in self.columns}

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a header line and a line for each epoch. Raises SaveError, and writes nothing, if the disk is full."""
        import csv  # start-up time

        from tinynet.backend.files import write_atomically  # start-up time: few runs write a table

        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=self.columns)
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(path, text.getvalue().encode(errors="backslashreplace"))  # JSON may hold half a character

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Plot loss and accuracy over the epochs into a file (PNG, SVG or PDF). Needs matplotlib."""
        from tinynet.plots import learning_curves  # start-up time: matplotlib is imported where it draws

        learning_curves({"": self}, path)

    def __repr__(self) -> str:
        if not self.rows:
            return "<History: no epochs>"
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in self.last.items() if name != "epoch")
        return one_line(f"<History: {len(self)} epochs; last: {numbers}>")
