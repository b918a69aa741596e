"""The import contract: a room uses only rooms below it, and each import inside a function has a reason."""

import ast
import shutil
from pathlib import Path

import pytest

from tests.support.child import ROOT, python

OPTIONAL = {  # packages of the extras in setup.cfg, imported by the functions that use them
    "PIL", "cuda", "cupy", "filelock", "jinja2", "matplotlib", "pooch", "requests", "safetensors", "scipy",
    "tensorflow_datasets", "threadpoolctl", "tqdm",
}  # fmt: skip
PLANTED = {
    "at the top": ("layers/dense.py", "from tinynet.training.fit import fit\n", "layers is not allowed to import"),
    "in a function": (
        "metrics.py",
        "def late():\n    from tinynet.model import Sequential\n    return Sequential\n",
        "tinynet.metrics is not allowed to import tinynet.model",
    ),
    "inside backend": (
        "backend/memory.py",
        "from tinynet.backend import threads\n",
        "tinynet.backend.memory is not allowed to import tinynet.backend.threads",
    ),
    "a room without a place": ("attic.py", "", "attic"),
}
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


@pytest.fixture
def copied(tmp_path):
    """A copy of the package and its settings."""
    pytest.importorskip("importlinter", reason="import-linter is not installed: pip install import-linter")
    shutil.copytree(ROOT / "tinynet", tmp_path / "tinynet", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    return tmp_path


def lint(folder):
    return python("-c", LINT, folder=folder, PYTHONPATH=str(folder))


def test_the_package_keeps_the_contract(copied):
    done = lint(copied)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("file", "code", "words"), PLANTED.values(), ids=PLANTED)
def test_a_planted_upward_import_is_found(copied, file, code, words):
    with open(copied / "tinynet" / file, "a", encoding="utf-8") as source:
        source.write(code)
    done = lint(copied)
    assert done.returncode == 1, done.stdout + done.stderr
    assert words in " ".join(done.stdout.split()), done.stdout


def late_imports(path: Path):
    """(line, names of the top-level packages, whether there is a comment) of each import inside a function."""
    source = path.read_text(encoding="utf-8")
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.FunctionDef, ast.Lambda))]
    found = {}
    for node in (node for function in functions for node in ast.walk(function)):
        if isinstance(node, ast.Import):
            names = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").partition(".")[0]}
        else:
            continue
        lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
        found[node.lineno] = names, any("#" in line for line in lines)
    return found


def test_each_import_inside_a_function_is_of_an_optional_package_or_gives_its_reason():
    unexplained = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / "tinynet").rglob("*.py"))
        for line, (names, commented) in late_imports(path).items()
        if not commented and not names <= OPTIONAL
    ]
    assert not unexplained
