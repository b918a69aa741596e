"""The commands `data list` and `data report`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tinynet.backend.terminal import say
from tinynet.data.catalog import CATALOG, SYNTHETIC
from tinynet.data.report import data_report
from tinynet.data.sources import SOURCES, load
from tinynet.errors import DataError
from tinynet.plots import class_pictures


def add_to(commands: Any) -> None:
    """Add `data list` and `data report NAME` to the parser's commands."""
    parser = commands.add_parser("data", help="list the data sets, or report what is in one")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="list the data sets that can be loaded by name").set_defaults(run=run_list)
    report = actions.add_parser("report", help="print counts, class balance, brightness and duplicates of a data set")
    report.add_argument("name", metavar="NAME", help=f"one of {', '.join([*CATALOG, SYNTHETIC])}")
    report.add_argument("--data", type=Path, help="folder with the data set's files (default: $TINYNET_DATA)")
    report.add_argument("--source", choices=SOURCES, default="auto", help="where to look for it (default: %(default)s)")
    report.add_argument("--offline", action="store_true", help="do not use the network")
    report.add_argument("--drop-duplicates", action="store_true", help="leave out repeated pictures before reporting")
    report.add_argument("--picture", type=Path, help="also draw ten pictures of each class into this PNG, SVG or PDF")
    report.set_defaults(run=run_report)


def run_list(options: argparse.Namespace) -> int:
    """Print the name, size and licence of each data set."""
    for entry in CATALOG.values():
        shape = " x ".join(map(str, entry.image_shape))
        say(f"{entry.name:<18} {sum(entry.sizes):>8,} pictures of {shape:<12} {entry.licence}")
    say(f"{SYNTHETIC:<18}   70,000 pictures of 28 x 28      drawn by tinynet")
    return 0


def run_report(options: argparse.Namespace) -> int:
    """Print the report. Returns 2 if the data set cannot be loaded or the picture cannot be drawn."""
    try:
        train, test = load(
            options.name, source=options.source, data=options.data, offline=options.offline,
            drop_duplicates=options.drop_duplicates,
        )  # fmt: skip
        say(data_report(train, test))
        if options.picture:
            class_pictures(train, options.picture)
            say(f"wrote {options.picture}")
    except (DataError, ValueError, ImportError) as error:
        say(f"error: {error}", "stderr")
        return 2
    return 0
