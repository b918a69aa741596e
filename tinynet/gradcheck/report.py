"""The result of a check: a table, and a hint for each failure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """The result for one array: the worst entry, with the gradient from backward and the numeric one."""

    array: str
    error: float
    where: str
    analytic: float
    numeric: float
    passed: bool
    hint: str = ""


@dataclass
class Report:
    """The result of a check. It is true if every row passed, and prints as a table with a hint for each failure."""

    subject: str
    rows: list[Row] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rows) and all(row.passed for row in self.rows)

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
        return "\n".join([f"Gradient check of {self.subject}", *lines, *hints])
