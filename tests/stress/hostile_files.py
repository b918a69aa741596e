"""Read hostile files, each in a process of at most 1.5 GB: print what came of it, its memory and its seconds of CPU.

    python tests/stress/hostile_files.py                    # exit status 1 if a file takes too much, or another error
    python tests/stress/hostile_files.py --only again       # those with this in their names

A hostile file is small and claims a lot: large sizes, repetitions, deep nesting, names of millions of characters. It
must be read and used, or refused with `tn.DataError`, within 10 seconds and 256 MiB more than before, or 40 times the
size of the file where that is more (a few bytes of JSON become an object of Python).

The cases are in modules of this folder: hostile_models.py has those of models and checkpoints, hostile_data.py those of
data sets. Each is (name, write(folder) -> path, read(path)); `read` also uses what it read.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # so that the tables of cases are found

import tests.stress.hostile_data as hostile_data  # noqa: E402
import tests.stress.hostile_models as hostile_models  # noqa: E402
import tinynet as tn  # noqa: E402

Case = tuple[str, Callable[[Path], Path], Callable[[Path], Any]]
CASES: list[Case] = [*hostile_models.CASES, *hostile_data.CASES]
ADDRESSES, SECONDS = 1_500_000_000, 10  # bytes of address space, and the time a file may take
USUAL, TIMES = 256 << 20, 40  # bytes of memory that each file may take, and how many times its size


def memory() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def inside(path: Path, read: Callable[[Path], Any]) -> dict[str, Any]:
    """Read the file under the limits, and return the outcome."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    before, began = memory(), time.process_time()
    try:
        read(path)
        outcome = "read"
    except tn.DataError as error:
        outcome = f"DataError: {str(error).removeprefix(str(path))[:100]!r}"
    except BaseException as error:
        outcome = f"WRONG: {type(error).__name__}: {str(error)[:200]}"
    return {"outcome": outcome, "memory": memory() - before, "seconds": time.process_time() - began}


def try_out(path: Path, read: Callable[[Path], Any]) -> dict[str, Any]:
    """The outcome of reading the file in a fork of this process, which has imported everything."""
    there, here = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forking with the threads of BLAS, which the child does without
        child = os.fork()
    if not child:
        try:
            signal.alarm(6 * SECONDS)  # ends the process if it hangs, and not if others use the machine
            os.write(here, json.dumps(inside(path, read)).encode())
        finally:
            os._exit(0)
    os.close(here)
    with os.fdopen(there, "rb") as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    return json.loads(text) if text else {"outcome": f"WRONG: ended with {status}", "memory": 0, "seconds": 2 * SECONDS}


def judge(size: int, found: dict[str, Any]) -> str:
    """What is wrong with an outcome; empty if nothing is."""
    if found["outcome"].startswith("WRONG"):
        return "another outcome"
    if found["seconds"] > SECONDS:
        return f"more than {SECONDS} s"
    return "too much memory" if found["memory"] > max(USUAL, TIMES * size) else ""


def main() -> int:
    """Try every case and print the table. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a part of the names of the cases to try")
    options = parser.parse_args()
    wrong = 0
    print(f"{'bytes':>11} {'MiB taken':>9} {'seconds':>8}  file, and outcome")
    for name, write, read in CASES:
        if options.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = write(Path(folder))
            size = path.stat().st_size if path.is_file() else 0
            found = try_out(path, read)
        problem = judge(size, found)
        wrong += bool(problem)
        print(f"{size:>11,} {found['memory'] / 2**20:>9.1f} {found['seconds']:>8.2f}  {name}: {found['outcome']}"
              + (f"  <-- {problem}" if problem else ""))  # fmt: skip
    print(f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
