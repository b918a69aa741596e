"""The modules that are mutated, and the test files that each mutant must fail."""

from __future__ import annotations

from pathlib import Path

MODULES = """
layers/activations layers/base layers/configuration layers/containers layers/context layers/convolution layers/dense
layers/dropout layers/layout layers/normalization layers/pooling layers/reshape layers/windows losses optimizers/adam
optimizers/base optimizers/checks optimizers/loss_scaling optimizers/rmsprop optimizers/schedules optimizers/sgd
optimizers/wrappers backend/random initializers metrics training/checkpoints training/state training/step training/steps
training/history training/evaluate training/nan_guard backend/files io/architecture io/array_files io/models io/round_trip
data/dataset data/batches data/transforms data/preprocessing data/idx data/entry
""".split()

# These read the source or count imports: they would fail for a mutant whose behaviour nobody tests.
READ_SOURCE = {"test_imports.py", "test_mirror.py", "test_shipped_text.py", "test_startup.py"}


def source_of(tree: Path, module: str) -> Path:
    """The file of a module, such as layers/dense."""
    return tree / "tinynet" / f"{module}.py"


def mirrored(tree: Path, module: str) -> list[str]:
    """The test files of a module: tests/layers/test_dense.py for layers/dense, and test_dense_*.py beside it."""
    folder, name = (tree / "tests" / module).parent, Path(module).name
    paths = [folder / f"test_{name}.py", *sorted(folder.glob(f"test_{name}_*.py"))]
    return [str(path.relative_to(tree)) for path in paths if path.exists()]


def contracts(tree: Path) -> list[str]:
    """The test files that cover all modules at once."""
    paths = sorted((tree / "tests" / "contracts").glob("test_*.py"))
    return [str(path.relative_to(tree)) for path in paths if path.name not in READ_SOURCE]
