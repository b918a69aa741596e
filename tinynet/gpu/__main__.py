"""Do two devices train alike?

python -m tinynet.gpu compare                                  # the CPU and the GPU, float32, 100 steps
python -m tinynet.gpu compare --dtype float64 --captured
python -m tinynet.gpu compare --devices cpu cpu                # tries the program itself
"""

from __future__ import annotations

import argparse
import os
import sys

from tinynet.errors import DeviceError
from tinynet.gpu.compare import LIMITS, Settings, compare, pixels


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0, 1 if they part by more than rounding, 2 if a device cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m tinynet.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("compare", help="train on both from one seed, and print how far they part")
    command.add_argument("--devices", nargs=2, default=("cpu", "gpu"), metavar="DEVICE")
    command.add_argument("--dtype", choices=LIMITS, default="float32")
    command.add_argument("--steps", type=int, default=100)
    command.add_argument("--batch-size", type=int, default=1000)
    command.add_argument("--captured", action="store_true", help="replay CUDA graphs, where the device has any")
    command.add_argument("--data", help="folder with Fashion-MNIST; without it, patterns made here")
    options = parser.parse_args(arguments)
    settings = Settings(
        steps=options.steps, batch_size=options.batch_size, dtype=options.dtype, captured=options.captured
    )
    if options.data:
        from tinynet.data import fashion_mnist

        data = fashion_mnist(os.fspath(options.data))[0]
    else:
        data = pixels(settings)
    try:
        first, second = options.devices
        differences = compare(first, second, data, settings)
    except DeviceError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{' and '.join(options.devices)}, {settings.dtype}, batch {settings.batch_size}: relative differences")
    print(f"{'step':>6} {'loss':>10} {'theta':>10}")
    for step, (loss, theta) in enumerate(differences, 1):
        if step in (1, 2, 5) or step % 10 == 0 or step == len(differences):
            print(f"{step:>6} {loss:>10.2e} {theta:>10.2e}")
    largest, limit = max(max(pair) for pair in differences), LIMITS[settings.dtype]
    print(f"largest {largest:.2e}, limit {limit:.0e}: {'ok' if largest <= limit else 'TOO FAR'}")
    return int(not largest <= limit)


if __name__ == "__main__":
    sys.exit(main())
