"""The NaN guard stops a run at the first number that is not finite, and says where it was found."""

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.child import ROOT, python
from tests.support.models import small_model
from tinynet.backend.arrays import CPU
from tinynet.training.checkpoints import Checkpoints
from tinynet.training.nan_guard import check_run, divergence
from tinynet.training.state import Meter, TrainingState

X = np.ones((6, 3), "float32")
Y = np.arange(6) % 2


@pytest.mark.parametrize("device", [CPU, strict.device], ids=["cpu", "reads late"])
def test_weights_that_are_no_numbers_are_told_in_the_first_step(device):
    model = tn.Sequential(tn.Dense(3, 4), tn.ReLU(), tn.Dense(4, 2))
    model[2].weight[0, 0] = np.nan
    with pytest.raises(
        tn.DivergenceError, match=r"loss was nan in epoch 1, step 0, .* Largest norms of parameters: .*2.weight nan"
    ):
        tn.fit(model, (X, Y), device=device, epochs=2)


def test_a_loss_that_is_infinite_stops_the_run_before_the_parameters_move(small_data):
    usual = dict(epochs=3, batch_size=100, threads=1)

    def rate(step):
        return 0.1 if step < 8 else 1e25

    model, until = small_model(), tn.Sequential(tn.Dense(20, 16), tn.ReLU(), tn.Dropout(0.2), tn.Dense(16, 4))
    with pytest.raises(
        tn.DivergenceError, match="the loss was (nan|inf) in epoch 2, step 9, at learning rate 1e"
    ) as told:
        tn.fit(model, small_data[0], optimizer=tn.SGD(rate), **usual)
    assert len(told.value.history) == 1
    gradients = iter(tn.data.batches(small_data[0], 100, seed=0, epoch=epoch) for epoch in (0, 1))
    batches = [batch for epoch in gradients for batch in epoch]
    for step in range(9):
        context = tn.Context(training=True, seed=0, step=step)
        until.theta -= np.float32(rate(step)) * until.loss_and_gradient(*batches[step], context=context)[1]
    np.testing.assert_allclose(model.theta, until.theta, rtol=1e-4)  # step 9 has not been taken
    assert np.isfinite(model.theta).all()


def overflowing(size):
    """A model of zeros, whose loss is log 2 whatever x is, and whose gradient is of the size of x."""
    model = tn.Sequential(tn.Dense(3, 2, weight="zeros"))
    return model, (np.float32(size) * X, np.zeros(6, int))


@pytest.mark.parametrize("device", [CPU, strict.device], ids=["cpu", "reads late"])
@pytest.mark.parametrize("bad_step", [0, 1, 4, 5])
def test_the_step_that_is_named_is_the_one_whose_loss_was_bad(bad_step, device):
    """Six examples in batches of 2: three steps an epoch. One loss is infinite."""

    class Once(tn.MeanSquaredError):
        calls = 0

        def measure(self, outputs, targets, fraction=1.0):
            loss, hits, gradient = super().measure(outputs, targets, fraction)
            Once.calls += 1
            return (loss * np.inf if Once.calls == bad_step + 1 else loss), hits, gradient

    model = tn.Sequential(tn.Dense(3, 1))
    with pytest.raises(tn.DivergenceError) as told:
        tn.fit(model, (X, np.ones((6, 1), "float32")), loss=Once(), optimizer=tn.SGD(0.01), epochs=2, batch_size=2,
               device=device, capture=False)  # fmt: skip
    found = (
        f"the loss was inf in epoch {bad_step // 3 + 1}, step {bad_step}, at learning rate 0.01; try a smaller one, "
    )
    assert found + "such as 0.001, or look for outliers in the data. Largest norms of parameters: 0.weight" in str(
        told.value
    )
    assert len(told.value.history) == bad_step // 3


def test_the_largest_norms_come_first_after_those_that_are_no_numbers():
    model = tn.Sequential(*(tn.Dense(1, 1, bias=[float(size)]) for size in (3, np.float32(1e30), 5, 4, 1)))
    for layer in model:
        layer.weight = np.zeros((1, 1))
    model[1].bias[...] = np.inf
    text = divergence("the loss was nan", 0.25, model)
    assert text.startswith(
        "training diverged: the loss was nan, at learning rate 0.25; try a smaller one, such as 0.025,"
    )
    assert text.endswith("Largest norms of parameters: 1.bias inf, 2.bias 5, 3.bias 4, 0.bias 3")
    few = tn.Sequential(tn.Dense(1, 1, weight=[[-3.0]], bias=[np.float32(2)]))
    few[0].bias[...] = np.nan
    assert divergence("it", 1, few).endswith("Largest norms of parameters: 0.bias nan, 0.weight 3")


@pytest.mark.parametrize("device", [CPU, strict.device], ids=["cpu", "reads late"])
def test_a_gradient_that_overflows_under_a_good_loss_is_found_after_the_epoch(device):
    model, data = overflowing(1e38)
    with pytest.raises(
        tn.DivergenceError,
        match="diverged: 0.weight held NaN or infinity after epoch 1, step 0, at learning rate 100; try",
    ) as told:
        tn.fit(model, data, optimizer=tn.SGD(100), epochs=1, device=device)
    assert len(told.value.history) == 0


def test_at_most_four_arrays_are_named():
    model = tn.Sequential(*(tn.Dense(1, 1) for _ in range(3)))
    state, optimizer = TrainingState.of(model, tn.SGD(0.5), 0), tn.SGD(0.5)
    check_run(state, Meter(1, CPU), 0, optimizer, model)
    for values in model.parameters.values():
        values[...] = np.nan
    state.step = 7
    with pytest.raises(tn.DivergenceError) as told:
        check_run(state, Meter(1, CPU), 2, optimizer, model)
    names = "0.weight, 0.bias, 1.weight, 1.bias"
    assert f"diverged: {names} held NaN or infinity after epoch 3, step 6, at learning rate 0.5" in str(told.value)


def test_what_an_optimizer_remembers_is_watched_too():
    model, data = overflowing(1e25)  # its square is no float32: Adam would never again move these weights
    with pytest.raises(tn.DivergenceError, match=r"diverged: optimizer\.\w+ held NaN or infinity after epoch 1"):
        tn.fit(model, data, optimizer=tn.Adam(0.001), epochs=3)
    assert np.isfinite(model.theta).all()


def test_without_the_guard_a_run_goes_on_and_no_bad_checkpoint_is_written(tmp_path):
    pytest.importorskip("safetensors")
    pytest.importorskip("filelock")
    model, data = overflowing(1e38)
    keeper = Checkpoints(tmp_path, every_steps=1)
    history = tn.fit(
        model, data, optimizer=tn.SGD(100), epochs=3, batch_size=3, nan_guard=False, checkpoint=keeper, progress=False
    )
    assert len(history) == 3
    assert np.isnan(history["running_loss"][-1])
    assert keeper.steps() == []


def test_a_validation_loss_that_is_infinite_is_no_reason_to_lose_the_run(small_data, tmp_path):
    pytest.importorskip("safetensors")
    pytest.importorskip("filelock")
    far = (np.float32(3e38) * np.sign(small_data[1].images), small_data[1].labels)
    usual = dict(validation=far, checkpoint=tmp_path, progress=False, optimizer=tn.SGD(0.1))
    history = tn.fit(small_model(), small_data[0], epochs=1, **usual)
    assert not np.isfinite(history["validation_loss"][0])
    again = tn.fit(small_model(), small_data[0], epochs=2, resume=True, **usual)
    assert repr(again["validation_loss"][0]) == repr(history["validation_loss"][0])


@pytest.mark.parametrize("dtype", ["float16", "int32", "complex64", "longdouble"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match="Sequential: expected dtype 'float32' or 'float64', got"):
        tn.Sequential(tn.Dense(3, 2), dtype=dtype)


def test_the_guard_costs_less_than_a_hundredth_of_a_step():
    done = python(ROOT / "benchmarks/nan_guard.py", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("% of a step") == 2


def test_divergence_stops_the_run_and_keeps_the_history(small_data):
    train, _ = small_data

    def explode_in_the_third_epoch(step):
        return 0.1 if step < 12 else 1e30

    with pytest.raises(tn.DivergenceError) as caught:
        tn.fit(small_model(), train, optimizer=tn.SGD(explode_in_the_third_epoch), epochs=5, batch_size=100)
    message = str(caught.value)
    assert "in epoch 3, step 13, at learning rate 1e+30; try a smaller one, such as 1e+29" in message
    assert len(caught.value.history) == 2


@pytest.mark.parametrize("name", ["1.running_mean", "1.running_var", "0.bias"])
def test_what_is_not_finite_is_named_statistics_included(name):
    model = tn.Sequential(tn.Dense(3, 4), tn.BatchNorm(4), tn.Dense(4, 2))
    state = TrainingState.of(model, tn.SGD(0.1), 0)
    meter = Meter(1, CPU)
    meter.add(0.5, 1, 2)
    check_run(state, meter, 0, tn.SGD(0.1), model)
    {**model.parameters, **model.statistics}[name][1] = np.nan
    with pytest.raises(tn.DivergenceError, match=f"training diverged: {name} held NaN or infinity after epoch 1"):
        check_run(state, meter, 0, tn.SGD(0.1), model)
