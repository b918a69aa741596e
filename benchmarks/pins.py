"""Run a benchmark without the environment variables that choose a BLAS kernel or a number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable

KERNEL_PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def rerun_without(names: Iterable[str]) -> int | None:
    """If any of these variables is set, run this program again without them.

    Returns its exit status, or None if no variable was set and this process can go on. NumPy reads the variables when
    it is imported, so clearing them needs a new process.
    """
    if not any(name in os.environ for name in names):
        return None
    environment = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run([sys.executable, *sys.argv], env=environment, check=False).returncode
