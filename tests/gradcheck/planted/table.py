"""All tables: planted bugs by group, and correct code."""

import copy

import numpy as np

import tinynet as tn
from tests.gradcheck.planted import models_and_losses, optimizers
from tests.gradcheck.planted.conduct import CONDUCT
from tests.gradcheck.planted.correct import DIFFICULT, shaped
from tests.gradcheck.planted.difficult import embedding
from tests.gradcheck.planted.gradients import GRADIENTS
from tests.gradcheck.planted.kit import Correct, random
from tests.support.cases import LAYERS as PUBLIC
from tests.support.cases import LOSSES as PUBLIC_LOSSES
from tests.support.cases import OPTIMIZERS as PUBLIC_OPTIMIZERS
from tinynet.gradcheck import check_loss, check_model, check_optimizer

GROUPS = {
    "gradients of layers": GRADIENTS,
    "layers in training": CONDUCT,
    "models and statistics": models_and_losses.MODELS,
    "losses": models_and_losses.LOSSES,
    "optimizers": optimizers.OPTIMIZERS,
}


def deep(*layers, x=(8, 4), loss=None, targets=None):
    targets = np.arange(x[0]) % 3 if targets is None else targets
    return lambda: check_model(tn.Sequential(*copy.deepcopy(layers)), random(*x), targets, loss)


def twice():
    shared = tn.Dense(4, 4)
    return tn.Sequential(shared, tn.Tanh(), shared, tn.Dense(4, 3))


def norm_twice():
    shared = tn.BatchNorm(4, momentum=0.1)
    return tn.Sequential(shared, tn.Dense(4, 4), shared, tn.Dense(4, 3))


def deep_norms():
    return tn.Sequential(
        *(part for _ in range(5) for part in (tn.Dense(4, 4), tn.BatchNorm(4), tn.Tanh())), tn.Dense(4, 3)
    )


MODELS = [
    Correct("batch norm at two positions", lambda: check_model(norm_twice(), random(8, 4), np.arange(8) % 3)),
    Correct("five batch norms", lambda: check_model(deep_norms(), random(8, 4), np.arange(8) % 3)),
    Correct(
        "a deep model of ReLU", deep(*(part for _ in range(4) for part in (tn.Dense(4, 4), tn.ReLU())), tn.Dense(4, 3))
    ),
    Correct(
        "batch norm and dropout", deep(tn.Dense(4, 5), tn.BatchNorm(5), tn.ReLU(), tn.Dropout(0.3), tn.Dense(5, 3))
    ),
    Correct("a layer at two positions", lambda: check_model(twice(), random(8, 4), np.arange(8) % 3)),
    Correct("a residual block first", deep(tn.Residual(tn.BatchNorm(4), tn.Dense(4, 3), shortcut=tn.Dense(4, 3)))),
    Correct(
        "an embedding first",
        lambda: check_model(tn.Sequential(embedding(None), tn.Dense(3, 3)), np.array([0, 1, 5]), np.arange(3)),
    ),
    Correct(
        "a convolution net",
        deep(
            tn.Conv2D(1, 3), tn.BatchNorm(3), tn.ReLU(), tn.MaxPool2D(2), tn.Flatten(), tn.Dense(12, 3), x=(6, 6, 6, 1)
        ),
    ),
    Correct("a regression of 1e4", deep(tn.Dense(4, 2), loss=tn.MeanSquaredError(), targets=random(8, 2, offset=1e4))),
]
LOSSES = [
    Correct("class weights", lambda: check_loss(tn.SoftmaxCrossEntropy(0.1, [1, 2, 0.5, 9, 1]))),
    Correct("class weights of 0", lambda: check_loss(tn.SoftmaxCrossEntropy(0.0, [1, 0, 0, 0, 1]))),
    Correct("logits of 1e4", lambda: check_loss(tn.SoftmaxCrossEntropy(), outputs=random(6, 5, scale=1e4))),
    Correct(
        "logits of 30 in a binary loss", lambda: check_loss(tn.BinaryCrossEntropy(), outputs=random(6, 5, scale=30))
    ),
    Correct("targets of 1e8", lambda: check_loss(tn.MeanSquaredError(), targets=random(6, 5, scale=1e8))),
    Correct("one row", lambda: check_loss(tn.SoftmaxCrossEntropy(), (1, 5))),
    Correct("large, thorough=True", lambda: check_loss(tn.MeanSquaredError(), (50, 20), thorough=True)),
]
OPTIMIZERS = [
    Correct("a schedule in Adam", lambda: check_optimizer(tn.Adam(tn.schedules.cosine(0.1, 20)))),
    Correct(
        "a warm-up", lambda: check_optimizer(tn.SGD(tn.schedules.warm_up(tn.schedules.constant(0.1), 5), momentum=0.9))
    ),
    Correct("clipped, with weight decay", lambda: check_optimizer(tn.Clipped(tn.SGD(0.1, weight_decay=0.01)))),
    Correct(
        "averaged and clipped", lambda: check_optimizer(tn.Averaged(tn.Clipped(tn.AdamW(0.1, weight_decay=0.1)), 0.9))
    ),
]

CORRECT = [
    *DIFFICULT,
    *MODELS,
    *LOSSES,
    *OPTIMIZERS,
    *(
        Correct(
            f"{name} {number}, {'training' if training else 'inference'}", shaped(make(), *shape, training=training)
        )
        for name, cases in PUBLIC.items()
        for number, (make, shape) in enumerate(cases)
        for training in (True, False)
    ),
    *(Correct(name, lambda make=make: check_loss(make())) for name, make in PUBLIC_LOSSES.items()),
    *(
        Correct(repr(optimizer), lambda optimizer=optimizer: check_optimizer(optimizer))
        for optimizers in PUBLIC_OPTIMIZERS.values()
        for optimizer in optimizers
    ),
]
