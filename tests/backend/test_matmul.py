"""`multiplying_in` asks the device for its products, and rounds factors on the CPU."""

import numpy as np
import pytest

from tinynet.backend.arrays import CPU, Device
from tinynet.backend.matmul import current_multiplier, matmul, multiplying_in


class Halving(Device):
    """A device whose own products are half of what they should be."""

    on_host = False

    def multiplier(self, precision):
        return None if precision == "float32" else lambda a, b, out=None: np.matmul(a, b, out) / 2


def test_a_device_multiplies_with_its_own_products():
    ones = np.ones((2, 2), "float32")
    with multiplying_in(Halving(), "tf32"):
        assert (matmul(ones, ones) == 1).all()
    with multiplying_in(Halving(), "float32"):
        assert current_multiplier() is None
    assert (matmul(ones, ones) == 2).all()


def test_the_cpu_rounds_factors():
    x = np.float32([[1 + 2.0**-9]])  # 10 bits: bfloat16 keeps 8 of them
    with multiplying_in(CPU, "bfloat16"):
        assert matmul(x, x) == 1
    with multiplying_in(CPU, "float32"):
        assert current_multiplier() is None


@pytest.mark.parametrize("device", [CPU, Halving()])
def test_an_unknown_precision_is_refused(device):
    with pytest.raises(ValueError, match="precision: expected one of float32, tf32, bfloat16, float16, got 'fp8'"):
        multiplying_in(device, "fp8")
