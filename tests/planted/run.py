"""Plant bugs in a copy of the library, one at a time, and list those that the tests do not find.

    python tests/planted/run.py                    all bugs, with two processes
    python tests/planted/run.py data fingerprint   those whose file or description holds one of these words

Each bug is planted in a copy of the working tree, and pytest runs the test files that must find it. If they pass, it
runs the other tests of the same room and the contracts. Exit status 1 if a bug was found by neither, 2 if one cannot be
planted because its text no longer stands in the code.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.planted.bug import ROOT, Bug
from tests.planted.table import BUGS

SECONDS = 300  # for the tests of one bug: a bug may make them wait for ever
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".git", ".venv", "results", "dist", "build", "*.egg-info")
FOUND, MISSED, LATE = "found", "MISSED", "found late"  # late: not by its own tests, but by others of the room


def main(arguments: list[str] | None = None) -> int:
    """Plant the bugs; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="plant only bugs whose file or description holds one of these")
    parser.add_argument("--own", action="store_true", help="run the bug's own tests only, not those of its room")
    parser.add_argument("--jobs", type=int, default=2, help="bugs that are tested side by side (2)")
    options = parser.parse_args(arguments)
    chosen = [
        bug for bug in BUGS if not options.words or any(word in f"{bug.file} {bug.what}" for word in options.words)
    ]
    problems = [problem for bug in chosen if (problem := bug.problem())]
    for problem in problems:
        print(f"error: {problem}; change the row in tests/planted/", file=sys.stderr)
    if problems or not chosen:
        return 2
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        return _report(chosen, _verdicts(chosen, Path(folder), options.jobs, options.own))


def _verdicts(bugs: list[Bug], folder: Path, jobs: int, own: bool) -> list[str]:
    """The verdict on each bug, printed as it comes."""
    copies: Queue[Path] = Queue()
    for number in range(jobs):
        copy = folder / str(number)
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT, symlinks=True)
        copies.put(copy)

    def judge(bug: Bug) -> str:
        copy, began = copies.get(), time.monotonic()
        try:
            verdict = _judge(bug, copy, own)
        finally:
            copies.put(copy)
        print(f"{verdict:<10} {time.monotonic() - began:5.1f} s  {bug.file}: {bug.what}", flush=True)
        return verdict

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(judge, bugs))


def _judge(bug: Bug, copy: Path, own: bool) -> str:
    """Plant the bug, run its tests, then those of its room and the contracts, and take it out again."""
    path = copy / "tinynet" / bug.file
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace(bug.old, bug.new), encoding="utf-8")
    _forget_compiled(path)
    try:
        if not _pass(copy, bug.files()):
            return FOUND
        room = Path(bug.file).parts[0]
        others = [room, "contracts"] if (copy / "tests" / room).is_dir() else ["contracts"]
        return MISSED if own or _pass(copy, others) else LATE
    finally:
        path.write_text(before, encoding="utf-8")
        _forget_compiled(path)


def _pass(copy: Path, names: list[str]) -> bool:
    """Whether these tests pass in the copy."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # with bytecode the next tests start sooner
    try:
        done = subprocess.run(
            [*command, *(f"tests/{name}" for name in names)],
            cwd=copy, env=environment, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    if done.returncode not in (0, 1, 2, 3):  # 1: a test failed; 2: an import failed, or the run was interrupted
        raise RuntimeError(f"pytest could not run {names}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def _forget_compiled(path: Path) -> None:
    """Remove the bytecode of a module: Python compares sizes and whole seconds, which a small change may keep."""
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


def _report(bugs: list[Bug], verdicts: list[str]) -> int:
    found = sum(verdict != MISSED for verdict in verdicts)
    own = sum(verdict == FOUND for verdict in verdicts)
    print(f"\n{found} of {len(bugs)} planted bugs found, {own} of them by the tests at the mirrored path")
    for bug, verdict in zip(bugs, verdicts):
        if verdict == MISSED:
            print(f"missed: {bug.file}: {bug.what}: {bug.old!r} -> {bug.new!r}")
    return 0 if found == len(bugs) else 1


if __name__ == "__main__":
    sys.exit(main())
