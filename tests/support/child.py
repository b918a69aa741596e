"""Run programs and scripts in a Python process of their own, as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def python(*arguments, folder=None, check=False, **environment):
    """Run `python arguments` in `folder` with this copy of tinynet. Returns its output and exit status.

    `environment` changes the environment variables; None removes one.
    """
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=check,
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
    )
