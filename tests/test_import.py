"""`import tinynet` is quick and brings nothing that was not asked for. Counted, for seconds depend on neighbours."""

import sys

import pytest
from child import python

LIMIT = 1.5  # times what `import numpy` takes, which is what everybody pays
OURS = {"tinynet", "numpy"}
LATE = [  # each is imported where it is used
    "PIL", "cupy", "filelock", "matplotlib", "pooch", "safetensors", "scipy", "threadpoolctl", "torch", "tqdm",
    "urllib3", "asyncio", "concurrent", "ctypes.util", "difflib", "email", "gzip", "hashlib", "http", "logging",
    "multiprocessing", "socket", "ssl", "subprocess", "tarfile", "tempfile", "unittest", "urllib.request", "zipfile",
]  # fmt: skip

CALLS = """
import sys
calls = 0
def count(frame, event, argument):
    global calls
    calls += 1
sys.setprofile(count)
import {module}
sys.setprofile(None)
print(calls)
"""
MODULES = "import {module}, sys; print(*sorted(sys.modules))"


def ask(program, module):
    """What a new process prints, that imports nothing else and has the bytecode at hand."""
    return python("-c", program.format(module=module), check=True).stdout.split()


@pytest.mark.parametrize(
    ("program", "amount"), [(CALLS, lambda out: int(out[0])), (MODULES, len)], ids=["calls", "modules"]
)
def test_importing_costs_little_more_than_importing_numpy(program, amount):
    ask(program, "tinynet")  # writes bytecode, if it must
    ours, numpys = (amount(ask(program, module)) for module in ("tinynet", "numpy"))
    assert numpys > 100
    assert ours < LIMIT * numpys


def test_nothing_is_imported_that_is_used_later_or_never():
    before, after = set(ask(MODULES, "numpy")), set(ask(MODULES, "tinynet"))
    brought = after - before
    assert not sorted(name for name in LATE if any(f"{each}.".startswith(f"{name}.") for each in brought))
    assert {name.partition(".")[0] for name in brought} - set(sys.stdlib_module_names) <= OURS
