"""Train a small network on the stand-in for a GPU, with recorded or with eager steps."""

import numpy as np

import tinynet as tn
from tests.support import strict
from tinynet.backend.arrays import to_numpy
from tinynet.optimizers import schedules


def mlp(**settings):
    layers = tn.Dense(20, 16), tn.ReLU(), tn.Dropout(0.3), tn.Dense(16, 12), tn.Sigmoid(), tn.Dense(12, 4)
    return tn.Sequential(*layers, **settings)


OPTIMIZERS = [
    tn.SGD(schedules.cosine(0.1, steps=20), momentum=0.9, nesterov=True, weight_decay=1e-3),
    tn.RMSprop(schedules.one_cycle(0.01, 20), momentum=0.5),
    tn.Adam(schedules.warm_up(schedules.constant(0.01), 7), weight_decay=1e-3),
    tn.AdamW(schedules.step_decay(0.01, 4)),
    tn.Nadam(schedules.cosine(0.01, steps=20)),
    tn.Averaged(tn.Clipped(tn.AdamW(0.01, mask=mlp().mask()), 0.5), 0.9),
]


def train(model, data, capture, **settings):
    settings = {"epochs": 3, "batch_size": 64, "seed": 5, **settings}
    history = tn.fit(model, data, device=strict.device, capture=capture, **settings)
    rows = [{name: row[name] for name in row if "second" not in name} for row in history]
    return to_numpy(model.theta), to_numpy(model.statistics_vector), rows


def assert_same(captured, eager):
    np.testing.assert_array_equal(captured[0], eager[0])
    np.testing.assert_array_equal(captured[1], eager[1])
    assert captured[2] == eager[2]
