"""The CUDA kernels, run on the CPU: the same source compiled by g++, beside the formula that it replaces."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from host_kernels import HostKernels

import tinynet as tn
from tinynet import random
from tinynet.gpu import kernels
from tinynet.random import Purpose, Stream

NVCC = shutil.which("nvcc")


@pytest.mark.skipif(NVCC is None, reason="nvcc is not installed")
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90", "sm_100"])
@pytest.mark.parametrize("name", kernels.SOURCES)
def test_every_source_compiles(name, architecture, tmp_path):
    file = tmp_path / f"{name}.cu"
    file.write_text(kernels.source(name))
    for real in ("float", "double"):
        strict = ["-Werror", "all-warnings", "-Xptxas", "-warn-spills", f"-DREAL={real}"]
        command = [NVCC, "-std=c++14", "-fmad=false", f"-arch={architecture}", *strict, "-cubin", "-o", "out", file]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_every_source_is_in_the_table_and_in_the_package():
    assert {path.stem for path in kernels.FOLDER.glob("*.cu")} == set(kernels.SOURCES)
    names = [kernel for name in kernels.SOURCES for kernel in kernels.signatures(name)]
    assert len(names) == len(set(names))
    configuration = (Path(__file__).parents[2] / "setup.cfg").read_text()
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
    ours = HostKernels().gather(images, chosen, np.dtype(dtype), data.mean, data.deviation)
    np.testing.assert_array_equal(ours, data.inputs(chosen, np.dtype(dtype)))


def test_bfloat16_is_rounded_as_pytorch_does():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x = np.random.default_rng(0).normal(size=(40, 30)).astype("float32") * np.float32(10) ** np.arange(-15, 15)
    x[0, :6] = [0, -0.0, np.inf, -np.inf, 1.00390625, 1.01171875]  # the last two lie between: ties to even
    x = x.astype("float32")
    expected = torch.from_numpy(x).to(torch.bfloat16).view(torch.uint16).numpy()
    for layout, result in ((x, expected), (x.T, expected.T), (np.repeat(x, 2, axis=1)[:, ::2], expected)):
        np.testing.assert_array_equal(HostKernels().to_bfloat16(layout), result)
    assert np.isnan((HostKernels().to_bfloat16(np.float32([[np.nan]])).astype("uint32") << 16).view("float32"))


# Compilation at hand ------------------------------------------------------------------------------------------------


def test_kernels_can_be_turned_off(monkeypatch):
    monkeypatch.setenv("TINYNET_KERNELS", "0")
    assert not kernels.enabled()
    assert kernels.kernels_on(0) is None


def test_kernels_that_fail_say_so_once_and_give_way(monkeypatch):
    pytest.importorskip("cupy", reason="CuPy is not installed")
    from tinynet.arrays import gpu_problem

    if not gpu_problem():
        pytest.skip("there is a GPU here")
    kernels._warn_once.cache_clear()
    with pytest.warns(UserWarning, match="tinynet's own kernels cannot be used .*; array operations do their work"):
        assert kernels.kernels_on(0) is None
    assert kernels.kernels_on(0) is None


def test_arguments_reach_cupy_in_the_types_of_the_kernel():
    given = [kernels._as_argument(value, np.dtype("float32")) for value in (None, 3, np.int64(4), 0.5, "array")]
    assert [getattr(value, "dtype", value) for value in given] == ["uint64", "uint64", "uint64", "float32", "array"]
