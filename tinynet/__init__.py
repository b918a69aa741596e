"""tinynet: a neural-network library to read and to use."""

from tinynet import data, gradcheck
from tinynet.errors import DataError, DataNotFoundError, DeviceError, DivergenceError, ShapeError
from tinynet.history import History
from tinynet.layers import Dense, Dropout, Flatten, Layer, ReLU, Run, Sigmoid, Softmax
from tinynet.losses import Loss, MeanSquaredError, SoftmaxCrossEntropy
from tinynet.model import Sequential
from tinynet.optimizers import SGD, Optimizer
from tinynet.training import Evaluation, evaluate, fit

__version__ = "0.1.0"

__all__ = [
    "DataError", "DataNotFoundError", "Dense", "DeviceError", "DivergenceError", "Dropout", "Evaluation", "Flatten",
    "History", "Layer", "Loss", "MeanSquaredError", "Optimizer", "ReLU", "Run", "SGD", "Sequential", "ShapeError",
    "Sigmoid", "Softmax", "SoftmaxCrossEntropy", "data", "evaluate", "fit", "gradcheck",
]  # fmt: skip
