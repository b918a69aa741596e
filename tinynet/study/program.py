"""The command line of a study."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from tinynet.backend.terminal import say
from tinynet.data.catalog import CATALOG, SYNTHETIC
from tinynet.errors import unknown_name
from tinynet.study.options import count, new_parser, open_for_a_report, positive
from tinynet.study.study import Result, Study
from tinynet.study.summary import PARTS
from tinynet.study.verify import Make, verify

DATA_SETS = (*CATALOG, SYNTHETIC)
QUICK_SEEDS, QUICK_EPOCHS, QUICK_RATES, QUICK_EXAMPLES = 2, 3, 3, 10_000


def study_parser(description: str | None, files: str, out: str, names: Collection[str]) -> argparse.ArgumentParser:
    """A parser with the options of every study of configurations with these names."""
    parser = new_parser(description, files, out)
    parser.add_argument("--dataset", metavar="NAME", help=f"the data set, of: {', '.join(DATA_SETS)}")
    parser.add_argument("--quick", action="store_true", help="a first look: 3 configurations, 2 seeds, 3 epochs, "
                        "3 learning rates, 10,000 images")  # fmt: skip
    text = "given: one learning rate for all; best: the best one for each; long: five times as many epochs (all)"
    parser.add_argument("--tables", nargs="+", choices=PARTS, default=list(PARTS), help=text)
    parser.add_argument(
        "--as-given", dest="tables", action="store_const", const=["given"], help="the same as --tables given"
    )
    parser.add_argument(
        "--arms", nargs="+", metavar="NAME", help=f"configurations to compare, of: {', '.join(names)} (all)"
    )
    parser.add_argument("--epochs", type=count, help="number of epochs (10); the long runs have five times as many")
    parser.add_argument("--batch-size", type=count, default=1000, help="examples in a batch (1000)")
    parser.add_argument("--lr", type=positive, default=0.1, help="learning rate of the first table (0.1)")
    parser.add_argument("--seeds", type=count, metavar="N", help="train each configuration with seeds 0 to N-1 (5)")
    parser.add_argument("--jobs", type=count, metavar="N", help="number of runs side by side (one for each core)")
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FOLDER", help="keep finished runs in this folder (OUT/runs)"
    )
    parser.add_argument("--fresh", action="store_true", help="delete the finished runs, and start again")
    parser.add_argument("--verify", type=Path, metavar="FILE", help="run the runs of a results.json again, and compare")
    parser.add_argument("--sample", type=count, metavar="N", help="with --verify: only N of the runs, evenly spread")
    return parser


def study_options(
    parser: argparse.ArgumentParser, arguments: list[str] | None, names: Collection[str], quick: Sequence[str]
) -> argparse.Namespace:
    """The command line, checked; `quick` names the configurations of --quick."""
    options = parser.parse_args(arguments)
    options.arms = options.arms or list(quick if options.quick else names)
    options.seeds = options.seeds or (QUICK_SEEDS if options.quick else 5)
    options.epochs = options.epochs or (QUICK_EPOCHS if options.quick else 10)
    for name in options.arms:
        if name not in names:
            parser.error(unknown_name("configuration", name, names))
    options.jobs = options.jobs or os.cpu_count() or 1
    return options


def study_of(options: argparse.Namespace, make: Make, parameters: Sequence[str]) -> Study:
    """The study that the options ask for, of the configurations make(**parameters, inputs=..., classes=...)."""
    device, train, test = open_for_a_report(options, options.dataset)
    train = train.subset(slice(0, QUICK_EXAMPLES)) if options.quick else train
    shape = {"inputs": train.images.shape[1], "classes": len(train.class_names)}
    made = make(**{name: getattr(options, name) for name in parameters}, **shape)
    chosen = {name: made[name] for name in options.arms}
    for name, each in chosen.items():
        baseline = each.baseline if each.baseline in chosen else ""
        chosen[name] = replace(each, baseline=baseline)
        if options.quick:
            chosen[name] = replace(chosen[name], learning_rates=each.learning_rates[:QUICK_RATES], long=False)
    return Study(
        chosen,
        (train, test),
        seeds=options.seeds,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.lr,
        parts=options.tables,
        device=device,
        workers=options.jobs,
        settings=vars(options),
    )


def run_study(options: argparse.Namespace, make: Make, parameters: Sequence[str]) -> int:
    """Run the study and write its report, or verify another; returns the exit status.

    It is 1 if a run outside the grid diverged or if a number differs from the verified file, else 0.
    """
    if options.verify:
        return verify(options, make, parameters, QUICK_EXAMPLES)
    return publish(study_of(options, make, parameters).run(options.out, runs=options.checkpoint, fresh=options.fresh))


def publish(result: Result) -> int:
    """Write the report, then print the table; returns the exit status, 1 if a run outside the grid diverged.

    The table is printed even if the report cannot be written: it took the training.
    """
    written: Sequence[Path] = ()
    try:
        written = result.write_report()
    finally:
        result.show()
    for path in written:
        say(f"wrote {path}")
    return 1 if result.diverged else 0
