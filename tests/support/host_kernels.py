"""The CUDA kernels on the CPU: the same sources, compiled by g++ through host_shim.h, called through ctypes."""

import ctypes
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.support import strict
from tinynet.backend.gpu import kernels


@cache
def library(name, dtype):
    """NAME.cu as a library for numbers of `dtype`; without g++ the test is skipped."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    launchers = "\n".join(
        f'extern "C" void launch_{kernel}(word blocks, {parameters}) '
        f"{{ each_thread({kernel}, blocks, {', '.join(names(parameters))}); }}"
        for kernel, parameters in kernels.signatures(name).items()
    )
    folder = Path(tempfile.mkdtemp(prefix="tinynet-kernels-"))
    text = (Path(__file__).parent / "host_shim.h").read_text(encoding="utf-8") + kernels.source(name) + launchers
    (folder / "kernel.cpp").write_text(text)
    command = ["g++", "-std=c++14", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    real = "float" if dtype == "float32" else "double"
    subprocess.run([*command, f"-DREAL={real}", "-o", folder / "kernel.so", folder / "kernel.cpp"], check=True)
    loaded = ctypes.CDLL(str(folder / "kernel.so"))
    shutil.rmtree(folder)
    return loaded


def names(parameters):
    return [re.search(r"\w+$", parameter)[0] for parameter in parameters.split(",")]


class HostKernels(kernels.Kernels):
    """Launches the kernels on NumPy arrays, or on those of the stand-in; `launched` lists their names."""

    def __init__(self):
        self.launched = []

    def _launch(self, kernel, threads, dtype, *arguments):
        self.launched.append(kernel)
        dtype = np.dtype(dtype)
        function = getattr(library(kernels.file_of(kernel), dtype.name), f"launch_{kernel}")
        parameters = kernels.signatures(kernels.file_of(kernel))[kernel].split(",")
        assert len(parameters) == len(arguments), (kernel, parameters)
        values = [as_c(value, parameter, dtype) for value, parameter in zip(arguments, parameters)]
        strict.do(lambda: function(ctypes.c_uint64(-(-threads // kernels.THREADS)), *values))


def as_c(value, parameter, dtype):
    """An argument as CuPy would pass it; fails if its type does not fit the parameter."""
    if "*" in parameter:
        if value is None:
            return ctypes.c_void_p(0)
        host = getattr(value, "_host", value)
        assert host.flags.c_contiguous, parameter
        check_dtype(host.dtype, parameter, dtype)
        return ctypes.c_void_p(host.ctypes.data)
    if isinstance(value, float):
        assert "REAL" in parameter, (parameter, value)
        return (ctypes.c_float if dtype == np.float32 else ctypes.c_double)(value)
    assert isinstance(value, (int, np.integer)), (parameter, value)
    assert "word" in parameter, (parameter, value)
    return ctypes.c_uint64(int(value))


def check_dtype(found, parameter, dtype):
    kinds = {"REAL": dtype.name, "unsigned char": "uint8", "unsigned short": "uint16", "long long": "int64"}
    for kind, expected in kinds.items():
        if kind in parameter and not parameter.strip().startswith(("const void", "const word", "word")):
            assert found == expected, (parameter, found)
