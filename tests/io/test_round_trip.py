"""`save` refuses a model that `load` could not give back, with a remedy that cures."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.io.round_trip import described

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")


class Own(tn.Layer):
    """A base for layers of somebody's own: y = factor() x."""

    def forward(self, x, context):
        factor = np.asarray(self.factor(), x.dtype)
        return factor * x, lambda dy, grads: factor * dy


class Forgotten(Own):
    def __init__(self, k=1):
        self.k = k

    def factor(self):
        return self.k


class Remembered(Forgotten):
    hyperparameters = ("k",)


def test_an_argument_that_is_not_saved_is_refused_and_named(tmp_path):
    tn.Sequential(Forgotten(), tn.Dense(3, 2)).save(tmp_path / "m")
    before = (tmp_path / "m").read_bytes()
    message = r"Forgotten: expected a layer that .*, got k = 1 instead of 3; name the argument in the `hyperparam"
    with pytest.raises(ValueError, match=message):
        tn.Sequential(Forgotten(3), tn.Dense(3, 2)).save(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == before
    model = tn.Sequential(Remembered(3), tn.Dense(3, 2))
    model.save(tmp_path / "m")
    x = np.ones((1, 3), "float32")
    np.testing.assert_array_equal(tn.load(tmp_path / "m", layers=[Remembered])(x), model(x))


def test_an_attribute_set_later_is_refused_or_set_back(tmp_path):
    model = tn.Sequential(Forgotten())
    model[0].k = 4
    with pytest.raises(ValueError, match="got k = 1 instead of 4; .* or set the attribute back"):
        model.save(tmp_path / "m")
    model[0].k = 1
    model.save(tmp_path / "m")


class Table(Own):
    def __init__(self, table=(1.0, 2.0)):
        self.table = np.array(table)

    def factor(self):
        return self.table


class Function(Own):
    def __init__(self, k=1):
        self.function = lambda: k

    def factor(self):
        return self.function()


class Private(Own):
    def __init__(self, k=1):
        self._k = {"k": [k]}

    def factor(self):
        return self._k["k"][0]


class Optional(Own):
    def __init__(self, k=None):
        if k:
            self.k = k

    def factor(self):
        return getattr(self, "k", 1)


class Inner(Own):
    def __init__(self, k=1):
        self.inner = Forgotten(k)

    def factor(self):
        return self.inner.k


class Sized(tn.Layer):
    def __init__(self, width=2):
        self.add_parameter("scale", (width,), "ones")

    def forward(self, x, context):
        return x * self.scale, lambda dy, grads: dy


class Needed(Own):
    def __init__(self, k):
        self.k = k

    factor = Forgotten.factor


class Renamed(Own):
    hyperparameters = ("k",)

    def __init__(self, size):
        self.k = size

    factor = Forgotten.factor


class Nested(Remembered):
    def __init__(self, k=((1, 2), (3, 4))):
        self.k = k


class Other(Own):
    @classmethod
    def from_config(cls, config, build=None):
        return Forgotten()


OTHERS = {
    "an array": (lambda: Table((3.0, 4.0)), "table"),
    "a closure": (lambda: Function(3), "function"),
    "a private attribute": (lambda: Private(3), "_k"),
    "an attribute that is not always there": (lambda: Optional(3), "k = None instead of 3"),
    "a part": (lambda: Inner(3), "inner"),
    "a shape": (lambda: Sized(3), r"shapes \{'scale': \(2,\)\} instead of \{'scale': \(3,\)\}"),
    "a needed argument": (lambda: Needed(3), "got missing a required argument: 'k'"),
    "another name": (lambda: Renamed(3), "expected arguments among .size., got k=3"),
    "another class": (Other, "from_config to build a Other, got a Forgotten; check from_config"),
    "a nested list": (
        Nested,
        "that build it again, got .*; name all arguments of __init__ in its `hyperparameters`, and",
    ),
    "inside a residual block": (lambda: tn.Residual(tn.ReLU(), Forgotten(3)), "got k = 1 instead of 3"),
    "inside a chain": (lambda: tn.Sequential(tn.Sequential(Forgotten(3))), "got k = 1 instead of 3"),
    "no number": (lambda: Remembered(lambda: 3), "expected k as a number, a string or a list"),
}


@pytest.mark.parametrize(("make", "message"), OTHERS.values(), ids=OTHERS)
def test_others_of_the_kind(make, message, tmp_path):
    with pytest.raises((ValueError, TypeError), match=message):
        tn.Sequential(make()).save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("make", [Table, Function, Private, Optional, Inner, Sized, lambda: Remembered(float("nan"))])
def test_what_is_as_at_first_is_saved(make):
    described(tn.Sequential(make()))


def test_what_a_forward_pass_leaves_behind_is_no_difference(tmp_path):
    model = tn.Sequential(Remembered([1, 2]))
    model[0].last, model[0].note = np.ones(3), "mine"
    model.save(tmp_path / "m")
    assert tn.load(tmp_path / "m", layers=[Remembered])[0].k == (1, 2)


class Keeps(tn.Layer):
    """A layer with a part that is no part of the model: its numbers are not in theta, and so not in the file."""

    def __init__(self):
        self.inner = tn.Dense(2, 2)

    def forward(self, x, context):
        return self.inner(x), lambda dy, grads: dy

    def get_config(self):
        return {"layer": "Keeps", "inner": self.inner.get_config()}

    @classmethod
    def from_config(cls, config, build=None):
        layer = cls()
        layer.inner = build(config["inner"], "inner")
        return layer


def test_numbers_that_are_in_no_file_are_refused():
    model = tn.Sequential(Keeps())
    described(model)
    model[0].inner.weight = np.ones((2, 2))
    with pytest.raises(ValueError, match="inner = .* instead of "):
        described(model)


class Holder(tn.Layer):
    """A layer that describes its parts, which are of classes of one's own, in a list or alone."""

    def __init__(self, parts):
        self.first, self.rest = parts[0], list(parts[1:])

    def forward(self, x, context):
        return x, lambda dy, grads: dy

    def get_config(self):
        return {"layer": type(self).__name__, "parts": [part.get_config() for part in (self.first, *self.rest)]}

    @classmethod
    def from_config(cls, config, build=None):
        return cls([build(part, str(number)) for number, part in enumerate(config["parts"])])


def test_parts_of_classes_of_ones_own_are_found_in_the_layer_that_holds_them():
    described(tn.Sequential(Holder([Remembered(2), tn.ReLU()])))
    described(tn.Sequential(Holder([tn.ReLU(), tn.Dense(2, 2), Remembered(3)])))
    described(tn.Sequential(Holder([Holder([tn.ReLU(), Remembered(2)]), Remembered(1)])))
    described(tn.Sequential(Holder([Holder([Holder([Remembered(2)])])])))
    lost = Holder([Remembered(2)])
    lost.get_config = lambda: {"layer": "Holder", "parts": [{"layer": "Nowhere"}]}
    with pytest.raises(
        ValueError, match=r"Holder: expected hyperparameters that build it again, got .*no layer Nowhere"
    ):
        described(tn.Sequential(lost))


class Weighted(Own):
    def __init__(self, k=1):
        self.add_parameter("scale", (2,), "ones")
        self.add_statistic("seen", (2,), 0.0)
        self.k = k

    factor = Forgotten.factor


def test_every_attribute_is_compared_whatever_comes_before_it():
    described(tn.Sequential(Weighted()))
    with pytest.raises(ValueError, match="got k = 1 instead of 3"):
        described(tn.Sequential(Weighted(3)))
    model = tn.Sequential(Forgotten())
    del model[0].k
    model[0].note, model[0].k = "mine", 4
    with pytest.raises(ValueError, match="got k = 1 instead of 4"):
        described(model)


def test_how_weights_began_is_no_difference():
    described(tn.Sequential(tn.Dense(2, 2, weight=lambda shape, stream: np.full(shape, 3.0), bias="ones")))
    described(tn.Sequential(tn.Dense(2, 2, weight=np.eye(2))))


class Unit:
    def __init__(self, shape=None):
        if shape:
            self.shape = shape


class OtherUnit(Unit):
    pass


@pytest.mark.parametrize(
    ("kept", "differs"),
    [
        (Unit(), False), (OtherUnit(), True), (Unit((2,)), False), (3, True), (None, True), ({"a": 1}, True),
        (np.float32(1), True),
    ],
)  # fmt: skip
def test_objects_of_unknown_classes_are_equal_if_their_classes_are(kept, differs):
    class Keeping(Own):
        def __init__(self):
            self.kept = Unit()

    model = tn.Sequential(Keeping())
    model[0].kept = kept
    if differs:
        with pytest.raises(
            ValueError, match=r"Keeping: expected a layer that its hyperparameters build again, got kept = "
        ):
            described(model)
    else:
        described(model)


def with_arguments():
    """A function as an attribute."""


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ([1, 2], (1, 2), True), ([1, 2], [1, 2, 3], False), ([1, [2]], [1, [3]], False), ([1], 1, False),
        ({"a": 1}, {"a": 1}, True), ({"a": 1}, {"b": 1}, False), ({"a": 1}, {"a": 2}, False), ({"a": 1}, [1], False),
        (np.ones(2), np.ones(2), True), (np.ones(2), np.zeros(2), False), (np.ones(2), [1, 1], False),
        (1.0, 1.0, True), (float("nan"), float("nan"), True), (float("nan"), 1.0, False), ("a", "b", False),
        (None, None, True), (None, 1, False), ({1}, {1}, True), ({1}, {2}, False), (b"a", b"a", True),
        (len, len, True), (with_arguments, 1, False), (1, with_arguments, False),
    ],
)  # fmt: skip
def test_attributes_are_equal_if_they_mean_the_same(one, other, equal):
    class Keeping(Own):
        def __init__(self):
            self.kept = other

    model = tn.Sequential(Keeping())
    model[0].kept = one
    if equal:
        described(model)
    else:
        with pytest.raises(ValueError, match="got kept = "):
            described(model)


class SizedRight(Sized):
    hyperparameters = ("width",)

    def __init__(self, width=2):
        super().__init__(width)
        self.width = width
        self.add_statistic("seen", (width,), 0.0)


def test_where_a_layer_stands_in_the_vectors_of_its_model_is_no_difference():
    model = tn.Sequential(SizedRight(3), tn.Dense(3, 3), SizedRight(3))
    model(np.ones((1, 3), "float32"))
    model[2].scale = np.full(3, 5)
    described(model)


class Net(tn.Sequential):
    def __init__(self):
        super().__init__(tn.Dense(3, 2))


def test_a_class_derived_from_sequential_is_refused(tmp_path):
    message = r"a tn.Sequential, got a Net derived from it; make the class a function that returns tn.Sequential\(...\)"
    with pytest.raises(ValueError, match=message):
        Net().save(tmp_path / "m")
    with pytest.raises(ValueError, match="hyperparameters that build it again"):
        tn.Sequential(Net()).save(tmp_path / "m")

    def net():
        return tn.Sequential(tn.Dense(3, 2))

    net().save(tmp_path / "m")
    np.testing.assert_array_equal(tn.load(tmp_path / "m").theta, net().theta)


def test_two_classes_of_one_name_are_refused():
    mine = type("Dropout", (Remembered,), {})
    with pytest.raises(ValueError, match="classes of different names, got two classes of the name Dropout; rename"):
        described(tn.Sequential(mine(2)))
    described(tn.Sequential(type("MyDropout", (Remembered,), {})(2)))
    one, other = (type("Mine", (Remembered,), {}) for _ in range(2))
    with pytest.raises(ValueError, match="two classes of the name Mine"):
        described(tn.Sequential(one(2), other(2)))


def test_a_model_that_is_too_long_for_a_reader_is_refused():
    with pytest.raises(tn.DataError, match="at most 10,000 layers"):
        described(tn.Sequential(*(tn.ReLU() for _ in range(10_001))))


@pytest.mark.parametrize("container", [tn.Sequential, tn.Residual])
def test_layers_after_a_container_are_compared_as_well(container, tmp_path):
    """A layer with an attribute that its file would not give back."""
    model = tn.Sequential(container(tn.ReLU()), Forgotten(3))
    with pytest.raises(ValueError, match="^save: Forgotten: "):
        model.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()
