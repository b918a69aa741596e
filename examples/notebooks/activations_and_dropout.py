# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Sigmoid, ReLU, dropout: what does each change do?
#
# We train a network with two hidden layers to recognise ten kinds of clothes. We change one thing at a time and ask two
# questions: what happens, and **is the difference more than chance?** Everything runs on `tinynet`, a neural-network
# library that is small enough to read.

# %%
import os

try:
    import matplotlib.pyplot as plt
    import numpy as np
    from scipy import stats

    import tinynet as tn
except ImportError as error:
    raise ImportError(f"{error}. In a clone of the repository, type: pip install -e '.[examples]'") from None

# %% [markdown]
# ## The data
#
# Fashion-MNIST has 60,000 training images and 10,000 test images of 28 × 28 pixels. They are read from the folder that
# the environment variable `TINYNET_DATA` names, or downloaded. With `TINYNET_QUICK=1`, this notebook uses less data and
# trains for fewer epochs and seeds.

# %%
QUICK = bool(os.environ.get("TINYNET_QUICK"))
EPOCHS, SEEDS, EXAMPLES = (2, 2, 5_000) if QUICK else (10, 3, 60_000)
device = "auto"  # a GPU if there is one that works, else the CPU

try:
    train, test = tn.data.fashion_mnist(os.environ.get("TINYNET_DATA"))
except tn.DataNotFoundError:
    train, test = tn.data.synthetic_fashion()
    print("Fashion-MNIST was not found. This run uses generated drawings instead, so its numbers mean little.")
train = train.subset(slice(0, EXAMPLES))
print(train, test, sep="\n")

# %% [markdown]
# ## 1. The same learning rate for all
#
# We compare three configurations. They differ only in what follows the two hidden `Dense` layers: the activation, and
# the fraction of units that dropout switches off during training.
#
# `Dropout(0.0)` does nothing. It is there so that every configuration has the same number of layers. Then the same seed
# gives every configuration **the same initial weights and the same order of the examples**, so that a difference
# between two runs with the same seed comes from the change that we made.


# %%
def build(activation, dropout, seed):
    return tn.Sequential(
        tn.Dense(784, 256),
        activation(),
        tn.Dropout(dropout),
        tn.Dense(256, 128),
        activation(),
        tn.Dropout(dropout),
        tn.Dense(128, 10),
        seed=seed,
    )


CONFIGURATIONS = {"sigmoid": (tn.Sigmoid, 0.0), "ReLU": (tn.ReLU, 0.0), "ReLU + dropout": (tn.ReLU, 0.2)}


def run(name, learning_rate, seed):
    model = build(*CONFIGURATIONS[name], seed)
    history = tn.fit(
        model,
        train,
        validation=test,
        optimizer=tn.SGD(learning_rate),
        epochs=EPOCHS,
        batch_size=1000,
        seed=seed,
        device=device,
        measure_train=True,
        progress=False,
    )
    return model, history


def test_accuracies(runs):
    return np.array([100 * history["validation_accuracy"][-1] for _, history in runs])


same_rate = {name: [run(name, 0.1, seed) for seed in range(SEEDS)] for name in CONFIGURATIONS}
for name, runs in same_rate.items():
    accuracies = test_accuracies(runs)
    print(f"{name:<15} {accuracies.mean():.2f}% ± {accuracies.std(ddof=1):.2f}   each seed: {accuracies.round(2)}")

# %% [markdown]
# The number after ± is the standard deviation over the seeds. In the figure, a line is the mean over the seeds, and the
# band goes from the lowest to the highest of them.

# %%
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
epochs = range(1, EPOCHS + 1)
for name, runs in same_rate.items():
    values = 100 * np.array([history["validation_accuracy"] for _, history in runs])
    (line,) = axes.plot(epochs, values.mean(axis=0), label=name)
    axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=line.get_color(), alpha=0.2)
axes.set(xlabel="epoch", ylabel="test accuracy (%)")
axes.legend()
plt.show()

# %% [markdown]
# ## 2. Is the difference more than chance?
#
# Two runs with the same seed form a pair, so we look at the difference *within each pair*. The paired t-test gives a
# p-value: if the two configurations were equally good, how often would chance alone give a mean difference at least as
# large as this one? We call a difference significant if p is below 0.05.
#
# With so few seeds, only large differences can be detected. "Not significant" does not mean that there is no
# difference.


# %%
def compare(results, first, second):
    a, b = test_accuracies(results[first]), test_accuracies(results[second])
    t_test = stats.ttest_rel(a, b)
    low, high = t_test.confidence_interval(0.95)
    verdict = "significant" if t_test.pvalue < 0.05 else "not significant"
    print(
        f"{first} - {second}: {(a - b).mean():+.2f} points (95% confidence interval {low:+.2f} to {high:+.2f}), "
        f"p = {t_test.pvalue:.3g}: {verdict} with {SEEDS} seeds"
    )


compare(same_rate, "ReLU", "sigmoid")
compare(same_rate, "ReLU + dropout", "ReLU")

# %% [markdown]
# ## 3. Why does sigmoid learn slowly?
#
# On its way back through a sigmoid, the gradient is multiplied by the slope of the sigmoid, $s(1 - s)$. It is at most
# 1/4, so the gradient shrinks at every activation. The slope of ReLU is 1 where its input is positive and 0 elsewhere.
# We measure the gradient norm of each layer's weights, and the mean slope of each activation, in networks that have not
# been trained yet.


# %%
def gradient_norms(model, data):
    x, labels = data.inputs(slice(0, 1000), model.dtype), data.labels[:1000]
    _, gradient = model.loss_and_gradient(x, labels, context=tn.Context())  # one vector, laid out like model.theta
    grads = model.views(gradient)  # the parts of that vector: grads[layer position][parameter name]
    return [float(np.linalg.norm(grads[position]["weight"])) for position in (0, 3, 6)]


def mean_slopes(model, data):
    x, slopes = data.inputs(slice(0, 1000), model.dtype), []
    for layer in model.layers:
        x = layer(x)
        if isinstance(layer, tn.Sigmoid):
            slopes.append(float((x * (1 - x)).mean()))
        if isinstance(layer, tn.ReLU):
            slopes.append(float((x > 0).mean()))
    return slopes


for name in ("sigmoid", "ReLU"):
    fresh = build(*CONFIGURATIONS[name], seed=0)
    norms, slopes = np.round(gradient_norms(fresh, train), 3), np.round(mean_slopes(fresh, train), 2)
    print(f"{name:<8} gradient norm of Dense layers 1, 2, 3: {norms}   mean slope of activations 1, 2: {slopes}")

# %% [markdown]
# ## 4. Was the comparison fair?
#
# Sigmoid has smaller gradients, so it may need a larger learning rate. We now choose the learning rate of each
# configuration separately. For this we set aside a tenth of the training set as a validation set, and take the learning
# rate with the highest validation accuracy. The test set plays no part in this choice. `None` means that the loss
# became infinite or NaN. About 10% is what guessing gives.

# %%
rest, held_out = train.split(0.1)
LEARNING_RATES = (0.1, 1.0) if QUICK else (0.1, 0.3, 1.0, 3.0)


def validation_accuracy(name, learning_rate):
    model = build(*CONFIGURATIONS[name], seed=0)
    try:
        optimizer = tn.SGD(learning_rate)
        tn.fit(model, rest, optimizer=optimizer, epochs=EPOCHS, batch_size=1000, device=device, progress=False)
        return round(100 * tn.evaluate(model, held_out, device=device).accuracy, 2)
    except tn.DivergenceError:
        return None


best = {}
for name in CONFIGURATIONS:
    grid = {learning_rate: validation_accuracy(name, learning_rate) for learning_rate in LEARNING_RATES}
    best[name] = max(LEARNING_RATES, key=lambda learning_rate: grid[learning_rate] or 0)
    print(f"{name:<15} validation accuracy (%) by learning rate: {grid}   best: {best[name]}")

# %% [markdown]
# Now each configuration is trained again, on the whole training set, with its own learning rate.

# %%
tuned = {name: [run(name, best[name], seed) for seed in range(SEEDS)] for name in CONFIGURATIONS}
for name, runs in tuned.items():
    accuracies = test_accuracies(runs)
    print(f"{name:<15} learning rate {best[name]:<4} {accuracies.mean():.2f}% ± {accuracies.std(ddof=1):.2f}")
compare(tuned, "ReLU", "sigmoid")
compare(tuned, "ReLU + dropout", "ReLU")

# %% [markdown]
# ## 5. What does dropout do?
#
# Dropout makes it harder for the network to memorise the training set. We look at the generalization gap: training
# accuracy minus test accuracy, both measured with dropout *off*. Where this gap is small, there is little for dropout
# to improve.

# %%
for name, runs in tuned.items():
    gaps = [100 * (history["train_accuracy"][-1] - history["validation_accuracy"][-1]) for _, history in runs]
    print(f"{name:<15} generalization gap: {np.mean(gaps):+.2f} points")

# %% [markdown]
# ## 6. What do the units of the first layer look for?
#
# The weights into a hidden unit of the first layer can be drawn as an image of 28 × 28 pixels. A bright input pixel
# raises the value of the unit where the weight is red, and lowers it where the weight is blue. Here are the eight units
# with the largest weights.

# %%
figure, panels = plt.subplots(2, 8, figsize=(7, 2.1), layout="constrained")
for row, name in zip(panels, ("sigmoid", "ReLU")):
    model, _ = tuned[name][0]
    weight = tn.backend.arrays.to_numpy(model.parameters["0.weight"])
    largest = np.argsort(-np.linalg.norm(weight, axis=0))[:8]
    for axes, unit in zip(row, largest):
        image = weight[:, unit].reshape(28, 28)
        axes.imshow(image, cmap="RdBu_r", vmin=-abs(image).max(), vmax=abs(image).max())
        axes.axis("off")
    row[0].set_title(name, loc="left", fontsize=9)
plt.show()

# %% [markdown]
# ## Try it yourself
#
# - Add `"tanh": (tn.Tanh, 0.0)` to `CONFIGURATIONS` and run all cells again. Does it learn as slowly as sigmoid? Why?
# - The best learning rate of sigmoid is the largest that we tried. Add larger ones to `LEARNING_RATES`.
# - Train for five times as many epochs. Does dropout help now?
# - Train ReLU with Adam: `optimizer=tn.Adam(0.003)`. At which learning rates does Adam diverge?
#
# `python examples/fashion_mnist.py` answers more of these questions, with five seeds, and writes a report.
