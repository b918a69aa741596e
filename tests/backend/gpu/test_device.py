"""The GPU as a device: what is reported without one, and when its memory is too small."""

import contextlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.models import small_model
from tinynet.backend import arrays
from tinynet.backend.gpu import device as gpu_device


def test_data_that_have_no_room_are_refused_before_they_move(small_data, monkeypatch):
    monkeypatch.setattr(strict.StrictDevice, "free_memory", lambda self: 1000)
    monkeypatch.setattr(strict.StrictDevice, "put", lambda self, array: pytest.fail("it was moved"))
    message = (
        r"data set 'arrays': expected at most the 0.00 GiB free on strict, got 0.00 GiB of <Dataset .*; take a subset"
    )
    with pytest.raises(tn.DeviceError, match=message):
        small_data[0].to(strict.device)


def test_data_that_are_there_need_no_room(small_data, monkeypatch):
    there = small_data[0].to(strict.device)
    monkeypatch.setattr(strict.StrictDevice, "free_memory", lambda self: 0)
    there.to(strict.device)


class OutOfMemoryError(MemoryError):
    pass


def test_running_out_of_memory_says_what_to_lower(monkeypatch):
    memory = SimpleNamespace(OutOfMemoryError=OutOfMemoryError)
    module = SimpleNamespace(cuda=SimpleNamespace(Device=lambda index: contextlib.nullcontext(), memory=memory))
    monkeypatch.setattr(gpu_device, "import_cupy", lambda: module)
    message = r"gpu:1: expected enough memory, got too little \(out of memory allocating 512 bytes\); lower batch_size"
    with pytest.raises(tn.DeviceError, match=message), gpu_device.GPU(1).active():
        raise OutOfMemoryError("out of memory allocating 512 bytes")


def test_cupys_error_has_that_name():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    assert issubclass(cupy.cuda.memory.OutOfMemoryError, MemoryError)


def test_a_model_trained_there_is_saved_there_and_loaded_here(small_data, tmp_path):
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    model = small_model()
    tn.fit(model, small_data[0], epochs=1, device=strict.device)
    model.save(tmp_path / "model.safetensors")
    loaded = tn.load(tmp_path / "model.safetensors")
    assert loaded.device is arrays.CPU
    np.testing.assert_array_equal(loaded.theta, arrays.to_numpy(model.theta))
    np.testing.assert_allclose(loaded.predict(small_data[1]), model.predict(small_data[1]), rtol=1e-6)


def test_without_cupy_the_error_names_the_cause_and_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # makes `import cupy` fail, as it does where it is not installed
    with pytest.raises(tn.DeviceError, match=r"device 'gpu' cannot be used: CuPy is not installed \(.*\); install it "
                                             r"with: pip install cupy-cuda12x "):  # fmt: skip
        arrays.find_device("gpu")
    assert arrays.find_device("auto") is arrays.CPU


def test_with_cupy_but_no_gpu_the_error_says_so():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    try:
        if cupy.cuda.runtime.getDeviceCount():
            pytest.skip("there is a GPU here")
    except cupy.cuda.runtime.CUDARuntimeError:
        pass
    message = (
        r"CuPy [\d.]+ found no NVIDIA driver or device \(cuda.*\); install the NVIDIA driver, or the CuPy that fits it"
    )
    with pytest.raises(tn.DeviceError, match=message):
        arrays.find_device("gpu")


@pytest.mark.gpu
def test_a_gpu_that_is_not_there_is_named():
    with pytest.raises(tn.DeviceError, match="there is no GPU number 99, only"):
        arrays.find_device("gpu:99")


def test_a_cupy_that_cannot_be_imported_is_no_reason_to_stop(monkeypatch):
    """CuPy makes a folder in the home directory when it is imported; without one it raises PermissionError."""

    def fails():
        raise PermissionError(13, "Permission denied: '~'")

    monkeypatch.setattr(gpu_device, "import_cupy", fails)
    problem = gpu_device.gpu_problem()
    assert problem.startswith(
        "CuPy cannot be imported (PermissionError: [Errno 13] Permission denied: '~'); set CUPY_CACHE_DIR"
    )
    assert arrays.find_device("auto").name == "cpu"
