"""Describe the machine and the software that a result was measured with."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.backend.arrays import Device
from tinynet.backend.version import __version__

# Variables that choose a BLAS kernel, cache size or number of threads: a value for one machine slows down another.
PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_DEBUG_CPU_TYPE", "BLIS_ARCH_TYPE", "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS", "MKL_NUM_THREADS")  # fmt: skip


def describe(device: Device) -> dict[str, Any]:
    """Versions, processor, BLAS and GPU of a run on `device`, as a dict for JSON."""
    return {
        "tinynet": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "blas": blas(),
        "pins": {name: os.environ[name] for name in PINS if name in os.environ},
        "device": device.name,
        **device.manifest(),
        "command": command(),
    }


def cpu_name() -> str:
    """The model name of the processor, or "unknown"."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def blas() -> dict[str, Any]:
    """The library that computes NumPy's matrix products, its kernel for this processor, and its number of threads."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return {"library": "unknown (threadpoolctl is not installed)", "kernel": "unknown", "threads": None}
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    if not pools:
        return {"library": "unknown", "kernel": "unknown", "threads": None}
    first = next((pool for pool in pools if "numpy" in pool.get("filepath", "")), pools[0])  # SciPy has its own
    library = f"{first['internal_api']} {first.get('version') or ''}".strip()
    return {"library": library, "kernel": first.get("architecture", "unknown"), "threads": first["num_threads"]}


def command() -> str:
    """The command line that started this process."""
    name, *arguments = sys.argv or [""]
    with contextlib.suppress(OSError, ValueError):  # no working directory; another drive
        name = os.path.relpath(name) if os.path.exists(name) else name
    return as_text(" ".join(["python", name, *arguments]))


def as_text(name: str) -> str:
    """A file name as text that can be written as UTF-8: under LANG=C Python keeps its bytes as surrogates."""
    return name.encode(sys.getfilesystemencoding(), "surrogateescape").decode("utf-8", "backslashreplace")
