"""Entries at a kink are left out of the comparison with finite differences."""

import numpy as np

import tinynet as tn
from tinynet.gradcheck import check_layer


def test_a_kink_is_left_out_and_too_many_fail():
    x = np.full((10, 10), 0.5)
    x[0, 0] = 0.0
    assert check_layer(tn.ReLU(), x.shape, x=x)
    report = check_layer(tn.ReLU(), x.shape, x=np.zeros((10, 10)))
    assert not report
    assert "lie at a kink" in str(report)
