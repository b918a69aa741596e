"""Activations: functions applied to each number, and Softmax, a function of each row."""

from __future__ import annotations

import math
from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.errors import above_zero, fraction
from tinynet.layers.base import Backward, Context, Layer


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x));   dx = dy y (1 - y), at most a quarter of dy.

    x, y of any shape. -x is limited to where exp does not overflow, so y is 0 (or nearly, by dtype) at -1000.
    """

    splittable = True

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        xp = array_module(x)
        largest = math.log(xp.finfo(x.dtype).max) - 1  # 87.7 in float32
        y = 1 / (1 + xp.exp(xp.minimum(-x, largest)))

        def backward(dy: Array, grads: Any) -> Array:
            dy *= y
            dy *= 1 - y
            return dy

        return y, backward


class ReLU(Layer):
    """y = max(x, 0);   dx = dy where x > 0, else 0 (at the kink, too).

    x, y of any shape. Source: V. Nair, G. Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
    """

    splittable = True

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        xp = array_module(x)
        y = xp.maximum(x, xp.zeros(x.shape[1:], x.dtype))  # a row of zeros: NumPy is half as fast with a single one

        def backward(dy: Array, grads: Any) -> Array:
            dy *= y > 0
            return dy

        return y, backward


class Softmax(Layer):
    """y_i = exp(x_i) / sum_j exp(x_j) in each row;   dx_i = y_i (dy_i - sum_j dy_j y_j).

    x, y (N, classes). The largest x of a row is subtracted first: y stays the same, and nothing overflows. Do not train
    a classifier with it: SoftmaxCrossEntropy takes the logits themselves, which is more exact.
    """

    splittable = True

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        xp = array_module(x)
        exponentials = xp.exp(x - x.max(axis=-1, keepdims=True))
        y = exponentials / exponentials.sum(axis=-1, keepdims=True)

        def backward(dy: Array, grads: Any) -> Array:
            dy -= (dy * y).sum(axis=-1, keepdims=True)
            dy *= y
            return dy

        return y, backward


class Tanh(Layer):
    """y = tanh(x);   dx = dy (1 - y^2).

    x, y of any shape. Source: Y. LeCun, L. Bottou, G. Orr, K.-R. Mueller, "Efficient BackProp", 1998, section 4.4.
    """

    splittable = True

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        y = array_module(x).tanh(x)

        def backward(dy: Array, grads: Any) -> Array:
            dy *= 1 - y * y
            return dy

        return y, backward


class LeakyReLU(Layer):
    """y = x where x > 0, else slope x;   dx = dy where x > 0, else slope dy (at the kink, too).

    x, y of any shape. Raises ValueError for a slope outside [0, 1).
    Source: A. Maas, A. Hannun, A. Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    """

    splittable = True
    hyperparameters = ("slope",)

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = fraction("LeakyReLU", "a slope", slope, remedy="try 0.01")

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        y = array_module(x).maximum(x, self.slope * x)

        def backward(dy: Array, grads: Any) -> Array:
            factor = (x > 0).astype(dy.dtype)  # 1 or 0
            factor *= 1 - self.slope
            factor += self.slope
            dy *= factor
            return dy

        return y, backward


class ELU(Layer):
    """y = x where x > 0, else alpha (exp(x) - 1);   dx = dy where x > 0, else dy alpha exp(x).

    x, y of any shape. Raises ValueError for an alpha that is not above 0. Source: D.-A. Clevert, T. Unterthiner,
    S. Hochreiter, "Fast and accurate deep network learning by exponential linear units", ICLR 2016.
    """

    splittable = True
    hyperparameters = ("alpha",)

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = above_zero("ELU", "an alpha", alpha, remedy="try 1.0")

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        xp = array_module(x)
        below = self.alpha * xp.expm1(xp.minimum(x, 0))  # 0 where x > 0

        def backward(dy: Array, grads: Any) -> Array:
            dy *= (below + self.alpha) * (x <= 0) + (x > 0)  # alpha exp(x) or 1
            return dy

        return xp.maximum(x, 0) + below, backward


class GELU(Layer):
    """y = x/2 (1 + t) with t = tanh(c (x + a x^3));   dx = dy ((1 + t)/2 + x/2 (1 - t^2) c (1 + 3 a x^2)).

    x, y of any shape; c = sqrt(2 / pi), a = 0.044715. This is the paper's approximation of x P(X <= x) for a normal X,
    within 0.0005 of it. PyTorch calls it GELU(approximate="tanh"). The exact one needs erf, which NumPy lacks.
    Source: D. Hendrycks, K. Gimpel, "Gaussian error linear units (GELUs)", 2016, arXiv 1606.08415.
    """

    splittable = True

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        c, a = math.sqrt(2 / math.pi), 0.044715
        square = x * x
        t = array_module(x).tanh(c * x * (1 + a * square))

        def backward(dy: Array, grads: Any) -> Array:
            dy *= 0.5 * (1 + t) + 0.5 * c * x * (1 - t * t) * (1 + 3 * a * square)
            return dy

        return 0.5 * x * (1 + t), backward


class SiLU(Layer):
    """y = x s with s = 1 / (1 + exp(-x));   dx = dy s (1 + x (1 - s)). Also called Swish.

    x, y of any shape. Source: S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-weighted linear units for neural network
    function approximation in reinforcement learning", 2017, arXiv 1702.03118.
    """

    splittable = True

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        s, _ = Sigmoid().forward(x, context)

        def backward(dy: Array, grads: Any) -> Array:
            dy *= s * (1 + x * (1 - s))
            return dy

        return x * s, backward


class Softplus(Layer):
    """y = log(1 + exp(x));   dx = dy / (1 + exp(-x)) = dy exp(x - y).

    x, y of any shape. It is computed as logaddexp(x, 0), so nothing overflows: at 1000 y is 1000.
    Source: C. Dugas and others, "Incorporating second-order functional knowledge for better option pricing", NIPS 2000.
    """

    splittable = True

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        xp = array_module(x)
        y = xp.logaddexp(x, xp.zeros(x.shape[1:], x.dtype))

        def backward(dy: Array, grads: Any) -> Array:
            dy *= xp.exp(x - y)
            return dy

        return y, backward
