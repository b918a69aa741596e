"""Layers: one file a family."""

from tinynet.layers.activations import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from tinynet.layers.base import Context, Layer
from tinynet.layers.containers import Residual
from tinynet.layers.convolution import Conv2D
from tinynet.layers.dense import Dense
from tinynet.layers.dropout import Dropout
from tinynet.layers.normalization import BatchNorm, LayerNorm
from tinynet.layers.pooling import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from tinynet.layers.reshape import ChannelsLast, Flatten, Reshape

__all__ = [
    "ELU", "GELU", "AveragePool2D", "BatchNorm", "ChannelsLast", "Context", "Conv2D", "Dense", "Dropout", "Flatten",
    "GlobalAveragePool2D", "Layer", "LayerNorm", "LeakyReLU", "MaxPool2D", "ReLU", "Reshape", "Residual", "SiLU",
    "Sigmoid", "Softmax", "Softplus", "Tanh",
]  # fmt: skip
