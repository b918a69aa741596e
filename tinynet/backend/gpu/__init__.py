"""The CUDA backend: the device, its kernels, matrix products that a CUDA graph can record, and the recorder.

Importing this package registers the device "gpu". CuPy, and the modules of this package, are imported when a GPU is
first asked for. See docs/gpu.md.
"""

from __future__ import annotations

from tinynet.backend.arrays import Array, Device, register_array_package, register_device


def _gpu(index: int) -> Device:
    from tinynet.backend.gpu.device import GPU  # start-up time: only where a GPU is used

    return GPU(index)


def _problem(index: int) -> str | None:
    from tinynet.backend.gpu.device import gpu_problem  # start-up time

    return gpu_problem(index)


def _gpu_of(array: Array) -> Device:
    return _gpu(array.device.id)


register_device("gpu", _gpu, _problem)
register_array_package("cupy", _gpu_of)
