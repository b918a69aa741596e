"""A model is loaded onto the device that is asked for."""

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")


def test_a_model_is_loaded_where_it_is_asked_for(tmp_path):
    model = tn.Sequential(tn.Dense(3, 4), tn.BatchNorm(4), tn.Dense(4, 2), seed=1)
    model.save(tmp_path / "m")
    there, here = tn.load(tmp_path / "m", device=strict.device), tn.load(tmp_path / "m")
    assert (there.device.name, here.device.name) == (strict.device.name, "cpu")
    np.testing.assert_array_equal(there.theta.get(), model.theta)
    np.testing.assert_array_equal(there.statistics_vector.get(), model.statistics_vector)
    there.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m").read_bytes()
