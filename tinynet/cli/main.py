"""The command line: `python -m tinynet COMMAND`, or `tinynet COMMAND` in an environment where tinynet is installed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import tinynet
from tinynet.backend.terminal import end_output
from tinynet.cli import compare, data, doctor

COMMANDS = (doctor, compare, data)
DESCRIPTION = "tinynet, a neural-network library: check this machine, look at data sets, compare two devices."
EXAMPLES = """examples:
  tinynet doctor                        check the processor, BLAS, the data and the GPU, with a remedy for each problem
  tinynet doctor --device gpu           the same; exit status 1 if the GPU cannot be used
  tinynet compare --devices cpu gpu     train on two devices from one seed and compare the numbers
  tinynet data list                     list the data sets that can be loaded by name
  tinynet data report fashion_mnist     print counts, class balance, brightness and duplicates of a data set

exit status: 0 if all is well, 1 if a check failed, 2 if the command could not start
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 1 if a check failed, 2 if the command could not start."""
    parser = argparse.ArgumentParser(
        prog="tinynet", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"tinynet {tinynet.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    finally:
        end_output()
    return status
