"""Data sets: where they come from, what they hold, and how batches are cut from them."""

from tinynet.data.batches import batches
from tinynet.data.dataset import Dataset, from_arrays
from tinynet.data.drawings import synthetic_fashion
from tinynet.data.idx import read_idx
from tinynet.data.sources import fashion_mnist, load

__all__ = ["Dataset", "batches", "fashion_mnist", "from_arrays", "load", "read_idx", "synthetic_fashion"]
