"""A training loop must number its steps where that matters."""

import numpy as np
import pytest

import tinynet as tn


@pytest.mark.parametrize("make", [lambda: tn.Dropout(0.5), lambda: tn.BatchNorm(3)], ids=["Dropout", "BatchNorm"])
def test_a_step_of_a_loop_without_a_number_is_refused_where_it_matters(make):
    x, labels = np.random.default_rng(0).normal(size=(4, 3)).astype("float32"), np.arange(4) % 3
    with pytest.raises(ValueError, match="loss_and_gradient: expected the number of the step in the context"):
        tn.Sequential(make(), tn.Dense(3, 3)).loss_and_gradient(x, labels, context=tn.Context(training=True))
    tn.Sequential(tn.Dense(3, 3)).loss_and_gradient(x, labels, context=tn.Context(training=True))
