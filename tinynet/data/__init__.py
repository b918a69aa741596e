"""Data sets: where they come from, what they hold, and how batches are cut from them."""

from tinynet.data.batches import batches
from tinynet.data.dataset import Dataset, from_arrays

__all__ = ["Dataset", "batches", "from_arrays"]
