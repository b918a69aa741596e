"""The command line: `python -m tinynet COMMAND`, or `tinynet COMMAND` once it is installed.

tinynet doctor                             # check the processor, BLAS, the data and the GPU; a remedy for each problem
tinynet doctor --device gpu                # fail if the GPU cannot be used
tinynet compare --devices cpu gpu          # train on two devices from one seed and compare the numbers
tinynet data list                          # the data sets that can be loaded by name
tinynet data report fashion_mnist          # counts, balance, brightness and duplicates of a data set
"""

from __future__ import annotations

import argparse

from tinynet.cli import compare, data, doctor

COMMANDS = (doctor, compare, data)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit status: 0, 1 if a check failed, 2 if it could not start."""
    parser = argparse.ArgumentParser(
        prog="tinynet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status
