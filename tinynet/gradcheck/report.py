"""The result of a check: a table, a hint for each failure, and what the check could not have seen."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """The result for one array: the worst entry, with the gradient from backward and the numeric one.

    `checked` of its `entries` are compared one by one, the others only in sums; `kinks` of them are left out. `floor`
    and `floor_of_others` are the smallest errors that are sure to be found in them, relative to the largest gradient of
    the array. Rows of other properties, such as "float32", have no entries; there "analytic" is what was found and
    "numeric" what was expected.
    """

    array: str
    error: float
    where: str
    analytic: float
    numeric: float
    passed: bool
    hint: str = ""
    entries: int = 0
    checked: int = 0
    kinks: int = 0
    floor: float = 0.0
    floor_of_others: float = 0.0


@dataclass
class Report:
    """The result of a check. It is true if every row passed, and prints as a table with a hint for each failure.

    `also` names what else was checked and passed; `skipped` what could not be, and why.
    """

    subject: str
    rows: list[Row] = field(default_factory=list)
    also: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rows or self.also) and all(row.passed for row in self.rows)

    @property
    def floor(self) -> float:
        """The smallest error that is sure to be found in any entry, relative to the largest gradient of its array."""
        return max((max(row.floor, row.floor_of_others) for row in self.rows if row.entries), default=math.inf)

    def __str__(self) -> str:
        table = [("array", "worst relative error", "where", "analytic", "numeric", "verdict")]
        for row in self.rows:
            verdict = "ok" if row.passed else "FAILS"
            table.append(
                (row.array, f"{row.error:.1e}", row.where, f"{row.analytic:.8g}", f"{row.numeric:.8g}", verdict)
            )
        widths = [max(len(line[column]) for line in table) for column in range(6)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table]
        hints = [f"{row.array}: {row.hint}" for row in self.rows if not row.passed]
        return "\n".join([f"Gradient check of {self.subject}", *lines, *hints, *self._notes()])

    def _notes(self) -> list[str]:
        """What else was checked, what was not, and the smallest error that is sure to be found."""
        notes = [f"Also checked: {', '.join(self.also)}"] if self.also else []
        notes += [f"Not checked: {reason}" for reason in self.skipped]
        arrays = [row for row in self.rows if row.entries and row.passed]
        if arrays:
            floor = max(row.floor for row in arrays)
            notes.append(
                f"Detection floor: an error below {floor:.0e} of the largest gradient of its array is not seen"
            )
        notes += [note for row in arrays for note in _exceptions(row)]
        return [line for note in notes for line in textwrap.wrap(note, 120, subsequent_indent="  ")]


def _exceptions(row: Row) -> list[str]:
    """The entries of an array for which the detection floor does not hold."""
    notes = []
    if row.kinks:
        count = f"{row.kinks} of {row.entries} entries of {row.array}"
        notes.append(f"{count} lie at a kink, where any gradient passes")
    if row.checked < row.entries:
        count = f"{row.entries - row.checked} of {row.entries} entries of {row.array}"
        unseen = (
            f"one error below {row.floor_of_others:.0e} of the largest gradient, or several that cancel, are not seen"
        )
        if not math.isfinite(row.floor_of_others):
            unseen = "they cross kinks, so nothing is known of them"
        notes.append(f"{count} are checked in sums: {unseen} (thorough=True looks at each)")
    return notes
