"""Equal settings have one identity in every process; settings that differ have different ones."""

import functools
import json
import math
import random
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.child import ROOT, python
from tinynet.layers.base import Layer
from tinynet.training.identity import differences, identify, is_unknown

RATE = 0.1


class Colour(Enum):
    RED, BLUE = 1, 2


class Jitter:
    """A transform of one's own."""

    def __init__(self, most=1, table=None):
        self.most, self.table = most, table

    def __call__(self, pictures, lanes):
        return pictures

    @functools.cached_property
    def computed(self):
        return object()


class Slotted:
    __slots__ = ("most",)

    def __init__(self, most):
        self.most = most


@dataclass(frozen=True)
class Frozen:
    most: int
    other: tuple = ()

    def __call__(self, step):
        return self.most


class Scaled(Layer):
    """A layer of one's own that names no hyperparameters: its repr is always Scaled()."""

    def __init__(self, factor=1, inner=None):
        self.factor, self.inner = factor, inner
        self.add_parameter("gain", (3,), "ones")

    def forward(self, x, context):
        return x * self.factor, lambda dy, grads: dy * self.factor


class Lion(tn.SGD):
    """An optimizer of one's own whose repr is that of its base."""

    def __init__(self, learning_rate, sign=1):
        super().__init__(learning_rate)
        self.sign = sign


def halving(step):
    return RATE / 2**step


def with_default(step, rate=RATE):
    return rate


def jitter(pictures, lanes):
    return pictures


def closure(rate):
    def schedule(step):
        return rate

    return schedule


def local_class(rate):
    class Local:
        def __call__(self, step):
            return rate

    return Local()


def text(value):
    return json.dumps(identify(value), sort_keys=True)


s = tn.schedules
MASK = np.arange(32.0)
KINDS = {  # in each row all are different
    "numbers": [0, 1, 0.5, -1, math.nan, math.inf, "1", "nan", None, [], [1], {1: 2}, {2: 1}, {1}, b"1", 1j,
                Fraction(1, 3)],
    "arrays": [MASK, MASK + 1, MASK.astype("f4"), MASK[:31], MASK.reshape(4, 8), MASK.astype(object), MASK > 3],
    "SGD": [tn.SGD(0.1), tn.SGD(0.2), tn.SGD(0.1, momentum=0.9), tn.SGD(0.1, momentum=0.9, nesterov=True),
            tn.SGD(0.1, weight_decay=1e-9), tn.Adam(0.1), Lion(0.1), Lion(0.1, -1)],
    "AdamW": [tn.AdamW(0.1), tn.AdamW(0.1, weight_decay=0), tn.AdamW(0.1, mask=MASK), tn.AdamW(0.1, mask=MASK + 1),
              tn.Adam(0.1), tn.Nadam(0.1), tn.AdamW(0.1, beta1=0.8), tn.AdamW(0.1, epsilon=1e-7)],
    "wrappers": [tn.Clipped(tn.SGD(0.1), 1), tn.Clipped(tn.SGD(0.1), 1.0000001), tn.Averaged(tn.SGD(0.1), 0.9),
                 tn.Averaged(tn.SGD(0.1), 0.9000000001), tn.Clipped(tn.AdamW(0.1, mask=MASK)),
                 tn.Clipped(tn.AdamW(0.1))],
    "schedules": [s.cosine(0.1, 10), s.cosine(0.1, 11), s.constant(0.1), s.warm_up(s.constant(0.1), 3), halving,
                  s.warm_up(s.constant(0.2), 3), functools.partial(with_default, rate=0.3), with_default,
                  functools.partial(with_default, rate=0.4), Frozen(1), Frozen(2), Frozen(1, (0,)), math.sqrt, np.exp],
    "losses": [tn.SoftmaxCrossEntropy(), tn.SoftmaxCrossEntropy(0.1), tn.MeanSquaredError(), tn.BinaryCrossEntropy(),
               tn.SoftmaxCrossEntropy(0, [1, 2]), tn.SoftmaxCrossEntropy(0, [1, 2.0000000001])],
    "transforms": [[tn.data.Shift(1)], [tn.data.Shift(2)], [tn.data.HorizontalFlip(0.5)], [tn.data.RandomErasing(0.5)],
                   [], [jitter], [Jitter()], [Jitter(2)], [Jitter(1, MASK)], [jitter, jitter], [Jitter().__call__],
                   [Slotted(1)], [Slotted(2)]],
    "layers": [tn.Dense(3, 3), tn.Dense(3, 4), Scaled(), Scaled(3), Scaled(1, tn.Dropout(0.1)), tn.Dropout(0.1),
               Scaled(1, tn.Dropout(0.2)), tn.Sequential(Scaled()), tn.Sequential(Scaled(3)), tn.Residual(Scaled()),
               tn.Residual(Scaled(), shortcut=Scaled()), tn.LeakyReLU(0.1), tn.LeakyReLU(0.2)],
    "objects": [Colour.RED, Colour.BLUE, Path("a"), Path("b"), np.dtype("f4"), np.dtype("f8"), range(3), range(4),
                Jitter, Frozen, slice(1), functools.lru_cache(halving), functools.lru_cache(jitter),
                int, len, OrderedDict(a=1), Path],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_differs_has_another_identity(kind):
    texts = [text(value) for value in KINDS[kind]]
    assert len(set(texts)) == len(texts)
    assert not [value for value, its in zip(KINDS[kind], texts) if "no identity" in its]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.1, np.float64(0.1)),
        (3, np.int8(3)),
        ("a", np.str_("a")),
        ((1, 2), [1, 2]),
        ({1, 2, 3}, {3, 2, 1}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))),
        (np.arange(3.0), np.arange(6.0)[:3]),
        (tn.Dense(3, 3), tn.Dense(3, 3, weight="zeros")),  # a resumed run has the weights of the checkpoint
        (tn.Sequential(Scaled(), seed=1), tn.Sequential(Scaled(), seed=2)),
        (Scaled(), tn.Sequential(Scaled())[0]),
        (tn.SGD(1), tn.SGD(1.0)),
        (tn.SGD(0.1, 0.9, True), tn.SGD(0.1, 0.9, 1)),
    ],
    ids=str,
)
def test_what_is_equal_has_one_identity(one, other):
    assert identify(one) == identify(other)
    assert json.loads(json.dumps(identify(one))) == identify(other)


def test_arrays_of_devices_and_of_pandas_are_known_by_their_numbers():
    assert identify(strict.device.put(MASK)) == identify(MASK)
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    assert identify(pandas.Series(MASK)) == identify(MASK)


def test_what_was_computed_from_the_arguments_is_no_argument():
    used = Jitter()
    assert used.computed
    assert identify(used) == identify(Jitter())
    drawn = Scaled()
    assert drawn.gain.sum() == 3
    assert identify(drawn) == identify(Scaled())


def test_an_object_may_contain_itself():
    ring = Jitter()
    ring.table = [ring]
    assert text(ring) != text(Jitter())


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (lambda step: 0.1, "<lambda>, a lambda"),
        (closure(0.1), "closure.<locals>.schedule, a function that uses rate of the function around it"),
        (local_class(0.1), "local_class.<locals>.Local, a class that uses rate of the function around it"),
        (np.random.default_rng(0), "Generator, which has a random state of its own"),
        (random.Random(0), "Random, which has a random state of its own"),
        ((step for step in []), "generator, which cannot be pickled"),
        (np.frompyfunc(halving, 1, 1), "ufunc, which cannot be pickled"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else "",
)
def test_what_has_no_identity_is_named(value, name):
    assert is_unknown(identify(value)), identify(value)
    assert name in identify(value)["no identity"]
    nested = [Jitter(table={"a": [value]}), functools.partial(halving, value)]
    if callable(value):
        nested += [tn.SGD(value), tn.Clipped(tn.SGD(s.warm_up(value, 3))), functools.lru_cache(value)]
    for each in nested:
        (found,) = differences("it", identify(each), identify(each))
        assert found.unknown


def test_a_function_is_its_code_and_what_that_reads(tmp_path):
    """Comments, docstrings and layout are not code; constants and functions of the module that it uses are."""

    def written(rate=0.1, before="", body="return helper(step) * RATE", helper="return 1", prefix=""):
        source = (
            f'{prefix}RATE = {rate}\nOTHER = 1\ndef helper(step):\n    {helper}\n'
            f'def schedule(step, least=0):\n    {before}{body}\n'
            f'class Schedule:\n    most = RATE\n    def __call__(self, step):\n        return schedule(step)\n'
        )  # fmt: skip
        (tmp_path / "mine.py").write_text(source)
        program = (
            "import json, mine, tinynet.training.identity as it\n"
            "print(json.dumps([it.identify(mine.schedule), it.identify(mine.Schedule())]))"
        )
        paths = f"{ROOT}:{tmp_path}"
        done = python("-B", "-c", program, check=True, PYTHONPATH=paths, PYTHONHASHSEED=str(len(source)))
        return json.loads(done.stdout)

    first = written()
    assert "no identity" not in json.dumps(first)
    assert first == written(before='"""What it is."""\n    # why\n\n    ', prefix="import os\n\n")
    assert first == written(body="return helper( step )*RATE  # the rate")
    for changed in (
        written(rate=0.2),
        written(body="return helper(step) + RATE"),
        written(helper="return 2"),
    ):
        assert changed[0] != first[0]
        assert changed[1] != first[1]


def test_a_program_without_a_file_has_identities_too():
    program = (
        "import json, tinynet.training.identity as it\n"
        "def schedule(step):\n    return {}\n"
        "class Own:\n    def __call__(self, step):\n        return {}\n"
        "print(json.dumps([it.identify(schedule), it.identify(Own())]))"
    )
    found = [python("-c", program.format(n, n), check=True).stdout for n in ("0.1", "0.1", "5.0")]
    assert found[0] == found[1] != found[2]
    assert "no identity" not in found[0]


def test_differences_name_the_argument():
    ours, theirs = tn.Clipped(tn.AdamW(0.1, mask=MASK)), tn.Clipped(tn.AdamW(0.2, mask=MASK + 1), 2)
    found = [each.name for each in differences("optimizer", identify(ours), identify(theirs))]
    assert found == ["optimizer.optimizer.learning_rate", "optimizer.optimizer.mask", "optimizer.norm"]
    (found,) = differences("model", identify(tn.Sequential(tn.Dropout(0.1))), identify(tn.Sequential(tn.Dropout(0.2))))
    assert found == ("model[0].rate", 0.1, 0.2)


@pytest.mark.parametrize("theirs", [None, [], {}, "x", 3, {"type": []}, {"type": "tinynet.SGD", "arguments": [{}]}])
def test_anything_in_a_file_can_be_compared(theirs):
    assert list(differences("optimizer", identify(tn.SGD(0.1)), theirs))


def test_defaults_are_a_part_of_a_function_though_its_text_is_the_same():
    def with_default(value):
        def rate(step, start=value, *, end=2 * value):
            return start / (1 + step) + end

        return rate

    one, same, other = (identify(with_default(value)) for value in (0.1, 0.1, 0.2))
    assert not is_unknown(one)
    assert one == same != other


def test_equal_bytes_of_another_dtype_are_another_array():
    arrays = [np.zeros(3, dtype) for dtype in ("float32", "int32", ">f4", "float64")] + [np.zeros((3, 1), "float32")]
    identities = [identify(array) for array in arrays]
    assert all(identities.count(each) == 1 for each in identities)
    assert identify(np.zeros(3, "float32")) == identities[0]
