"""Batches hold each example once per epoch, in an order of (seed, epoch), and can be split between threads."""

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tinynet.backend.random import Purpose, Stream
from tinynet.data.batches import batch_count, in_order, shuffled


def numbered(count):
    """A data set whose example number i has the input i and the label i."""
    return tn.data.from_arrays(np.arange(count, dtype="float32").reshape(-1, 1), np.arange(count))


def test_each_epoch_is_shuffled_anew_and_holds_every_example():
    rows = numbered(600)
    orders = [np.concatenate([y for _, y in tn.data.batches(rows, 64, seed=0, epoch=epoch)]) for epoch in range(3)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(600))
    assert len({order.tobytes() for order in orders}) == 3
    assert not (np.diff(orders[0]) == 1).sum() > 10  # examples are shuffled, not only whole batches


def test_an_epoch_that_was_interrupted_starts_again_with_all_examples():
    rows = tn.data.from_arrays(np.zeros((10, 1), "float32"), np.arange(10))
    first = next(iter(tn.data.batches(rows, 4, seed=0, epoch=0)))[1]
    again = list(tn.data.batches(rows, 4, seed=0, epoch=0))
    np.testing.assert_array_equal(first, again[0][1])
    assert [len(labels) for _, labels in again] == [4, 4, 2]  # the short one is used


@pytest.mark.parametrize("parts", [1, 2, 3, 5])
def test_the_parts_of_a_batch_hold_its_rows_in_order(parts):
    batch = next(shuffled(numbered(20), 10, seed=0, epoch=0))
    pieces = batch.split(parts)
    np.testing.assert_array_equal(np.concatenate([piece.load()[1] for piece in pieces]), batch.load()[1])
    np.testing.assert_array_equal([piece.first_row for piece in pieces], np.cumsum([0, *map(len, pieces)])[:-1])
    assert max(map(len, pieces)) - min(map(len, pieces)) <= 1


def test_a_part_of_a_batch_may_be_empty_and_a_part_of_a_part_knows_its_first_row():
    batch = next(shuffled(numbered(20), 10, seed=0, epoch=0))
    assert (len(batch), batch.first_row) == (10, 0)
    assert [len(piece) for piece in batch.split(12)] == [0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1]
    halves = batch.split(2)
    quarters = halves[1].split(2)
    assert [piece.first_row for piece in quarters] == [5, 7]
    np.testing.assert_array_equal(quarters[1].load()[1], batch.load()[1][7:])


def test_the_parts_of_a_batch_are_transformed_as_the_whole_is():
    pictures = np.random.default_rng(0).integers(0, 256, (12, 6, 6)).astype("uint8")
    data = tn.data.from_arrays(pictures, np.arange(12))
    transforms = [tn.data.Shift(2), tn.data.HorizontalFlip(0.5)]
    for batch in shuffled(data, 8, seed=1, epoch=2, transforms=transforms):
        whole = batch.load()[0]
        assert (whole != data.inputs(batch.chosen, np.dtype("float32"))).any()
        for parts in (2, 3):
            pieces = [piece.load()[0] for piece in batch.split(parts)]
            np.testing.assert_array_equal(np.concatenate(pieces), whole)
            nested = [part.load()[0] for piece in batch.split(parts) for part in piece.split(2)]
            np.testing.assert_array_equal(np.concatenate(nested), whole)


@pytest.mark.parametrize(
    ("transform", "received"),
    [
        (lambda pictures, lanes: pictures[:, :5], r"uint8 of \(4, 5, 6\)"),
        (lambda pictures, lanes: pictures.astype("float32"), r"float32 of \(4, 6, 6\)"),
    ],
)
def test_a_transform_that_changes_the_shape_or_the_dtype_is_refused(transform, received):
    data = tn.data.from_arrays(np.zeros((4, 6, 6), "uint8"), np.arange(4))
    message = (
        rf"^transform <.*: expected uint8 of \(4, 6, 6\), got {received}; return pictures of the same shape and dty"
    )
    with pytest.raises(tn.ShapeError, match=message):
        list(tn.data.batches(data, 4, 0, 0, transforms=[transform]))


def test_transforms_on_a_device_are_those_on_the_cpu():
    pictures = np.random.default_rng(0).integers(0, 256, (12, 6, 6)).astype("uint8")
    data = tn.data.from_arrays(pictures, np.arange(12))
    given = dict(size=5, seed=1, epoch=2, transforms=[tn.data.Shift(2), tn.data.RandomErasing(1)])
    for here, there in zip(tn.data.batches(data, **given), tn.data.batches(data.to(strict.device), **given)):
        assert isinstance(there[0], strict.StrictArray)
        np.testing.assert_array_equal(there[0].get(), here[0])


def test_inputs_have_the_dtype_that_is_asked_for():
    rows = tn.data.from_arrays(np.arange(4, dtype="uint8").reshape(4, 1), np.arange(4))
    for dtype in ("float32", "float64"):
        x, y = next(tn.data.batches(rows, 4, seed=0, epoch=0, dtype=dtype))
        assert (x.dtype, y.dtype) == (dtype, rows.labels.dtype)
        np.testing.assert_allclose(x[:, 0] * 255, y, rtol=1e-6)
    assert next(tn.data.batches(rows, 4, seed=0, epoch=0))[0].dtype == np.float32


def test_the_order_depends_on_seed_and_epoch_and_is_that_of_the_stream():
    data = numbered(50)
    orders = {tuple(next(shuffled(data, 50, seed, epoch)).chosen) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    expected = Stream(1, Purpose.SHUFFLE, step=2).permutation(50)
    np.testing.assert_array_equal(next(shuffled(data, 50, 1, 2)).chosen, expected)
    assert [len(batch) for batch in shuffled(data, 20, 0, 0, first_step=3)] == []
    assert [len(batch) for batch in shuffled(data, 20, 0, 0, first_step=2)] == [10]


def test_an_epoch_resumed_at_a_step_has_the_remaining_batches():
    whole = [batch.chosen.tolist() for batch in shuffled(numbered(20), 6, seed=1, epoch=2)]
    rest = [batch.chosen.tolist() for batch in shuffled(numbered(20), 6, seed=1, epoch=2, first_step=2)]
    assert rest == whole[2:]


@pytest.mark.parametrize(("count", "size", "lengths"), [(10, 4, [4, 4, 2]), (8, 4, [4, 4]), (3, 4, [3])])
def test_batches_in_order_cover_every_row_once(count, size, lengths):
    data = numbered(count)
    assert batch_count(data, size) == len(lengths)
    rows = [data.labels[part] for part in in_order(data, size)]
    assert [len(part) for part in rows] == lengths
    assert np.concatenate(rows).tolist() == list(range(count))


@pytest.mark.parametrize("use", [in_order, batch_count, lambda data, size: next(shuffled(data, size, 0, 0))])
def test_a_batch_size_of_0_is_refused(use):
    with pytest.raises(ValueError, match="batch_size: expected a whole number from 1, got 0; try batch_size=128"):
        use(numbered(3), 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": "int32"}, "batches: expected dtype 'float32' or .*, got 'int32'; leave it out for float32"),
        ({"first_step": -1}, "first_step: expected a whole number from 0, got -1; leave it out"),
        ({"epoch": 0.5}, "epoch: expected a whole number from 0, got 0.5; epochs count from 0"),
        ({"seed": -1}, "seed: expected a whole number"),
    ],
)
def test_arguments_that_would_give_wrong_batches_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        list(tn.data.batches(numbered(4), 2, **{"seed": 0, "epoch": 0, **change}))
    change = dict.fromkeys(change, 0) if "dtype" not in change else {}  # the advice
    assert len(list(tn.data.batches(numbered(4), 2, **{"seed": 0, "epoch": 0, **change}))) == 2


def test_transforms_that_are_no_list_and_rows_that_are_no_pictures_are_refused():
    with pytest.raises(TypeError, match=r"^(batches: )?transforms: expected a list or tuple, got .*; give a list"):
        list(tn.data.batches(numbered(4), 2, 0, 0, transforms=tn.data.Shift(1)))
    message = (
        r"^transforms: expected pictures of shape \(N, H, W\) or \(N, H, W, C\), got \(2, 1\); give the shape of a pic"
    )
    with pytest.raises(tn.ShapeError, match=message):
        list(tn.data.batches(numbered(4), 2, 0, 0, transforms=[tn.data.Shift(1)]))
    five = tn.data.from_arrays(np.ones((2, 3, 3, 3, 3)), [0, 1])
    with pytest.raises(tn.ShapeError, match=r"^transforms: expected pictures .* got \(2, 3, 3, 3, 3\)"):
        list(tn.data.batches(five, 2, 0, 0, transforms=[tn.data.Shift(1)]))


def test_batches_of_a_pair_are_those_of_its_data_set():
    x, y = np.arange(12.0).reshape(6, 2), np.arange(6)
    pair, data = (list(tn.data.batches(each, 4, 0, 0)) for each in ((x.tolist(), y), tn.data.from_arrays(x, y)))
    for one, other in zip(pair, data):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
