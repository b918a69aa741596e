"""The commands `data list` and `data report`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tinynet.data.catalog import CATALOG, SYNTHETIC
from tinynet.data.report import data_report
from tinynet.data.sources import SOURCES, load
from tinynet.errors import DataError


def add_to(commands: Any) -> None:
    """Add `data list` and `data report NAME` to the parser's commands."""
    parser = commands.add_parser("data", help="list the data sets, or report what is in one")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="the names that can be loaded").set_defaults(run=run_list)
    report = actions.add_parser("report", help="what is in a data set")
    report.add_argument("name", help=f"of: {', '.join([*CATALOG, SYNTHETIC])}")
    report.add_argument("--data", type=Path, help="folder with its files (or $TINYNET_DATA)")
    report.add_argument("--source", choices=SOURCES, default="auto")
    report.add_argument("--offline", action="store_true", help="open no connection")
    report.add_argument("--drop-duplicates", action="store_true", help="report what is left without repeated pictures")
    report.add_argument("--picture", type=Path, help="also draw ten of each class into this file (PNG, SVG, PDF)")
    report.set_defaults(run=run_report)


def run_list(options: argparse.Namespace) -> int:
    """Print the name, size and licence of each data set."""
    for entry in CATALOG.values():
        shape = " x ".join(map(str, entry.image_shape))
        print(f"{entry.name:<18} {sum(entry.sizes):>8,} pictures of {shape:<12} {entry.licence}")
    print(f"{SYNTHETIC:<18}   70,000 pictures of 28 x 28      drawn by tinynet")
    return 0


def run_report(options: argparse.Namespace) -> int:
    """Print the report; 2 if the data cannot be had."""
    try:
        settings = {"data": options.data, "source": options.source, "offline": options.offline}
        train, test = load(options.name, **settings, drop_duplicates=options.drop_duplicates)
    except (DataError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(data_report(train, test))
    if options.picture:
        from tinynet.plots import class_pictures

        class_pictures(train, options.picture)
        print(f"wrote {options.picture}")
    return 0
