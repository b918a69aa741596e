"""A layer at two places has the gradient of both, and layers at two places other weights."""

import numpy as np

import tinynet as tn


def test_the_gradient_of_a_layer_at_two_places_is_the_sum_of_both():
    """The same as that of two layers with equal weights, added up."""
    again, twins = tn.Dense(4, 4), [tn.Dense(4, 4), tn.Dense(4, 4)]
    shared = tn.Sequential(again, tn.Tanh(), again, seed=5, dtype="float64")
    apart = tn.Sequential(twins[0], tn.Tanh(), twins[1], dtype="float64")
    for twin in twins:
        twin.weight, twin.bias = again.weight, again.bias
    x, labels = np.random.default_rng(0).normal(size=(6, 4)), np.arange(6) % 4
    both = apart.views(apart.loss_and_gradient(x, labels, context=tn.Context())[1])
    found = shared.views(shared.loss_and_gradient(x, labels, context=tn.Context())[1])
    for name in ("weight", "bias"):
        np.testing.assert_allclose(found[0][name], both[0][name] + both[2][name], rtol=1e-12)


def test_layers_of_one_shape_get_other_weights_at_other_positions():
    model = tn.Sequential(tn.Dense(4, 4), tn.Residual(tn.Dense(4, 4), shortcut=tn.Dense(4, 4)), tn.Dense(4, 4))
    weights = [values.tobytes() for name, values in model.parameters.items() if name.endswith("weight")]
    assert len(set(weights)) == 4
