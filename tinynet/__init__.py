"""tinynet: a neural-network library to read and to use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinynet import data
from tinynet.backend.habits import written_here
from tinynet.backend.version import __version__ as __version__
from tinynet.errors import DataError, DataNotFoundError, DeviceError, DivergenceError, SaveError, ShapeError
from tinynet.layers import (
    ELU,
    GELU,
    AveragePool2D,
    BatchNorm,
    ChannelsLast,
    Context,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Reshape,
    Residual,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinynet.losses import BinaryCrossEntropy, Loss, MeanSquaredError, SoftmaxCrossEntropy
from tinynet.model import Sequential
from tinynet.optimizers import SGD, Adam, AdamW, Averaged, Clipped, Nadam, Optimizer, RMSprop
from tinynet.training.callbacks import Callback
from tinynet.training.evaluate import Evaluation, evaluate
from tinynet.training.fit import fit
from tinynet.training.history import History
from tinynet.training.trainer import Trainer

if TYPE_CHECKING:  # imported by __getattr__ below, when the program runs
    from tinynet import gradcheck, zoo
    from tinynet.io.models import load
    from tinynet.optimizers import schedules
    from tinynet.training.learning_rate_finder import RateRange, find_learning_rate

__all__ = [
    "ELU", "GELU", "SGD", "Adam", "AdamW", "AveragePool2D", "Averaged", "BatchNorm", "BinaryCrossEntropy",
    "Callback", "ChannelsLast", "Clipped", "Context", "Conv2D", "DataError", "DataNotFoundError", "Dense",
    "DeviceError", "DivergenceError", "Dropout", "Evaluation", "Flatten", "GlobalAveragePool2D", "History",
    "Layer", "LayerNorm", "LeakyReLU", "Loss", "MaxPool2D", "MeanSquaredError", "Nadam", "Optimizer", "RMSprop",
    "RateRange", "ReLU", "Reshape", "Residual", "SaveError", "Sequential", "ShapeError", "SiLU", "Sigmoid",
    "Softmax", "SoftmaxCrossEntropy", "Softplus", "Tanh", "Trainer", "data", "evaluate", "find_learning_rate", "fit",
    "gradcheck", "load", "schedules", "zoo",
]  # fmt: skip

# The module of each name that is imported when it is first used. A first `fit` needs none of them.
_LAZY = {
    "RateRange": "training.learning_rate_finder", "find_learning_rate": "training.learning_rate_finder",
    "gradcheck": "gradcheck", "load": "io.models", "schedules": "optimizers.schedules", "zoo": "zoo",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        remedy = written_here(name)
        raise AttributeError(f"module 'tinynet' has no attribute {name!r}{f'; {remedy}' if remedy else ''}")
    module = import_module(f"tinynet.{_LAZY[name]}")
    value = module if module.__name__.endswith(f".{name}") else getattr(module, name)
    globals()[name] = value  # the next use finds it without this function
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
