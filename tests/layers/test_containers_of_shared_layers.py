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


def test_the_statistics_of_a_layer_at_three_places_move_once_for_each_in_turn():
    """As those of a layer that is alone, and is given the three inputs one after the other."""
    again, alone = tn.BatchNorm(4, momentum=0.3), tn.Sequential(tn.BatchNorm(4, momentum=0.3), dtype="float64")
    shared = tn.Sequential(again, tn.Dense(4, 4), again, tn.Tanh(), again, dtype="float64")
    x, context = np.random.default_rng(0).normal(2, 3, size=(9, 4)), tn.Context(training=True, step=0)
    moved = _moved(shared, x, context)[1]
    for following in (shared[1], shared[3], None):
        x, alone.statistics_vector[...] = _moved(alone, x, context)
        x = x if following is None else following(x)
    np.testing.assert_allclose(moved, alone.statistics_vector, rtol=1e-12)


def _moved(model, x, context):
    """(y, the statistics after the pass)."""
    changes = np.zeros_like(model.statistics_vector)
    y, backward = model.forward(x, context)
    backward(np.ones_like(y), model.views(np.zeros_like(model.theta), changes))
    return y, model.statistics_vector + changes


def test_layers_of_one_shape_get_other_weights_at_other_positions():
    model = tn.Sequential(tn.Dense(4, 4), tn.Residual(tn.Dense(4, 4), shortcut=tn.Dense(4, 4)), tn.Dense(4, 4))
    weights = [values.tobytes() for name, values in model.parameters.items() if name.endswith("weight")]
    assert len(set(weights)) == 4
