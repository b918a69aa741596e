"""The CUDA kernels, compiled by g++ and run on the CPU, compared with the formulas that they replace."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tests.support.host_kernels import HostKernels
from tinynet.backend import random
from tinynet.backend.arrays import CPU
from tinynet.backend.gpu import kernels
from tinynet.backend.random import Purpose, Stream
from tinynet.training import fused

NVCC = shutil.which("nvcc")


@pytest.mark.skipif(NVCC is None, reason="nvcc is not installed")
@pytest.mark.parametrize("real", ["float", pytest.param("double", marks=pytest.mark.slow)])
def test_every_source_compiles(real, tmp_path):
    """For sm_80, sm_90 and sm_100, without warnings and without spilling registers to memory."""
    for name in kernels.SOURCES:
        (tmp_path / f"{name}.cu").write_text(kernels.source(name))
    architectures = [f"-gencode=arch=compute_{number},code=sm_{number}" for number in (80, 90, 100)]
    strict = ["-Werror", "all-warnings", "-Xptxas", "-warn-spills", f"-DREAL={real}"]
    files = [f"{name}.cu" for name in kernels.SOURCES]
    command = [NVCC, "-std=c++14", "-fmad=false", *architectures, *strict, "--threads", "0", "-fatbin", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.stem for path in tmp_path.glob("*.fatbin")} == set(kernels.SOURCES)


def test_every_source_is_in_the_table_and_in_the_package():
    assert {path.stem for path in kernels.FOLDER.glob("*.cu")} == set(kernels.SOURCES)
    names = [kernel for name in kernels.SOURCES for kernel in kernels.signatures(name)]
    assert len(names) == len(set(names))
    configuration = (Path(__file__).parents[3] / "setup.cfg").read_text()
    assert "gpu/*.cu" in configuration
    assert "gpu/*.cuh" in configuration


# Random numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "count"), [(0, 1), (0, 4), (3, 2), (5, 1000), (1023, 1024), (2**34 + 1, 9)])
def test_words_equal_numpys(start, count):
    for stream in (Stream(0, Purpose.DROPOUT), Stream(2**64 - 1, Purpose.SHUFFLE, 2**32 - 1, 2**63 + 5)):
        ours = HostKernels().words(count, start, stream.key, stream.step, np.zeros(0))
        np.testing.assert_array_equal(ours, stream.words(count, start))


def test_words_equal_the_array_form():
    key, blocks = (0x1234, 0x5678), np.arange(1, 9, dtype=np.uint64)
    zero = np.zeros_like(blocks)
    lanes = random.philox((blocks, zero, zero + np.uint64(7), zero), key)
    np.testing.assert_array_equal(HostKernels().words(32, 0, key, 7, zero), np.stack(lanes, 1).reshape(-1))


def test_a_step_on_the_device_is_the_step():
    step = np.array([11], np.uint64).reshape(())
    stream = Stream(3, Purpose.DROPOUT, 2, 11)
    np.testing.assert_array_equal(HostKernels().words(9, 2, stream.key, step, step), stream.words(9, 2))


@pytest.mark.parametrize("count", [1, 2, 5, 1000])
def test_sorted_keys_are_the_permutation(count):
    low_bits = (1 << count.bit_length()) - 1
    stream = Stream(4, Purpose.SHUFFLE, step=2)
    keys = np.sort(HostKernels().shuffle_keys(count, low_bits, stream.key, 2, np.zeros(0)))
    np.testing.assert_array_equal((keys & np.uint64(low_bits)).astype(np.int64), stream.permutation(count))


# Batches ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("standardized", [False, True])
def test_gathered_pixels_are_those_of_the_data_set(dtype, standardized):
    images = np.random.default_rng(0).integers(0, 256, (50, 7, 9)).astype("uint8")
    data = tn.data.from_arrays(images, np.zeros(50, "int64"))
    data = data.standardize() if standardized else data
    chosen = np.random.default_rng(1).integers(0, 50, 23)
    ours = HostKernels().gather_pixels(images, chosen, np.dtype(dtype), data.mean, data.deviation)
    np.testing.assert_array_equal(ours, data.inputs(chosen, np.dtype(dtype)))


def test_bfloat16_is_rounded_as_pytorch_does():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x = np.random.default_rng(0).normal(size=(40, 30)).astype("float32") * np.float32(10) ** np.arange(-15, 15)
    x[0, :6] = [0, -0.0, np.inf, -np.inf, 1.00390625, 1.01171875]  # the last two are ties: to even
    x = x.astype("float32")
    expected = torch.from_numpy(x).to(torch.bfloat16).view(torch.uint16).numpy()
    for layout, result in ((x, expected), (x.T, expected.T), (np.repeat(x, 2, axis=1)[:, ::2], expected)):
        np.testing.assert_array_equal(HostKernels().to_bfloat16(layout), result)
    assert np.isnan((HostKernels().to_bfloat16(np.float32([[np.nan]])).astype("uint32") << 16).view("float32"))


# Compilation at hand ------------------------------------------------------------------------------------------------


def test_kernels_can_be_turned_off(monkeypatch):
    monkeypatch.setenv("TINYNET_KERNELS", "0")
    assert not kernels.enabled()
    assert kernels.kernels_on(CPU) is None


def test_kernels_that_fail_say_so_once_and_give_way(monkeypatch):
    pytest.importorskip("cupy", reason="CuPy is not installed")
    from tinynet.backend.gpu.device import GPU, gpu_problem

    if not gpu_problem():
        pytest.skip("there is a GPU here")
    kernels._warn_once.cache_clear()
    with pytest.warns(UserWarning, match="tinynet's own kernels cannot be used .*; array operations do their work"):
        assert kernels.kernels_on(GPU(0)) is None
    assert kernels.kernels_on(GPU(0)) is None


def test_arguments_reach_cupy_in_the_types_of_the_kernel():
    given = [kernels._as_argument(value, np.dtype("float32")) for value in (None, 3, np.int64(4), 0.5, "array")]
    assert [getattr(value, "dtype", value) for value in given] == ["uint64", "uint64", "uint64", "float32", "array"]


# Layers, losses, optimizers: each kernel beside its formula -----------------------------------------------------------

ULP = {"float32": 2.0**-23, "float64": 2.0**-52}


@pytest.mark.parametrize("dtype", ULP)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (50, 33), (17, 64)])
@pytest.mark.parametrize("activation", [None, tn.ReLU(), tn.Sigmoid()], ids=repr)
@pytest.mark.parametrize("rate", [None, 0.3])
def test_what_follows_a_product(shape, activation, rate, dtype):
    """Forward and backward equal Dense, the activation and Dropout: to the bit, except for the exp of Sigmoid."""
    rows, outputs = shape
    generator = np.random.default_rng(0)
    dense = tn.Dense(4, outputs)
    dense.bind(generator.normal(size=dense.size).astype(dtype), 0)
    dropout = tn.Dropout(rate) if rate is not None and activation is not None else None
    x = generator.normal(size=(rows, 4)).astype(dtype)
    dy = generator.normal(size=shape).astype(dtype)
    results = []
    for layer in (Row(dense, activation, dropout), fused.FusedDense(dense, activation, dropout, HostKernels())):
        gradient = np.zeros(dense.size, dtype)
        y, backward = layer.forward(x, tn.Context(training=True, seed=5, step=2**33, layer=7))
        dx = backward(dy.copy(), dense.views(gradient))
        results.append((y, dx, gradient))
    for formula, kernel in zip(*results):
        assert kernel.dtype == dtype
        if isinstance(activation, tn.Sigmoid):
            np.testing.assert_allclose(kernel, formula, rtol=64 * ULP[dtype], atol=8 * ULP[dtype])
        else:
            np.testing.assert_array_equal(kernel, formula)


class Row:
    """Layers in a row that share one dict of gradients, and that belong to no model."""

    def __init__(self, *layers):
        self.layers = [layer for layer in layers if layer is not None]

    def forward(self, x, context):
        backwards = []
        for position, layer in enumerate(self.layers):
            x, backward = layer.forward(x, context.at(position, True))
            backwards.append(backward)

        def backward_all(dy, grads):
            for backward in reversed(backwards):
                dy = backward(dy, grads)
            return dy

        return x, backward_all


def test_extremes_of_the_activations():
    """NaN stays visible, Sigmoid overflows nowhere."""
    y = np.array([[np.nan, -np.inf, np.inf, -1000, 1000, -0.0]], "float32")
    for activation, kind in ((tn.ReLU(), kernels.Activation.RELU), (tn.Sigmoid(), kernels.Activation.SIGMOID)):
        ours = y.copy()
        assert HostKernels().bias_activation(ours, np.zeros(6, "float32"), kind, None) is ours
        with np.errstate(over="ignore"):
            np.testing.assert_allclose(ours, activation(y), rtol=1e-6)


@pytest.mark.parametrize("dtype", ULP)
@pytest.mark.parametrize("labels", ["uint8", "int16", "int32", "int64"])
@pytest.mark.parametrize("spread", [1, 1e4])
def test_softmax_cross_entropy(spread, labels, dtype):
    generator = np.random.default_rng(0)
    logits = (spread * generator.normal(size=(300, 10))).astype(dtype)
    targets = generator.integers(0, 10, 300).astype(labels)
    loss = tn.SoftmaxCrossEntropy()
    value, hits, gradient = fused._measure_for(loss, HostKernels())(logits, targets, 0.5)
    expected, expected_hits, expected_gradient = loss.measure(logits, targets, 0.5)
    assert float(value) == pytest.approx(float(expected), rel=300 * ULP[dtype])
    assert int(hits) == int(expected_hits)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=16 * ULP[dtype], atol=ULP[dtype] / 300)


def test_other_losses_and_rules_keep_their_formulas():
    for loss in (tn.SoftmaxCrossEntropy(0.1), tn.SoftmaxCrossEntropy(class_weights=[1, 2]), tn.MeanSquaredError()):
        assert fused._measure_for(loss, HostKernels()) is None
    assert fused._move_for(tn.Clipped(tn.SGD(0.1)), HostKernels()) is None


MASK = (np.arange(1000) % 3 > 0).astype("float64")


@pytest.mark.parametrize("dtype", ULP)
@pytest.mark.parametrize(
    "rule",
    [
        tn.SGD(0.1),
        tn.SGD(0.1, weight_decay=0.01),
        tn.SGD(0.1, momentum=0.9, weight_decay=0.01),
        tn.SGD(0.1, momentum=0.9, nesterov=True),
        tn.RMSprop(0.01),
        tn.RMSprop(0.01, momentum=0.5),
        tn.Adam(0.01),
        tn.Adam(0.01, weight_decay=0.01),
        tn.AdamW(0.01, weight_decay=0.1),
        tn.AdamW(0.01, weight_decay=0.1, mask=MASK),
    ],
    ids=repr,
)
def test_a_rule_over_theta_gives_the_very_bits(rule, dtype):
    generator = np.random.default_rng(0)
    theta = generator.normal(size=1000).astype(dtype)
    ours, state = theta.copy(), rule.start(theta)
    our_state = {name: values.copy() for name, values in state.items()}
    move = fused._move_for(rule, HostKernels())
    for step in range(5):
        gradient = generator.normal(size=1000).astype(dtype)
        move(ours, gradient.copy(), our_state, np.array(rule.scalars(step), dtype))
        rule.update(theta, gradient, state, step)
        np.testing.assert_array_equal(ours, theta)
        for name in state:
            np.testing.assert_array_equal(our_state[name], state[name])
