"""The remedies of training, the networks of the zoo, the gradient check and the optimizers."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np

import tinynet as tn
from tests.support import strict
from tests.support.models import small_model
from tests.support.remedies.layers import Held
from tests.support.remedies.row import LABELS, PICTURES, TRAIN, Row, X, same, trains
from tinynet.backend.matmul import check_precision

HOLED = np.where(np.arange(20).reshape(5, 4) == 7, np.nan, X[:5, :4])


def moved(again: bool) -> bool:
    model = small_model()
    trainer = tn.Trainer(model)
    model.to(strict.device)
    trainer = tn.Trainer(model) if again else trainer
    return bool(np.isfinite(trainer.step(X, LABELS).loss))


def masked() -> bool:
    model = small_model()
    return trains(model, optimizer=tn.AdamW(mask=model.mask()))


class OfFiveOutputs(tn.MeanSquaredError):
    """It fails with NumPy's error where there are fewer outputs."""

    def forward(self, outputs: Any, targets: Any) -> Any:
        outputs[:, 4]
        return super().forward(outputs, targets)


class Watch(tn.Callback):
    """It is called after each batch, so no step can be recorded."""

    def batch_ends(self, examples: int, numbers: dict[str, float]) -> None:
        pass


def watched(**arguments: Any) -> bool:
    """Train on a device that can record steps, under the eyes of a callback."""
    with mock.patch.object(strict.StrictDevice, "records", True):
        return trains(device=strict.device, callbacks=[Watch()], **arguments)


def lr_range(**arguments: Any) -> bool:
    return len(tn.find_learning_rate(small_model(), TRAIN, **arguments).rates) > 0


TRAINING = [
    Row("data/batches.py", "try batch_size=128", lambda at: trains(batch_size=0), lambda at: trains(batch_size=128)),
    Row("training/trainer.py", "try epochs=10", lambda at: trains(epochs=0), lambda at: trains(epochs=10)),
    Row("backend/random.py", "try seed=0", lambda at: trains(seed=-1), lambda at: trains(seed=0)),
    Row("errors.py", "write 3", lambda at: trains(epochs="3"), lambda at: trains(epochs=3)),
    Row("errors.py", "write 0.1", lambda at: tn.SGD("0.1"), lambda at: trains(optimizer=tn.SGD(0.1))),
    Row("backend/threads.py", "leave it out for a good number", lambda at: trains(threads=0), lambda at: trains()),
    Row("backend/threads.py", "leave it out: a GPU shares its work by itself",
        lambda at: trains(small_model().to(strict.device), device=strict.device, threads=2),
        lambda at: trains(small_model(), device=strict.device)),
    Row("backend/threads.py",
        "leave it out; a layer or loss of your own may set splittable = True if it treats each row by itself",
        lambda at: trains(tn.Sequential(Held(1), tn.Dense(20, 4)), threads=2),
        lambda at: trains(tn.Sequential(Held(1), tn.Dense(20, 4)))
        and trains(tn.Sequential(type("Own", (Held,), {"splittable": True})(1), tn.Dense(20, 4)), threads=2)),
    Row("backend/matmul.py", "try 'float32'",
        lambda at: check_precision("double"), lambda at: trains(precision="float32")),
    Row("backend/arrays.py", "use 'cpu' if in doubt", lambda at: trains(device="cuda"),
        lambda at: trains(device="cpu")),
    Row("backend/arrays.py", "convert it with x.filled(0)",
        lambda at: tn.ReLU()(np.ma.masked_array([1.0, -1.0], [True, False])),
        lambda at: same(tn.ReLU()(np.ma.masked_array([1.0, -1.0], [True, False]).filled(0)), [0, 0])),
    Row("backend/arrays.py", "convert it with numpy.asarray(...)",
        lambda at: tn.ReLU()([1.0, -1.0]), lambda at: same(tn.ReLU()(np.asarray([1.0, -1.0])), [1, 0])),
    Row("training/steps.py", "use 'auto'", lambda at: trains(capture=True), lambda at: trains(capture="auto")),
    Row("training/steps.py", "use capture='auto'", lambda at: watched(capture=True),
        lambda at: watched(capture="auto")),
    Row("training/steps.py", "leave it out", lambda at: trains(capture="yes"), lambda at: trains()),
    Row("training/trainer.py", "name its folder: checkpoint='runs/a'",
        lambda at: trains(resume=True), lambda at: trains(resume=True, checkpoint=at / "runs/a")),
    Row("training/trainer.py", "make a new Trainer after model.to(...)", lambda at: moved(again=False),
        lambda at: moved(again=True)),
    Row("training/config.py", "give images and labels as a pair: tn.evaluate(model, (x, y))",
        lambda at: tn.evaluate(small_model(), X, LABELS), lambda at: tn.evaluate(small_model(), (X, LABELS)).loss > 0),
    Row("training/config.py", "give the model first, then the data",
        lambda at: tn.fit(TRAIN, small_model()), lambda at: bool(tn.fit(small_model(), TRAIN, epochs=1).last)),
    Row("training/config.py", "wrap it: tn.Sequential(layer)",
        lambda at: tn.evaluate(tn.Dense(20, 4), TRAIN),
        lambda at: tn.evaluate(tn.Sequential(tn.Dense(20, 4)), TRAIN).loss > 0),
    Row("training/config.py", "write tn.SGD(0.1) or tn.Adam()",
        lambda at: trains(optimizer="best"), lambda at: trains(optimizer=tn.SGD(0.1)) and trains(optimizer=tn.Adam())),
    Row("training/config.py", "write tn.SoftmaxCrossEntropy() for classes, tn.MeanSquaredError() for numbers",
        lambda at: trains(loss="best"),
        lambda at: trains(loss=tn.SoftmaxCrossEntropy()) and trains(data=(X, X[:, :4]), loss=tn.MeanSquaredError())),
    Row("training/learning_rate_finder.py", "leave both out",
        lambda at: lr_range(lowest=1, highest=0.1), lambda at: lr_range()),
    Row("training/learning_rate_finder.py", "leave it out", lambda at: lr_range(steps=9), lambda at: lr_range()),
    Row("zoo.py", "give (height, width, channels), with pictures of at least 12 x 12",
        lambda at: tn.zoo.lenet((8, 8, 1)),
        lambda at: tn.zoo.lenet((12, 12, 1))(np.ones((2, 12, 12, 1), "float32")).any()),
    Row("zoo.py", "write image_shape=(28, 28, 1) for pictures of one channel",
        lambda at: tn.zoo.lenet((28, 28)), lambda at: tn.zoo.lenet(image_shape=(28, 28, 1))(PICTURES).any()),
    Row("zoo.py", "give a whole number from 1",
        lambda at: tn.zoo.mlp(outputs=0), lambda at: tn.zoo.mlp(outputs=1)(PICTURES).shape == (6, 1)),
    Row("zoo.py", "give the class: activation=tn.Tanh",
        lambda at: tn.zoo.mlp(activation=tn.Tanh()),
        lambda at: tn.zoo.mlp(activation=tn.Tanh)(PICTURES).shape == (6, 10)),
    Row("zoo.py", "try dropout=0.2", lambda at: tn.zoo.mlp(dropout=1),
        lambda at: trains(tn.zoo.mlp(20, (8,), 4, dropout=0.2))),
    Row("zoo.py", "try widths=(16, 32, 64)", lambda at: tn.zoo.resnet_small(widths=()),
        lambda at: tn.zoo.resnet_small(widths=(16, 32, 64))(np.ones((1, 32, 32, 3), "float32")).any()),
    Row("zoo.py", "write hidden=(256,)", lambda at: tn.zoo.mlp(hidden=256),
        lambda at: tn.zoo.mlp(hidden=(256,))(PICTURES).any()),
    Row("zoo.py", "write hidden=(256, 128)", lambda at: tn.zoo.mlp(hidden={256, 128}),
        lambda at: tn.zoo.mlp(hidden=(256, 128))(PICTURES).any()),
    Row("gradcheck/arguments.py", "leave it out",
        lambda at: tn.gradcheck.check_layer(tn.Dense(2, 2), (3, 2), rtol=0),
        lambda at: bool(tn.gradcheck.check_layer(tn.Dense(2, 2), (3, 2)))),
    Row("gradcheck/arguments.py", "write thorough=True or thorough=False",
        lambda at: tn.gradcheck.check_layer(tn.Dense(2, 2), (3, 2), thorough="yes"),
        lambda at: bool(tn.gradcheck.check_layer(tn.Dense(2, 2), (3, 2), thorough=True))),
    Row("gradcheck/arguments.py", "give the shape of a batch, such as x_shape=(5, 4)",
        lambda at: tn.gradcheck.check_layer(tn.ReLU(), 4),
        lambda at: bool(tn.gradcheck.check_layer(tn.ReLU(), x_shape=(5, 4)))),
    Row("gradcheck/arguments.py", "check fewer rows",
        lambda at: tn.gradcheck.check_layer(tn.ReLU(), (2**23, 4)),
        lambda at: bool(tn.gradcheck.check_layer(tn.ReLU(), (8, 4)))),
    Row("gradcheck/arguments.py", "give some rows",
        lambda at: tn.gradcheck.check_layer(tn.ReLU(), x=X[:0]),
        lambda at: bool(tn.gradcheck.check_layer(tn.ReLU(), x=X[:4]))),
    Row("gradcheck/arguments.py", "leave them out, as in x[np.isfinite(x).reshape(len(x), -1).all(axis=1)]",
        lambda at: tn.gradcheck.check_layer(tn.ReLU(), x=HOLED),
        lambda at: bool(tn.gradcheck.check_layer(
            tn.ReLU(), x=HOLED[np.isfinite(HOLED).reshape(len(HOLED), -1).all(axis=1)]))),
    Row("gradcheck/checks.py", "leave x_shape out",
        lambda at: tn.gradcheck.check_layer(tn.ReLU(), (5, 4), X[:4]),
        lambda at: bool(tn.gradcheck.check_layer(tn.ReLU(), x=X[:4]))),
    Row("gradcheck/checks.py", "write tn.SoftmaxCrossEntropy()",
        lambda at: tn.gradcheck.check_model(small_model(), X[:4], LABELS[:4], "best"),
        lambda at: bool(tn.gradcheck.check_model(small_model(), X[:4], LABELS[:4], tn.SoftmaxCrossEntropy()))),
    Row("gradcheck/checks.py", "write tn.gradcheck.check_model(tn.Sequential(layer), x, targets)",
        lambda at: tn.gradcheck.check_model(3, X[:4], LABELS[:4]),
        lambda at: bool(tn.gradcheck.check_model(tn.Sequential(tn.Dense(20, 4)), X[:4], LABELS[:4]))),
    Row("gradcheck/checks.py", "give one for each example of x",
        lambda at: tn.gradcheck.check_model(small_model(), X[:4], LABELS[:3]),
        lambda at: bool(tn.gradcheck.check_model(small_model(), X[:4], LABELS[:4]))),
    Row("gradcheck/checks.py", "write tn.gradcheck.check_layer(tn.Dense(4, 3), (5, 4))",
        lambda at: tn.gradcheck.check_layer(3, (5, 4)),
        lambda at: bool(tn.gradcheck.check_layer(tn.Dense(4, 3), (5, 4)))),
    Row("gradcheck/losses.py", "write tn.SoftmaxCrossEntropy()",
        lambda at: tn.gradcheck.check_loss("best"), lambda at: bool(tn.gradcheck.check_loss(tn.SoftmaxCrossEntropy()))),
    Row("gradcheck/losses.py", "give outputs_shape and targets as in training, such as outputs_shape=(6, 5)",
        lambda at: tn.gradcheck.check_loss(OfFiveOutputs(), (6, 3)),
        lambda at: bool(tn.gradcheck.check_loss(OfFiveOutputs(), outputs_shape=(6, 5)))),
    Row("gradcheck/losses.py", "give one for each row of outputs",
        lambda at: tn.gradcheck.check_loss(tn.SoftmaxCrossEntropy(), targets=[0, 1]),
        lambda at: bool(tn.gradcheck.check_loss(tn.SoftmaxCrossEntropy(), targets=[0, 1, 2, 3, 4, 0]))),
    Row("gradcheck/optimizers.py", "leave it out",
        lambda at: tn.gradcheck.check_optimizer(tn.SGD(0.1), size=0),
        lambda at: bool(tn.gradcheck.check_optimizer(tn.SGD(0.1)))),
    Row("gradcheck/optimizers.py", "give a function of theta and the gradients that returns the last theta",
        lambda at: tn.gradcheck.check_optimizer(tn.SGD(0.1), reference=3),
        lambda at: bool(tn.gradcheck.check_optimizer(
            tn.SGD(0.1), reference=lambda theta, gradients: theta - 0.1 * sum(gradients)))),
    Row("gradcheck/optimizers.py", "write tn.SGD(0.1)",
        lambda at: tn.gradcheck.check_optimizer("best"), lambda at: bool(tn.gradcheck.check_optimizer(tn.SGD(0.1)))),
    Row("optimizers/adam.py", "leave it out", lambda at: tn.Adam(beta1=1), lambda at: trains(optimizer=tn.Adam())),
    Row("optimizers/adam.py", "take it from the same model: model.mask()",
        lambda at: trains(optimizer=tn.AdamW(mask=np.ones(3))), lambda at: masked()),
    Row("optimizers/checks.py", "try 0.01", lambda at: tn.SGD(-1), lambda at: trains(optimizer=tn.SGD(0.01))),
    Row("optimizers/checks.py", "write SGD(0.1): fit gives the optimizer its parameters",
        lambda at: tn.SGD(small_model()), lambda at: trains(optimizer=tn.SGD(0.1))),
    Row("optimizers/checks.py",
        "call the schedule with its arguments, such as SGD(tn.schedules.cosine(0.1, steps=600))",
        lambda at: tn.SGD(tn.schedules.cosine),
        lambda at: trains(optimizer=tn.SGD(tn.schedules.cosine(0.1, steps=600)))),
    Row("optimizers/rmsprop.py", "leave it out", lambda at: tn.RMSprop(decay=1),
        lambda at: trains(optimizer=tn.RMSprop())),
    Row("optimizers/rmsprop.py", "try 0.9", lambda at: tn.RMSprop(momentum=1),
        lambda at: trains(optimizer=tn.RMSprop(momentum=0.9))),
    Row("optimizers/schedules.py", "count the steps: epochs times batches in an epoch",
        lambda at: tn.schedules.cosine(0.1, 0), lambda at: trains(optimizer=tn.SGD(tn.schedules.cosine(0.1, 1 * 1)))),
    Row("optimizers/schedules.py", "give a finite rate above 0",
        lambda at: tn.schedules.constant(0), lambda at: trains(optimizer=tn.SGD(tn.schedules.constant(0.1)))),
    Row("optimizers/schedules.py", "leave it out",
        lambda at: tn.schedules.cosine(0.1, 5, -1), lambda at: tn.schedules.cosine(0.1, 5)(9) == 0),
    Row("optimizers/sgd.py", "leave it out", lambda at: tn.SGD(0.1, weight_decay=-1),
        lambda at: trains(optimizer=tn.SGD(0.1))),
    Row("optimizers/sgd.py", "try 0.9", lambda at: tn.SGD(0.1, 1), lambda at: trains(optimizer=tn.SGD(0.1, 0.9))),
    Row("optimizers/sgd.py", "try momentum=0.9",
        lambda at: tn.SGD(0.1, nesterov=True), lambda at: trains(optimizer=tn.SGD(0.1, nesterov=True, momentum=0.9))),
    Row("optimizers/wrappers.py", "try 0.999",
        lambda at: tn.Averaged(tn.SGD(0.1), 1), lambda at: trains(optimizer=tn.Averaged(tn.SGD(0.1), 0.999))),
    Row("optimizers/wrappers.py", "try 1.0",
        lambda at: tn.Clipped(tn.SGD(0.1), 0), lambda at: trains(optimizer=tn.Clipped(tn.SGD(0.1), 1.0))),
    Row("optimizers/wrappers.py", "wrap one: Clipped(tn.SGD(0.1))",
        lambda at: tn.Clipped(0.1), lambda at: trains(optimizer=tn.Clipped(tn.SGD(0.1)))),
]  # fmt: skip
