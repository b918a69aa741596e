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


def test_the_defaults_are_pytorchs():
    for make, decay in [(tn.Adam, 0), (tn.Nadam, 0), (tn.AdamW, 0.01)]:
        made = make()
        assert (made.rate(0), made.beta1, made.beta2, made.epsilon, made.weight_decay) == (
            1e-3,
            0.9,
            0.999,
            1e-8,
            decay,
        )
    assert tn.AdamW().mask is None


@pytest.mark.parametrize("make", [tn.Adam, tn.Nadam, tn.AdamW])
@pytest.mark.parametrize("argument", ["beta1=0.5", "beta2=0.5", "epsilon=0.5", "weight_decay=0.5"])
def test_the_repr_names_what_is_not_the_default(make, argument):
    name, _, value = argument.partition("=")
    assert repr(make(0.1, **{name: float(value)})) == f"{make.__name__}(0.1, {argument})"
    assert repr(make(0.1)) == f"{make.__name__}(0.1)"


def test_the_mask_is_kept_in_the_dtype_of_the_parameters():
    for dtype in ("float32", "float64"):
        state = tn.AdamW(mask=np.array([1, 0, 1])).start(np.ones(3, dtype))
        assert (state["mask"].tolist(), state["mask"].dtype) == ([1, 0, 1], dtype)


def test_a_mask_that_is_no_array_is_named():
    with pytest.raises(tn.DataError, match="^AdamW: expected mask of numbers, got text"):
        tn.AdamW(mask=["a", "b"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tn.Adam(beta1=-0.1), "Adam: expected beta1 from 0 up to"),
        (lambda: tn.Adam(beta2=1), "Adam: expected beta2 from 0 up to"),
        (lambda: tn.Nadam(beta2=-0.1), "Nadam: expected beta2 from 0 up to.*; leave it out"),
        (lambda: tn.Nadam(epsilon=0), "Nadam: expected epsilon above 0, got 0; leave it out"),
        (lambda: tn.Adam(weight_decay=-1), "Adam: expected weight_decay of at least 0, got -1; leave it out"),
        (lambda: tn.AdamW(weight_decay=-1), "AdamW: expected weight_decay of at least 0, got -1"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
