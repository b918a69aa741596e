"""Which lines of tinynet each test runs, so that a mutant meets only the tests that run its line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.mutation.machines import Machine, share

SLOW = 0.5  # seconds: tests of tests/contracts that take longer are left out


def stamp(tree: Path, file: str) -> str:
    """The hash of a test file, and of what it may import from the tests."""
    paths = [tree / file, *(tree / "tests").rglob("conftest.py"), *(tree / "tests" / "support").rglob("*.py")]
    return hash_of(*sorted(paths))


def maps(
    files: list[str], tree: Path, all_machines: list[Machine], cache: Path, modules: set[str]
) -> dict[str, dict[str, Any]]:
    """The map of each test file, from the cache where neither the file nor one of the modules has changed."""
    cache.mkdir(parents=True, exist_ok=True)
    kept = {file: cache / f"{file.replace('/', '-')}-{stamp(tree, file)}.json" for file in files}
    root = tree / "tinynet"
    hashes = {str(path.relative_to(root).with_suffix("")): hash_of(path) for path in root.rglob("*.py")}

    def valid(file: str) -> bool:
        if not kept[file].exists():
            return False
        found = json.loads(kept[file].read_text(encoding="utf-8"))["hashes"]
        return all(found.get(module) == hashes[module] for module in modules)

    def measure(machine: Machine, file: str) -> None:
        tests = sorted(test for test in machine.tests if test.startswith(file + "::"))
        answer = machine.ask({"record": True, "tests": tests, "seconds": 600})
        at_import = machine.ask({"file": file, "seconds": 600}, anew=True)
        if "seconds" not in answer or "lines" not in at_import:
            raise RuntimeError(f"{file}: the tests did not end: {answer} {at_import}")
        whole = {**answer, "import": at_import["lines"], "hashes": hashes}
        kept[file].write_text(json.dumps(whole), encoding="utf-8")
        left_out = f"; not used, as they are skipped or fail here: {' '.join(answer['bad'])}" if answer["bad"] else ""
        print(f"measured {file}: {len(answer['seconds'])} tests{left_out}", flush=True)

    share([file for file in files if not valid(file)], all_machines, measure)
    return {file: json.loads(path.read_text(encoding="utf-8")) for file, path in kept.items()}


def hash_of(*paths: Path) -> str:
    """The hash of the contents of files."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()[:16]


class Selection:
    """The tests of the mutants of a module."""

    def __init__(self, module: str, own: list[str], contracts: list[str], measured: dict[str, dict[str, Any]]) -> None:
        files = [*own, *contracts]
        self.own, self.seconds = set(own), dict[str, float]()
        self.by_line: dict[int, set[str]] = {}
        self.at_import = {file: {int(line) for line in measured[file]["import"].get(module, ())} for file in files}
        self.elsewhere = set[str]()  # tests of the module's own files that run nothing of it in this process
        for file in files:
            seconds = measured[file]["seconds"]
            usable = {name for name, taken in seconds.items() if file in self.own or taken < SLOW}
            self.seconds.update({name: seconds[name] for name in usable})
            for line, names in measured[file]["lines"].get(module, {}).items():
                self.by_line.setdefault(int(line), set()).update(usable.intersection(names))
            if file in self.own:
                self.elsewhere |= usable
        self.every = set().union(*self.by_line.values())
        self.elsewhere -= self.every

    def tests(self, lines: range, imports: bool) -> list[str]:
        """The tests that run one of the lines, the module's own and the quick ones first."""
        chosen = set().union(*(self.by_line.get(line, set()) for line in lines))
        if imports or not chosen:
            chosen = self.every
        chosen = chosen | self.elsewhere
        return sorted(chosen, key=lambda name: (name.split("::")[0] not in self.own, self.seconds[name]))

    def again(self, place: range, tests: list[str]) -> list[str]:
        """Those of the tests whose files run one of the lines while they are imported."""
        return [name for name in tests if self.at_import[name.split("::")[0]].intersection(place)]
