"""The same task in every library: one module each, in the form its own users would call fast.

A module has `trainer(task)`, which returns a function that trains for one epoch and returns the mean loss it saw, and
where the library can predict on its own terms, `predictor(task)`, which returns a function from float32 rows to
probabilities. Both raise `NotOffered` where the library has no such thing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

TRAINERS = {  # name in the tables -> module
    "bare products": "products_peer",
    "tinynet": "tinynet_peer",
    "PyTorch eager": "pytorch_peer",
    "PyTorch compiled": "pytorch_peer",
    "Keras on TensorFlow": "keras_peer",
    "JAX jit": "jax_peer",
    "JAX scan": "jax_peer",
    "scikit-learn": "sklearn_peer",
    "thinc": "thinc_peer",
}
PREDICTORS = {
    "tinynet": "tinynet_peer",
    "PyTorch eager": "pytorch_peer",
    "PyTorch compiled": "pytorch_peer",
    "ONNX Runtime": "onnx_peer",
    "scikit-learn": "sklearn_peer",
}
DISTRIBUTIONS = {  # what a user installs for it
    "tinynet": ["tinynet"],
    "PyTorch eager": ["torch"],
    "PyTorch compiled": ["torch"],
    "Keras on TensorFlow": ["keras", "tensorflow-cpu", "tensorflow"],
    "JAX jit": ["jax"],
    "JAX scan": ["jax"],
    "scikit-learn": ["scikit-learn"],
    "thinc": ["thinc"],
    "ONNX Runtime": ["onnxruntime"],
}

Epoch = Callable[[], float]
Predict = Callable[[np.ndarray], np.ndarray]


class NotOffered(Exception):
    """The library has no such thing: dropout in scikit-learn, say."""


@dataclass
class Task:
    """A network trained on `images` (N, 784) uint8 and `labels` (N,) in float32.

    "mlp" has dense layers of `widths`. "cnn" is a convolution 3x3 to 32 channels, ReLU, 2x2 maxima, the same to 64,
    then dense layers of 128 and 10, as Keras' own example of a small one but for its width.
    """

    peer: str
    batch_size: int = 1000
    network: str = "mlp"
    optimizer: str = "sgd"  # plain, or "adam" with the usual settings at a hundredth of the rate
    activation: str = "relu"  # "sigmoid", "relu", or "relu-dropout", which drops a fifth
    widths: tuple[int, ...] = (784, 256, 128, 10)
    learning_rate: float = 0.1
    images: np.ndarray = field(default_factory=lambda: np.zeros((0, 784), np.uint8))
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def dropout(self) -> float:
        """The share of hidden units dropped."""
        return 0.2 if self.activation == "relu-dropout" else 0.0

    @property
    def pixels(self) -> np.ndarray:
        """The images as float32 in [0, 1]: what most libraries are handed, before the clock starts."""
        return self.images.astype("float32") / np.float32(255)

    @property
    def starts(self) -> range:
        """Where the batches of an epoch begin; the last may be shorter."""
        return range(0, len(self.images), self.batch_size)


def load(name: str) -> ModuleType:
    """The module of a peer; ImportError where its library is missing."""
    return importlib.import_module(f"peers.{(TRAINERS | PREDICTORS)[name]}")
