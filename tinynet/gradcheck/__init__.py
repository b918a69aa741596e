"""Check gradients by finite differences: is each backward the derivative of its own forward?

    >>> import tinynet as tn
    >>> report = tn.gradcheck.check_layer(tn.Dense(4, 3), (5, 4))
    >>> bool(report)
    True

A layer maps x to y. The check draws a random upstream gradient dy and defines the scalar f = sum(dy * y). Backward
returns df/dx. The central difference (f(x + h) - f(x - h)) / 2h, taken for one entry of x at a time, has an error of
order h^2. In float64, with h near the cube root of the rounding error, both agree to about ten digits, so a tolerance
of 1e-6 is safe. The upstream gradient is random because an all-ones gradient hides bugs: the rows of a softmax's
Jacobian sum to zero.

Where the left and right slopes differ (the kink of a ReLU), there is no derivative. Such entries are left out. The
check fails if they are more than a tenth.
"""

from __future__ import annotations

from tinynet.gradcheck.checks import check_layer, check_model
from tinynet.gradcheck.losses import check_loss
from tinynet.gradcheck.optimizers import check_optimizer
from tinynet.gradcheck.report import Report, Row

__all__ = ["Report", "Row", "check_layer", "check_loss", "check_model", "check_optimizer"]
