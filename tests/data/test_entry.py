"""What a caller gives is read as it was meant, or refused with an advice that gives that data set when followed."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.advice import follow, until_it_works
from tinynet.data.entry import read_indices

PIXELS = np.arange(24).reshape(4, 6) * 10
LABELS = np.array([0, 1, 2, 1])
NAMES = np.array(["cat", "dog", "owl", "dog"])

IMAGES = {  # what is given, and the images meant
    "int64 pixels": (PIXELS, PIXELS.astype("uint8")),
    "a list of pixels": (PIXELS.tolist(), PIXELS.astype("uint8")),
    "whole numbers": (PIXELS * 100, PIXELS * 100.0),
    "negative numbers": (PIXELS - 5, PIXELS - 5.0),
    "0 and 1": (PIXELS % 2, PIXELS % 2.0),
    "booleans": (PIXELS > 100, (PIXELS > 100) * 1.0),
    "16 bits": (PIXELS.astype("uint16") * 257, PIXELS / 255),
    "text": (PIXELS.astype(str), PIXELS.astype("uint8")),
    "bytes": (PIXELS.astype("S"), PIXELS.astype("uint8")),
    "complex": (PIXELS + 0j, PIXELS * 1.0),
    "days": (PIXELS.astype("M8[D]"), PIXELS * 1.0),
    "durations": (PIXELS.astype("m8[D]"), PIXELS * 1.0),
    "records": (np.array([(1.0, 2.0)] * 4, [("a", "f4"), ("b", "f4")]), np.array([(1.0, 2.0)] * 4)),
    "raw": (PIXELS.astype("uint8").view("V6").reshape(4), PIXELS.astype("uint8")),
    "arrays in an array": (np.array([*(PIXELS * 1.0), None], object)[:4], PIXELS * 1.0),
    "masked": (np.ma.array(PIXELS * 1.0, mask=PIXELS == 10), np.where(PIXELS == 10, 0, PIXELS * 1.0)),
    "a generator": ((row for row in PIXELS * 1.0), PIXELS * 1.0),
    "a dict": (dict(enumerate(PIXELS * 1.0)), PIXELS * 1.0),
    "examples last": (np.moveaxis(PIXELS * 1.0, 0, -1), PIXELS * 1.0),
}


@pytest.mark.parametrize(("given", "meant"), IMAGES.values(), ids=IMAGES)
def test_the_advice_for_images_gives_the_images_that_were_meant(given, meant):
    with pytest.raises(tn.DataError, match=r"expected .*, got .*; ") as caught:
        tn.data.from_arrays(given, LABELS)
    data = until_it_works(tn.data.from_arrays, {"images": follow(caught.value, images=given), "labels": LABELS})
    np.testing.assert_allclose(data.images, meant, rtol=1e-6)
    assert (data.images.dtype == np.uint8) == (meant.dtype == np.uint8)


TARGETS = {  # what is given, and the labels meant
    "a column": (LABELS.reshape(-1, 1), LABELS),
    "a column of floats": (LABELS.reshape(-1, 1) * 1.0, LABELS),
    "a row": (LABELS.reshape(1, -1), LABELS),
    "one-hot rows": (np.eye(3)[LABELS], LABELS),
    "one-hot rows of a list": (np.eye(3)[LABELS].tolist(), LABELS),
    "one-hot columns": (np.eye(3)[LABELS].T, LABELS),
    "whole floats": (LABELS * 1.0, LABELS),
    "objects": (LABELS.astype(object), LABELS),
    "counted from 1": (LABELS + 1, LABELS),
    "counted from 1 in uint8": ((LABELS + 1).astype("uint8"), LABELS),
    "counted from 5": (LABELS + 5, LABELS),
    "counted from -1": (LABELS - 1, LABELS),
    "uint8": (LABELS.astype("uint8"), LABELS),
    "booleans": (LABELS == 1, LABELS == 1),
    "a column of booleans": ((LABELS == 1).reshape(-1, 1), LABELS == 1),
    "numbers as text": (LABELS.astype(str), LABELS),
    "numbers as text in a list": (LABELS.astype(str).tolist(), LABELS),
    "floats as text": ((LABELS * 1.0).astype(str), LABELS),
    "names": (NAMES, LABELS),
    "a column of names": (NAMES.reshape(-1, 1), LABELS),
    "names as objects": (NAMES.astype(object), LABELS),
    "names as bytes": (NAMES.astype("S"), LABELS),
}


@pytest.mark.parametrize(("given", "meant"), TARGETS.values(), ids=TARGETS)
def test_labels_come_out_as_meant_perhaps_after_the_advice(given, meant):
    """Of the data set, then of the loss."""

    def read(images, labels):
        data = tn.data.from_arrays(images, labels)
        tn.SoftmaxCrossEntropy().check_targets(data.labels, (4, 3))
        return data

    data = until_it_works(read, {"images": PIXELS * 1.0, "labels": given})
    np.testing.assert_array_equal(data.labels, meant)
    if np.asarray(given).dtype.kind in "OS" and data.class_names:
        assert data.class_names == ("cat", "dog", "owl")


def test_names_become_their_positions_in_class_names():
    data = tn.data.from_arrays(PIXELS * 1.0, NAMES, class_names=["owl", "dog", "cat", "cow"])
    assert data.labels.tolist() == [2, 1, 0, 1]
    assert data.class_names == ("owl", "dog", "cat", "cow")


def test_a_name_that_is_not_among_the_class_names_is_refused_and_the_advice_adds_it():
    with pytest.raises(tn.DataError, match="or as names in class_names, got 'owl'; name the classes") as caught:
        tn.data.from_arrays(PIXELS * 1.0, NAMES, class_names=["dog", "cat"])
    data = follow(caught.value, images=PIXELS * 1.0, labels=NAMES)
    assert data.class_names == ("dog", "cat", "owl")
    assert data.labels.tolist() == [1, 0, 2, 0]


def test_with_many_classes_the_advice_computes_their_names():
    names = [f"kind {number:02}" for number in range(30)]
    with pytest.raises(tn.DataError, match=r"class_names=sorted\(set\(labels\)\)") as caught:
        tn.data.from_arrays(np.ones((30, 2)), names[::-1])
    assert follow(caught.value, images=np.ones((30, 2)), labels=names[::-1]).labels.tolist() == list(range(30))[::-1]


@pytest.mark.parametrize("names", ["ab", {"a", "b"}, {"a": 0, "b": 1}, iter("ab"), {"a": 1}.keys(), {0: "a"}.values()])
def test_class_names_without_an_order_are_refused(names):
    with pytest.raises(tn.DataError, match=r"class_names as a list, got a \w+; give the names in the order"):
        tn.data.from_arrays(PIXELS * 1.0, LABELS, class_names=names)


def test_equal_class_names_are_refused_where_labels_are_names():
    with pytest.raises(tn.DataError, match="got a name twice; give each class one name of its own"):
        tn.data.from_arrays(PIXELS * 1.0, NAMES, class_names=["cat", "dog", "owl", "cat"])


@pytest.mark.parametrize("missing", [None, np.nan, float("nan")])
def test_missing_labels_and_numbers_are_named_by_example(missing):
    with pytest.raises(tn.DataError, match=r"example 2.*; clean or drop it"):
        tn.data.from_arrays(PIXELS * 1.0, [0, 1, missing, 1])
    with pytest.raises(tn.DataError, match=r"labels without missing values, got .* in example 1; clean or drop it"):
        tn.data.from_arrays(PIXELS * 1.0, np.array(["cat", missing, "owl", "dog"], object))
    with pytest.raises(tn.DataError, match=r"images without missing values, got None in example 3; clean or drop it"):
        tn.data.from_arrays([[1.0, 2], [3, 4], [5, 6], [7, None]], LABELS)


@pytest.mark.parametrize("mixed", [[0, "cat", 1, 2], ["cat", 0, b"dog", 1], [0, object(), 1, 1]])
def test_mixed_labels_are_refused(mixed):
    with pytest.raises(tn.DataError, match="expected labels of numbers, got objects such as"):
        tn.data.from_arrays(PIXELS * 1.0, mixed)


@pytest.mark.parametrize("nothing", [None, {1, 2, 3, 4}, 3, object(), np.float32(2), "text"])
def test_what_is_no_array_is_refused(nothing):
    with pytest.raises(tn.DataError, match=r"data set 'arrays': expected images .*, got .*; "):
        tn.data.from_arrays(nothing, LABELS)


def test_rows_of_unequal_length_are_refused():
    with pytest.raises(tn.DataError, match="cannot read .*; give rows of equal length"):
        tn.data.from_arrays([[1.0, 2.0], [3.0]], [0, 1])
    with pytest.raises(tn.DataError, match="make all of one shape"):
        tn.data.from_arrays(np.array([np.ones(2), np.ones(3)], object), [0, 1])


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (PIXELS[0] * 1.0, [0], r"got 6 images and 1 labels; use images\[None\] for a single one"),
        (PIXELS * 1.0, LABELS[:3], "got 4 images and 3 labels; check that both come from the same split"),
        (LABELS * 1.0, PIXELS, r"got images of shape \(4,\); give the images first: \(images, labels\)"),
        (LABELS, PIXELS, r"got images of shape \(4,\); give the images first: \(images, labels\)"),
        (LABELS.astype("uint8"), PIXELS, r"got images of shape \(4,\); give the images first: \(images, labels\)"),
        (LABELS.tolist(), PIXELS, r"got images of shape \(4,\); give the images first: \(images, labels\)"),
    ],
)
def test_images_and_labels_that_do_not_pair_are_refused(images, labels, message):
    with pytest.raises(tn.DataError, match=message):
        tn.data.from_arrays(images, labels)


def test_an_image_shape_of_another_size_is_refused():
    with pytest.raises(tn.DataError, match=r"expected examples of shape \(3, 3\), got \(6,\); check its numbers"):
        tn.data.Dataset(PIXELS * 1.0, LABELS, image_shape=(3, 3))


INDICES = [
    [2, 0],
    (2, 0),
    np.array([2, 0], "uint8"),
    np.array([-2, 0], ">i4"),
    [True, False, True, False],
    slice(0, 2),
    [],
]


@pytest.mark.parametrize("index", INDICES)
def test_indices_select_what_numpy_would(index):
    chosen = read_indices(index, PIXELS, "who")
    index = list(index) if isinstance(index, tuple) else index
    index = np.array(index, int) if isinstance(index, list) and not index else index
    np.testing.assert_array_equal(PIXELS[chosen], PIXELS[index])


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (2, r"got the number 2; give a list: \[2\]"),
        ([[0, 1]], r"indices of shape \(n,\), got \(1, 2\); use np.ravel\(indices\)"),
        ([1.0, 2.0], "that are whole numbers, got float64; use np.asarray"),
        ([0, 4], "indices below 4, got 4; take them from the same data set"),
        ([0, -5], "got -5"),
        ([True], "a mask of 4 entries, got 1"),
        (None, "indices as an array or a list, got None"),
        ({0, 1}, "got a set"),
    ],
)
def test_other_indices_are_refused(index, message):
    data = tn.data.from_arrays(PIXELS * 1.0, LABELS)
    for use in (data.subset, data.pictures):
        with pytest.raises(tn.DataError, match=message) as caught:
            use(index)
    if index in (2, [[0, 1]], [1.0, 2.0]):
        assert len(data.subset(follow(caught.value, indices=index))) == np.size(index)


def test_a_mask_is_no_list_of_rows_in_inputs():
    data = tn.data.from_arrays(PIXELS * 1.0, LABELS)
    np.testing.assert_array_equal(data.inputs([True, False, False, True], np.dtype("float64")), PIXELS[[0, 3]])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [(0, 0, 0), (3, 1, 2), (4, 0, 1)])
def test_a_number_that_is_not_finite_is_found_wherever_it_stands(value, at):
    images, targets = np.ones((5, 2, 3)), np.ones((5, 2, 3), "float32")
    images[at] = value
    with pytest.raises(tn.DataError, match=rf"expected finite numbers, got NaN or infinity in example {at[0]}; clean"):
        tn.data.from_arrays(images, np.zeros(5, int))
    targets[at] = value
    with pytest.raises(tn.DataError, match=rf"NaN or infinity in example {at[0]} of the targets; clean or drop it"):
        tn.data.from_arrays(np.ones((5, 2)), targets)


# The exact words: each reading has its own ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pixels", "remedy"),
    [
        (np.array([[0, 255]]), "convert pixels from 0 to 255 with np.asarray(images, 'uint8')"),
        (np.array([[0, 2]]), "convert pixels from 0 to 255 with np.asarray(images, 'uint8')"),
        (np.array([[0, 1]]), "convert with np.asarray(images, 'float32')"),
        (np.array([[0, 256]]), "convert with np.asarray(images, 'float32')"),
        (np.array([[-1, 255]]), "convert with np.asarray(images, 'float32')"),
        (np.array([[True, False]]), "convert with np.asarray(images, 'float32')"),
        (
            np.array([[0, 256]], "uint16"),
            "convert with np.asarray(images, 'float32') / 65535 if they are pixels of 16 bits",
        ),
        (np.array([[0, 255]], "uint16"), "convert pixels from 0 to 255 with np.asarray(images, 'uint8')"),
        (np.array([[0, 256]], "uint32"), "convert with np.asarray(images, 'float32')"),
    ],
)
def test_whole_numbers_get_their_likely_meaning(pixels, remedy):
    with pytest.raises(tn.DataError) as told:
        tn.data.from_arrays(pixels, [0], name="mine")
    expected = f"data set 'mine': expected images of dtype uint8 or floating, got {pixels.dtype}; {remedy}"
    assert str(told.value) == expected


@pytest.mark.parametrize(
    ("images", "labels", "remedy"),
    [
        (np.ones((3, 2)), np.ones((1, 3)), "use np.ravel(labels)"),
        (np.ones((3, 2)), np.ones((4, 3)), "use np.transpose(labels)"),
        (np.ones((2, 3)), np.arange(3), "put the examples on the first axis: np.moveaxis(images, -1, 0)"),
        (np.ones((4, 4)), np.arange(1), "use images[None] for a single one"),
        (np.ones(4), np.arange(1), "use images[None] for a single one"),
        (np.ones((4, 2)), np.arange(3), "check that both come from the same split"),
    ],
)
def test_other_numbers_of_labels_are_refused_with_what_they_may_be(images, labels, remedy):
    with pytest.raises(tn.DataError) as told:
        tn.data.from_arrays(images, labels, name="mine")
    counts = f"{len(images)} images and {len(labels)} labels"
    assert str(told.value) == f"data set 'mine': expected as many labels as images, got {counts}; {remedy}"


def test_booleans_become_whole_numbers():
    labels = tn.data.from_arrays(np.ones((2, 2)), [True, False]).labels
    assert (labels.tolist(), labels.dtype) == ([1, 0], np.int64)


def test_data_without_an_example_are_refused():
    with pytest.raises(
        tn.DataError, match="^data set 'mine': expected at least one example, got none; check how it was"
    ):
        tn.data.from_arrays(np.ones((0, 2)), np.ones(0, int), name="mine")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_example_that_is_no_number_is_named(bad):
    images, targets = np.ones((4, 2, 2)), np.ones((4, 2))
    images[2, 1, 0] = targets[1, 1] = bad
    end = "; clean or drop it"
    with pytest.raises(tn.DataError) as told:
        tn.data.from_arrays(images, [0, 1, 0, 1], name="mine")
    assert str(told.value) == f"data set 'mine': expected finite numbers, got NaN or infinity in example 2{end}"
    with pytest.raises(tn.DataError) as told:
        tn.data.from_arrays(np.ones((4, 2)), targets, name="mine")
    expected = f"data set 'mine': expected finite numbers, got NaN or infinity in example 1 of the targets{end}"
    assert str(told.value) == expected


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        ([["a"], ["b"]], ["a", "b"], "text of shape (2, 1); use np.ravel(labels)"),
        (["a", "x"], ["a", "b"], "'x'; name the classes: from_arrays(images, labels, class_names=['a', 'b', 'x'])"),
        (["a", "b"], [], "'a'; name the classes: from_arrays(images, labels, class_names=['a', 'b'])"),
        (["3", "4"], [], "'3'; use np.asarray(labels, 'int64')"),
        (["3.5", "4"], [], "'3.5'; use np.asarray(labels, 'float64')"),
        (["a", "b"], ["a", "b", "b"], "a name twice; give each class one name of its own"),
    ],
)
def test_names_that_cannot_be_read_are_refused_with_what_can(labels, names, message):
    with pytest.raises(tn.DataError) as told:
        tn.data.from_arrays(np.ones((2, 2)), labels, names, name="mine")
    expected = "data set 'mine': expected labels as numbers, or as names in class_names, got "
    assert str(told.value) == expected + message


def test_ten_names_are_listed_and_eleven_computed():
    names = [f"n{number:02}" for number in range(11)]
    for count, listed in [(10, repr(names[:10])), (11, "sorted(set(labels))")]:
        with pytest.raises(tn.DataError) as told:
            tn.data.from_arrays(np.ones((count, 2)), names[:count])
        assert str(told.value).endswith(f"class_names={listed})")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (3, "expected indices, got the number 3; give a list: [3]"),
        (np.int64(3), "expected indices, got the number 3; give a list: [3]"),
        ([[0, 1]], "expected indices of shape (n,), got (1, 2); use np.ravel(indices)"),
        ([True, False], "expected a mask of 4 entries, got 2; give one for each example"),
        ([0.0, 1.0], "expected indices that are whole numbers, got float64; use np.asarray(indices, 'int64')"),
        ([0, 4], "expected indices below 4, got 4; take them from the same data set"),
        ([0, -5, 9], "expected indices below 4, got -5; take them from the same data set"),
    ],
)
def test_indices_that_select_no_rows_are_refused(chosen, message):
    with pytest.raises(tn.DataError) as told:
        read_indices(chosen, np.zeros(4), "subset")
    assert str(told.value) == f"subset: {message}"


@pytest.mark.parametrize(
    ("chosen", "rows"),
    [([3, 0], [3, 0]), ([-4, 3], [-4, 3]), ([True, False, True, False], [0, 2]), ([], []), (np.array([], bool), None)],
)
def test_indices_are_whole_numbers_afterwards(chosen, rows):
    if rows is None:
        with pytest.raises(tn.DataError, match="a mask of 4 entries, got 0"):
            read_indices(chosen, np.zeros(4), "subset")
        return
    found = read_indices(chosen, np.zeros(4), "subset")
    assert (found.tolist(), found.dtype.kind) == (rows, "i")
    assert read_indices(slice(1, 3), np.zeros(4), "subset") == slice(1, 3)


def test_only_two_pandas_objects_can_disagree_about_their_order():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": [1.0, 2.0]}, index=[1, 0])
    assert len(tn.data.from_arrays(table, [0, 1])) == 2
    assert len(tn.data.from_arrays(table, pandas.Series([0, 1], index=[1, 0]))) == 2
    assert len(tn.data.from_arrays(table, pandas.Series([0, 1], index=[5, 6]))) == 2
    assert len(tn.data.from_arrays(pandas.DataFrame({"a": [1.0, 2.0]}, index=[0, 0]), pandas.Series([0, 1]))) == 2
    with pytest.raises(
        tn.DataError, match="^data set 'mine': expected images and labels with one index, got two orders"
    ):
        tn.data.from_arrays(table, pandas.Series([0, 1]), name="mine")
