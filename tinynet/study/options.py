"""Shared by the programs in examples/: options, opening the device and the data, exit statuses."""

from __future__ import annotations

import argparse
import functools
import math
import sys
from collections.abc import Callable
from pathlib import Path

import tinynet as tn
from tinynet.backend.arrays import Device, find_device
from tinynet.backend.terminal import end_output, say
from tinynet.study.report import PACKAGES, check_packages

Main = Callable[..., int]
Data = tuple[tn.data.Dataset, tn.data.Dataset]


class CannotStart(Exception):
    """The device or the data cannot be used; the message says why and what to do."""


def program(main: Main) -> Main:
    """Wrap `main`: exit status 2 and one line if it cannot start, 130 and one line at Ctrl-C."""

    @functools.wraps(main)
    def guarded(arguments: list[str] | None = None) -> int:
        try:
            return main(arguments)
        except CannotStart as error:
            say(f"error: {error}", "stderr")
            return 2
        except KeyboardInterrupt as stop:
            say(f"\nstopped: {stop or 'nothing was saved'}", "stderr")
            return 130
        finally:
            end_output()

    return guarded


def open_for_a_report(options: argparse.Namespace, name: str | None) -> tuple[Device, tn.data.Dataset, tn.data.Dataset]:
    """Like `open_device_and_data`. CannotStart also if a package is missing that the report needs after training."""
    try:
        check_packages(*PACKAGES)
    except ImportError as error:
        raise CannotStart(str(error)) from error
    return open_device_and_data(options, name)


def open_device_and_data(
    options: argparse.Namespace, name: str | None = None
) -> tuple[Device, tn.data.Dataset, tn.data.Dataset]:
    """(device, train, test) that the options name. CannotStart if one cannot be used."""
    try:
        return find_device(options.device), *open_data(name, options.data, options.source, options.offline)
    except (tn.DeviceError, tn.DataError, ValueError, ImportError) as error:
        raise CannotStart(str(error)) from error


def open_data(name: str | None, folder: Path | None, source: str = "auto", offline: bool = False) -> Data:
    """(train, test) of the data set `name`; if none is named, Fashion-MNIST or the synthetic set."""
    try:
        return tn.data.load(name or "fashion_mnist", source, folder, offline)
    except tn.DataNotFoundError as error:
        if name is not None or folder is not None or source != "auto":
            raise
        say(f"Fashion-MNIST was not found:\n  {error}\nUsing the synthetic set instead.\n", "stderr")
        return tn.data.synthetic_fashion()


def new_parser(description: str | None, files: str, out: str) -> argparse.ArgumentParser:
    """A parser with the options of every example: device, data and folder for the results."""
    parser = argparse.ArgumentParser(
        prog=None if sys.argv else "tinynet",  # argparse would look into sys.argv[0]
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, gpu or gpu:N (auto: a GPU if one works)")
    parser.add_argument("--data", type=Path, help=f"folder with {files} (or $TINYNET_DATA)")
    parser.add_argument(
        "--source", choices=tn.data.sources.SOURCES, default="auto", help="where to look for the data (auto)"
    )
    parser.add_argument("--offline", action="store_true", help="do not use the network")
    parser.add_argument("--out", type=Path, default=Path(out), help="folder for the results")
    return parser


def count(text: str) -> int:
    """A whole number from 1, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text}")
    return value


def whole(text: str) -> int:
    """A whole number from 0, for argparse."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, got {text}")
    return value


def positive(text: str) -> float:
    """A finite number above 0, for argparse."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def fraction(text: str) -> float:
    """A number from 0 to below 1, for argparse."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a rate from 0 to below 1, got {text}")
    return value
