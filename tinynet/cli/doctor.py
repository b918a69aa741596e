"""`tinynet doctor`: check the processor, BLAS, the data and the GPU, with a remedy for each problem.

The checks use what they check: they run a matrix product, a kernel, a CUDA graph.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from tinynet.backend.arrays import CPU, Device, find_device
from tinynet.backend.environment import PINS, blas, cpu_name
from tinynet.backend.gpu.device import GPU, gpu_problem
from tinynet.backend.gpu.kernels import CudaKernels, enabled
from tinynet.backend.matmul import matmul
from tinynet.backend.terminal import say
from tinynet.data.download import cache_folder
from tinynet.errors import DataError, DeviceError


class Finding(NamedTuple):
    """One result. `verdict`: ok, note (optional and missing), slow, or broken (asked for, and does not work)."""

    verdict: str
    subject: str
    found: str
    remedy: str = ""


def add_to(commands: Any) -> None:
    """Add the command `doctor` to the parser's commands."""
    parser = commands.add_parser("doctor", help="check the processor, BLAS, the data and the GPU")
    parser.add_argument(
        "--device", default="auto", help="'auto' (the CPU, and a GPU if there is one), 'cpu', 'gpu' or 'gpu:N'"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the findings. Returns the exit status: 1 if anything is broken, else 0."""
    findings = examine(options.device)
    say(printed(findings))
    return int(any(finding.verdict == "broken" for finding in findings))


def examine(device: str = "auto") -> list[Finding]:
    """Check everything that a run on `device` depends on. Raises DeviceError for a name that no device has."""
    if device != "auto" and device.partition(":")[0] not in ("cpu", "gpu"):
        find_device(device)  # raises the error, which lists the names
    findings = [*_processor(), *_extras(), *_data()]
    return findings if device == "cpu" else [*findings, *_gpu(device)]


def printed(findings: list[Finding]) -> str:
    """The findings as text, one line each with its remedy below, then the number of problems."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.verdict:<7} {finding.subject}: {finding.found}")
        if finding.remedy:
            lines.append(f"        -> {finding.remedy}")
    counts = {verdict: sum(finding.verdict == verdict for finding in findings) for verdict in ("broken", "slow")}
    return "\n".join([*lines, "", f"{counts['broken']} broken, {counts['slow']} slow, {len(findings)} checks"])


def _processor() -> Iterator[Finding]:
    yield Finding("ok", "processor", f"{cpu_name()}, {os.cpu_count()} cores")
    library = blas()
    name, kernel, threads = library["library"], library["kernel"], library["threads"]
    if threads is None:
        remedy = "pip install threadpoolctl: it also lets threads share a batch"
        yield Finding("note", "BLAS", name, remedy)
    elif threads < len(_usable_cores()):
        found = f"{name}, kernel {kernel}, {threads} of {len(_usable_cores())} usable cores"
        yield Finding("slow", "BLAS", found, "unset the variable that limits its threads, unless you set it on purpose")
    else:
        yield Finding("ok", "BLAS", f"{name}, kernel {kernel}, {threads} threads")
    for pin in PINS:
        if pin in os.environ:
            found = f"{pin}={os.environ[pin]} overrides the choice of BLAS for this processor"
            yield Finding("slow", "environment", found, f"unset {pin}")
    yield Finding("ok", "product on the CPU", f"{_gigaflops(CPU):.0f} GFLOP/s in float32, 1000 x 784 x 256")


def _usable_cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def _gigaflops(device: Device) -> float:
    """The speed of one matrix product, the best of five, once its result is checked."""
    with device.active():
        xp = device.module
        a, b = xp.ones((1000, 784), "float32"), xp.ones((784, 256), "float32")
        if not bool(((a @ b) == 784).all()):
            raise DeviceError(f"{device.name}: expected 784 in each element of a product of ones, got others; check it")
        seconds = []
        for _ in range(5):
            device.synchronize()
            began = time.perf_counter()
            a @ b
            device.synchronize()
            seconds.append(max(time.perf_counter() - began, 1e-9))  # a clock may stand still
    return 2 * 1000 * 784 * 256 / min(seconds) / 1e9


def _extras() -> Iterator[Finding]:
    uses = {
        "safetensors": "saving models",
        "filelock": "checkpoints",
        "matplotlib": "pictures",
        "tqdm": "progress bars",
    }
    missing = [name for name in uses if not _installed(name)]
    if missing:
        purposes = ", ".join(uses[name] for name in missing)
        remedy = f"pip install {' '.join(missing)}"
        yield Finding("note", "extras", f"{', '.join(missing)} not installed; needed for {purposes}", remedy)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _data() -> Iterator[Finding]:
    named = os.environ.get("TINYNET_DATA")
    if named and not Path(named).is_dir():
        yield Finding("broken", "data", f"TINYNET_DATA={named} is not a folder", "correct TINYNET_DATA, or unset it")
        return
    try:
        folder = cache_folder()
    except DataError:
        yield Finding("slow", "data", "no home directory, so no cache", "set TINYNET_CACHE to a folder of yours")
        return
    sets = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(existing, os.W_OK):
        yield Finding("slow", "data", f"the cache {folder} cannot be written", "set TINYNET_CACHE to a folder of yours")
        return
    free = shutil.disk_usage(existing).free / 2**30
    held = f"{', '.join(sets)} in {folder}" if sets else f"nothing yet in {folder}"
    yield Finding("ok", "data", f"{held}; {free:.0f} GiB free" + (f"; TINYNET_DATA={named}" if named else ""))


# The GPU -----------------------------------------------------------------------------------------------------------


def _gpu(asked: str) -> Iterator[Finding]:
    """Check driver, CuPy, compiler and libraries in this order, up to the first that is broken."""
    wheels = [name for name in ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x") if _installed(name)]
    if len(wheels) > 1:
        remedy = f"pip uninstall {' '.join(wheels)}, then install the one that fits the driver"
        yield Finding(
            "broken", "CuPy", f"{' and '.join(wheels)} are installed, and overwrite each other's files", remedy
        )
        return
    index = int(asked.partition(":")[2] or 0)
    problem = gpu_problem(index)
    if problem:
        found, _, remedy = problem.partition("; ")
        yield Finding("note" if asked == "auto" else "broken", "GPU", found, remedy)
        return
    device = GPU(index)
    runtime = device.module.cuda.runtime
    with device.active():
        driver, cuda = runtime.driverGetVersion(), runtime.runtimeGetVersion()
        yield Finding("ok", "GPU", f"{device.name}, {device.describe()}, compute {device.capability()}")
        versions = f"driver for CUDA {_version(driver)}, CuPy {device.module.__version__} with CUDA {_version(cuda)}"
        if driver // 1000 < cuda // 1000:
            remedy = f"pip install cupy-cuda{driver // 1000}x in its place, or update the driver"
            yield Finding("broken", "CUDA", versions, remedy)
            return
        yield Finding("ok", "CUDA", f"{versions} ({', '.join(wheels) or 'built from source'})")
        yield from _memory(runtime.memGetInfo())
        yield from _gpu_software(device)


def _memory(free_and_total: tuple[int, int]) -> Iterator[Finding]:
    free, total = (number / 2**30 for number in free_and_total)
    found = f"{free:.1f} of {total:.1f} GiB free"
    if free < 0.1 * total:
        yield Finding(
            "slow", "GPU memory", found, "end other programs on this GPU (nvidia-smi lists them), or use another GPU"
        )
    else:
        yield Finding("ok", "GPU memory", found)


def _gpu_software(device: GPU) -> Iterator[Finding]:
    yield Finding("ok", "product on the GPU", f"{_gigaflops(device):.0f} GFLOP/s in float32, each product timed alone")
    if not enabled():
        found = "tinynet's own kernels are turned off by TINYNET_KERNELS=0"
        yield Finding("slow", "kernels", found, "unset TINYNET_KERNELS")
    else:
        problem = CudaKernels(device.module).problem
        remedy = "pip install 'cupy-cuda12x[ctk]' (or 13x), which brings the compiler's headers"
        yield (
            Finding("slow", "kernels", problem, remedy) if problem else Finding("ok", "kernels", "compile and compute")
        )
    yield _capture(device)
    if os.environ.get("CUPY_TF32", "0") != "0":
        found = "CUPY_TF32 is set: CuPy's own products use TF32 (those of fit do not, unless precision='tf32')"
        yield Finding("note", "precision", found, "unset CUPY_TF32")


def _capture(device: GPU) -> Finding:
    """Record a product and a sum as a CUDA graph, replay it twice and check the result."""
    try:
        recorder = device.recorder("float32")
        ones = device.module.ones((8, 8), "float32")
        total = device.module.zeros((8, 8), "float32")

        def step() -> None:
            total.__iadd__(matmul(ones, ones))

        recorder.run(step)
        launch = recorder.record(step)
        launch()
        launch()
        if not bool((total == 24).all()):  # 8 from the run, 8 from each replay
            return Finding("slow", "CUDA graphs", "a replay gave another sum", "fit(..., capture=False)")
        return Finding("ok", "CUDA graphs", "a product was recorded and replayed")
    except Exception as error:  # whatever it is: training works without graphs
        return Finding("slow", "CUDA graphs", f"{type(error).__name__}: {error}", "fit(..., capture=False)")


def _version(number: int) -> str:
    """A version of CUDA, which NVIDIA writes as 1000 * major + 10 * minor."""
    return f"{number // 1000}.{number % 1000 // 10}"
