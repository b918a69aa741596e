"""Transforms: their effect on pictures, and that they depend only on seed, epoch and position."""

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tinynet.backend import arrays
from tinynet.backend.random import Purpose, Stream
from tinynet.data import transforms
from tinynet.data.transforms import Lanes

PICTURES = np.random.default_rng(0).integers(1, 256, (300, 8, 12)).astype("uint8")
DATA = tn.data.from_arrays(PICTURES, np.arange(300) % 3, flatten=True)
ALL = [tn.data.Shift(2), tn.data.HorizontalFlip(), tn.data.RandomErasing(0.5)]


def lanes(like) -> Lanes:
    return lambda k: Stream(0, Purpose.TRANSFORM).lanes((len(like), k), like=like)


def test_a_shift_moves_all_pixels_of_a_picture_alike():
    moved = tn.data.Shift(2)(PICTURES, lanes(PICTURES))
    padded = np.pad(PICTURES, ((0, 0), (2, 2), (2, 2)))
    offsets = set()
    for before, after in zip(padded, moved):
        found = [(r, c) for r in range(5) for c in range(5) if np.array_equal(before[r : r + 8, c : c + 12], after)]
        assert len(found) == 1
        offsets.add(found[0])
    assert len(offsets) == 25


@pytest.mark.parametrize("probability", [0, 0.3, 1])
def test_a_flip_mirrors_the_expected_fraction(probability):
    flipped = tn.data.HorizontalFlip(probability)(PICTURES, lanes(PICTURES))
    same = (flipped == PICTURES).all(axis=(1, 2))
    mirrored = (flipped == PICTURES[:, :, ::-1]).all(axis=(1, 2))
    assert (same | mirrored).all()
    assert mirrored.mean() == pytest.approx(probability, abs=4 * np.sqrt(probability * (1 - probability) / 300))


def test_erasing_blackens_one_rectangle():
    erased = tn.data.RandomErasing(1.0)(PICTURES, lanes(PICTURES))
    for before, after in zip(PICTURES, erased):
        gone = after == 0
        rows, columns = np.flatnonzero(gone.any(axis=1)), np.flatnonzero(gone.any(axis=0))
        assert 2 <= len(rows) <= 4
        assert 3 <= len(columns) <= 6
        assert gone.sum() == len(rows) * len(columns)
        np.testing.assert_array_equal(after[~gone], before[~gone])


def test_rectangles_have_every_size_and_reach_every_border():
    many = np.ones((3000, 8, 12), "uint8")
    erased = tn.data.RandomErasing(1.0)(many, lanes(many)) == 0
    rows, columns = erased.any(axis=2), erased.any(axis=1)
    assert set(rows.sum(axis=1)) == {2, 3, 4}
    assert set(columns.sum(axis=1)) == {3, 4, 5, 6}
    assert set(rows.argmax(axis=1)) == set(range(7))  # where they begin
    assert set(columns.argmax(axis=1)) == set(range(10))
    assert rows[:, -1].any()
    assert columns[:, -1].any()
    together = {(int(height), int(width)) for height, width in zip(rows.sum(axis=1), columns.sum(axis=1))}
    assert len(together) == 12  # sizes, places and the choice are independent
    assert len(set(zip(rows.argmax(axis=1), columns.argmax(axis=1)))) == 70


@pytest.mark.parametrize("probability", [0, 0.3, 1])
def test_erasing_changes_the_expected_fraction(probability):
    erased = tn.data.RandomErasing(probability)(PICTURES, lanes(PICTURES))
    changed = (erased != PICTURES).any(axis=(1, 2))
    assert changed.mean() == pytest.approx(probability, abs=4 * np.sqrt(probability * (1 - probability) / 300))


@pytest.mark.parametrize("make", [tn.data.HorizontalFlip, tn.data.RandomErasing])
def test_a_probability_of_0_changes_none_of_very_many_pictures(make):
    many = np.arange(16, dtype="uint8").reshape(1, 4, 4).repeat(2**19, axis=0)
    assert (lanes(many)(5)[:, 0] == 0).any()  # the number that is next to it
    assert np.array_equal(make(0)(many, lanes(many)), many)


def test_the_defaults_and_their_reprs():
    made = [tn.data.Shift(), tn.data.HorizontalFlip(), tn.data.RandomErasing()]
    assert [repr(each) for each in made] == ["Shift(2)", "HorizontalFlip(0.5)", "RandomErasing(0.5)"]
    assert [each.layout for each in made] == ["", "", ""]


def test_grey_pictures_may_have_a_layout_and_a_transform_of_ones_own_its_base():
    grey = PICTURES[:5]
    for layout in ("NHWC", "NCHW"):
        np.testing.assert_array_equal(tn.data.HorizontalFlip(1, layout=layout)(grey, lanes(grey)), grey[:, :, ::-1])

    class Own(transforms.PictureTransform):
        pass

    with pytest.raises(NotImplementedError):
        Own()(grey, lanes(grey))

    class Same(transforms.PictureTransform):
        def change(self, pictures, lanes):
            return pictures

    assert Same()(grey, lanes(grey)) is grey
    with pytest.raises(tn.ShapeError, match="which looks like"):
        Same()(COLOURS.transpose(0, 3, 1, 2), lanes(grey))


@pytest.mark.parametrize("transform", ALL, ids=repr)
@pytest.mark.parametrize("shape", [(20, 8, 12), (20, 8, 12, 3)])
def test_shape_and_dtype_stay_on_every_device(transform, shape):
    pictures = np.random.default_rng(0).integers(0, 256, shape).astype("uint8")
    here = transform(pictures, lanes(pictures))
    placed = strict.device.put(pictures)
    there = transform(placed, lanes(placed))
    assert (here.shape, here.dtype) == (shape, np.uint8)
    np.testing.assert_array_equal(arrays.to_numpy(there), here)


def epoch(data=DATA, size=64, seed=0, number=0, first_step=0):
    parts = [x for x, _ in tn.data.batches(data, size, seed, number, transforms=ALL, first_step=first_step)]
    return np.concatenate([arrays.to_numpy(part) for part in parts])


def test_an_epoch_is_a_function_of_seed_and_number_whatever_the_batch_size():
    whole = epoch()
    np.testing.assert_array_equal(epoch(size=7), whole)
    np.testing.assert_array_equal(epoch(size=300), whole)
    np.testing.assert_array_equal(epoch(data=DATA.to(strict.device)), whole)
    assert (epoch(seed=1) != whole).any()
    assert (epoch(number=1) != whole).any()


@pytest.mark.parametrize("transform", ALL, ids=repr)
def test_one_picture_is_changed_in_another_way_in_each_epoch_by_each_seed_and_transform(transform):
    data = tn.data.from_arrays(np.repeat(PICTURES[:1], 30, axis=0), np.zeros(30, int))  # the order changes nothing

    def seen(seed, number, transforms):
        return next(tn.data.batches(data, 30, seed, number, transforms=transforms))[0].tobytes()

    assert seen(0, 0, [transform]) == seen(0, 0, [transform])
    assert len({seen(seed, number, [transform]) for seed in range(3) for number in range(3)}) == 9
    unchanged = tn.data.HorizontalFlip(0)
    assert seen(0, 0, [unchanged, transform]) != seen(0, 0, [transform])  # each place has numbers of its own


def test_an_epoch_can_begin_at_any_step():
    np.testing.assert_array_equal(epoch(first_step=2), epoch()[128:])


def test_fit_applies_transforms():
    model = tn.Sequential(tn.Dense(96, 3))
    history = tn.fit(model, DATA, epochs=1, batch_size=50, transforms=ALL)
    assert len(history) == 1
    flat = tn.data.from_arrays(np.zeros((4, 96), "uint8"), np.zeros(4, int))
    with pytest.raises(tn.ShapeError, match="transforms: expected pictures of shape"):
        tn.fit(model, flat, epochs=1, transforms=ALL)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tn.data.Shift(0), "Shift: most: expected a whole number from 1, got 0; try Shift"),
        (lambda: tn.data.HorizontalFlip(2), "HorizontalFlip: expected a probability from 0 to 1, got 2; try 0.5"),
        (lambda: tn.data.Shift(1, layout="x"), "Shift: unknown layout 'x'"),
        (lambda: tn.data.HorizontalFlip(1, layout="x"), "HorizontalFlip: unknown layout 'x'"),
        (lambda: tn.data.RandomErasing(1, layout="x"), "RandomErasing: unknown layout 'x'"),
        (lambda: tn.data.RandomErasing(-1), "RandomErasing: expected a probability from 0 to 1, got -1"),
    ],
)
def test_arguments_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# The axes of the pictures ---------------------------------------------------------------------------------------------

WITH_LAYOUT = [
    lambda **told: tn.data.Shift(2, **told),
    lambda **told: tn.data.HorizontalFlip(1, **told),
    lambda **told: tn.data.RandomErasing(1.0, **told),
]
COLOURS = np.random.default_rng(1).integers(1, 256, (40, 8, 12, 3)).astype("uint8")


@pytest.mark.parametrize("make", WITH_LAYOUT)
def test_channels_first_pictures_are_refused_or_changed_as_channels_last_ones_are(make):
    first = np.ascontiguousarray(COLOURS.transpose(0, 3, 1, 2))
    with pytest.raises(
        tn.ShapeError, match=r"\(40, 3, 8, 12\), which looks like \(n, C, H, W\); say layout='NCHW', or"
    ):
        make()(first, lanes(first))
    expected = make()(COLOURS, lanes(COLOURS))
    told = make(layout="NCHW")(first, lanes(first))
    np.testing.assert_array_equal(told, expected.transpose(0, 3, 1, 2))
    assert told.flags.c_contiguous
    np.testing.assert_array_equal(make()(first.transpose(0, 2, 3, 1), lanes(first)), expected)
    placed = strict.device.put(first)
    np.testing.assert_array_equal(arrays.to_numpy(make(layout="NCHW")(placed, lanes(placed))), told)
    assert repr(make(layout="NCHW")).endswith(", layout='NCHW')")
    assert "layout" not in repr(make())


@pytest.mark.parametrize("make", WITH_LAYOUT)
def test_shapes_that_tell_nothing_have_to_be_told(make):
    tiny = np.random.default_rng(1).integers(1, 256, (40, 5, 5, 5)).astype("uint8")
    with pytest.raises(tn.ShapeError, match=r"which may be \(n, C, H, W\) as well; say layout='NHWC' or layout='NCHW'"):
        make()(tiny, lanes(tiny))
    last, first = (make(layout=layout)(tiny, lanes(tiny)) for layout in ("NHWC", "NCHW"))
    np.testing.assert_array_equal(
        make(layout="NHWC")(tiny.transpose(0, 2, 3, 1), lanes(tiny)).transpose(0, 3, 1, 2), first
    )
    assert (last != first).any()
    with pytest.raises(ValueError, match="unknown layout 'nhwc'; .*Known: NCHW, NHWC"):
        make(layout="nhwc")


def test_narrow_grey_pictures_are_no_colours():
    narrow = np.random.default_rng(1).integers(1, 256, (40, 12, 3)).astype("uint8")
    np.testing.assert_array_equal(tn.data.HorizontalFlip(1)(narrow, lanes(narrow)), narrow[:, :, ::-1])


@pytest.mark.parametrize("flatten", [False, True])
def test_fit_flips_channels_first_pictures_from_left_to_right(flatten):
    images, labels = COLOURS.transpose(0, 3, 1, 2), np.arange(40) % 2
    data = tn.data.from_arrays(images, labels, flatten=flatten)
    order = next(tn.data.batches(tn.data.from_arrays(np.arange(40.0)[:, None], labels), 40, 0, 0))[0][:, 0].astype(int)
    with pytest.raises(tn.ShapeError, match=r"HorizontalFlip\(1.0\): expected pictures"):
        next(tn.data.batches(data, 40, 0, 0, transforms=[tn.data.HorizontalFlip(1)]))
    told = tn.data.HorizontalFlip(1, layout="NCHW")
    found, _ = next(tn.data.batches(data, 40, 0, 0, transforms=[told]))
    np.testing.assert_array_equal(np.rint(255 * found).reshape(images.shape), images[order][..., ::-1])


@pytest.mark.parametrize(
    ("transform", "received"),
    [
        (lambda pictures, lanes: pictures.transpose(0, 2, 1), r"uint8 of \(50, 12, 8\)"),
        (lambda pictures, lanes: pictures / np.float32(255), r"float32 of \(50, 8, 12\)"),
        (lambda pictures, lanes: pictures[:10], r"uint8 of \(10, 8, 12\)"),
    ],
)
def test_a_transform_of_ones_own_keeps_shape_and_dtype(transform, received):
    model = tn.Sequential(tn.Dense(96, 3))
    with pytest.raises(
        tn.ShapeError, match=rf"transform .*: expected uint8 of \(50, 8, 12\), got {received}; return pi"
    ):
        tn.fit(model, DATA, epochs=1, batch_size=50, transforms=[transform])
    tn.fit(model, DATA, epochs=1, batch_size=50, transforms=[lambda pictures, lanes: 255 - pictures])
