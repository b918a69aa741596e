"""Data sets: load them, hold them in memory, and cut them into batches."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinynet.data.batches import batches
from tinynet.data.dataset import Dataset, from_arrays
from tinynet.data.preprocessing import Preprocessing
from tinynet.data.transforms import HorizontalFlip, RandomErasing, Shift

if TYPE_CHECKING:  # imported by __getattr__ below, when the program runs
    from tinynet.data import sources
    from tinynet.data.drawings import synthetic_fashion
    from tinynet.data.folders import from_folder
    from tinynet.data.idx import read_idx
    from tinynet.data.report import data_report
    from tinynet.data.sources import fashion_mnist, load

__all__ = [
    "Dataset", "HorizontalFlip", "Preprocessing", "RandomErasing", "Shift", "batches", "data_report", "fashion_mnist",
    "from_arrays", "from_folder", "load", "read_idx", "sources", "synthetic_fashion",
]  # fmt: skip

# The module of each name that is imported when it is first used: `import tinynet` is quicker without them.
_LAZY = {
    "data_report": "report", "fashion_mnist": "sources", "from_folder": "folders", "load": "sources",
    "read_idx": "idx", "sources": "sources", "synthetic_fashion": "drawings",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'tinynet.data' has no attribute {name!r}")
    module = import_module(f"tinynet.data.{_LAZY[name]}")
    return module if name == "sources" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
