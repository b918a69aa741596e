"""Adam and AdamW: the mask of weight decay, and refused hyperparameters."""

import numpy as np
import pytest

import tinynet as tn


def test_weight_decay_leaves_the_parameters_outside_the_mask_alone():
    model = tn.Sequential(tn.Dense(3, 4, bias=np.ones(4)), tn.ReLU(), tn.Dense(4, 2, bias=np.ones(2)))
    mask = model.mask()
    assert mask.sum() == 3 * 4 + 4 * 2
    before, optimizer = model.theta.copy(), tn.AdamW(0.1, weight_decay=0.5, mask=mask)
    optimizer.update(model.theta, np.zeros_like(model.theta), optimizer.start(model.theta), 0)
    np.testing.assert_allclose(model.theta, before * (1 - 0.05 * mask), rtol=1e-6)
    assert (model[0].bias == 1).all()
    assert not np.array_equal(model.theta, before)


def test_a_mask_of_another_model_is_refused():
    with pytest.raises(tn.ShapeError, match=r"AdamW: expected a mask of shape \(32,\), got \(64,\); take it from"):
        tn.AdamW(0.1, mask=np.ones(64)).start(np.zeros(32))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tn.Adam(beta1=-0.1), "Adam: expected beta1 from 0 up to"),
        (lambda: tn.Adam(beta2=1), "Adam: expected beta2 from 0 up to"),
        (lambda: tn.AdamW(weight_decay=-1), "AdamW: expected weight_decay of at least 0, got -1"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
