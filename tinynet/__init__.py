"""tinynet: a neural-network library to read and to use."""

from tinynet import data, gradcheck, models, schedules
from tinynet.errors import DataError, DataNotFoundError, DeviceError, DivergenceError, SaveError, ShapeError
from tinynet.evaluation import Evaluation, evaluate
from tinynet.finder import RateRange, find_learning_rate
from tinynet.history import History
from tinynet.layers import (
    ELU,
    GELU,
    AveragePool2D,
    BatchNorm,
    ChannelsLast,
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
    Run,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinynet.losses import BinaryCrossEntropy, Loss, MeanSquaredError, SoftmaxCrossEntropy
from tinynet.model import Sequential
from tinynet.optimizers import SGD, Adam, AdamW, Averaged, Clipped, Nadam, Optimizer, RMSprop
from tinynet.saving import load
from tinynet.training import fit

__version__ = "0.1.0"

__all__ = [
    "ELU", "GELU", "SGD", "Adam", "AdamW", "AveragePool2D", "Averaged", "BatchNorm", "BinaryCrossEntropy",
    "ChannelsLast", "Clipped", "Conv2D", "DataError", "DataNotFoundError", "Dense", "DeviceError", "DivergenceError",
    "Dropout", "Evaluation", "Flatten", "GlobalAveragePool2D", "History", "Layer", "LayerNorm", "LeakyReLU", "Loss",
    "MaxPool2D", "MeanSquaredError", "Nadam", "Optimizer", "RMSprop", "RateRange", "ReLU", "Reshape", "Residual", "Run",
    "SaveError", "Sequential", "ShapeError", "SiLU", "Sigmoid", "Softmax", "SoftmaxCrossEntropy", "Softplus", "Tanh",
    "data", "evaluate", "find_learning_rate", "fit", "gradcheck", "load", "models", "schedules",
]  # fmt: skip
