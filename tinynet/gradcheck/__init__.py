"""Check gradients by finite differences: is each backward the derivative of its own forward?

    >>> import tinynet as tn
    >>> report = tn.gradcheck.check_layer(tn.Dense(4, 3), (5, 4))
    >>> bool(report)
    True

A layer maps x to y. The check draws a random upstream gradient dy and defines the scalar f = sum(dy * y). Backward
returns df/dx. The central difference (f(x + h) - f(x - h)) / 2h, taken for one entry of x at a time, has an error of
order h^2; two steps, h and h / 2, cancel that term. The upstream gradient is random because an all-ones gradient hides
bugs: the rows of a softmax's Jacobian sum to zero. Steps and tolerances depend on the size of the numbers and on the
rounding error, which is measured (differences.py).

Of an array with more than 200 entries, the others are checked in random directions, which all of them take part in. If
a direction is wrong, the entry at fault is searched for by halving (compare.py).

Where the slope jumps (the kink of a ReLU), there is no derivative. Such entries are left out. The check fails if they
are more than a tenth.

Beside the gradient, a check looks for what would spoil training all the same: state that a layer keeps, a pass without
dx, float32, parts of a batch, statistics (conduct.py).
"""

from __future__ import annotations

from tinynet.gradcheck.checks import check_layer, check_model
from tinynet.gradcheck.losses import check_loss
from tinynet.gradcheck.optimizers import check_optimizer
from tinynet.gradcheck.report import Report, Row

__all__ = ["Report", "Row", "check_layer", "check_loss", "check_model", "check_optimizer"]
