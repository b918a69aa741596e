"""The checks of arguments: what they return, and what they say."""

import math

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import above_zero, at_least_zero, flag, fraction, sequence, whole_number


@pytest.mark.parametrize("check", [above_zero, at_least_zero, fraction])
def test_a_number_in_range_becomes_a_float_that_widens_no_array(check):
    value = check("SGD", "momentum", np.float64(0.5), remedy="try 0.9")
    assert type(value) is float
    assert (np.ones(2, "float32") * value).dtype == np.float32


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (above_zero, 0, "SGD: expected momentum above 0, got 0; try 0.9"),
        (above_zero, math.inf, "SGD: expected momentum above 0 and finite, got inf"),
        (above_zero, math.nan, "SGD: expected momentum above 0, got nan"),
        (at_least_zero, -1, "SGD: expected momentum of at least 0, got -1; try 0.9"),
        (at_least_zero, math.inf, "SGD: expected momentum of at least 0, got inf"),
        (fraction, 1, "SGD: expected momentum from 0 up to, not including, 1, got 1; try 0.9"),
        (fraction, math.nan, "SGD: expected momentum from 0 up to, not including, 1, got nan"),
    ],
)
def test_a_number_out_of_range_is_refused_with_a_remedy(check, value, message):
    with pytest.raises(ValueError, match=message):
        check("SGD", "momentum", value, remedy="try 0.9")


def test_bounds_that_belong_to_the_range():
    assert at_least_zero("SGD", "momentum", 0, remedy="") == fraction("SGD", "momentum", 0, remedy="") == 0


@pytest.mark.parametrize("value", [0, 11, True, 2.5, "two", None])
def test_what_is_no_whole_number_in_range_is_refused(value):
    with pytest.raises(ValueError, match=f"fit: epochs: expected a whole number from 1 to 10, got {value!r}; try 2"):
        whole_number("fit: epochs", value, 1, 10, remedy="try 2")


@pytest.mark.parametrize("value", [np.finfo("float32").max, np.finfo("float32").tiny])
def test_the_first_and_the_last_number_of_float32_are_taken(value):
    assert above_zero("SGD", "momentum", value, remedy="") == value


@pytest.mark.parametrize("check", [above_zero, at_least_zero])
def test_a_number_that_float32_does_not_hold_is_refused(check):
    with pytest.raises(ValueError, match=r"in float32, whose numbers go from 1.2e-38 to 3.4e\+38, got 1e\+50; try 0.9"):
        check("SGD", "momentum", 1e50, remedy="try 0.9")
    if check is above_zero:  # 1e-50 would be 0
        with pytest.raises(ValueError, match="in float32, .* got 1e-50"):
            check("SGD", "momentum", 1e-50, remedy="try 0.9")
    else:
        assert check("SGD", "momentum", 1e-50, remedy="") == 1e-50


@pytest.mark.parametrize(
    ("value", "remedy"), [("0.5", "write 0.5"), (True, "try 0.9"), (np.True_, "try 0.9"), (None, "try 0.9")]
)
def test_what_is_no_number_is_refused(value, remedy):
    with pytest.raises(ValueError, match=f"SGD: expected momentum .*, got .*; {remedy}"):
        fraction("SGD", "momentum", value, remedy="try 0.9")


def test_a_whole_number_that_no_array_can_have_is_refused():
    assert whole_number("size", 2**63 - 1, remedy="") == 2**63 - 1
    with pytest.raises(ValueError, match="size: expected a whole number from 1 to 9223372036854775807, got 92233"):
        whole_number("size", 2**63, remedy="try 2")


@pytest.mark.parametrize("value", [2, -1, 1.0, "True", None, np.ones(1, bool)])
def test_a_flag_is_true_or_false(value):
    for right in (True, np.True_, 1, np.int64(1)):
        assert flag("fit", "progress", right) is True
    assert flag("fit", "progress", 0) is flag("fit", "progress", np.False_) is False
    with pytest.raises(TypeError, match="fit: expected progress as True or False, got "):
        flag("fit", "progress", value)


def test_a_whole_number_of_numpy_becomes_an_int():
    assert type(whole_number("fit: epochs", np.int8(10), 1, 10, remedy="")) is int


# What has an order --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [[1, 2], (1, 2), range(1, 3), np.array([1, 2]), np.array([1.0, 2.0], "float32")])
def test_what_has_an_order_becomes_a_tuple(values):
    assert sequence("who", values, remedy="give a list") == (1, 2)


def test_labels_of_a_pandas_series_are_no_order():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    series = pandas.Series([1, 2], index=[1, 0])
    with pytest.raises(TypeError, match="who: expected a list or tuple, got Series 1 1 0 2 dtype: int64; give a list"):
        sequence("who", series, remedy="give a list")
    assert sequence("who", series.to_numpy(), remedy="give a list") == (1, 2)


PIXELS, LABELS = np.random.default_rng(0).integers(0, 256, (12, 4, 4)).astype("uint8"), np.arange(12) % 3
SHIFT, FLIP = tn.data.Shift(2), tn.data.HorizontalFlip()


def fit(**settings):
    model = tn.Sequential(tn.Flatten(), tn.Dense(16, 3))
    tn.fit(model, (PIXELS, LABELS), epochs=2, batch_size=5, progress=False, **settings)
    return model.theta.tobytes()


def folder_of(names, tmp_path):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for number, name in enumerate("bac"):
        (tmp_path / name).mkdir(exist_ok=True)
        image.fromarray(np.full((2, 2), number, "uint8")).save(tmp_path / name / "x.png")
    return tn.data.from_folder(tmp_path, class_names=names).labels.tobytes()


def plot_of(names, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    from tinynet.plots import confusion_matrix

    confusion_matrix(np.eye(3, dtype=int), names, tmp_path / "matrix.png")
    return True


def study_of(rates):
    pytest.importorskip("scipy", reason="scipy is not installed")
    from tinynet.study import Configuration

    return len(Configuration("one", tn.zoo.mlp, learning_rates=rates).learning_rates)


ORDERED = {  # the values in order, a function that takes them (and a folder), the words of the remedy
    "class_weights": ([1.0, 2.0, 3.0], lambda v, _: tn.SoftmaxCrossEntropy(class_weights=v), "in the order of the"),
    "hidden": ([8, 4, 2], lambda v, _: tn.zoo.mlp(16, v, 3), "write hidden=.256"),
    "widths": ([4, 8, 2], lambda v, _: tn.zoo.resnet_small((8, 8, 1), 3, v), "write widths=.256"),
    "image_shape": ([28, 24, 1], lambda v, _: tn.zoo.lenet(v), "try"),
    "pictures": ([8, 6, 1], lambda v, _: tn.zoo.resnet_small(v, 3, (4,)), "try"),
    "transforms": ([SHIFT, FLIP], lambda v, _: fit(transforms=v), "give a list"),
    "batches": ([SHIFT, FLIP], lambda v, _: len([*tn.data.batches(DATA, 5, 0, 0, transforms=v)]), "give a list"),
    "callbacks": ([tn.Callback(), tn.Callback()], lambda v, _: fit(callbacks=v), "put it in a list"),
    "names of a plot": (list("abc"), plot_of, "the name of class 0"),
    "learning_rates": ([0.1, 0.3], lambda v, _: study_of(v), "give a list"),
}
DATA = tn.data.from_arrays(PIXELS, LABELS)
UNORDERED = [
    set, frozenset, iter, lambda values: (value for value in values), lambda values: dict(enumerate(values)).values(),
]  # fmt: skip


@pytest.mark.parametrize("name", ORDERED)
def test_an_argument_whose_order_carries_meaning_takes_what_has_one(name, tmp_path):
    values, take, remedy = ORDERED[name]
    expected = repr(take(list(values), tmp_path))
    assert repr(take(tuple(values), tmp_path)) == expected
    for without_order in UNORDERED:
        with pytest.raises(TypeError, match=f"expected a list or tuple, got .*{remedy}"):
            take(without_order(values), tmp_path)
    if name != "class_weights":  # which reads its keys as classes
        with pytest.raises(TypeError, match="expected a list or tuple, got dict"):
            take(dict.fromkeys(values, 1), tmp_path)


def test_a_single_thing_in_place_of_a_list_is_refused():
    for take in (lambda: fit(transforms=SHIFT), lambda: fit(callbacks=tn.Callback())):
        with pytest.raises(TypeError, match="expected a list or tuple, got (Shift|Callback).* list"):
            take()
