"""tinynet: a neural-network library to read and to use."""

from tinynet import data
from tinynet.layers import Dense, Dropout, Flatten, Layer, ReLU, Run, Sigmoid, Softmax
from tinynet.losses import Loss, MeanSquaredError, SoftmaxCrossEntropy
from tinynet.model import Sequential
from tinynet.optimizers import SGD, Optimizer
from tinynet.training import Evaluation, evaluate, fit

__version__ = "0.1.0"
