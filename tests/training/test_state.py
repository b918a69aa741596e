"""The losses of an epoch in progress, and how a checkpoint keeps them."""

import math

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tinynet.backend.arrays import CPU
from tinynet.training.state import DeviceMeter, Meter, TrainingState

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


def test_only_the_last_loss_says_whether_a_run_has_diverged():
    meter = Meter(5, CPU)
    assert not meter.diverged
    for loss, diverged in [(1.0, False), (np.nan, True), (2.0, False), (np.inf, True), (-np.inf, True)]:
        meter.add(loss, 1, 10)
        assert meter.diverged is diverged
    assert meter.first_bad() == 1
    assert meter_of(BATCHES).first_bad() is None
    late = Meter(5, strict.device)
    late.add(np.nan, 1, 10)
    assert not late.diverged  # reading it would wait for the device
    assert late.first_bad() == 0


def test_hits_and_weights_are_forgotten_once_a_batch_has_none():
    meter = Meter(3, CPU)
    meter.add(1.0, 3, 10, 2.0)
    meter.add(3.0, None, 10, None)
    meter.add(2.0, 3, 20, 2.0)
    assert meter.means() == {"loss": 2.0}
    assert sorted(meter.to_arrays()) == ["counts", "losses"]


def test_the_batches_of_an_epoch_in_device_memory_are_taken_over():
    whole, device = Meter(4, CPU), DeviceMeter(3, index := np.zeros((), int), np)
    whole.add(*BATCHES[0])
    for number, batch in enumerate(BATCHES[1:]):
        index[...] = number
        device.add(*batch)
    assert (device.losses.tolist(), device.hits.tolist(), device.weights.tolist()) == ([2, 4, 0], [5, 2, 0], [0, 12, 0])
    assert not device.diverged
    meter = Meter(4, CPU)
    device.losses[2], device.hits[2], device.weights[2] = BATCHES[2][0], BATCHES[2][1], BATCHES[2][3]
    device.losses[:2], device.hits[:2], device.weights[:2] = [1, 2], [3, 5], [4, 0]
    meter.take(0, [10], device)
    assert meter.done == 1
    meter.take(0, [10, 10, 5], device)
    assert meter.done == 3
    assert meter.means() == meter_of(BATCHES).means()
    later = Meter(5, CPU)
    later.add(*BATCHES[0])
    later.take(1, [7, 9], device)
    kept = {name: values.tolist() for name, values in later.to_arrays().items()}
    assert kept == {"losses": [1, 2, 4], "counts": [10, 7, 9], "hits": [3, 5, 2], "weights": [4, 0, 12]}


def test_a_device_without_hits_or_weights_leaves_none():
    device = DeviceMeter(3, np.zeros((), int), np)
    device.add(2.0, None, 10, None)
    device.add(2.0, 3, 10, 1.0)
    meter = Meter(3, CPU)
    meter.take(0, [10, 10], device)
    assert (meter.hits, meter.weights) == (None, None)
    full = DeviceMeter(3, np.zeros((), int), np)
    full.add(2.0, 3, 10, 1.0)
    meter.take(2, [10], full)
    assert (meter.hits, meter.weights, meter.done) == (None, None, 3)


def test_a_loss_is_divided_by_the_weight_of_its_batch_or_by_its_size():
    assert meter_of(BATCHES).divisors().tolist() == [4, 10, 12, 0, 0]
    assert meter_of([batch[:3] for batch in BATCHES]).divisors().tolist() == [10, 10, 5, 0, 0]


def test_small_weights_count_too():
    meter = meter_of([(1.0, 3, 10, 0.125), (3.0, 5, 10, 0.125)])
    assert meter.divisors().tolist() == [0.125, 0.125, 0, 0, 0]
    assert meter.means() == {"loss": 2.0, "accuracy": 0.4}


def test_counts_of_hits_are_whole_numbers_and_an_epoch_without_hits_has_none_after_a_resume():
    arrays = meter_of(BATCHES).to_arrays()
    assert (arrays["hits"].dtype, arrays["losses"].dtype) == (np.int64, np.float64)
    assert DeviceMeter(3, np.zeros((), int), np).hits.dtype == np.int64
    meter = Meter(5, CPU)
    meter.from_arrays({"losses": arrays["losses"], "counts": arrays["counts"]}, "a file")
    assert meter.means() == {"loss": np.average([1, 2, 4], weights=[10, 10, 5])}


def test_an_epoch_that_has_not_begun_is_kept_and_can_begin():
    arrays = Meter(5, CPU).to_arrays()
    assert {name: len(values) for name, values in arrays.items()} == dict.fromkeys(
        ("losses", "counts", "hits", "weights"), 0
    )
    for kept in (arrays, {"losses": arrays["losses"], "counts": arrays["counts"]}):
        meter = Meter(5, CPU)
        meter.from_arrays(kept, "a file")
        assert (meter.done, meter.hits is None, meter.weights is None) == (0, False, False)
        for batch in BATCHES:
            meter.add(*batch)
        assert meter.means() == meter_of(BATCHES).means()


def test_a_full_epoch_fits_and_a_longer_one_does_not():
    arrays = meter_of(BATCHES).to_arrays()
    meter = Meter(3, CPU)
    meter.from_arrays(arrays, "a file")
    assert (meter.done, meter.means()) == (3, meter_of(BATCHES).means())
    small = Meter(2, CPU)
    with pytest.raises(tn.DataError, match="a file: expected at most 2 losses, got 3; delete it"):
        small.from_arrays(arrays, "a file")
    assert (small.done, small.losses.tolist()) == (0, [0, 0])


def test_a_loss_without_hits_takes_no_hits_from_a_file():
    meter = Meter(5, CPU)
    meter.add(1.0, None, 10)
    meter.from_arrays(meter_of(BATCHES).to_arrays(), "a file")
    assert (meter.hits, meter.weights, meter.done) == (None, None, 3)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("losses"),
        lambda arrays: arrays.pop("counts"),
        lambda arrays: arrays.update(counts=arrays["counts"][:2]),
        lambda arrays: arrays.update(losses=arrays["losses"][:, None], counts=arrays["counts"][:, None]),
    ],
)
def test_losses_that_do_not_fit_are_refused(change):
    arrays, meter = meter_of(BATCHES).to_arrays(), Meter(5, CPU)
    change(arrays)
    with pytest.raises(tn.DataError, match="a file: expected the losses of an epoch, got none that fit; delete it"):
        meter.from_arrays(arrays, "a file")
    assert meter.done == 0


def test_a_state_holds_the_models_own_vectors_and_the_optimizers():
    model = tn.Sequential(tn.Dense(3, 2), tn.BatchNorm(2))
    state = TrainingState.of(model, tn.SGD(0.1, momentum=0.9), seed=7)
    assert (state.seed, state.step, len(state.history), state.meter, state.seconds) == (7, 0, 0, None, 0)
    assert list(state.vectors()) == ["theta", "statistics", "optimizer.velocity"]
    assert np.shares_memory(state.vectors()["theta"], model.theta)
    assert np.shares_memory(state.vectors()["statistics"], model[1].running_mean)
    assert state.vectors()["optimizer.velocity"] is state.optimizer["velocity"]


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


def with_arrays(**changes):
    arrays = {"losses": [1.0, 2.0], "counts": [1.0, 10.0], "hits": [0, 10], "weights": [0.0, 2.0]}
    return {name: np.array(values) for name, values in {**arrays, **changes}.items() if values is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"losses": None}, "the losses of an epoch, got none that fit"),
        ({"counts": None}, "the losses of an epoch, got none that fit"),
        ({"counts": [1.0]}, "the losses of an epoch, got none that fit"),
        ({"losses": [[1.0, 2.0]], "counts": [[1.0, 2.0]]}, "the losses of an epoch, got none that fit"),
        ({"hits": [1]}, "at most 5 losses, got 2"),
        ({"weights": [1.0, 1.0, 1.0]}, "at most 5 losses, got 2"),
        ({name: [1.0] * 6 for name in ("losses", "counts", "hits", "weights")}, "at most 5 losses, got 6"),
        ({"counts": [1.0, 0.5]}, "numbers of examples, hits and weights, got others"),
        ({"counts": [1.0, np.inf]}, "numbers of examples, hits and weights, got others"),
        ({"hits": [-1, 1]}, "numbers of examples, hits and weights, got others"),
        ({"weights": [0.0, -0.5]}, "numbers of examples, hits and weights, got others"),
        ({"weights": [np.nan, 1.0]}, "numbers of examples, hits and weights, got others"),
    ],
    ids=str,
)
def test_arrays_that_are_of_no_epoch_are_refused_and_nothing_changes(changes, message):
    meter = meter_of(BATCHES)
    before = {name: values.tolist() for name, values in meter.to_arrays().items()}
    with pytest.raises(tn.DataError, match=f"^a file: expected {message}; delete it$"):
        meter.from_arrays(with_arrays(**changes), "a file")
    assert {name: values.tolist() for name, values in meter.to_arrays().items()} == before


def test_the_smallest_numbers_of_an_epoch_are_read():
    """A batch of one example, a batch with no hits, and one that weighs nothing."""
    meter = Meter(5, CPU)
    meter.from_arrays(with_arrays(), "a file")
    assert {name: values.tolist() for name, values in meter.to_arrays().items()} == {
        "losses": [1, 2], "counts": [1, 10], "hits": [0, 10], "weights": [0, 2],
    }  # fmt: skip
