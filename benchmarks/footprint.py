"""Measure the time to import a library, and the installed size of the library and its requirements."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import peers

IMPORTS = {
    "keras": "keras",
    "tinynet-nn": "tinynet",
    "scikit-learn": "sklearn.neural_network",
}  # modules that are not named like their distribution


def footprint(names: list[str]) -> dict[str, Any]:
    """Import time without Python's own start, and installed size with all requirements, of each library."""
    rows: dict[str, Any] = {}
    for name in names:
        installed = [each for each in peers.DISTRIBUTIONS[name] if _is_installed(each)]
        if not installed or any(installed == row["installed"] for row in rows.values()):
            continue
        module = IMPORTS.get(installed[0], installed[0].replace("-", "_"))
        rows[name.removesuffix(" eager").removesuffix(" jit")] = {
            "installed": installed,
            "import ms": round(1000 * import_seconds(module)),
            "MiB": round(installed_size(installed) / 2**20),
        }
    python = sum(size_of(Path(sys.base_prefix) / part) for part in ("bin", "lib")) - size_of(_base_packages())
    return {"libraries": rows, "Python itself MiB": round(python / 2**20)}


def import_seconds(module: str, repeats: int = 3) -> float:
    """The median time of `import module` in a new process, minus that of a process that imports nothing."""
    times: dict[str, list[float]] = {"pass": [], f"import {module}": []}
    for _ in range(repeats):
        for statement, seconds in times.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True, capture_output=True)
            seconds.append(time.perf_counter() - began)
    nothing, something = (statistics.median(seconds) for seconds in times.values())
    return something - nothing


def installed_size(names: list[str]) -> int:
    """Bytes of the distributions `names` and of all their requirements that are installed."""
    waiting, seen, total = list(names), set(), 0
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen or not _is_installed(name):
            continue
        seen.add(name)
        distribution = metadata.distribution(name)
        total += _files_of(distribution)
        for requirement in distribution.requires or []:
            if "extra ==" not in requirement:  # a requirement that is not installed is not counted
                waiting.append(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
    return total


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _files_of(distribution: metadata.Distribution) -> int:
    files = [Path(str(file.locate())) for file in distribution.files or []]
    ours = distribution.metadata["Name"] == "tinynet-nn"
    if ours or not any(path.suffix == ".py" and path.is_file() for path in files):
        return size_of(Path(__file__).parents[1] / "tinynet")  # installed in place
    return sum(path.stat().st_size for path in files if path.is_file())


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _base_packages() -> Path:
    return Path(sys.base_prefix) / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
