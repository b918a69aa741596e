"""The modules that are mutated, and the test files that each mutant must fail."""

from __future__ import annotations

from pathlib import Path

from tests.contracts.test_mirror import ELSEWHERE

CORE = [  # the order in which they are measured
    "layers/*",
    "losses",
    "optimizers/*",
    "backend/random",
    "initializers",
    "metrics",
    "training/checkpoint*",
    "training/settings",
    "training/state",
    "training/step",
    "training/steps",
    "training/history",
    "training/evaluate",
    "training/nan_guard",
    "backend/files*",
    "io/*",
    "data/dataset",
    "data/batches",
    "data/transforms",
    "data/preprocessing",
    "data/idx",
    "data/entry",
]

# These read the source or count imports: they would fail for a mutant whose behaviour nobody tests.
READ_SOURCE = {
    "test_imports.py",
    "test_mirror.py",
    "test_readers_of_files.py",
    "test_readers_of_source.py",
    "test_shipped_text.py",
    "test_startup.py",
}


def names(tree: Path) -> list[str]:
    """The modules of the core, such as layers/dense."""
    root = tree / "tinynet"
    paths = [path for pattern in CORE for path in sorted(root.glob(f"{pattern}.py")) if path.name != "__init__.py"]
    return [str(path.relative_to(root).with_suffix("")) for path in paths]


def source_of(tree: Path, module: str) -> Path:
    """The file of a module, such as layers/dense."""
    return tree / "tinynet" / f"{module}.py"


def mirrored(tree: Path, module: str) -> list[str]:
    """The test files of a module: tests/layers/test_dense.py for layers/dense, and test_dense_*.py beside it."""
    if f"{module}.py" in ELSEWHERE:
        return [f"tests/{ELSEWHERE[f'{module}.py']}"]
    folder, name = (tree / "tests" / module).parent, Path(module).name
    paths = [folder / f"test_{name}.py", *sorted(folder.glob(f"test_{name}_*.py"))]
    return [str(path.relative_to(tree)) for path in paths if path.exists()]


def contracts(tree: Path) -> list[str]:
    """The test files that cover all modules at once."""
    paths = sorted((tree / "tests" / "contracts").glob("test_*.py"))
    return [str(path.relative_to(tree)) for path in paths if path.name not in READ_SOURCE]
