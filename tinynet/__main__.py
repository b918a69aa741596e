"""tinynet from the command line.

python -m tinynet doctor                   # what is here, what slows it, what is missing; each with its remedy
python -m tinynet doctor --device gpu      # fails if the GPU cannot be used
"""

from __future__ import annotations

import argparse
import sys

from tinynet.doctor import examine, printed


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0, or 1 if something that was asked for is broken."""
    parser = argparse.ArgumentParser(
        prog="python -m tinynet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    doctor = commands.add_parser("doctor", help="look at processor, BLAS, data and GPU")
    doctor.add_argument("--device", default="auto", help="'auto' (all there is), 'cpu', 'gpu' or 'gpu:N'")
    options = parser.parse_args(arguments)
    findings = examine(options.device)
    print(printed(findings))
    return int(any(finding.verdict == "broken" for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
