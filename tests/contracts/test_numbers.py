"""NumPy's numbers work wherever a number is meant; bools, arrays, NaN and what is out of range are refused by name."""

import math

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.metrics import confusion_matrix
from tinynet.training.checkpoints import Checkpoints
from tinynet.training.steps import check_capture

X = np.random.default_rng(0).normal(size=(300, 20)).astype("float32")
PICTURES = np.random.default_rng(1).random((2, 100, 100, 3), dtype="float32")
LABELS = np.arange(300) % 4
ROWS = (X, LABELS)


def fitted(data=ROWS, model=None, **arguments):
    model = model or small_model()
    tn.fit(model, data, **{"epochs": 1, "batch_size": 100, **arguments})
    return model.theta


def outputs(layer, x=PICTURES):
    return repr(layer), tn.Sequential(layer)(x)


def rates(schedule):
    return repr(schedule), [schedule(step) for step in (0, 5, 500)]


def with_transform(transform):
    return fitted(
        (X[:, :18].reshape(-1, 6, 3), LABELS), tn.Sequential(tn.Flatten(), tn.Dense(18, 4)), transforms=[transform]
    )


# name in the message: (what is done with a whole number, one that works, one that is out of range)
WHOLE = {
    "Dense: inputs": (lambda n: outputs(tn.Dense(n, 3), X), 20, 0),
    "Dense: outputs": (lambda n: outputs(tn.Dense(20, n), X), 100, -1),
    "Conv2D: inputs": (lambda n: outputs(tn.Conv2D(n, 2)), 3, 0),
    "Conv2D: outputs": (lambda n: outputs(tn.Conv2D(3, n, 5)), 100, 0),
    r"Conv2D\(3, 2\): kernel_size": (lambda n: outputs(tn.Conv2D(3, 2, n)), 100, 0),
    r"Conv2D\(3, 2\): stride": (lambda n: outputs(tn.Conv2D(3, 2, 3, (n, 5))), 100, 0),
    r"Conv2D\(3, 2\):.* padding": (lambda n: outputs(tn.Conv2D(3, 2, 3, 50, n)), 100, -1),
    "MaxPool2D: pool_size": (lambda n: outputs(tn.MaxPool2D(n)), 100, 0),
    "MaxPool2D: stride": (lambda n: outputs(tn.MaxPool2D(2, n)), 100, 0),
    "MaxPool2D:.* padding": (lambda n: outputs(tn.MaxPool2D(101, 50, n)), 100, -1),
    "AveragePool2D: pool_size": (lambda n: outputs(tn.AveragePool2D(n)), 100, 0),
    "AveragePool2D: stride": (lambda n: outputs(tn.AveragePool2D(2, n)), 100, 0),
    "BatchNorm: features": (lambda n: outputs(tn.BatchNorm(n), X), 20, 0),
    "LayerNorm: features": (lambda n: outputs(tn.LayerNorm(n), X), 20, 0),
    "Reshape: each size": (lambda n: outputs(tn.Reshape(n, n, 3)), 100, -1),
    "mlp: inputs": (lambda n: tn.zoo.mlp(n, (8,), 4)(X), 20, 0),
    "mlp: each width of hidden": (lambda n: tn.zoo.mlp(20, (n,), 4)(X), 100, 0),
    "mlp: outputs": (lambda n: tn.zoo.mlp(20, (8,), n)(X), 100, 0),
    "lenet: each size of image_shape": (lambda n: tn.zoo.lenet((n, n, 3))(PICTURES), 100, 0),
    "lenet: outputs": (lambda n: tn.zoo.lenet((100, 100, 3), n)(PICTURES), 100, 0),
    "resnet_small: each size of image_shape": (lambda n: tn.zoo.resnet_small((n, n, 3), 2, (2,))(PICTURES), 100, 0),
    "resnet_small: blocks": (lambda n: tn.zoo.resnet_small((100, 100, 3), 2, (2,), n)(PICTURES), 1, 0),
    "resnet_small: each width": (lambda n: tn.zoo.resnet_small((100, 100, 3), 2, (n,))(PICTURES), 100, 0),
    "resnet_small: outputs": (lambda n: tn.zoo.resnet_small((100, 100, 3), n, (2,))(PICTURES), 100, 0),
    "epochs": (lambda n: fitted(epochs=n), 2, 0),
    "batch_size": (lambda n: fitted(batch_size=n), 100, 0),
    "seed": (lambda n: fitted(seed=n), 127, -1),
    "threads": (lambda n: fitted(threads=n), 1, 0),
    "batch_size: ": (lambda n: small_model().predict(X, batch_size=n), 100, 0),
    " batch_size|batch_size": (lambda n: tn.evaluate(small_model(), ROWS, batch_size=n), 100, 0),
    "seed: ": (lambda n: small_model(seed=n).theta, 127, -1),
    "find_learning_rate: steps": (lambda n: tn.find_learning_rate(small_model(), ROWS, steps=n).rates, 100, 9),
    "batch_size: expected": (lambda n: tn.find_learning_rate(small_model(), ROWS, batch_size=n).losses, 100, 0),
    "seed: expected": (lambda n: tn.find_learning_rate(small_model(), ROWS, seed=n).losses, 127, -1),
    "seed: expected a": (lambda n: tn.data.from_arrays(*ROWS).split(0.1, seed=n)[1].images, 127, -1),
    "Shift: most": (lambda n: with_transform(tn.data.Shift(n)), 100, 0),
    "step_decay: every": (lambda n: rates(tn.schedules.step_decay(0.1, n)), 100, 0),
    "cosine: steps": (lambda n: rates(tn.schedules.cosine(0.1, n)), 100, 0),
    "warm_up: steps": (lambda n: rates(tn.schedules.warm_up(tn.schedules.constant(0.1), n)), 100, 0),
    "one_cycle: steps": (lambda n: rates(tn.schedules.one_cycle(0.1, n)), 100, 0),
    "Checkpoints: every_steps": (lambda n: Checkpoints("x", every_steps=n).every_steps, 100, 0),
    "Checkpoints: keep": (lambda n: Checkpoints("x", keep=n).keep, 100, 0),
    "check_layer: seed|seed": (lambda n: str(tn.gradcheck.check_layer(tn.Dense(4, 3), (5, 4), seed=n)), 127, -1),
    "check_optimizer: size": (lambda n: str(tn.gradcheck.check_optimizer(tn.SGD(0.1), size=n)), 100, 0),
    "check_optimizer: steps": (lambda n: str(tn.gradcheck.check_optimizer(tn.SGD(0.1), steps=n)), 20, 0),
    "confusion_matrix: classes": (lambda n: confusion_matrix(LABELS, LABELS, n), 100, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_of_numpy_are_pythons(name):
    use, good, _ = WHOLE[name]
    expected = use(good)
    for kind in (np.int8, np.uint8, np.int16, np.int64):
        np.testing.assert_equal(use(kind(good)), expected)


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_no_whole_number_in_range_is_refused_by_name(name):
    use, good, bad = WHOLE[name]
    wrong = [bad, True, np.True_, np.array(good), good + 0.5, float(good), math.nan, math.inf, str(good), [good], 1j]
    for value in wrong:
        with pytest.raises(ValueError, match=f"(?s){name}.*got "):
            use(value)


def optimizer_steps(optimizer):
    return repr(optimizer), fitted(optimizer=optimizer)


# name in the message: (what is done with a number, one that works, some out of range)
NUMBERS = {
    "SGD: expected a learning rate": (lambda v: optimizer_steps(tn.SGD(v)), 0.5, [0, -1]),
    "SGD: expected momentum": (lambda v: optimizer_steps(tn.SGD(0.1, v)), 0.5, [-1, 1]),
    "SGD: expected weight_decay": (lambda v: optimizer_steps(tn.SGD(0.1, weight_decay=v)), 0.5, [-1]),
    "Adam: expected a learning rate": (lambda v: optimizer_steps(tn.Adam(v)), 0.5, [0, -1]),
    "Adam: expected beta1": (lambda v: optimizer_steps(tn.Adam(beta1=v)), 0.5, [-1, 1]),
    "Adam: expected beta2": (lambda v: optimizer_steps(tn.Adam(beta2=v)), 0.5, [-1, 1]),
    "Adam: expected epsilon": (lambda v: optimizer_steps(tn.Adam(epsilon=v)), 0.5, [0, -1]),
    "AdamW: expected weight_decay": (lambda v: optimizer_steps(tn.AdamW(weight_decay=v)), 0.5, [-1]),
    "Nadam: expected beta1": (lambda v: optimizer_steps(tn.Nadam(beta1=v)), 0.5, [-1, 1]),
    "RMSprop: expected decay": (lambda v: optimizer_steps(tn.RMSprop(decay=v)), 0.5, [-1, 1]),
    "RMSprop: expected momentum": (lambda v: optimizer_steps(tn.RMSprop(momentum=v)), 0.5, [-1, 1]),
    "RMSprop: expected epsilon": (lambda v: optimizer_steps(tn.RMSprop(epsilon=v)), 0.5, [0, -1]),
    "Clipped: expected norm": (lambda v: optimizer_steps(tn.Clipped(tn.SGD(0.1), v)), 0.5, [0, -1]),
    "Averaged: expected decay": (lambda v: optimizer_steps(tn.Averaged(tn.SGD(0.1), v)), 0.5, [-1, 1]),
    "constant: expected rate": (lambda v: rates(tn.schedules.constant(v)), 0.5, [0, -1]),
    "step_decay: expected rate": (lambda v: rates(tn.schedules.step_decay(v, 10)), 0.5, [0, -1]),
    "step_decay: expected factor": (lambda v: rates(tn.schedules.step_decay(0.1, 10, v)), 0.5, [0, -1]),
    "cosine: expected rate": (lambda v: rates(tn.schedules.cosine(v, 10)), 0.5, [0, -1]),
    "cosine: expected a final rate": (lambda v: rates(tn.schedules.cosine(0.1, 10, v)), 0.5, [-1]),
    "one_cycle: expected peak": (lambda v: rates(tn.schedules.one_cycle(v, 10)), 0.5, [0, -1]),
    "one_cycle: expected a rise": (lambda v: rates(tn.schedules.one_cycle(0.1, 10, v)), 0.5, [0, 1]),
    "one_cycle: expected start": (lambda v: rates(tn.schedules.one_cycle(0.1, 10, 0.3, v)), 0.5, [0]),
    "one_cycle: expected end": (lambda v: rates(tn.schedules.one_cycle(0.1, 10, 0.3, 25, v)), 0.5, [0]),
    "Dropout: expected a rate": (lambda v: fitted(model=tn.Sequential(tn.Dropout(v), tn.Dense(20, 4))), 0.5, [-1, 1]),
    "LeakyReLU: expected a slope": (lambda v: outputs(tn.LeakyReLU(v), X), 0.5, [-1, 1]),
    "ELU: expected an alpha": (lambda v: outputs(tn.ELU(v), X), 0.5, [0, -1]),
    "BatchNorm: expected momentum": (lambda v: outputs(tn.BatchNorm(20, v), X), 0.5, [0, -1, 2]),
    "BatchNorm: expected epsilon": (lambda v: outputs(tn.BatchNorm(20, 0.1, v), X), 0.5, [0, -1]),
    "LayerNorm: expected epsilon": (lambda v: outputs(tn.LayerNorm(20, v), X), 0.5, [0, -1]),
    "mlp: expected dropout": (lambda v: fitted(model=tn.zoo.mlp(20, (8,), 4, dropout=v)), 0.5, [-1, 1]),
    "label_smoothing": (lambda v: fitted(loss=tn.SoftmaxCrossEntropy(v)), 0.5, [-1, 1]),
    "find_learning_rate: expected lowest": (
        lambda v: tn.find_learning_rate(small_model(), ROWS, lowest=v).rates, 0.5, [0, -1, 11],
    ),
    "find_learning_rate: expected highest": (
        lambda v: tn.find_learning_rate(small_model(), ROWS, highest=v).rates, 0.5, [0, -1],
    ),
    "Checkpoints: expected every_seconds": (lambda v: Checkpoints("x", every_seconds=v).every_seconds, 0.5, [0, -1]),
    "HorizontalFlip: expected a probability": (lambda v: with_transform(tn.data.HorizontalFlip(v)), 0.5, [-1, 2]),
    "RandomErasing: expected a probability": (lambda v: with_transform(tn.data.RandomErasing(v)), 0.5, [-1, 2]),
    "split: expected a fraction": (lambda v: tn.data.from_arrays(*ROWS).split(v)[1].images, 0.5, [0, 1]),
    "check_layer: expected rtol": (
        lambda v: str(tn.gradcheck.check_layer(tn.Dense(4, 3), (5, 4), rtol=v)), 0.5, [0, -1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_numpy_are_pythons(name):
    use, good, _ = NUMBERS[name]
    expected = use(good)
    for kind in (np.float16, np.float32, np.float64):
        np.testing.assert_equal(use(kind(good)), expected)


@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_in_range_is_refused_by_name(name):
    use, good, bad = NUMBERS[name]
    for value in [*bad, math.nan, math.inf, -math.inf, True, np.True_, np.array(good), str(good), [good], 1j]:
        with pytest.raises(ValueError, match=f"(?s){name}.*got "):
            use(value)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, math.nan, np.array(3), "3"])
def test_a_number_of_steps_to_capture(wrong):
    assert check_capture(np.int8(100)) is True
    with pytest.raises(ValueError, match="fit: expected capture=.*got "):
        check_capture(wrong)


def test_a_bool_of_numpy_is_a_bool():
    assert check_capture(np.True_) is True
    assert check_capture(np.False_) is False


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (10.0, r"got 10.0; write 10"),
        ("10", r"got '10'; write 10"),
        (np.array(10), r"got array\(10\); write 10"),
        (2.5, "got 2.5; try epochs=10"),
        (0, "got 0; try epochs=10"),
        (0.0, "got 0.0; try epochs=10"),
        (True, "got True; try epochs=10"),
    ],
)
def test_a_number_in_another_form_is_answered_with_that_number(found, message):
    with pytest.raises(ValueError, match=f"epochs: expected a whole number from 1, {message}$"):
        fitted(epochs=found)
