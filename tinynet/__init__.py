"""tinynet: a neural-network library to read and to use."""

from tinynet import data, gradcheck, zoo
from tinynet.backend.version import __version__ as __version__
from tinynet.errors import DataError, DataNotFoundError, DeviceError, DivergenceError, SaveError, ShapeError
from tinynet.io.models import load
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
from tinynet.optimizers import SGD, Adam, AdamW, Averaged, Clipped, Nadam, Optimizer, RMSprop, schedules
from tinynet.training.callbacks import Callback
from tinynet.training.evaluate import Evaluation, evaluate
from tinynet.training.fit import fit
from tinynet.training.history import History
from tinynet.training.learning_rate_finder import RateRange, find_learning_rate
from tinynet.training.trainer import Trainer

__all__ = [
    "ELU", "GELU", "SGD", "Adam", "AdamW", "AveragePool2D", "Averaged", "BatchNorm", "BinaryCrossEntropy",
    "Callback", "ChannelsLast", "Clipped", "Context", "Conv2D", "DataError", "DataNotFoundError", "Dense",
    "DeviceError", "DivergenceError", "Dropout", "Evaluation", "Flatten", "GlobalAveragePool2D", "History",
    "Layer", "LayerNorm", "LeakyReLU", "Loss", "MaxPool2D", "MeanSquaredError", "Nadam", "Optimizer", "RMSprop",
    "RateRange", "ReLU", "Reshape", "Residual", "SaveError", "Sequential", "ShapeError", "SiLU", "Sigmoid",
    "Softmax", "SoftmaxCrossEntropy", "Softplus", "Tanh", "Trainer", "data", "evaluate", "find_learning_rate", "fit",
    "gradcheck", "load", "schedules", "zoo",
]  # fmt: skip
