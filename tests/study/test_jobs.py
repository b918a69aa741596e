"""A job is run again when a function that it depends on has changed."""

from functools import partial

import pytest

import tinynet as tn
from tinynet.study import Configuration, Study

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
