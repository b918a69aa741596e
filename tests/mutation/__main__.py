"""Change the code in one place, run the tests that run that place, and count the changes that no test notices.

    pip install -e '.[mutation]' torch
    python -m tests.mutation                          # 200 mutants of each module, or all: results/mutation/score.md
    python -m tests.mutation losses layers/dense      # of two modules; the survivors are shown
    python -m tests.mutation --sample 5               # a small sample, as in CI
    python -m tests.mutation --tree ../before         # of another copy of the repository, with its own tests

Each mutant meets the test file of its module and the tests of tests/contracts, as far as they run the changed line.
Results are kept in results/mutation, so a run that is broken off goes on, and a second one measures only what has
changed. `equivalent.toml` lists the mutants that no test could notice, with the reason.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.mutation import lines, machines, modules, results, session
from tests.mutation.mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
QUICK = 0.2  # seconds: tests that killed mutants of the same module come first if they take less
EQUIVALENT = ROOT / "tests" / "mutation" / "equivalent.toml"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as layers/dense (default: all)")
    parser.add_argument("--sample", type=int, default=200, metavar="N", help="mutants of each module (default: 200)")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="tests at the same time (default: 2)")
    parser.add_argument("--tree", type=Path, default=ROOT, metavar="FOLDER", help="the repository that is measured")
    parser.add_argument(
        "--before", type=Path, metavar="FILE", help="a score.md whose scores are shown beside the new ones"
    )
    parser.add_argument("--report", action="store_true", help="run nothing: count the results that are there")
    parser.add_argument("--fresh", action="store_true", help="forget the results of the chosen modules first")
    parser.add_argument("--at-least", type=float, default=0.0, metavar="PERCENT", help="exit with 1 below this score")
    parser.add_argument("--equivalent", nargs=2, metavar=("KEYS", "REASON"), help="list survivors as equivalent")
    given = parser.parse_args()
    known = modules.names(given.tree)
    strangers = set(given.modules) - set(known)
    if strangers:
        parser.error(f"unknown modules {sorted(strangers)}; known: {' '.join(known)}")
    given.modules = given.modules or known
    return given


class Score:
    """The mutants of the chosen modules, and what became of them."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.tree = given, given.tree.resolve()
        self.folder = self.tree / "results" / "mutation"
        self.kept = results.Kept(self.folder / "results.jsonl")
        self.equivalent = results.equivalent(EQUIVALENT)
        self.all = {name: self.mutants_of(name) for name in given.modules}
        self.contracts = modules.contracts(self.tree)
        self.own = {name: modules.mirrored(self.tree, name) for name in given.modules}
        self.hashes: dict[str, str] = {}
        self.sources: dict[str, dict[str, str]] = {}
        self.killers: dict[str, Counter[str]] = {}
        self.lock = threading.Lock()

    def mutants_of(self, module: str) -> list[Mutant]:
        return mutants(modules.source_of(self.tree, module), module, self.folder / "mutants")

    def sample(self, module: str) -> list[Mutant]:
        return self.all[module][: self.given.sample]

    def counted(self, module: str) -> list[Mutant]:
        return [mutant for mutant in self.sample(module) if results.name_of(mutant) not in self.equivalent]

    def hash(self, *names: str) -> str:
        key = " ".join(names)
        if key not in self.hashes:
            self.hashes[key] = lines.hash_of(*(self.tree / name for name in names if (self.tree / name).exists()))
        return self.hashes[key]

    def valid(self, mutant: Mutant) -> results.Result | None:
        """The kept result, if neither the module nor the tests that gave it have changed."""
        result = self.kept.results.get(mutant.key)
        if result is None or result.module_hash != self.hash(f"tinynet/{mutant.module}.py"):
            return None
        file = result.test.partition("::")[0]
        usable = {self.tests_hash(mutant, result.test), self.hash(file) if file else ""}
        return result if result.tests_hash in usable else None

    def tests_hash(self, mutant: Mutant, test: str) -> str:
        """Of the test that killed the mutant, so that new tests beside it do not count; else of all its files."""
        file, _, name = test.partition("::")
        if not name:
            return self.hash(*self.own[mutant.module], *self.contracts)
        return self.functions(file).get(name.partition("[")[0], "") or self.hash(file)

    def functions(self, file: str) -> dict[str, str]:
        """The hash of each test function of a file."""
        if file not in self.sources:
            text = (self.tree / file).read_text(encoding="utf-8")
            found = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
            parts = {node.name: ast.dump(node) for node in found}
            self.sources[file] = {name: hashlib.sha256(part.encode()).hexdigest()[:16] for name, part in parts.items()}
        return self.sources[file]

    def run(self) -> None:
        """Measure what is not known yet."""
        pending = [m for name in self.given.modules for m in self.counted(name) if not self.valid(m)]
        if not pending:
            return
        files = list(dict.fromkeys([file for m in pending for file in self.own[m.module]] + self.contracts))
        with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
            started = machines.machines(self.tree, Path(folder), self.given.processes, files)
            measured = lines.maps(files, self.tree, started, self.folder / "lines", {m.module for m in pending})
            self.selections = {
                name: lines.Selection(name, self.own[name], self.contracts, measured)
                for name in {mutant.module for mutant in pending}
            }
            self.began, self.count, self.pending = time.monotonic(), 0, len(pending)
            machines.share(pending, started, self.measure)

    def measure(self, machine: machines.Machine, mutant: Mutant) -> None:
        """Find out what becomes of a mutant. The tests that killed most of its module's come first."""
        selection, killers = self.selections[mutant.module], self.killers.setdefault(mutant.module, Counter())
        original = modules.source_of(self.tree, mutant.module).read_text(encoding="utf-8")
        imports = session.changes_import(original, mutant.source)
        place = range(mutant.first, mutant.last + 1)
        tests = selection.tests(place, imports)
        before = self.kept.results.get(mutant.key)
        first = [before.test] if before else []
        first += [name for name, _ in killers.most_common(10) if selection.seconds.get(name, 1) < QUICK]
        first = [name for name in dict.fromkeys(first) if name in set(tests)]
        tests = list(dict.fromkeys([*first, *tests]))
        seconds = 15 + 3 * sum(selection.seconds[name] for name in tests)
        request = {"module": mutant.module, "source": mutant.source, "tests": tests, "seconds": seconds}
        answer = {"outcome": "survived", "test": ""}
        if tests and not imports:
            answer = machine.ask(request)
            if answer["outcome"] == "crash":  # once more: another process may have ended it
                answer = machine.ask(request)
        request["tests"] = tests if imports else selection.again(place, tests)
        if request["tests"] and answer["outcome"] == "survived":
            answer = machine.ask(request, anew=True)
        killers[answer["test"]] += 1
        if answer["outcome"] == "error":
            raise RuntimeError(f"{shown(mutant)}\n{answer['error']}")
        with self.lock:
            self.note(mutant, answer)

    def note(self, mutant: Mutant, answer: dict[str, Any]) -> None:
        """Keep a result, and say how far the run is."""
        module_hash = self.hash(f"tinynet/{mutant.module}.py")
        tests_hash = self.tests_hash(mutant, answer["test"])
        self.kept.add(results.Result(mutant.key, answer["outcome"], answer["test"], module_hash, tests_hash))
        self.count += 1
        if answer["outcome"] not in ("killed", "timeout") or self.count % 50 == 0:
            spent = time.monotonic() - self.began
            print(f"[{self.count}/{self.pending}, {spent:.0f} s] {answer['outcome']}: {shown(mutant)}", flush=True)

    def rows(self) -> list[results.Row]:
        found = []
        for name in self.given.modules:
            known = [(mutant, self.valid(mutant)) for mutant in self.counted(name)]
            same = len(self.sample(name)) - len(known)
            killed = sum(result is not None and result.outcome in results.KILLED for _, result in known)
            sampled = same + sum(result is not None for _, result in known)
            found.append(results.Row(name, len(self.all[name]), sampled, same, killed))
        return found

    def survivors(self) -> list[Mutant]:
        counted = [mutant for name in self.given.modules for mutant in self.counted(name)]
        return [m for m in counted if (result := self.valid(m)) and result.outcome == "survived"]


def shown(mutant: Mutant) -> str:
    number = f" ({mutant.occurrence})" if mutant.occurrence > 1 else ""
    return f"{mutant.key} {mutant.module}:{mutant.first} {mutant.where}{number}\n    - {mutant.was}\n    + {mutant.now}"


def main() -> int:
    given = arguments()
    score = Score(given)
    if given.equivalent:
        keys, reason = given.equivalent[0].split(","), given.equivalent[1]
        chosen = [mutant for name in given.modules for mutant in score.all[name] if mutant.key in keys]
        assert len(chosen) == len(keys), "unknown keys"
        results.append(EQUIVALENT, chosen, reason)
        return 0
    if given.fresh:
        for name in given.modules:
            for mutant in score.all[name]:
                score.kept.results.pop(mutant.key, None)
    if not given.report:
        score.run()
    rows = score.rows()
    text = results.table(rows, given.before.read_text(encoding="utf-8") if given.before else "")
    score.folder.mkdir(parents=True, exist_ok=True)
    (score.folder / "score.md").write_text(text + "\n", encoding="utf-8")
    survivors = score.survivors()
    if len(survivors) <= 300:
        print("\n".join(["Survivors:", *map(shown, survivors), ""]))
    print(text)
    killed, counted = sum(row.killed for row in rows), sum(row.sampled - row.equivalent for row in rows)
    return int(100 * killed < given.at_least * counted)


if __name__ == "__main__":
    sys.exit(main())
