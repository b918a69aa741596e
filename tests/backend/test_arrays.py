"""Devices and array packages register themselves, and importing the backend imports neither CuPy nor what uses it."""

import sys
from types import ModuleType

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import python
from tinynet.backend import arrays


class Elsewhere(arrays.Device):
    on_host = False

    def __init__(self, index):
        self.name = f"elsewhere:{index}"


@pytest.fixture
def elsewhere(monkeypatch):
    monkeypatch.setattr(arrays, "_devices", {})
    arrays.register_device("elsewhere", Elsewhere, lambda index: f"there is no number {index}" if index > 1 else None)


def test_a_registered_device_is_found_by_name(elsewhere):
    assert arrays.find_device("elsewhere").name == "elsewhere:0"
    assert arrays.find_device("elsewhere:1").name == "elsewhere:1"
    assert arrays.find_device("auto").name == "elsewhere:0"
    with pytest.raises(tn.DeviceError, match="device 'elsewhere:2' cannot be used: there is no number 2"):
        arrays.find_device("elsewhere:2")
    with pytest.raises(tn.DeviceError, match="device: expected 'auto', 'cpu', 'gpu' or 'gpu:N', got 'gpu'"):
        arrays.find_device("gpu")


def test_auto_is_the_cpu_if_no_device_works(monkeypatch):
    monkeypatch.setattr(arrays, "_devices", {})
    arrays.register_device("elsewhere", Elsewhere, lambda index: "it is broken")
    assert arrays.find_device("auto") is arrays.CPU


def test_arrays_of_a_registered_package_have_its_module_and_device(monkeypatch):
    package = ModuleType("arraypackage")
    package.ndarray = type("ndarray", (), {"__module__": "arraypackage.core"})
    monkeypatch.setitem(sys.modules, "arraypackage", package)
    monkeypatch.setattr(arrays, "_modules", {np.ndarray: np})
    array = package.ndarray()
    with pytest.raises(TypeError, match="expected a NumPy or CuPy array, got ndarray"):
        arrays.array_module(array)
    monkeypatch.setattr(arrays, "_packages", {})
    arrays.register_array_package("arraypackage", lambda array: Elsewhere(3))
    assert arrays.array_module(array) is package
    assert arrays.device_of(array).name == "elsewhere:3"


def test_the_gpu_is_registered_but_not_imported():
    program = (
        "import sys, tinynet; from tinynet.backend import arrays; print('gpu' in arrays._devices); "
        "print(*sorted(name for name in sys.modules if name.startswith(('tinynet.', 'cupy'))))"
    )
    registered, imported = python("-c", program, check=True).stdout.splitlines()
    assert registered == "True"
    assert "tinynet.backend.gpu" in imported.split()
    assert not {"cupy", "tinynet.backend.gpu.device", "tinynet.backend.gpu.kernels"} & set(imported.split())


@pytest.mark.parametrize("name", ["GPU", "gpu:", "gpu:-1", "gpu:one", "cuda", "", "cpu:0"])
def test_a_device_that_does_not_exist(name):
    with pytest.raises(tn.DeviceError, match="device: expected 'auto', 'cpu', 'gpu' or 'gpu:N'"):
        arrays.find_device(name)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_vectors_begin_at_a_cache_line_and_hold_zeros(dtype):
    made = [arrays.aligned_zeros(count, dtype) for count in (1, 7, 16, 1000, 65_537)]
    assert {vector.ctypes.data % 64 for vector in made} == {0}
    assert [vector.dtype for vector in made] == [np.dtype(dtype)] * len(made)
    assert [len(vector) for vector in made] == [1, 7, 16, 1000, 65_537]
    assert not any(vector.any() for vector in made)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_neither_nan_nor_infinity_is_finite(value):
    assert arrays.is_finite(np.array([1.0, np.finfo("float64").max]))
    assert not arrays.is_finite(np.array([1.0, value]))
