"""What became of each mutant: kept in a file, so that a run that is broken off goes on, and counted in a table."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import tomllib

from tests.mutation.mutants import Mutant

KILLED = ("killed", "timeout", "crash")


@dataclass
class Result:
    """The outcome of a mutant, with the hashes of what it was measured on."""

    key: str
    outcome: str  # killed, timeout, crash, survived
    test: str  # that failed first
    module_hash: str
    tests_hash: str  # of the test file that killed it, or of all that it survived


class Kept:
    """The results so far, one line of JSON each; the last line of a mutant counts."""

    def __init__(self, path: Path) -> None:
        self.path, self.results = path, dict[str, Result]()
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                result = Result(**json.loads(line))
                self.results[result.key] = result

    def add(self, result: Result) -> None:
        self.results[result.key] = result
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result)) + "\n")


def equivalent(path: Path) -> dict[tuple[str, str, str, str, int], str]:
    """The mutants that change nothing a caller can see: (module, where, was, now, occurrence) -> the reason."""
    with path.open("rb") as file:
        entries = tomllib.load(file).get("mutant", [])
    return {(e["module"], e["where"], e["was"], e["now"], e.get("occurrence", 1)): e["reason"] for e in entries}


def append(path: Path, mutants: list[Mutant], reason: str) -> None:
    """Add mutants to the list of equivalent ones."""
    with path.open("a", encoding="utf-8") as file:
        for mutant in mutants:
            fields = {"module": mutant.module, "where": mutant.where, "was": mutant.was, "now": mutant.now}
            fields |= {"occurrence": mutant.occurrence} if mutant.occurrence > 1 else {}
            lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
            file.write("\n".join(["[[mutant]]", *lines, f"reason = {json.dumps(reason)}", "", ""]))


def name_of(mutant: Mutant) -> tuple[str, str, str, str, int]:
    """The name by which a mutant is found in the list of equivalent ones."""
    return mutant.module, mutant.where, mutant.was, mutant.now, mutant.occurrence


@dataclass
class Row:
    """The counts of a module."""

    module: str
    mutants: int = 0
    sampled: int = 0
    equivalent: int = 0
    killed: int = 0

    def cells(self) -> str:
        """The row of the table."""
        counted = self.sampled - self.equivalent
        low, high = wilson(self.killed, counted)
        score = f"{100 * self.killed / counted:.1f} %" if counted else ""
        numbers = f"{self.mutants} | {self.sampled} | {self.equivalent} | {self.killed}"
        return f"| {self.module} | {numbers} | {score} | {100 * low:.1f} - {100 * high:.1f} |"


def wilson(killed: int, counted: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a fraction (Wilson 1927)."""
    if not counted:
        return 0.0, 1.0
    z, fraction = 1.959964, killed / counted
    middle = fraction + z * z / (2 * counted)
    half = z * math.sqrt(fraction * (1 - fraction) / counted + z * z / (4 * counted * counted))
    return (middle - half) / (1 + z * z / counted), (middle + half) / (1 + z * z / counted)


def table(rows: Iterable[Row], before: str = "") -> str:
    """A Markdown table of the rows, and their sum; with the scores of an earlier table, if there is one."""
    rows = list(rows)
    total = Row(f"all {len(rows)} modules")
    for row in rows:
        for name in ("mutants", "sampled", "equivalent", "killed"):
            setattr(total, name, getattr(total, name) + getattr(row, name))
    head = "| module | mutants | sampled | equivalent | killed | score | 95 % interval |\n|---|---|---|---|---|---|---|"
    lines = [*head.split("\n"), *(row.cells() for row in [*rows, total])]
    if before:
        cells = [line.strip("| ").split(" | ") for line in before.splitlines()]
        scores = {each[0].split()[0]: each[5] for each in cells if len(each) > 6}  # "all" for "all 43 modules"
        names = ["module", "", *(row.module for row in rows), "all"]
        added = ["before", "---", *(scores.get(name, "") for name in names[2:])]
        lines = [f"{line} {cell} |" for line, cell in zip(lines, added)]
    return "\n".join(lines)
