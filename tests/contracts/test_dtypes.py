"""float32 in gives float32 out, for every layer and in training with every optimizer."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.cases import LAYERS
from tests.support.layers import forward_and_back
from tests.support.models import small_model


@pytest.mark.parametrize(
    ("make", "shape"), [pytest.param(*case, id=name) for name, cases in LAYERS.items() for case in cases]
)
def test_float32_in_gives_float32_out(make, shape):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    y, dx, _ = forward_and_back(make(), x)
    assert y.dtype == dx.dtype == np.float32


@pytest.mark.parametrize(
    "optimizer",
    [
        tn.RMSprop(0.003),
        tn.Adam(0.01),
        tn.AdamW(0.01),
        tn.Nadam(0.01),
        tn.Clipped(tn.Adam(0.01)),
        tn.Averaged(tn.Adam(0.01), 0.9),
    ],
    ids=str,
)
def test_each_optimizer_trains_in_float32(small_data, optimizer):
    model = small_model()
    history = tn.fit(model, small_data[0], optimizer=optimizer, epochs=8, batch_size=50)
    assert model.theta.dtype == np.float32
    assert tn.evaluate(model, small_data[1]).accuracy > 0.9, history
