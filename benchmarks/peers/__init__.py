"""The same task in every library: one module each, in a form that the library's users would call fast.

Each module has `trainer(task)`, which returns a function that trains for one epoch and returns the mean loss. Modules
of libraries that can predict also have `predictor(task)`, which returns a function from float32 rows to probabilities.
Both raise `NotOffered` if the library lacks something that the task needs.
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
DISTRIBUTIONS = {  # what a user installs
    "tinynet": ["tinynet-nn"],
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
    """The library lacks something that the task needs, such as dropout in scikit-learn."""


@dataclass
class Task:
    """A network, and how to train it in float32 on `images` (N, 784) of uint8 and `labels` (N,).

    The network "mlp" has dense layers of `widths`. "cnn" has a 3x3 convolution to 32 channels, ReLU, 2x2 max pooling,
    the same with 64 channels, then dense layers of 128 and 10, much like the small network in Keras' examples.
    """

    peer: str
    batch_size: int = 1000
    network: str = "mlp"
    optimizer: str = "sgd"  # plain SGD; or "adam", with a hundredth of the learning rate
    activation: str = "relu"  # "sigmoid", "relu" or "relu-dropout"
    widths: tuple[int, ...] = (784, 256, 128, 10)
    learning_rate: float = 0.1
    images: np.ndarray = field(default_factory=lambda: np.zeros((0, 784), np.uint8))
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def dropout(self) -> float:
        """The fraction of hidden units that dropout sets to zero."""
        return 0.2 if self.activation == "relu-dropout" else 0.0

    @property
    def pixels(self) -> np.ndarray:
        """The images as float32 in [0, 1]; most libraries get these, and the conversion is not timed."""
        return self.images.astype("float32") / np.float32(255)

    @property
    def starts(self) -> range:
        """The index at which each batch of an epoch begins; the last batch may be shorter."""
        return range(0, len(self.images), self.batch_size)


def load(name: str) -> ModuleType:
    """Import the module of a peer; ImportError if its library is missing."""
    return importlib.import_module(f"peers.{(TRAINERS | PREDICTORS)[name]}")
