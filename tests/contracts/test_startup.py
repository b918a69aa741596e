"""`import tinynet` is quick and imports nothing that a first `fit` does not need.

Calls and modules are counted, because seconds depend on what else the machine does.
"""

import ast
import sys
from pathlib import Path

import pytest

import tinynet as tn
from tests.support.child import python

LIMITS = {"calls": 1.2, "modules": 1.4}  # times those of `import numpy`; together they take 1.15 times its seconds
OURS = {"tinynet", "numpy"}
LATE = [  # imported by the functions that use them
    "PIL", "cupy", "filelock", "matplotlib", "pooch", "safetensors", "scipy", "threadpoolctl", "torch", "tqdm",
    "urllib3", "asyncio", "concurrent", "csv", "ctypes.util", "difflib", "email", "gzip", "hashlib", "http", "logging",
    "multiprocessing", "socket", "ssl", "subprocess", "tarfile", "tempfile", "unittest", "urllib.request", "zipfile",
    "tinynet.cli", "tinynet.data.sources", "tinynet.gradcheck", "tinynet.io", "tinynet.optimizers.schedules",
    "tinynet.plots", "tinynet.study", "tinynet.training.checkpoints", "tinynet.training.learning_rate_finder",
    "tinynet.zoo",
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
    """The words that a new process prints. It imports nothing else."""
    return python("-c", program.format(module=module), check=True).stdout.split()


@pytest.mark.parametrize(
    ("kind", "program", "amount"), [("calls", CALLS, lambda out: int(out[0])), ("modules", MODULES, len)]
)
def test_importing_costs_little_more_than_importing_numpy(kind, program, amount):
    ask(program, "tinynet")  # writes the bytecode, so that the next process need not compile
    ours, numpys = (amount(ask(program, module)) for module in ("tinynet", "numpy"))
    assert numpys > 100
    assert ours < LIMITS[kind] * numpys


def test_nothing_is_imported_that_is_used_later_or_never():
    before, after = set(ask(MODULES, "numpy")), set(ask(MODULES, "tinynet"))
    brought = after - before
    assert not sorted(name for name in LATE if any(f"{each}.".startswith(f"{name}.") for each in brought))
    assert {name.partition(".")[0] for name in brought} - set(sys.stdlib_module_names) <= OURS


@pytest.mark.parametrize("package", [tn, tn.data], ids=["tinynet", "tinynet.data"])
def test_names_that_are_imported_late_look_like_the_others(package):
    imported = f"import {package.__name__} as package; print(set(package.__all__) <= set(dir(package)), *dir(package))"
    complete, *_ = python("-c", imported, check=True).stdout.split()
    assert complete == "True"
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'Dens'"):
        _ = package.Dens


@pytest.mark.parametrize("package", [tn, tn.data], ids=["tinynet", "tinynet.data"])
def test_type_checkers_see_every_name(package):
    """Each public name is imported at the top of the file, or there under TYPE_CHECKING."""
    statements = list(ast.walk(ast.parse(Path(package.__file__).read_text(encoding="utf-8"))))
    imported = {alias.name for each in statements if isinstance(each, ast.ImportFrom) for alias in each.names}
    assert set(package.__all__) <= imported
