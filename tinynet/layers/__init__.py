"""Layers: one file a family."""

from tinynet.layers.activations import ReLU, Sigmoid, Softmax
from tinynet.layers.base import Layer, Run
from tinynet.layers.dense import Dense
from tinynet.layers.dropout import Dropout
from tinynet.layers.reshape import Flatten

__all__ = ["Dense", "Dropout", "Flatten", "Layer", "ReLU", "Run", "Sigmoid", "Softmax"]
