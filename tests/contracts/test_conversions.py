"""What is checked is checked in the dtype that is used: no finite number becomes infinite, NaN or 0 behind the check.

Models compute in float32. So 1e300 is infinite there, and 1e-50 is 0.
"""

import warnings

import numpy as np
import pytest

import tinynet as tn
from tests.support.advice import follow
from tinynet.metrics import confusion_matrix

LABELS = np.arange(4) % 2
GOOD = np.random.default_rng(0).normal(size=(4, 3))


def with_number(value):
    """Floats, wide enough for `value`, one of which it is."""
    array = GOOD.astype(np.longdouble if np.isinf(float(value)) else np.float64)
    array[2, 1] = value
    return array


WIDE = [1e300, -1e300, 3.5e38, np.longdouble("1e4000")]
if np.finfo(np.longdouble).max == np.finfo(np.float64).max:  # Windows, and some ARM
    del WIDE[3]


def model(outputs=2, **settings):
    return tn.Sequential(tn.Dense(3, outputs), **settings)


def trained(standardized):
    data = tn.data.from_arrays(GOOD, LABELS)
    network = model()
    tn.fit(network, data.standardize() if standardized else data, epochs=1)
    return network


def fit_regression(labels):
    return tn.fit(model(3), (GOOD, labels), loss=tn.MeanSquaredError(), epochs=1)


def step_of_a_regression(labels):
    return tn.Trainer(model(3), loss=tn.MeanSquaredError()).step(GOOD, labels).loss


def own_initializer(values):
    return tn.Sequential(tn.Dense(4, 3, weight=lambda shape, stream: values)).theta


# where numbers come in: (the name in the advice, the call)
DOORS = {
    "fit": ("images", lambda images: tn.fit(model(), (images, LABELS), epochs=1)),
    "fit, a list": ("images", lambda images: tn.fit(model(), (images.tolist(), LABELS), epochs=1)),
    "Trainer.step": ("images", lambda images: tn.Trainer(model()).step(images, LABELS)[0]),
    "evaluate": ("images", lambda images: tn.evaluate(model(), (images, LABELS))),
    "validation": ("images", lambda images: tn.fit(model(), (GOOD, LABELS), validation=(images, LABELS), epochs=1)),
    "find_learning_rate": ("images", lambda images: tn.find_learning_rate(model(), (images, LABELS)).rates),
    "predict": ("x", lambda x: model().predict(x)),
    "predict, a Dataset": ("x", lambda x: model().predict(tn.data.from_arrays(x, LABELS))),
    "predict, trained": ("x", lambda x: trained(False).predict(x, scaled=True)),
    "predict, standardized": ("x", lambda x: trained(True).predict(x, scaled=True)),
    "batches": ("images", lambda images: [x for x, _ in tn.data.batches((images, LABELS), 2, 0, 0)]),
    "standardize": ("images", lambda images: tn.data.from_arrays(images, LABELS).standardize().inputs(
        slice(0, 4), np.dtype("float32"))),
    "targets of fit": ("labels", fit_regression),
    "targets of step": ("labels", step_of_a_regression),
    "initial values": ("values", lambda values: tn.Sequential(tn.Dense(4, 3, weight=values)).theta),
    "a parameter": ("values", lambda values: setattr(tn.Sequential(tn.Dense(4, 3))[0], "weight", values)),
    "a statistic": ("values", lambda values: setattr(tn.BatchNorm(3), "running_var", values[2])),
}  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", WIDE, ids=str)
@pytest.mark.parametrize("door", DOORS)
def test_numbers_that_float32_cannot_hold_are_refused_and_the_advice_works(door, value):
    name, use = DOORS[door]
    given = with_number(value)
    if door == "standardize" and abs(value) < 1e40:
        given = 10 * given  # its deviation would be one of float32
    with pytest.raises(tn.DataError, match=r"expected numbers (up to |with a mean and a deviation)") as no:
        use(given)
    result = use(follow(no.value, **{name: given}))
    for each in result if isinstance(result, (list, tuple)) else [result]:
        if isinstance(each, (np.ndarray, float)):
            assert np.isfinite(each).all()


@pytest.mark.filterwarnings("error")
def test_a_function_that_draws_what_float32_cannot_hold_is_refused():
    for bad, message in [(1e300, "expected numbers up to"), (np.nan, "expected finite numbers, got NaN")]:
        with pytest.raises(tn.DataError, match=rf"initializer of Dense\(4, 3\).weight: {message}"):
            own_initializer(np.full((4, 3), bad))
    for other in (None, 1.0, [[1.0] * 3] * 3):
        with pytest.raises(tn.ShapeError, match="return an array of the shape that the function is given"):
            own_initializer(other)
    assert np.isfinite(own_initializer([[1] * 3] * 4)).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_scaling_makes_infinite_is_refused_before_the_training(dtype):
    """1e30 is a number of float32; divided by a deviation of 1e-10 it is none."""
    train = tn.data.from_arrays(1e-10 * GOOD.astype("float32"), LABELS).standardize()
    far = tn.data.from_arrays(with_number(1e30 if dtype == "float32" else 1e307).astype(dtype), LABELS)
    same = tn.data.from_arrays(1e-10 * GOOD.astype(dtype), LABELS)
    for use in (
        lambda data: tn.fit(model(dtype=dtype), train, validation=data, epochs=1),
        lambda data: tn.evaluate(model(dtype=dtype), data.standardize(like=train)),
        lambda data: model(dtype=dtype).predict(data.standardize(like=train)),
        lambda data: list(tn.data.batches(data.standardize(like=train), 2, 0, 0, dtype=dtype)),
    ):
        with pytest.raises(tn.DataError, match=r"after scaling by the mean .* scale them as the training set was"):
            use(far)
        use(same)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_equal_numbers_have_a_deviation_of_1(dtype):
    """And not the last bits of a mean: 0.1 would become 1e9 or 0."""
    data = tn.data.from_arrays(np.full((1000, 7), 0.1, dtype), np.zeros(1000, int)).standardize()
    assert data.deviation == 1
    assert abs(data.inputs(slice(0, 9), np.dtype("float32"))).max() < 1e-6


def test_numbers_too_small_for_a_deviation_are_refused():
    for size in (1e-60, 1e-200):  # the second: its square is 0
        with pytest.raises(tn.DataError, match="a mean and a deviation that float32 can hold") as no:
            tn.data.from_arrays(size * GOOD, LABELS).standardize()
        assert tn.data.from_arrays(follow(no.value, images=size * GOOD), LABELS).standardize().deviation > 0.1


@pytest.mark.filterwarnings("error")
def test_weights_of_a_float64_file_that_float32_cannot_hold_are_refused_and_change_nothing(tmp_path):
    pytest.importorskip("safetensors")
    wide, narrow = model(dtype="float64"), model()
    wide[0].bias[1] = 1e300
    wide.save(tmp_path / "wide.safetensors")
    before = narrow.theta.copy()
    for strict in (True, False):
        with pytest.raises(tn.DataError, match=r"expected numbers up to 3.40282e\+38, the largest in float32, got 1e"):
            narrow.load_weights(tmp_path / "wide.safetensors", strict)
        np.testing.assert_array_equal(narrow.theta, before)
    assert tn.load(tmp_path / "wide.safetensors")[0].bias[1] == 1e300


# Labels ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "label",
    [np.int64(2**32), np.uint64(2**63), np.uint64(2**64 - 1), np.int64(-(2**63)), np.int64(256), np.uint16(2**16 - 1)],
    ids=str,
)
def test_labels_that_another_dtype_would_wrap_are_refused_with_their_number(label):
    labels = np.array([0, 1, label, 1], label.dtype)
    with pytest.raises(tn.DataError, match=f"labels from 0 to 1, got {label} in example 2"):
        tn.fit(model(), (GOOD, labels))
    with pytest.raises(tn.DataError, match=f"got {label} in example 2"):
        confusion_matrix(labels, labels, 2)


# Arguments ------------------------------------------------------------------------------------------------------------

TINY = {  # arguments that would be 0 in float32, where 0 is refused
    "learning rate": lambda value: tn.SGD(value),
    "schedule": lambda value: tn.schedules.cosine(value, 10),
    "epsilon of Adam": lambda value: tn.Adam(epsilon=value),
    "epsilon of RMSprop": lambda value: tn.RMSprop(epsilon=value),
    "epsilon of BatchNorm": lambda value: tn.BatchNorm(3, epsilon=value),
    "epsilon of LayerNorm": lambda value: tn.LayerNorm(3, value),
    "momentum of BatchNorm": lambda value: tn.BatchNorm(3, value),
    "norm": lambda value: tn.Clipped(tn.SGD(0.1), value),
    "alpha": lambda value: tn.ELU(value),
    "lowest": lambda value: tn.find_learning_rate(model(), (GOOD, LABELS), lowest=value),
}


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("value", [1e-50, 1e-300, 5e-324])
def test_arguments_that_would_be_0_in_float32_are_refused(name, value):
    with pytest.raises(ValueError, match=f"in float32, whose numbers go from 1.2e-38 to 3.4e.38, got {value}; "):
        TINY[name](value)


@pytest.mark.parametrize(
    "use", [*TINY.values(), lambda v: tn.SGD(0.1, weight_decay=v), lambda v: tn.AdamW(0.1, weight_decay=v)]
)
def test_arguments_that_would_be_infinite_in_float32_are_refused(use):
    with pytest.raises(ValueError, match=r"got 1e\+39; "):
        use(1e39)


@pytest.mark.parametrize("weights", [[1e-50, 1e-50], [1, 1e39], [1e300, 1], {0: 1e-30, 1: 1}])
def test_class_weights_that_float32_cannot_sum_are_refused_and_the_advice_works(weights):
    with pytest.raises(ValueError, match="0 or from 1e-20 to 1e20.*; divide them by the largest"):
        tn.SoftmaxCrossEntropy(class_weights=weights)
    for good in ([1e20, 1e20], [1e-20, 0], [1e20, 1e-20]):
        loss = tn.SoftmaxCrossEntropy(0.1, good)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value = loss(np.array([[0.3, -0.2]] * 1000, "float32"), np.arange(1000) % 2)
        assert 0.1 < value < 2
