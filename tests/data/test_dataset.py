"""Data sets in memory: scaling, splitting, standardizing, and refused inputs."""

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.advice import follow
from tinynet.data.dataset import as_dataset, scale_pixels

PIXELS = np.arange(256, dtype="uint8").reshape(64, 4)


def dataset(**arguments):
    return tn.data.from_arrays(PIXELS, np.arange(64) % 4, ("a", "b", "c", "d"), **arguments)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pixels_become_numbers_from_0_to_1(dtype):
    scaled = dataset().inputs(slice(None), np.dtype(dtype))
    assert scaled.dtype == dtype
    np.testing.assert_allclose(scaled, PIXELS / 255, rtol=3e-7 if dtype == "float32" else 1e-15)
    assert scaled.max() == 1


def test_scaling_leaves_the_images_unchanged():
    data = dataset()
    before = data.images.copy()
    data.inputs(np.array([3, 1]), np.dtype("float32"))[...] = 9
    np.testing.assert_array_equal(data.images, before)
    assert data.images.dtype == np.uint8


@pytest.mark.parametrize("images", [PIXELS, (PIXELS / 255).astype("float32")], ids=["uint8", "float32"])
def test_standardized_pixels_have_mean_0_and_deviation_1(images):
    data = tn.data.from_arrays(images, np.zeros(64, int)).standardize()
    scaled = data.inputs(slice(None), np.dtype("float64"))
    assert scaled.mean() == pytest.approx(0, abs=1e-6)
    assert scaled.std() == pytest.approx(1, rel=1e-6)
    other = tn.data.from_arrays(images[:5], np.zeros(5, int)).standardize(like=data)
    np.testing.assert_allclose(other.inputs(slice(None), np.dtype("float64")), scaled[:5])


def test_pixels_are_divided_by_255_and_standardized():
    raw = np.array([0, 51, 255], "uint8")
    np.testing.assert_allclose(scale_pixels(raw, np.dtype("float64"), 0.2, 0.5), [-0.4, 0, 1.6], atol=1e-15)


def test_one_and_the_same_number_everywhere_is_scaled_to_0():
    for images in (np.full((3, 2), 51, "uint8"), np.full((3, 2), 0.25)):
        data = tn.data.from_arrays(images, [0, 1, 2]).standardize()
        assert (data.mean, data.deviation) == (
            pytest.approx(images[0, 0] / (255 if images.dtype == np.uint8 else 1)),
            1,
        )
        np.testing.assert_allclose(data.inputs(slice(None), np.dtype("float64")), 0, atol=1e-12)


def test_floats_are_scaled_by_mean_and_deviation_alone_and_copied_only_if_they_change():
    raw = np.array([[1.0, 3.0]])
    float64 = np.dtype("float64")
    assert scale_pixels(raw, float64) is raw
    np.testing.assert_allclose(scale_pixels(raw, float64, 1.0), [[0, 2]])
    np.testing.assert_allclose(scale_pixels(raw, float64, 0.0, 2.0), [[0.5, 1.5]])
    np.testing.assert_allclose(scale_pixels(raw, float64, 1.0, 4.0), [[0, 0.5]])
    np.testing.assert_allclose(scale_pixels(np.array([255], "uint8"), float64, 0.0, 4.0), [0.25])
    assert raw.tolist() == [[1, 3]]
    assert scale_pixels(raw, np.dtype("float32"), 1.0, 4.0).dtype == np.float32


def test_inputs_are_taken_by_slice_or_index_and_changed_before_they_are_scaled():
    data = dataset()
    every, float64 = PIXELS / 255, np.dtype("float64")
    np.testing.assert_allclose(data.inputs(slice(3, 5), float64), every[3:5])
    np.testing.assert_allclose(data.inputs(np.array([7, 2, 7]), float64), every[[7, 2, 7]])
    np.testing.assert_allclose(data.inputs(np.array([7, 2], "uint8"), float64), every[[7, 2]])
    np.testing.assert_allclose(data.inputs([7, 2], float64), every[[7, 2]])
    np.testing.assert_allclose(data.inputs(np.arange(64) == 9, float64), every[[9]])
    np.testing.assert_allclose(data.inputs([7], float64, lambda raw: 255 - raw), 1 - every[[7]])


def test_a_data_set_made_by_its_class_reads_as_from_arrays_does():
    data = tn.data.Dataset(np.ones((2, 3)), ["b", "a"], ["a", "b"])
    assert (data.labels.tolist(), data.class_names, data.image_shape, data.name) == ([1, 0], ("a", "b"), (), "arrays")
    assert (data.mean, data.deviation, dict(data.provenance)) == (0, 1, {})


def test_indices_out_of_range_are_refused_by_the_method_that_got_them():
    data = dataset()
    for who, select in [
        ("inputs", lambda: data.inputs([64], np.dtype("float32"))),
        ("subset", lambda: data.subset([64])),
        ("pictures", lambda: data.pictures([64])),
    ]:
        with pytest.raises(tn.DataError, match=f"^{who}: expected indices below 64, got 64; take them from the same"):
            select()


def test_mean_and_deviation_are_exact_to_float64_for_float32_images():
    images = (1e4 + np.random.default_rng(0).normal(size=(50_000, 4))).astype("float32")
    data = tn.data.from_arrays(images, np.zeros(50_000, int)).standardize()
    exact = images.astype("float64")
    assert (data.mean, data.deviation) == (pytest.approx(exact.mean(), rel=1e-13), pytest.approx(exact.std(), rel=1e-9))


def test_a_subset_keeps_what_describes_the_data():
    data = dataset(name="mine").standardize()
    for chosen in ([5, 3], np.array([5, 3]), slice(5, 2, -2)):
        part = data.subset(chosen)
        assert part.labels.tolist() == [1, 3]
        np.testing.assert_array_equal(part.images, PIXELS[[5, 3]])
        assert (part.name, part.class_names, part.mean, part.deviation) == (
            "mine", data.class_names, data.mean, data.deviation)  # fmt: skip
        assert part.image_shape == data.image_shape == (4,)
    assert [len(each) for each in data.split(0.25)] == [48, 16]
    assert data.split(0.25)[1].name == "mine"


def test_a_split_follows_the_documented_rule():
    """Whole parts first; what is missing from the largest remainders, then from the larger class."""
    labels = np.repeat([0, 1, 2], [7, 13, 20])  # a tenth: 0.7, 1.3 and 2.0 of 4
    data = tn.data.from_arrays(np.arange(40.0)[:, None], labels)
    for seed in range(10):
        assert np.bincount(data.split(0.1, seed)[1].labels, minlength=3).tolist() == [1, 1, 2]
    labels = np.repeat([0, 1, 2], [5, 15, 25])  # 0.5, 1.5 and 2.5 of 4 (round half to even): one from the larger ones
    data = tn.data.from_arrays(np.arange(45.0)[:, None], labels)
    for seed in range(10):
        assert np.bincount(data.split(0.1, seed)[1].labels, minlength=3).tolist() == [0, 1, 3]


def test_pictures_have_the_shape_that_was_given():
    flat = tn.data.from_arrays(np.arange(24, dtype="uint8").reshape(2, 3, 4), [0, 1], flatten=True)
    assert (flat.images.shape, flat.image_shape) == ((2, 12), (3, 4))
    np.testing.assert_array_equal(flat.pictures([1, 0])[1], np.arange(12).reshape(3, 4))
    rows = tn.data.from_arrays(np.ones((2, 5)), [0, 1])
    assert rows.pictures([0]).shape == (1, 5)
    assert repr(rows) == "<Dataset arrays: 2 examples of 5 float64>"


def test_synthetic_data_say_so():
    from dataclasses import replace

    assert replace(dataset(), provenance={"synthetic": True}).is_synthetic is True
    assert replace(dataset(), provenance={"synthetic": False}).is_synthetic is False
    assert dataset().is_synthetic is False


def test_data_that_do_not_fit_into_the_memory_of_a_device_are_refused_before_they_are_moved():
    class Small(strict.StrictDevice):
        name = "small"

        def free_memory(self):
            return 2**24

    data = tn.data.from_arrays(np.zeros((2**15, 2**10), "uint8"), np.zeros(2**15, int))
    message = "^data set 'arrays': expected at most the 0.02 GiB free on small, got 0.03 GiB of <Dataset arrays"
    with pytest.raises(tn.DeviceError, match=message):
        data.to(Small())
    few = data.subset(slice(0, 2**9)).to(Small())
    assert (type(few.images), type(few.labels)) == (strict.StrictArray, strict.StrictArray)


def test_a_split_is_stratified_shuffled_and_a_function_of_the_seed():
    data = tn.data.from_arrays(np.arange(1000, dtype="float32").reshape(-1, 1), np.repeat([0, 1], [900, 100]))
    rest, held_out = data.split(0.1, seed=3)
    assert (len(rest), len(held_out)) == (900, 100)
    assert list(np.bincount(held_out.labels)) == [90, 10]
    together = np.concatenate([rest.images, held_out.images])[:, 0]
    np.testing.assert_array_equal(np.sort(together), np.arange(1000))
    assert (np.diff(held_out.labels) != 0).sum() > 5  # shuffled, not sorted by class
    np.testing.assert_array_equal(data.split(0.1, seed=3)[1].images, held_out.images)
    assert (data.split(0.1, seed=4)[1].images != held_out.images).any()
    for fraction in (0, 1, -0.5):
        with pytest.raises(ValueError, match="split: expected a fraction between 0 and 1"):
            data.split(fraction)


@pytest.mark.parametrize(
    ("sizes", "fraction", "total"),
    [([5] * 10, 0.1, 5), ([15] * 10, 0.1, 15), ([15, 25, 35], 0.1, 8), ([1] * 7, 0.5, 4), ([3, 900, 97], 0.25, 250),
     ([6, 4], 0.9, 9)],
)  # fmt: skip
def test_a_split_has_the_size_asked_for_and_classes_as_even_as_can_be(sizes, fraction, total):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    data = tn.data.from_arrays(np.arange(len(labels), dtype="float32").reshape(-1, 1), labels)
    for seed in range(20):
        rest, held_out = data.split(fraction, seed=seed)
        assert len(held_out) == total
        counts = np.bincount(held_out.labels, minlength=len(sizes))
        assert (np.abs(counts - fraction * np.array(sizes)) < 1).all()
        both = np.sort(np.concatenate([rest.images, held_out.images])[:, 0])
        np.testing.assert_array_equal(both, np.arange(len(labels)))


def test_which_classes_give_one_example_more_is_random():
    data = tn.data.from_arrays(np.ones((50, 1)), np.repeat(np.arange(10), 5))
    held_out = {tuple(np.unique(data.split(0.1, seed=seed)[1].labels)) for seed in range(20)}
    assert all(len(classes) == 5 for classes in held_out)
    assert len(held_out) > 10


@pytest.mark.parametrize(("count", "fraction"), [(4, 0.1), (2, 0.1), (3, 0.99), (30, 0.01)])
def test_an_empty_part_is_refused_and_the_advice_gives_two(count, fraction):
    data = tn.data.from_arrays(np.ones((count, 1)), np.zeros(count, int))
    with pytest.raises(ValueError, match=r"split: expected examples in both parts, got \d+ of .*; try split") as caught:
        data.split(fraction)
    rest, held_out = follow(caught.value, split=data.split)
    assert min(len(rest), len(held_out)) >= 1
    with pytest.raises(ValueError, match="add examples"):
        data.subset([0]).split(0.5)


def test_labels_of_a_regression_are_no_classes():
    data = tn.data.from_arrays(np.ones((100, 1)), np.linspace(0, 1, 100))
    assert len(data.split(0.1)[1]) == 10  # each number would be a class of its own


def test_a_shuffled_pandas_series_is_read_by_position():
    pandas = pytest.importorskip("pandas")
    x, y = np.arange(80, dtype="float32").reshape(40, 2), np.arange(40) % 4
    order = np.random.default_rng(0).permutation(40)
    data = tn.data.from_arrays(x[order], pandas.Series(y).iloc[order])
    for part in data.split(0.25):
        np.testing.assert_array_equal(part.labels, part.images[:, 0] // 2 % 4)


def test_two_pandas_objects_with_one_index_in_two_orders_are_refused():
    pandas = pytest.importorskip("pandas")
    x, y = pandas.DataFrame({"a": np.arange(8.0), "b": 1.0}), pandas.Series(np.arange(8) % 4)
    shuffled = x.sample(frac=1, random_state=0)
    with pytest.raises(tn.DataError, match="images and labels with one index, got two orders of it") as caught:
        tn.data.from_arrays(shuffled, y)
    data = tn.data.from_arrays(shuffled, follow(caught.value, images=shuffled, labels=y))
    np.testing.assert_array_equal(data.labels, data.images[:, 0] % 4)
    by_position = tn.data.from_arrays(shuffled, y.to_numpy())  # the other advice
    np.testing.assert_array_equal(by_position.labels, np.arange(8) % 4)
    assert len(tn.data.from_arrays(shuffled.reset_index(drop=True), y)) == 8
    assert len(tn.data.from_arrays(x[:4], y[4:])) == 4  # other rows: positions are meant


@pytest.mark.torch
def test_tensors_that_numpy_cannot_read_are_refused_with_the_call_that_can():
    torch = pytest.importorskip("torch")
    x = torch.arange(12.0).reshape(4, 3)
    for given in (x.clone().requires_grad_(), x.to(torch.bfloat16), x.to_sparse()):
        with pytest.raises(tn.DataError, match=r"a Tensor that NumPy cannot read .*; use images.detach\(\)") as caught:
            tn.data.from_arrays(given, torch.arange(4))
        np.testing.assert_array_equal(tn.data.from_arrays(follow(caught.value, images=given), [0] * 4).images, x)


def test_sparse_matrices_are_refused_with_the_call_that_makes_an_array():
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(np.eye(4))
    with pytest.raises(tn.DataError, match=r"got a csr_matrix; use images.toarray\(\)") as caught:
        tn.data.from_arrays(sparse, range(4))
    np.testing.assert_array_equal(tn.data.from_arrays(follow(caught.value, images=sparse), range(4)).images, np.eye(4))


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ([PIXELS, np.zeros(64, int)], "got list; use tuple"),
        ({"x": PIXELS, "y": np.zeros(64, int)}, r"got dict; use \(data\['x'\], data\['y'\]\), the images first"),
        ((PIXELS, np.zeros(64, int), np.ones(64)), "got a tuple of 3; give the first two"),
    ],
)
def test_what_is_no_pair_is_refused_and_the_advice_makes_one(data, advice):
    with pytest.raises(TypeError, match=r"data: expected a Dataset or a pair \(images, labels\), " + advice) as caught:
        as_dataset(data)
    assert len(as_dataset(follow(caught.value, data=data))) == 64


def test_a_scale_in_other_units_is_refused():
    """uint8 pixels p are read as p / 255; the mean of floats from 0 to 255 would be 255 times too large."""
    bytes_, floats = dataset(), tn.data.from_arrays(PIXELS.astype("float32"), np.zeros(64, int))
    for one, other in ((bytes_, floats), (floats, bytes_)):
        with pytest.raises(tn.DataError, match="standardize: expected uint8 pixels, or floats from 0 to 1, got floats"):
            one.standardize(like=other)
    unit = tn.data.from_arrays(PIXELS / 255, np.zeros(64, int))
    scaled = [each.standardize(like=bytes_.standardize()).inputs(slice(None), np.dtype("float64"))
              for each in (bytes_, unit)]  # fmt: skip
    np.testing.assert_allclose(*scaled, atol=1e-12)


def test_what_is_wrong_is_said_of_the_data_set_by_its_name_and_of_the_array():
    for labels, message in [
        ([object()], "expected labels of numbers, got objects"),
        (None, "expected labels as an array or a list, got None"),
        ([[0, 1]], r"expected images \(N, ...\) and their labels, got images of shape \(2,\); give the images first"),
    ]:
        with pytest.raises(tn.DataError, match=f"^data set 'mine': {message}"):
            tn.data.from_arrays(np.ones(2), labels, name="mine")
    pixels, floats = dataset(), tn.data.from_arrays(PIXELS.astype("float32"), np.zeros(64, int))
    with pytest.raises(tn.DataError, match="give both in one form: images.astype"):
        floats.standardize(like=pixels)
    with pytest.raises(tn.DataError, match="give both in one form: like.images.astype"):
        pixels.standardize(like=floats)
    for count, advice in [(2, "0.5"), (3, "0.5"), (4, "0.25"), (10, "0.1")]:
        with pytest.raises(ValueError, match=rf"try split\({advice}\)$"):
            tn.data.from_arrays(np.ones((count, 1)), np.zeros(count, int)).split(0.01)
    one = tn.data.from_arrays(np.ones((1, 1)), [0])
    with pytest.raises(ValueError, match="got 0 of 1 examples in the second; add examples$"):
        one.split(0.5)


def test_pandas_objects_that_disagree_are_refused_by_the_name_of_the_data_set():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": [1.0, 2.0]}, index=[1, 0])
    for make in (tn.data.from_arrays, tn.data.Dataset):
        with pytest.raises(tn.DataError, match="^data set 'mine': expected images and labels with one index"):
            make(table, pandas.Series([0, 1]), name="mine")


def test_a_regression_can_be_split():
    rest, held_out = tn.data.from_arrays(np.ones((10, 2)), np.ones((10, 3))).split(0.3)
    assert (len(rest), len(held_out)) == (7, 3)


def test_flattened_pictures_get_their_shape_back():
    flat = tn.data.from_arrays(np.zeros((5, 2, 3), "uint8"), np.zeros(5, int), flatten=True)
    assert flat.images.shape == (5, 6)
    assert flat.pictures(slice(0, 2)).shape == (2, 2, 3)


def test_lists_are_accepted_and_other_types_refused():
    assert len(tn.data.from_arrays([[0.5, 1.0]], [3])) == 1
    with pytest.raises(tn.DataError, match="expected images of dtype uint8 or floating, got int64; convert pixels"):
        tn.data.from_arrays([[1, 2]], [0])


def test_the_repr_names_size_shape_and_dtype():
    assert repr(dataset(name="mine")) == "<Dataset mine: 64 examples of 4 uint8>"
    assert not dataset().is_synthetic


def test_a_remainder_goes_to_the_larger_of_two_classes():
    """A tenth of 15 and of 25 is one and a half, and two and a half: of 4 examples, 3 are of the larger class."""
    data = tn.data.from_arrays(np.ones((40, 1)), np.repeat([0, 1], [15, 25]))
    for seed in range(5):
        assert np.bincount(data.split(0.1, seed=seed)[1].labels).tolist() == [1, 3]


def test_a_constant_data_set_is_standardized_to_0():
    data = tn.data.from_arrays(np.full((6, 3), 51, "uint8"), np.zeros(6, int)).standardize()
    assert (data.mean, data.deviation) == (pytest.approx(0.2), 1)
    np.testing.assert_allclose(data.inputs(slice(None), np.dtype("float64")), 0, atol=1e-12)


def test_parts_of_a_data_set_keep_everything_but_the_other_examples():
    images = np.arange(60, dtype="uint8").reshape(10, 2, 3)
    whole = tn.data.from_arrays(images, np.arange(10) % 2, ("a", "b"), "mine", flatten=True).standardize()
    for part in (whole.subset([3, 1]), whole.subset(slice(2, 4)), *whole.split(0.5)):
        for name in ("mean", "deviation", "class_names", "name", "image_shape", "provenance"):
            assert getattr(part, name) == getattr(whole, name)
        rows = part.images[:, 0] // 6
        np.testing.assert_array_equal(part.labels, rows % 2)
    np.testing.assert_array_equal(whole.subset([3, 1]).images[:, 0] // 6, [3, 1])


def test_numbers_of_the_dtype_asked_for_and_no_wider_one():
    for images in (PIXELS, (PIXELS / 255).astype("float32"), PIXELS / 255):
        data = tn.data.from_arrays(images, np.zeros(64, int))
        for each in (data, data.standardize()):
            for dtype in ("float32", "float64"):
                assert each.inputs(np.array([1, 2]), np.dtype(dtype)).dtype == dtype
