"""Run a layer forward and backward."""

import numpy as np

from tinynet.layers.context import TRAINING


def forward_and_back(layer, x, context=TRAINING):
    """The output, the input gradient for an upstream gradient of ones, and the parameter gradients by name."""
    y, backward = layer.forward(x, context)
    grads = layer.views(np.zeros(layer.size, x.dtype))
    return y, backward(np.ones_like(y), grads), grads
