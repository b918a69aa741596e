"""Whatever dtype, shape, order, container and index data come in, the data set equals NumPy's own reading of them.

Or a documented error comes, and its advice, followed literally, gives that data set.
"""

import tempfile
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynet as tn
import tinynet.metrics
from tests.support.advice import until_it_works


class Subclass(np.ndarray):
    """An array whose items are read from the end."""

    def __getitem__(self, index):
        return super().__getitem__(index)[::-1]


class Reads:
    """An object of another package that NumPy can read."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)


def memory_map(array):
    if array.dtype == object:
        return array
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, array.dtype, "w+", shape=array.shape)
    mapped[...] = array
    return mapped


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def with_strides(array):
    wide = np.repeat(array, 2, axis=0)
    return wide[::2]


def table(array):
    """A pandas object whose index is in another order than its rows."""
    import pandas

    index = np.arange(len(array))[::-1]
    make = {1: pandas.Series, 2: pandas.DataFrame}.get(array.ndim)
    return array if make is None or array.dtype.kind in "cSV" else make(array.copy(), index=index)


def tensor(array):
    import torch

    native = array.astype(array.dtype.newbyteorder("=")) if array.dtype.kind in "biuf" else array
    return torch.from_numpy(native.copy()) if native.dtype.kind in "biuf" else array


CONTAINERS = {
    "array": lambda array: array,
    "list": lambda array: array.tolist() if array.dtype.kind in "biufUcO" else list(array),
    "tuple of rows": tuple,
    "memory map": memory_map,
    "read-only": read_only,
    "strides": with_strides,
    "negative strides": lambda array: array[::-1].copy()[::-1],
    "Fortran's order": np.asfortranarray,
    "subclass": lambda array: array.view(Subclass),
    "matrix": lambda array: array.view(np.matrix) if array.ndim == 2 else array,
    "nothing masked": lambda array: np.ma.array(array),
    "__array__": Reads,
    "objects": lambda array: array.astype(object) if array.dtype.kind in "biufU" else array,
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
}
CONTAINERS.update({"pandas": table} if find_spec("pandas") else {}, **({"torch": tensor} if find_spec("torch") else {}))

IMAGE_DTYPES = [
    "uint8", "int8", "int16", "uint16", "int32", "int64", "uint64", "float16", "float32", "float64", "bool",
    "complex64", "M8[D]", "m8[D]", "U", "S",
]  # fmt: skip
LABEL_KINDS = {
    "uint8": lambda labels: labels.astype("uint8"),
    "int64": lambda labels: labels,
    "int8 from 1": lambda labels: (labels + 1).astype("int8"),
    "float32": lambda labels: labels.astype("float32"),
    "text": lambda labels: labels.astype(str),
    "names": lambda labels: np.array(["bag", "coat", "shoe"])[labels],
    "bytes": lambda labels: np.array([b"bag", b"coat", b"shoe"])[labels],
    "one-hot": lambda labels: np.eye(3)[labels],
    "one-hot booleans": lambda labels: np.eye(3, dtype=bool)[labels],
}
SHAPES = {
    "vector": lambda labels: labels,
    "column": lambda labels: labels.reshape(len(labels), -1),
    "row": lambda labels: labels.reshape(1, -1) if labels.ndim == 1 else labels,
}


@st.composite
def examples(draw):
    """(images as numbers, images as given, labels as numbers, labels as given, index)."""
    count, seed = draw(st.integers(3, 7)), draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    shape = (count, *draw(st.sampled_from([(2,), (4,), (8, 8), (2, 3, 8)])))
    numbers = random.integers(0, draw(st.sampled_from([2, 100])), shape)
    labels = np.concatenate([np.arange(3), random.integers(0, 3, count - 3)])[random.permutation(count)]
    images = numbers.astype(draw(st.sampled_from(IMAGE_DTYPES)))
    numbers = numbers.astype(bool).astype(int) if images.dtype == bool else numbers
    targets = SHAPES[draw(st.sampled_from([*SHAPES]))](LABEL_KINDS[draw(st.sampled_from([*LABEL_KINDS]))](labels))
    containers = st.sampled_from([*CONTAINERS])
    wrapped = CONTAINERS[draw(containers)](images), CONTAINERS[draw(containers)](targets)
    index = draw(
        st.one_of(
            st.lists(st.integers(-count, count - 1), min_size=1),
            st.lists(st.booleans(), min_size=count, max_size=count).filter(any),
            st.sampled_from([slice(0, 2), slice(None, None, -1), slice(-1, None)]),
        )
    )
    return numbers, wrapped[0], labels, wrapped[1], index


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@settings(max_examples=400, deadline=None)
@given(examples())
def test_a_data_set_equals_numpys_reading_or_its_advice_gives_it(example):
    numbers, images, labels, targets, index = example

    def read(images, labels):
        data = tn.data.from_arrays(images, labels)
        tn.SoftmaxCrossEntropy().check_targets(data.labels, (len(data), 3))
        return data

    data = until_it_works(read, {"images": images, "labels": targets})
    assert type(data.images) is type(data.labels) is np.ndarray
    np.testing.assert_array_equal(data.images.astype(float), numbers)
    np.testing.assert_array_equal(data.labels, labels)
    part = data.subset(index)
    np.testing.assert_array_equal(part.images, data.images[index])
    np.testing.assert_array_equal(part.labels, labels[index])


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([*CONTAINERS]), st.sampled_from([*CONTAINERS]))
def test_every_entrance_reads_alike(seed, one, other):
    """fit, evaluate, Trainer.step, batches: the same bits as with plain arrays."""
    random = np.random.default_rng(seed)
    x, y = random.random((8, 3)).astype("float32"), random.integers(0, 3, 8)
    given = CONTAINERS[one](x), CONTAINERS[other](y)
    if one == "objects" or one == "list":  # Python's floats are of 64 bits
        x = x.astype("float64")
    assert [results(*given)] == [results(x, y)]


def results(x, y):
    model = tn.Sequential(tn.Dense(3, 3))
    tn.fit(model, (x, y), validation=(x, y), epochs=1, batch_size=4, progress=False)
    trainer = tn.Trainer(model)
    step = trainer.step(x, y)
    batches = [(a.tolist(), b.tolist()) for a, b in tn.data.batches((x, y), 3, seed=0, epoch=0)]
    return model.theta.tobytes(), step, tn.evaluate(model, (x, y)), batches


def metric(given):
    return tinynet.metrics.accuracy(given(np.array([0, 1, 1, 2])), given(np.array([0, 1, 2, 2])))


def matrix(given):
    return tinynet.metrics.recall(given(np.array([[3, 1], [2, 4]]))).tolist()


def mask(given):
    model = tn.Sequential(tn.Dense(3, 2))
    optimizer = tn.AdamW(0.1, weight_decay=0.5, mask=given(np.arange(float(model.theta.size)) % 2))
    x, y = np.ones((4, 3), "float32"), np.array([0, 1, 0, 1])
    tn.fit(model, (x, y), optimizer=optimizer, epochs=1, progress=False)
    return model.theta.tobytes()


def initial_values(given):
    return tn.Sequential(tn.Dense(3, 2, weight=given(np.arange(6.0).reshape(3, 2)))).theta.tobytes()


def loss(given):
    outputs = np.arange(6.0).reshape(2, 3)
    return tn.SoftmaxCrossEntropy()(given(outputs), given(np.array([0, 2])))


def gradient(given):
    model = tn.Sequential(tn.Dense(3, 2))
    return str(tn.gradcheck.check_model(model, given(np.arange(6.0).reshape(2, 3)), given(np.array([0, 1]))))


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("entrance", [metric, matrix, mask, initial_values, loss, gradient])
def test_other_arguments_that_are_arrays_are_read_alike(entrance, container):
    assert entrance(CONTAINERS[container]) == entrance(np.array)


@pytest.mark.parametrize("entrance", [metric, matrix, mask, initial_values, loss, gradient])
@pytest.mark.parametrize(
    "broken",
    [
        lambda array: np.ma.array(array, mask=array == 1),
        lambda array: dict(enumerate(array)),
        lambda array: set(array.ravel().tolist()),
        iter,
        lambda array: array + 0j,
        lambda array: [*array.tolist(), None],
    ],
    ids=["masked", "dict", "set", "iterator", "complex", "missing"],
)
def test_what_has_no_reading_is_refused_everywhere(entrance, broken):
    with pytest.raises(tn.DataError, match="expected .*, got .*; "):
        entrance(broken)
