"""Optimizers: one file a family."""

from tinynet.optimizers.adam import Adam, AdamW, Nadam
from tinynet.optimizers.base import LearningRate, Optimizer, State
from tinynet.optimizers.rmsprop import RMSprop
from tinynet.optimizers.sgd import SGD
from tinynet.optimizers.wrappers import Averaged, Clipped, Wrapper

__all__ = [
    "SGD", "Adam", "AdamW", "Averaged", "Clipped", "LearningRate", "Nadam", "Optimizer", "RMSprop", "State", "Wrapper",
]  # fmt: skip
