"""The losses of an epoch in progress, and how a checkpoint keeps them."""

import math

import numpy as np
import pytest

import tinynet as tn
from tinynet.backend.arrays import CPU
from tinynet.training.state import Meter

BATCHES = [(1.0, 3, 10, 4.0), (2.0, 5, 10, 0.0), (4.0, 2, 5, 12.0)]  # loss, hits, examples, weight


def meter_of(batches):
    meter = Meter(5, CPU)
    for batch in batches:
        meter.add(*batch)
    return meter


def test_losses_are_averaged_by_weight_and_hits_by_number():
    means = meter_of(BATCHES).means()
    # The second batch weighs nothing, so its loss was divided by its 10 examples: what it adds is not divided again.
    assert means["loss"] == pytest.approx((1.0 * 4 + 2.0 * 10 + 4.0 * 12) / 16)
    assert means["accuracy"] == (3 + 5 + 2) / 25
    assert meter_of([batch[:3] for batch in BATCHES]).means()["loss"] == np.average([1, 2, 4], weights=[10, 10, 5])


def test_a_loss_without_weight_is_nan_and_no_divergence():
    meter = meter_of([(0.0, 3, 10, 0.0)])
    assert np.isnan(meter.means()["loss"])
    assert meter.means()["accuracy"] == 0.3
    assert meter.first_bad() is None


@pytest.mark.parametrize("width", [2, 3, 4])  # losses and sizes; with hits; with weights
def test_a_checkpoint_keeps_the_epoch(width):
    batches = [(*batch[:1], batch[1] if width > 2 else None, *batch[2:][: max(width - 2, 1)]) for batch in BATCHES]
    whole, restored = meter_of(batches), Meter(5, CPU)
    restored.from_arrays(meter_of(batches[:2]).to_arrays(), "a file")
    restored.add(*batches[2])
    assert restored.means() == whole.means()
    assert ("weights" in whole.to_arrays()) == (width == 4)


def test_an_epoch_that_version_0_1_0_began_is_averaged_by_number():
    """Its checkpoints hold no weights."""
    arrays = meter_of(BATCHES[:2]).to_arrays()
    del arrays["weights"]
    meter = Meter(5, CPU)
    meter.from_arrays(arrays, "a file")
    meter.add(*BATCHES[2])
    assert meter.means()["loss"] == np.average([1, 2, 4], weights=[10, 10, 5])


@pytest.mark.parametrize("name", ["hits", "weights"])
def test_arrays_of_other_lengths_are_refused(name):
    arrays = meter_of(BATCHES).to_arrays()
    with pytest.raises(tn.DataError, match="a file: expected at most 5 losses"):
        Meter(5, CPU).from_arrays({**arrays, name: arrays[name][:2]}, "a file")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_first_loss_that_is_not_finite_is_found(bad):
    meter = Meter(5, CPU)
    for number, loss in enumerate([0.5, 0.25, bad, 0.5, -bad]):
        assert meter.first_bad() == (2 if number > 2 else None)
        meter.add(loss, None, 10)
        assert meter.diverged == (not math.isfinite(loss))
    assert meter.first_bad() == 2
