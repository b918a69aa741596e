"""Run the examples as a user runs them."""

import os

from tests.support.child import ROOT, python

# what a program with recipes writes
FILES = [
    "comparison.png", "confusion_matrix.png", "learning_curves.png", "predictions.png",
    "report.html", "results.csv", "results.json", "results.md", "runs",
]  # fmt: skip
SMALL_DRAWINGS = os.pathsep.join([str(ROOT / "tests/support/small_drawings"), str(ROOT)])  # a PYTHONPATH


def run(name, *arguments, folder):
    around = {"TINYNET_DATA": None, "TINYNET_CACHE": str(folder / "cache"), "PYTHONPATH": SMALL_DRAWINGS}
    return python("-W", "error", ROOT / "examples" / name, "--offline", *arguments, folder=folder, **around)
