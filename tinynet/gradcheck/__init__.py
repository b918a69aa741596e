"""Is a backward the derivative of its own forward? Ask by finite differences, and get an answer one can read.

    >>> import tinynet as tn
    >>> report = tn.gradcheck.check_layer(tn.Dense(4, 3), (5, 4))
    >>> bool(report)
    True

A layer maps x to y; draw a random upstream gradient dy and look at the number f = sum(dy * y). Backward says what
df/dx is. So does forward itself: move one entry by h, both ways, and (f(x + h) - f(x - h)) / 2h is the slope up to an
error of h^2. In float64 with h near the cube root of the rounding error the two agree to about ten digits, so the
tolerance is 1e-6. The upstream gradient is random because with an all-ones one whole classes of bugs cancel: the rows
of a softmax's Jacobian sum to zero.

Entries where the slope from the left is not that from the right (the kink of a ReLU) have no derivative: they are left
out and counted, and more than a tenth of them fails the check.
"""

from __future__ import annotations

from tinynet.gradcheck.checks import check_layer, check_loss, check_model
from tinynet.gradcheck.optimizers import check_optimizer
from tinynet.gradcheck.report import Report, Row

__all__ = ["Report", "Row", "check_layer", "check_loss", "check_model", "check_optimizer"]
