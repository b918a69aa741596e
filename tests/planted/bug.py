"""One planted bug, and the tests that must find it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Bug(NamedTuple):
    """A change of one place of the library that a test must notice.

    what   the bug in words
    file   the module, below tinynet/
    old    the text that it replaces, which stands in the module exactly once
    new    what takes its place
    tests  the test files, below tests/, that find it; empty: those at the mirrored path
    """

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ()

    def problem(self, root: Path = ROOT) -> str:
        """Why the bug cannot be planted; "" if it can."""
        path = root / "tinynet" / self.file
        count = path.read_text(encoding="utf-8").count(self.old) if path.is_file() else 0
        if count != 1:
            return f"{self.file}: {self.what}: its old text stands there {count} times, not once: {self.old!r}"
        missing = [name for name in self.files() if not (root / "tests" / name).is_file()]
        return f"{self.file}: {self.what}: no tests at {missing[0]}" if missing else ""

    def files(self) -> list[str]:
        """The test files that must find it."""
        from tests.contracts.test_mirror import ELSEWHERE  # here: a program without pytest may list the bugs

        path = Path(self.file)
        mirrored = ELSEWHERE.get(self.file, str(path.with_name(f"test_{path.name}")))
        further = sorted((ROOT / "tests" / path.parent).glob(f"test_{path.stem}_*.py"))  # named after the module, too
        named = [file.relative_to(ROOT / "tests").as_posix() for file in further]
        return [*named, *(name for name in self.tests or [mirrored] if name not in named)]
