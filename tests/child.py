"""Python processes beside the tests: programs and scripts run as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def python(*arguments, folder=None, check=False, **environment):
    """`python arguments` in `folder`, on this code: its words and its status. What is None leaves the environment."""
    there = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=check,
        cwd=folder,
        env={name: value for name, value in there.items() if value is not None},
    )
