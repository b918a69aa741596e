"""A pytest session that has collected all tests, and runs them in forks of itself, each with another mutant.

Most mutants change the body of a function. A fork gives the new code to the functions that are there already
(`function.__code__`), so neither tinynet nor the tests are imported again: a mutant costs the seconds of its tests.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

MARKS = "not slow and not network and not gpu and not browser and not tfds"
MEMORY = 6 << 30  # bytes: a changed size must not fill the machine
OPTIMIZED = 1  # the flag of a function's code, which that of a class or module lacks


def write_anew(path: Path, text: str) -> None:
    """Write a file with a time of change of its own, so that no compiled copy of it passes for this text."""
    path.write_text(text, encoding="utf-8")
    when = time.monotonic_ns() // 1_000_000 % 2_000_000_000  # compiled files hold whole seconds: here milliseconds
    os.utime(path, (when, when))


def codes(code: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    """The functions in a code: ((qualified name, number among those of the name), code)."""
    counts = Counter[str]()
    waiting = [code]
    while waiting:
        for constant in waiting.pop(0).co_consts:
            if isinstance(constant, CodeType):
                waiting.append(constant)
                counts[constant.co_qualname] += 1
                yield (constant.co_qualname, counts[constant.co_qualname]), constant


def outside_functions(code: CodeType) -> list:
    """What a module does when it is imported, without the bodies of its functions."""
    plain = [constant for constant in code.co_consts if not isinstance(constant, CodeType)]
    inner = [c for c in code.co_consts if isinstance(c, CodeType) and not c.co_flags & OPTIMIZED]
    return [code.co_code, code.co_names, repr(plain), *map(outside_functions, inner)]


def changes_import(original: str, changed: str) -> bool:
    """Whether a mutant changes more than the bodies of functions, so that the module has to be imported again."""
    both = [compile(text, "module", "exec", dont_inherit=True) for text in (original, changed)]
    return outside_functions(both[0]) != outside_functions(both[1])


def patch(path: Path, changed: str, functions: dict[tuple[str, int], list[FunctionType]]) -> None:
    """Give the functions of a module their changed code."""
    new = dict(codes(compile(changed, str(path), "exec", dont_inherit=True)))
    original = path.read_text(encoding="utf-8")
    for name, code in codes(compile(original, str(path), "exec", dont_inherit=True)):
        for function in functions.get((str(path), code.co_firstlineno), ()):
            if function.__code__.co_qualname == name[0] and name in new:
                with contextlib.suppress(ValueError):  # other variables of the functions around it
                    function.__code__ = new[name]


class Server:
    """A plugin that, in place of running all tests, answers requests that arrive at a socket."""

    def __init__(self, connection: socket.socket, tree: Path) -> None:
        self.connection, self.tree = connection, tree
        self.failed, self.seconds, self.bad = "", dict[str, float](), set[str]()
        self.recording: Any = None

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self.factory = session.config._tmp_path_factory  # type: ignore[attr-defined]
        self.functions: dict[tuple[str, int], list[FunctionType]] = {}
        for found in gc.get_objects():
            if isinstance(found, FunctionType) and found.__code__.co_filename.startswith(str(self.tree / "tinynet")):
                place = found.__code__.co_filename, found.__code__.co_firstlineno
                self.functions.setdefault(place, []).append(found)
        gc.collect()
        gc.freeze()  # a collection in a fork would otherwise copy all memory
        with self.connection.makefile("rw", encoding="utf-8") as stream:
            stream.write(json.dumps({"tests": sorted(self.items)}) + "\n")
            stream.flush()
            for line in stream:
                stream.write(json.dumps(self.answer(json.loads(line))) + "\n")
                stream.flush()
        return True

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one request in a fork."""
        path = self.tree / "tinynet" / f"{request['module']}.py" if "source" in request else None
        original = path.read_text(encoding="utf-8") if path else ""
        try:
            return forked(lambda: self.work(request, path), request["seconds"])
        finally:
            if path:
                write_anew(path, original)
            shutil.rmtree(self.tree.parent / f"{self.tree.name}-tmp", ignore_errors=True)

    def work(self, request: dict[str, Any], path: Path | None) -> dict[str, Any]:
        temporary = self.tree.parent / f"{self.tree.name}-tmp"
        self.factory._given_basetemp, self.factory._basetemp = temporary, None
        if path:
            patch(path, request["source"], self.functions)
            write_anew(path, request["source"])  # for tests that start other processes
        if request.get("record"):
            return self.record([self.items[name] for name in request["tests"]])
        chosen = [self.items[name] for name in request["tests"] if name in self.items]
        for item, following in zip(chosen, [*chosen[1:], None]):
            try:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            except KeyboardInterrupt:  # a test may raise it where it would wait for ever
                return {"outcome": "killed", "test": item.nodeid}
            if self.failed:
                return {"outcome": "killed", "test": self.failed}
        return {"outcome": "survived", "test": ""}

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed = self.failed or report.nodeid
        if not report.passed:
            self.bad.add(report.nodeid)

    def record(self, items: list[pytest.Item]) -> dict[str, Any]:
        """Run tests, and say which lines of tinynet each runs, and how long it takes."""
        import coverage  # here: it is imported in the fork, and traces nothing else

        recording = coverage.Coverage(data_file=None, source=[str(self.tree / "tinynet")], config_file=False)
        recording.start()
        for item, following in zip(items, [*items[1:], None]):
            recording.switch_context(item.nodeid)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        recording.stop()
        warnings.simplefilter("ignore", coverage.exceptions.CoverageWarning)  # of tests that run no line of tinynet
        seconds = {name: round(taken, 4) for name, taken in self.seconds.items() if name not in self.bad}
        return {"seconds": seconds, "bad": sorted(self.bad), "lines": lines_of(recording, self.tree)}


def lines_of(recording: Any, tree: Path) -> dict[str, dict[int, list[str]]]:
    """{module: {line: tests that run it}} of a recording."""
    data, lines = recording.get_data(), {}
    for path in data.measured_files():
        module = str(Path(path).relative_to(tree / "tinynet").with_suffix(""))
        lines[module] = {line: sorted(names) for line, names in data.contexts_by_lineno(path).items()}
    return lines


def forked(work: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
    """The answer of a function that runs in a fork, with limits of processor time and of time by the clock."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        run_and_leave(work, writing, seconds)
    os.close(writing)
    read, end = bytearray(), time.monotonic() + 60 + 3 * seconds
    while time.monotonic() < end:
        if select.select([reading], [], [], 1.0)[0]:
            read += (block := os.read(reading, 1 << 20))
            if not block:
                break
    else:
        os.killpg(process, signal.SIGKILL)
    os.close(reading)
    status = os.waitpid(process, 0)[1]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)  # what its tests left behind
    if read.endswith(b"\n"):
        return json.loads(read)
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return {"outcome": "timeout" if ended in (signal.SIGKILL, signal.SIGXCPU) else "crash", "test": ""}


def run_and_leave(work: Callable[[], dict[str, Any]], pipe: int, seconds: float) -> None:
    """Write a function's answer into a pipe, and end the process."""
    os.setsid()
    limit = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    try:
        answer = work()
    except BaseException:  # of this program: pytest catches those of tests
        answer = {"outcome": "error", "test": "", "error": traceback.format_exc()}
    with open(pipe, "wb") as stream:
        stream.write(json.dumps(answer).encode() + b"\n")
    os._exit(0)


def options(files: list[str]) -> list[str]:
    """The arguments of pytest. Its plugins were imported before the fork: no warning that they cannot be rewritten."""
    given = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", "--tb=no", "--capture=sys", "-m", MARKS]
    return [*given, "-W", "ignore::pytest.PytestAssertRewriteWarning", *files]


def enter(tree: Path) -> None:
    """Make a forked process one of the given tree."""
    here = str(Path(__file__).resolve().parents[2])
    for name in [name for name in sys.modules if name.split(".")[0] in ("tests", "tinynet")]:
        del sys.modules[name]
    sys.path[:] = [str(tree), *(entry for entry in sys.path if entry not in ("", here, str(tree)))]
    os.environ["PYTHONPATH"] = str(tree)
    os.chdir(tree)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)


def serve_imports(tree: Path, connection: socket.socket) -> None:
    """Answer requests that import tinynet anew: mutants of what runs at import, and the lines that run there."""
    with connection.makefile("rw", encoding="utf-8") as stream:
        for line in stream:
            stream.write(json.dumps(import_request(tree, json.loads(line))) + "\n")
            stream.flush()
    os._exit(0)


def import_request(tree: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Run one request in a fork."""
    if "file" in request:
        return forked(lambda: lines_at_import(tree, request["file"]), request["seconds"])
    path = tree / "tinynet" / f"{request['module']}.py"
    original = path.read_text(encoding="utf-8")
    write_anew(path, request["source"])
    try:
        return forked(lambda: import_and_run(tree, request["tests"]), request["seconds"])
    finally:
        write_anew(path, original)


def serve(tree: Path, files: list[str], connection: socket.socket) -> None:
    """Collect the tests of a tree, and answer requests."""
    enter(tree)
    pytest.main(options(files), plugins=[Server(connection, tree)])
    os._exit(0)


class Imported:
    """A plugin that runs the chosen tests of each file after a new import, and keeps the first that fails."""

    def __init__(self, chosen: list[str]) -> None:
        self.chosen, self.failed = {name: place for place, name in enumerate(chosen)}, ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list) -> None:
        chosen = self.chosen
        items[:] = sorted((i for i in items if i.nodeid in chosen), key=lambda item: chosen[item.nodeid])

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed = self.failed or f"import of {report.nodeid}"


def import_and_run(tree: Path, tests: list[str]) -> dict[str, Any]:
    """Import tinynet anew, and run tests, file by file, until one fails."""
    enter(tree)
    temporary = f"--basetemp={tree}-tmp"
    for file in dict.fromkeys(name.split("::")[0] for name in tests):
        plugin = Imported([name for name in tests if name.startswith(file + "::")])
        status = pytest.main(["-x", temporary, *options([file])], plugins=[plugin])
        if status not in (0, 5):
            return {"outcome": "killed", "test": plugin.failed or f"{file} (status {int(status)})"}
    return {"outcome": "survived", "test": ""}


def lines_at_import(tree: Path, file: str) -> dict[str, Any]:
    """The lines of tinynet that run while a test file is imported and its tests are collected."""
    import coverage  # here: as above

    enter(tree)
    recording = coverage.Coverage(data_file=None, source=[str(tree / "tinynet")], config_file=False)
    recording.start()
    recording.switch_context("import")
    pytest.main(options([file]), plugins=[Imported([])])
    recording.stop()
    return {"lines": {module: sorted(found) for module, found in lines_of(recording, tree).items()}}
