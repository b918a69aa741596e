"""Training with fused kernels, compiled for the CPU, equals training with the formulas that they replace."""

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.captured import OPTIMIZERS, assert_same, mlp, train
from tests.support.host_kernels import HostKernels


@pytest.fixture
def with_kernels(monkeypatch):
    kernels = HostKernels()
    monkeypatch.setattr(strict.StrictDevice, "own_kernels", kernels)
    return kernels


@pytest.mark.parametrize("optimizer", [tn.SGD(0.1), *OPTIMIZERS], ids=repr)
def test_kernels_captured_equal_kernels_eager(recording, with_kernels, small_data, optimizer):
    eager = train(mlp(), small_data[0], False, optimizer=optimizer)
    assert_same(train(mlp(), small_data[0], True, optimizer=optimizer), eager)
    used = {"bias_activation", "bias_activation_backward", "softmax_cross_entropy", "shuffle_keys"}
    assert used <= set(with_kernels.launched)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [tn.SGD(0.1), *OPTIMIZERS], ids=repr)
def test_kernels_equal_formulas(small_data, monkeypatch, optimizer, dtype):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 20)).astype("uint8")
    data = tn.data.from_arrays(pixels, (np.arange(90) % 4).astype("uint8")).standardize()
    formulas = train(mlp(dtype=dtype), data, False, batch_size=20, optimizer=optimizer)
    kernels = HostKernels()
    monkeypatch.setattr(strict.StrictDevice, "own_kernels", kernels)
    ours = train(mlp(dtype=dtype), data, False, batch_size=20, optimizer=optimizer)
    tolerance = 1e-4 if dtype == "float32" else 1e-11  # exp and log of two libraries, over 15 steps
    np.testing.assert_allclose(ours[0], formulas[0], rtol=tolerance, atol=tolerance / 100)
    for one, other in zip(ours[2], formulas[2]):
        assert one == pytest.approx(other, rel=tolerance)
    assert "gather_pixels" in kernels.launched


def test_layers_that_are_not_fused_keep_their_positions(with_kernels, small_data, monkeypatch):
    """Dropout's random numbers depend on its position, which fusing the layers before it must not change."""

    def make():
        inner = tn.Sequential(tn.Dense(16, 16), tn.ReLU(), tn.Dropout(0.4))
        layers = tn.Dropout(0.1), tn.Dense(20, 16), tn.ReLU(), inner, tn.Dense(16, 16), tn.Sigmoid(), tn.Dropout(0.2)
        return tn.Sequential(*layers, tn.Dense(16, 4))

    ours = train(make(), small_data[0], False)
    monkeypatch.setattr(strict.StrictDevice, "own_kernels", None)
    np.testing.assert_allclose(ours[0], train(make(), small_data[0], False)[0], rtol=1e-4, atol=1e-6)


def test_a_layer_that_stands_twice_is_fused_at_both_positions(with_kernels, small_data, monkeypatch):
    def make():
        dense, dropout = tn.Dense(20, 20), tn.Dropout(0.2)
        return tn.Sequential(dense, tn.ReLU(), dropout, dense, tn.Sigmoid(), dropout, tn.Dense(20, 4))

    train(make(), small_data[0], False, batch_size=600, epochs=1)  # one step
    assert with_kernels.launched.count("bias_activation") == 3
    ours = train(make(), small_data[0], False)
    monkeypatch.setattr(strict.StrictDevice, "own_kernels", None)
    np.testing.assert_allclose(ours[0], train(make(), small_data[0], False)[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layout", ["column-major", "every second", "floats"])
def test_pictures_laid_out_otherwise_are_gathered_by_the_formula(layout, with_kernels, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 20)).astype("uint8")
    wide = np.repeat(pixels, 2, axis=1)[:, ::2]
    images = {"column-major": np.asfortranarray(pixels), "every second": wide, "floats": pixels / np.float32(255)}[
        layout
    ]
    there = strict.StrictArray(images)  # as it is, not copied to row-major order
    data = tn.data.from_arrays(there, strict.device.put(np.arange(90) % 4))
    ours = train(mlp(), data, False, batch_size=20)
    assert "gather_pixels" not in with_kernels.launched
    monkeypatch.setattr(strict.StrictDevice, "own_kernels", None)
    np.testing.assert_allclose(ours[0], train(mlp(), data, False, batch_size=20)[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("settings", [{"label_smoothing": 0.2}, {"class_weights": [1, 2, 3, 4]}], ids=repr)
def test_losses_that_have_no_kernel_are_computed_by_the_formula(with_kernels, small_data, monkeypatch, settings):
    ours = train(mlp(), small_data[0], False, loss=tn.SoftmaxCrossEntropy(**settings))
    assert "softmax_cross_entropy" not in with_kernels.launched
    monkeypatch.setattr(strict.StrictDevice, "own_kernels", None)
    theirs = train(mlp(), small_data[0], False, loss=tn.SoftmaxCrossEntropy(**settings))
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-4, atol=1e-6)
