"""Every public layer and loss can be split by rows: the parts of a batch give what the whole batch gives."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.cases import LAYERS, LOSSES
from tinynet.backend.threads import AllReduce, Team, team_size
from tinynet.layers.base import Context

RNG = np.random.default_rng(0)
ROWS = slice(0, 3), slice(3, 7)


@pytest.mark.parametrize(("make", "shape"), [case for cases in LAYERS.values() for case in cases])
def test_a_layer_that_is_splittable_gives_parts_what_it_gives_the_whole(make, shape):
    layer = make()
    assert layer.splittable
    x = RNG.normal(size=(7, *shape[1:]))
    layer = tn.Sequential(layer, dtype="float64")

    def results(x, dy, context):
        vectors = np.zeros_like(layer.theta), np.zeros_like(layer.statistics_vector)
        y, backward = layer.forward(x, context)
        return y, backward(dy[: len(y)].copy(), layer.views(*vectors)), *vectors

    whole = Context(training=True)
    dy = RNG.normal(size=layer.forward(x, whole)[0].shape)
    y, dx, gradient, changes = results(x, dy, whole)
    parts, members = (slice(0, 3), slice(3, 7)), AllReduce(2)

    def of_part(number):
        with members.member(number) as all_reduce:
            rows = parts[number]
            return results(x[rows], dy[rows], Context(training=True, first_row=rows.start, all_reduce=all_reduce))

    with Team(2) as team:
        of_parts = list(zip(*team.map(of_part, range(2))))
    for part_y, part_dx, part_changes, rows in zip(of_parts[0], of_parts[1], of_parts[3], parts):
        np.testing.assert_allclose(part_y, y[rows], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(part_dx, dx[rows], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(part_changes, changes, rtol=1e-10)
    np.testing.assert_allclose(sum(of_parts[2]), gradient, rtol=1e-10, atol=1e-13)


WEIGHTED = {"with class weights": lambda: tn.SoftmaxCrossEntropy(0.1, [1, 2, 0.5, 9])}


@pytest.mark.parametrize("make", [*LOSSES.values(), *WEIGHTED.values()], ids=[*LOSSES, *WEIGHTED])
def test_losses_that_say_they_are_means_over_rows_are(make):
    loss, outputs = make(), RNG.normal(size=(7, 4))
    targets = RNG.integers(0, 4, 7) if isinstance(loss, tn.SoftmaxCrossEntropy) else RNG.normal(size=(7, 4))
    values, weights = zip(
        *((loss.forward(outputs[rows], targets[rows])[0], loss.weight(targets[rows])) for rows in ROWS)
    )
    assert loss.splittable
    whole = loss.forward(outputs, targets)[0]
    assert np.isclose(np.average(values, weights=weights), whole, rtol=1e-13)
    assert np.isclose(sum(weights), loss.weight(targets))
    assert loss.weighted == (loss.weight(targets) != 7)


class Centred(tn.Layer):
    """y = x - mean over the batch: a layer that does not go row by row, and says nothing of it."""

    def forward(self, x, context):
        return x - x.mean(axis=0), lambda dy, grads: dy - dy.mean(axis=0)


def test_rows_that_belong_together_are_never_parted():
    model = tn.Sequential(tn.Dense(20, 4000), Centred(), tn.Dense(4000, 4))
    assert not model.splittable
    assert team_size(None, 1e15, model.splittable) == 1
    data = (RNG.normal(size=(30, 20)), RNG.integers(0, 4, 30))
    tn.fit(model, data, epochs=1)
    with pytest.raises(ValueError, match="expected 1 where the rows of a batch depend on each other, got 2; leave it"):
        tn.fit(model, data, epochs=1, threads=2)
