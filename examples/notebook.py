"""Writes fashion_mnist.ipynb: the study told as a lesson. The cells are here, their outputs come from a real run.

    python examples/notebook.py --data ../shared/data    # executes the cells, and writes the notebook with outputs
    python examples/notebook.py --quick --check          # executes the committed one in its quick form, keeps nothing

Needs nbformat, nbclient and ipykernel (extra `test`).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("fashion_mnist.ipynb")
LARGEST = 500_000  # bytes

CELLS = [
    """# Sigmoid, ReLU, dropout: what does each change do?

A network of two hidden layers learns to tell ten kinds of clothes apart. We change one thing at a time and ask two
questions: what happens, and **is it more than chance?** Everything runs on `tinynet`, a library small enough to read.
The full study, with nine arms, five seeds and a grid of rates, is `examples/fashion_mnist.py`.""",
    """# On Colab, or wherever tinynet is not installed yet. A GPU is used if there is one (then add gpu-cuda12).
try:
    import tinynet as tn
except ImportError:
    %pip install -q "tinynet[examples]"
    import tinynet as tn
""",
    """import os
import numpy as np
import matplotlib.pyplot as plt
from scipy import stats

QUICK = bool(os.environ.get("TINYNET_QUICK"))          # what continuous integration sets
EPOCHS, SEEDS, EXAMPLES = (2, 2, 5_000) if QUICK else (10, 3, 60_000)
device = "auto"                                        # a GPU if one works, else the CPU

try:
    train, test = tn.data.fashion_mnist(os.environ.get("TINYNET_DATA"))
except tn.DataNotFoundError:
    train, test = tn.data.synthetic_fashion()
    print("Fashion-MNIST cannot be had here: these are drawings, and so are their figures.")
train = train.subset(slice(0, EXAMPLES))
print(train, test, sep="\\n")""",
    """## 1. One learning rate for all

Each arm is what follows the two hidden `Dense` layers. `Dropout(0.0)` does nothing, but it keeps the layers at the same
places, so that the same seed gives every arm **the same initial weights and the same shuffles**. Then a difference
between two arms with the same seed is due to the change, and not to luck in the weights.""",
    """def build(activation, dropout, seed):
    return tn.Sequential(
        tn.Dense(784, 256), activation(), tn.Dropout(dropout),
        tn.Dense(256, 128), activation(), tn.Dropout(dropout),
        tn.Dense(128, 10), seed=seed,
    )

ARMS = {"sigmoid": (tn.Sigmoid, 0.0), "ReLU": (tn.ReLU, 0.0), "ReLU + dropout": (tn.ReLU, 0.2)}

def run(arm, rate, seed, callbacks=()):
    model = build(*ARMS[arm], seed)
    history = tn.fit(model, train, validation=test, optimizer=tn.SGD(rate), epochs=EPOCHS, batch_size=1000, seed=seed,
                     device=device, measure_train=True, callbacks=callbacks, progress=False)
    return model, history

given = {arm: [run(arm, 0.1, seed) for seed in range(SEEDS)] for arm in ARMS}
for arm, runs in given.items():
    accuracy = [100 * history["validation_accuracy"][-1] for _, history in runs]
    print(f"{arm:<15} {np.mean(accuracy):.2f}% ± {np.std(accuracy, ddof=1):.2f}   each seed: {np.round(accuracy, 2)}")""",  # noqa: E501
    """figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
for arm, runs in given.items():
    values = 100 * np.array([history["validation_accuracy"] for _, history in runs])
    epochs = range(1, EPOCHS + 1)
    line, = axes.plot(epochs, values.mean(axis=0), label=arm)
    axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=line.get_color(), alpha=0.2)
axes.set(xlabel="epoch", ylabel="test accuracy (%)"); axes.legend(); plt.show()""",
    """## 2. Is it more than chance?

The seeds are pairs, so we look at the difference *within each pair*. Student's t-test asks: were there no difference,
how often would chance alone give one as large as this? With a few seeds only large differences can be seen, and "not
seen" is not "not there".""",
    """def compare(runs, first, second):
    a, b = ([history["validation_accuracy"][-1] for _, history in runs[arm]] for arm in (first, second))
    test_ = stats.ttest_rel(a, b)
    low, high = test_.confidence_interval(0.95)
    words = "a difference" if test_.pvalue < 0.05 else "no difference seen"
    print(f"{first} - {second}: {100 * np.subtract(a, b).mean():+.2f} points "
          f"(95% {100 * low:+.2f} to {100 * high:+.2f}), p = {test_.pvalue:.3g}: {words} at {len(a)} seeds")

compare(given, "ReLU", "sigmoid")
compare(given, "ReLU + dropout", "ReLU")""",
    """## 3. Why is sigmoid slow?

Going back through a sigmoid, the gradient is multiplied by its slope $s(1 - s)$, which is at most 1/4, in every layer.
ReLU's slope is 1 where the unit is on. Let us look at the gradient that reaches each layer of a fresh network.""",
    """from tinynet.layers import Context

def gradient_lengths(model, data):
    x, labels = data.inputs(slice(0, 1000), model.dtype), data.labels[:1000]
    _, gradient = model.loss_and_gradient(x, labels, context=Context())          # one vector, laid out like model.theta
    grads = model.views(gradient)                                        # named views into it, layer by layer
    return [float(np.linalg.norm(grads[place]["weight"])) for place in (0, 3, 6)]

def slopes(model, data):
    x, found = data.inputs(slice(0, 1000), model.dtype), []
    for layer in model.layers:
        x = layer(x)
        if isinstance(layer, tn.Sigmoid): found.append(float((x * (1 - x)).mean()))
        if isinstance(layer, tn.ReLU): found.append(float((x > 0).mean()))
    return found

for arm in ("sigmoid", "ReLU"):
    fresh = build(*ARMS[arm], seed=0)
    print(f"{arm:<8} gradient of layer 1, 2, 3: {np.round(gradient_lengths(fresh, train), 3)}"
          f"   slope of each activation: {np.round(slopes(fresh, train), 2)}")""",
    """## 4. Was the comparison fair?

A sigmoid needs longer steps. So each arm gets the rate that does best on **a tenth of the training set that it does
not train on**; the test set has no say. Where does each arm die?""",
    """rest, held_out = train.split(0.1)
RATES = (0.1, 0.3, 1.0, 3.0) if not QUICK else (0.1, 1.0)

def try_rate(arm, rate):
    model = build(*ARMS[arm], seed=0)
    try:
        tn.fit(model, rest, optimizer=tn.SGD(rate), epochs=EPOCHS, batch_size=1000, device=device, progress=False)
        return tn.evaluate(model, held_out, device=device).accuracy
    except tn.DivergenceError:
        return None

grid = {arm: {rate: try_rate(arm, rate) for rate in RATES} for arm in ARMS}
best = {arm: max(RATES, key=lambda rate: grid[arm][rate] or 0) for arm in ARMS}
for arm in ARMS:
    shown = {rate: accuracy and round(100 * accuracy, 1) for rate, accuracy in grid[arm].items()}
    print(f"{arm:<15}", shown, "best:", best[arm])""",
    """tuned = {arm: [run(arm, best[arm], seed) for seed in range(SEEDS)] for arm in ARMS}
for arm, runs in tuned.items():
    accuracy = [100 * history["validation_accuracy"][-1] for _, history in runs]
    print(f"{arm:<15} rate {best[arm]:<4} {np.mean(accuracy):.2f}% ± {np.std(accuracy, ddof=1):.2f}")
compare(tuned, "ReLU", "sigmoid")
compare(tuned, "ReLU + dropout", "ReLU")""",
    """## 5. What does dropout do?

It makes it hard to learn the training set by heart. So look at the gap between training and test accuracy, both
measured with dropout *off*. Where there is no gap yet, there is nothing for dropout to close.""",
    """for arm, runs in tuned.items():
    gap = [100 * (h["train_accuracy"][-1] - h["validation_accuracy"][-1]) for _, h in runs]
    print(f"{arm:<15} training less test accuracy: {np.mean(gap):+.2f} points")""",
    """## 6. What do the first units look for?

The weights into a hidden unit are a picture of 28 by 28: red where ink raises it, blue where ink lowers it.""",
    """figure, panels = plt.subplots(2, 8, figsize=(7, 2.1), layout="constrained")
for row, arm in zip(panels, ("sigmoid", "ReLU")):
    weight = tn.arrays.to_numpy(tuned[arm][0][0].parameters["0.weight"])
    largest = np.argsort(-np.linalg.norm(weight, axis=0))[:8]
    for axes, unit in zip(row, largest):
        picture = weight[:, unit].reshape(28, 28)
        axes.imshow(picture, cmap="RdBu_r", vmin=-abs(picture).max(), vmax=abs(picture).max()); axes.axis("off")
    row[0].set_title(arm, loc="left", fontsize=9)
plt.show()""",
    """## Try it

- Add `"tanh": (tn.Tanh, 0.0)` to `ARMS` and run all cells again. Is it slow, like sigmoid? Why not?
- Train five times as long. Does dropout pay now?
- Give Adam to ReLU: `optimizer=tn.Adam(0.003)`. Which rates does *it* survive?

`python examples/fashion_mnist.py` asks all of this at five seeds, and writes a report.""",
]


def build() -> Any:
    """The notebook without outputs."""
    import nbformat

    make = nbformat.v4
    cells = []
    for number, source in enumerate(CELLS):
        is_text = source.startswith("#") and not source.startswith("# On Colab")
        cell = make.new_markdown_cell(source) if is_text else make.new_code_cell(source)
        cell["id"] = f"cell-{number}"  # or it would be another every time
        cells.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return make.new_notebook(cells=cells, metadata={"kernelspec": kernel, "accelerator": "GPU"})


def execute(notebook: Any, folder: Path) -> Any:
    """Run all cells; an error in one of them is an error here."""
    from nbclient import NotebookClient

    NotebookClient(
        notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when each began and ended
    return notebook


def main(arguments: list[str] | None = None) -> int:
    """Execute, and write unless told only to check."""
    import nbformat

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the four files of Fashion-MNIST (or $TINYNET_DATA)")
    parser.add_argument("--quick", action="store_true", help="few examples, epochs and seeds")
    parser.add_argument("--check", action="store_true", help="execute the notebook that is there, and keep nothing")
    options = parser.parse_args(arguments)
    if options.data:
        os.environ["TINYNET_DATA"] = str(options.data.resolve())
    if options.quick:
        os.environ["TINYNET_QUICK"] = "1"
    notebook = nbformat.read(TARGET, as_version=4) if options.check else build()
    notebook = execute(notebook, TARGET.parent)
    if options.check:
        print(f"{TARGET.name}: {sum(cell.cell_type == 'code' for cell in notebook.cells)} cells ran")
        return 0
    text = nbformat.writes(notebook)
    nbformat.validate(notebook)
    if len(text.encode()) > LARGEST:
        raise ValueError(f"{TARGET.name}: expected at most {LARGEST:,} bytes, got {len(text.encode()):,}; draw less")
    TARGET.write_text(text + "\n", encoding="utf-8")
    print(f"wrote {TARGET.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
