"""Data sets: where they come from, what they hold, and how batches are cut from them."""

from tinynet.data.batches import batches
from tinynet.data.dataset import Dataset, from_arrays
from tinynet.data.drawings import synthetic_fashion
from tinynet.data.folders import from_folder
from tinynet.data.idx import read_idx
from tinynet.data.report import data_report
from tinynet.data.sources import fashion_mnist, load
from tinynet.data.transforms import HorizontalFlip, RandomErasing, Shift

__all__ = [
    "Dataset", "HorizontalFlip", "RandomErasing", "Shift", "batches", "data_report", "fashion_mnist", "from_arrays",
    "from_folder", "load", "read_idx", "synthetic_fashion",
]  # fmt: skip
