"""Data sets: where they come from, what they hold, and how batches are cut from them."""

from tinynet.data.batches import batches
from tinynet.data.dataset import Dataset, from_arrays
from tinynet.data.drawings import synthetic_fashion
from tinynet.data.fashion_mnist import fashion_mnist
from tinynet.data.idx import read_idx

__all__ = ["Dataset", "batches", "fashion_mnist", "from_arrays", "read_idx", "synthetic_fashion"]
