"""Run the default tests under every supported Python, with the lowest and the highest NumPy, and print a table.

    python tests/versions.py                              # every Python that is on the PATH as python3.X
    python tests/versions.py --python 3.10 3.13 --numpy highest
    python tests/versions.py --python 3.10 --numpy floors # every package at the lowest version that setup.cfg allows

For each row, creates a temporary virtual environment, installs the extra `test` from wheels, and runs the tests. The
lowest NumPy is that of setup.cfg, or the first with wheels for this Python; with it goes the lowest threadpoolctl,
which changes its number of threads. The exit status is 1 if a test failed or an environment could not be created. A
Python that is not installed is listed and skipped.
"""

from __future__ import annotations

import argparse
import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
FIRST_WHEELS = {"3.12": "1.26.0", "3.13": "2.1.0"}  # of NumPy, where setup.cfg allows older versions


def floors(*extras: str) -> dict[str, str]:
    """The lowest allowed version of each requirement in setup.cfg and in the given extras."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines, waiting = config["options"]["install_requires"].splitlines(), list(extras)
    while waiting:
        lines += (more := config["options.extras_require"][waiting.pop()].splitlines())
        waiting += [found[1] for line in more if (found := re.fullmatch(r"%\((\w+)\)s", line))]
    return {found[1]: found[2] for line in lines if (found := re.match(r"([\w-]+)>=([\d.]+)", line))}


def constraints(python: str, kind: str) -> list[str]:
    """The constraints for pip."""
    lowest = floors("test")
    if kind == "floors":
        others = ["pyparsing<3.3"]  # newer ones warn when Matplotlib 3.10.0 calls them, and warnings are errors
        return [f"{name}=={version}" for name, version in lowest.items()] + others
    if kind == "lowest":
        return [f"numpy=={FIRST_WHEELS.get(python, lowest['numpy'])}", f"threadpoolctl=={lowest['threadpoolctl']}"]
    return []


def row(python: str, kind: str, folder: Path, workers: str) -> tuple[str, bool]:
    """Run the tests in one environment. Returns (a row of the table, whether the tests passed)."""
    home, began = folder / f"{python}-{kind}", time.monotonic()
    subprocess.run([f"python{python}", "-m", "venv", home], check=True)
    limits = folder / "constraints.txt"
    limits.write_text("\n".join(constraints(python, kind)), encoding="utf-8")
    pip = [home / "bin/python", "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--constraint", limits]
    installed = subprocess.run([*pip, "--editable", f"{ROOT}[test]"], capture_output=True, text=True, check=False)
    if installed.returncode:
        print(installed.stderr, file=sys.stderr)
        return f"| {python} | {kind} | installation failed | | |", False
    ask = "import numpy, platform; print(platform.python_version(), '|', numpy.__version__)"
    found = subprocess.run([home / "bin/python", "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    tests = subprocess.run(
        [home / "bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", workers],
        capture_output=True, text=True, check=False, cwd=ROOT, env=clean,
    )  # fmt: skip
    summary = tests.stdout.strip().splitlines()[-1].strip("= ") if tests.stdout.strip() else "no output"
    if tests.returncode:
        print(tests.stdout, tests.stderr, file=sys.stderr)
    outcome = re.sub(r" in [\d.]+s.*", "", summary)
    return f"| {found} | {kind} | {outcome} | {time.monotonic() - began:.0f} s |", tests.returncode == 0


def main() -> int:
    """Print the table and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", nargs="+", default=PYTHONS, choices=PYTHONS)
    parser.add_argument("--numpy", nargs="+", default=("lowest", "highest"), choices=("lowest", "highest", "floors"))
    parser.add_argument("--workers", default="2", help="number of parallel test processes")
    options = parser.parse_args()
    ok = True
    print("| Python | NumPy | which | tests | with the installation |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for python in options.python:
            if shutil.which(f"python{python}") is None:
                print(f"| {python} | | | not installed | |", flush=True)
                continue
            for kind in options.numpy:
                line, passed = row(python, kind, Path(folder), options.workers)
                ok &= passed
                print(line, flush=True)
                shutil.rmtree(Path(folder) / f"{python}-{kind}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
