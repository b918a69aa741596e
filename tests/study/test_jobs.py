"""A job is run again when a function that it depends on has changed."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

import tinynet as tn
from tinynet.study import Configuration, Study
from tinynet.study.recipes import AS_IT_IS, FIVE_PLACES, TEN_VIEWS, Recipe

pytest.importorskip("scipy")


def test_a_change_of_ones_own_function_is_run_again(tmp_path, small_data):
    def with_function(build):
        return Study({"mine": Configuration("mine", build)}, small_data, seeds=1, epochs=1, workers=0)

    def wide(seed):
        return tn.Sequential(tn.Dense(20, 4), seed=seed)

    def wider(seed):
        return tn.Sequential(tn.Dense(20, 4), seed=seed + 1)

    def doubled(seed, factor=1):
        model = wide(seed)
        model.theta *= factor
        return model

    builds = wide, wider, doubled, partial(doubled, factor=2), wide
    keys = [with_function(build).second_jobs({"mine": 0.1})[0].key("") for build in builds]
    assert keys[0] == keys[-1]
    assert len(set(keys)) == 4


def network(seed):
    return tn.Sequential(tn.Dense(20, 4), seed=seed)


class Darker:
    """A transform of one's own, whose repr is an address."""

    def __init__(self, factor=0.5):
        self.factor = factor

    def __call__(self, pictures, lanes):
        return pictures * self.factor


class Own(Configuration):
    def predict(self, model, data, threads=None):
        return super().predict(model, data, threads)


@dataclass(frozen=True, eq=False)
class WithField(Configuration):
    scale: float = 1.0


MASKS = [np.zeros(96, "float32"), np.ones(96, "float32")]


def key(configuration, data):
    study = Study({"mine": configuration}, data, seeds=1, epochs=1, workers=0)
    return study.second_jobs({"mine": 0.1})[-1].key("")


@pytest.mark.parametrize(
    "configurations",
    [
        [Configuration("a", network, optimizer=partial(tn.AdamW, mask=mask)) for mask in MASKS],
        [Configuration("a", network, optimizer=partial(tn.AdamW, weight_decay=decay)) for decay in (0, 0.01)],
        [Configuration("a", network, fit={"transforms": [Darker(factor)]}) for factor in (0.5, 0.4)],
        [Configuration("a", network, fit={"loss": tn.SoftmaxCrossEntropy(0, weights)}) for weights in (None, [1] * 4)],
        [Recipe("a", network, views=views) for views in (AS_IT_IS, FIVE_PLACES, TEN_VIEWS)],
        [kind("a", network) for kind in (Configuration, Own, WithField)],
        [WithField("a", network, scale=scale) for scale in (1.0, 2.0)],
    ],
    ids=["mask", "default", "transform", "weights", "views", "class", "field"],
)
def test_runs_that_give_other_numbers_have_other_results(configurations, small_data):
    """Otherwise the second would be given the result of the first."""
    keys = [key(each, small_data) for each in configurations]
    assert len(set(keys)) == len(keys)


def test_titles_and_plans_are_no_part_of_a_result(small_data):
    same = [
        Configuration("a", network, fit={"transforms": [Darker()]}),
        Configuration("b", network, learning_rates=(0.1, 0.2), long=True, fit={"transforms": [Darker()]}),
    ]
    assert len({key(each, small_data) for each in same}) == 1
