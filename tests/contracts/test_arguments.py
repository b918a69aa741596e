"""Each argument of each public constructor and function: a value gives a right object, or a documented error.

A generated test. Its rows are in tests/support/arguments.py: a new public name needs one. Each argument gets each of
VALUES, with valid ones for the others. What is accepted must have a repr and work; what is refused must say what was
expected and received. No warning, no other exception, no more than a GiB of memory or five seconds.
"""

import contextlib
import inspect
import re
import signal
import sys
import warnings
import zlib

import numpy as np
import pytest

import tinynet as tn
from tests.support.arguments import ERRORS, ROWS, Enough, public_names

VALUES = {
    "-1": -1, "0": 0, "1": 1, "2**31": 2**31, "2**63": 2**63, "2**64": 2**64, "10**12": 10**12, "10**30": 10**30,
    "10**400": 10**400, "-0.5": -0.5, "0.0": 0.0, "0.5": 0.5, "1e300": 1e300, "1e-50": 1e-50, "NaN": float("nan"),
    "inf": float("inf"), "-inf": float("-inf"), "True": True, "False": False, "None": None, "''": "", "'text'": "text",
    "'a' * 10**5": "a" * 10**5, "a null character": "a\0b", "bytes": b"bytes", "[]": [], "{}": {}, "()": (),
    "set()": set(), "(1, -1)": (1, -1),
    "[None]": [None], "(0,)": (0,), "{'a': 1}": {"a": 1}, "1j": 1j, "int8": np.int8(-3), "uint8": np.uint8(200),
    "int64": np.int64(-(2**63)),
    "uint64": np.uint64(2**64 - 1), "float16": np.float16(0.1), "float32": np.float32("inf"),
    "float64": np.float64("nan"), "longdouble": np.longdouble("1e4000"), "bool_": np.bool_(True),
    "complex64": np.complex64(1j), "str_": np.str_("x"), "datetime64": np.datetime64("2020-01-01"),
    "0-d array": np.array(3), "empty array": np.array([]), "array of NaN": np.full((6, 4), np.nan),
    "(6, 4) float64": np.ones((6, 4)),
    "object()": object(), "a class": tn.Dense, "a lambda": lambda *arguments, **named: None,
    "a layer": tn.ReLU(), "a generator": (n for n in range(2)),
}  # fmt: skip
DOCUMENTED = (ValueError, TypeError, AttributeError, MemoryError, tn.DeviceError)
FORM = re.compile(r"expected .+, got .+; .+|unknown .+; .+ Known: .+|cannot be used: ", re.DOTALL)
SECONDS, BYTES = 5, 2**30  # of the processor; 20 times as long if others use it, too


def parameters(name):
    return inspect.signature(ROWS[name].make()).parameters if name != "tn.study.Result" else {}


CASES = [
    (name, parameter, value)
    for name in ROWS
    for parameter in parameters(name)
    if parameter not in ROWS[name].anything
    for value in VALUES
    if (parameter, value) not in ROWS[name].without
]
SAMPLE = [case for case in CASES if zlib.crc32(repr(case).encode()) % 17 == 0]


@contextlib.contextmanager
def bounded():
    """Less memory and time than any of these calls needs, where the system can limit them."""
    if sys.platform != "linux":
        yield
        return
    import resource

    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)

    def too_long(*_):
        raise AssertionError(f"took more than {SECONDS} seconds")

    limits = {signal.SIGPROF: (signal.ITIMER_PROF, SECONDS), signal.SIGALRM: (signal.ITIMER_REAL, 20 * SECONDS)}
    before = {number: signal.signal(number, too_long) for number in limits}
    for timer, seconds in limits.values():
        signal.setitimer(timer, seconds)
    resource.setrlimit(resource.RLIMIT_AS, (now + BYTES, hard))
    try:
        yield
    finally:
        for number, (timer, _) in limits.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def problem(name, parameter, value):
    """What is wrong with the way this value is taken; None if nothing is."""
    row = ROWS[name]
    try:
        arguments = {**row.valid(), parameter: VALUES[value]}
    except ImportError:  # of Pillow, for a folder of pictures
        return None
    kinds = {each.name: each.kind for each in parameters(name).values()}
    positional = next((each for each, kind in kinds.items() if kind is inspect.Parameter.VAR_POSITIONAL), None)
    listed = arguments.pop(positional, ())
    listed = (listed,) if positional == parameter else listed
    try:
        with warnings.catch_warnings(), bounded():
            warnings.simplefilter("error")
            row.use(row.make()(*listed, **arguments))
    except (Enough, ImportError):  # a package that is not installed
        return None
    except DOCUMENTED as error:
        return None if FORM.search(str(error)) else f"{type(error).__name__}: {error!s:.200}"
    except OSError as error:  # what the system says of a name; SaveError says it in its own form
        return None if error.filename or isinstance(error, tn.SaveError) else f"OSError: {error!s:.200}"
    except Exception as error:  # noqa: BLE001  # anything else is a finding
        return f"{type(error).__name__}: {error!s:.200}"
    return None


def test_every_public_name_has_a_row():
    assert public_names() - set(ROWS) == ERRORS


def test_each_row_is_right_and_names_arguments_that_exist():
    for name, row in ROWS.items():
        if name == "tn.study.Result":
            continue
        assert set(row.anything) <= set(parameters(name)), name


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_sample_of_all_arguments():
    found = {case: wrong for case in SAMPLE if (wrong := problem(*case))}
    assert not found, "\n".join(f"{'  '.join(case)}: {wrong}" for case, wrong in found.items())


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_all_values_of_all_arguments(name):
    found = {case[1:]: wrong for case in CASES if case[0] == name and (wrong := problem(*case))}
    assert not found, "\n".join(f"{'  '.join(case)}: {wrong}" for case, wrong in found.items())
