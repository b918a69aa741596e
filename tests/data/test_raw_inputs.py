"""`predict` scales and shapes raw inputs as training did, or refuses them with an advice that cures the case."""

import numpy as np
import pytest
import scipy.special

import tinynet as tn
from tests.support.pictures import pictures, trained

IMAGES, LABELS = pictures(60)
NEW, NEW_LABELS = pictures(30, seed=1)


@pytest.fixture(scope="module")
def of_pixels():
    return trained(IMAGES, LABELS)


@pytest.fixture(scope="module")
def of_floats():
    """Trained on pictures of numbers from 0 to 1."""
    return trained((IMAGES / 255).astype("float32"), LABELS)


@pytest.fixture(scope="module")
def of_large_floats():
    """Trained on pictures of numbers from 0 to 255."""
    return trained(IMAGES.astype("float32"), LABELS)


def by_hand(images, standardized=True):
    """The pictures as rows, scaled with the mean and deviation of the training set in float64."""
    x, known = images.reshape(len(images), -1) / 255, IMAGES / 255
    return ((x - known.mean()) / known.std() if standardized else x).astype("float32")


def probabilities(model, images, standardized=True):
    return scipy.special.softmax(model(by_hand(images, standardized)), axis=1)


EQUAL = {"rtol": 1e-4, "atol": 1e-6}  # other orders of the same scaling round differently in float32

FORMS = {
    "rows": lambda x: x.reshape(len(x), -1),
    "pictures": lambda x: x,
    "pictures with a channel": lambda x: x[..., None],
    "pictures with a first channel": lambda x: x[:, None],
    "Fortran order": np.asfortranarray,
    "a list": lambda x: x.tolist(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "int64", ">i2", ">f4"])
def test_numbers_in_the_units_of_training_give_what_hand_scaled_ones_give(of_pixels, form, dtype):
    model, _ = of_pixels
    expected = probabilities(model, NEW)
    assert (expected.argmax(axis=1) == NEW_LABELS).mean() > 0.9
    np.testing.assert_allclose(model.predict(form(NEW.astype(dtype))), expected, **EQUAL)


def test_a_model_of_floats_takes_floats_and_bytes(of_floats, of_large_floats):
    for (model, _), unit in ((of_floats, 255), (of_large_floats, 1)):
        expected = probabilities(model, NEW)
        assert (expected.argmax(axis=1) == NEW_LABELS).mean() > 0.9
        np.testing.assert_allclose(model.predict(NEW / unit), expected, **EQUAL)
        np.testing.assert_allclose(model.predict(NEW), expected, **EQUAL)
    np.testing.assert_allclose(of_large_floats[0].predict(NEW.astype(int)), expected, **EQUAL)


def test_without_standardize_nothing_is_subtracted():
    model, _ = trained(IMAGES, LABELS, standardize=False)
    expected = probabilities(model, NEW, standardized=False)
    for x in (NEW, NEW.astype("float32"), tn.data.from_arrays(NEW, NEW_LABELS)):
        np.testing.assert_allclose(model.predict(x), expected, **EQUAL)


def test_scaled_floats_are_taken_as_they_are(of_pixels):
    model, _ = of_pixels
    expected = probabilities(model, NEW)
    np.testing.assert_allclose(model.predict(by_hand(NEW), scaled=True), expected, rtol=1e-6)
    np.testing.assert_allclose(model.predict(by_hand(NEW).reshape(NEW.shape), scaled=True), expected, rtol=1e-6)
    far = model.predict(by_hand(NEW) + 1000, scaled=True)
    assert np.isfinite(far).all()


def test_a_data_set_has_its_own_scale_and_a_raw_one_that_of_training(of_pixels):
    model, train = of_pixels
    expected = probabilities(model, NEW)
    raw = tn.data.from_arrays(NEW, NEW_LABELS, flatten=True)
    own = raw.standardize()
    assert own.mean != train.mean
    np.testing.assert_allclose(model.predict(raw.standardize(like=train)), expected, **EQUAL)
    np.testing.assert_allclose(model.predict(raw), expected, **EQUAL)
    np.testing.assert_allclose(model.predict(tn.data.from_arrays(NEW, NEW_LABELS)), expected, **EQUAL)
    np.testing.assert_allclose(model.predict(tn.data.from_arrays(NEW / 255, NEW_LABELS)), expected, **EQUAL)
    in_own = ((NEW / 255 - own.mean) / own.deviation).reshape(30, -1).astype("float32")
    np.testing.assert_allclose(model.predict(own), scipy.special.softmax(model(in_own), axis=1), **EQUAL)


# Followed, each advice gives the right result ------------------------------------------------------------------------


def check_advice(model, x, expected, message, followed, **arguments):
    with pytest.raises(ValueError, match=message):
        model.predict(x, **arguments)
    np.testing.assert_allclose(followed(x), expected, **EQUAL)


def test_numbers_in_other_units_are_refused(of_pixels, of_floats, of_large_floats):
    (model, _), (floats, _), (large, _) = of_pixels, of_floats, of_large_floats
    for each in (model, large):
        expected = probabilities(each, NEW)
        times = r"from 0 to 255, got numbers from 0 to 1; for pixels divided by 255, give x \* 255"
        check_advice(each, NEW / 255, expected, times, lambda x, each=each: each.predict(x * 255))
        scaled = (
            r"from 0 to 255, got numbers from -.* to .*; for numbers that are standardized already, pass scaled=True"
        )
        check_advice(each, by_hand(NEW), expected, scaled, lambda x, each=each: each.predict(x, scaled=True))
    expected = probabilities(floats, NEW)
    over = "from 0 to 1, got numbers from 0 to 255; for pixels from 0 to 255, give x / 255, or uint8"
    check_advice(floats, NEW.astype(float), expected, over, lambda x: floats.predict(x / 255))
    check_advice(floats, NEW.astype(float), expected, over, lambda x: floats.predict(x.astype("uint8")))
    check_advice(floats, by_hand(NEW), expected, "pass scaled=True", lambda x: floats.predict(x, scaled=True))
    check_advice(floats, NEW * 1e6, expected, "check their units; predict", lambda x: floats.predict(x / 255e6))
    data = tn.data.from_arrays(NEW.astype("float32"), NEW_LABELS)
    raw = lambda unit: tn.data.from_arrays(data.images / unit, NEW_LABELS)  # noqa: E731
    for each in (model, floats):
        expected = probabilities(each, NEW)
        check_advice(each, data, expected, "give images / 255, or uint8", lambda _, each=each: each.predict(raw(255)))


def test_numbers_somewhat_outside_are_taken():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 5)).astype("float32")
    model = tn.Sequential(tn.Dense(5, 2))
    tn.fit(model, (x, (x[:, 0] > 0).astype(int)), epochs=1)
    assert model.predict(generator.normal(size=(5000, 5))).shape == (5000, 2)
    assert model.predict(np.full((1, 5), 1e-9)).shape == (1, 2)  # of features, small ones are no pictures
    with pytest.raises(tn.DataError, match=r"numbers like those of training, from -3\.\d+ to 3\.\d+, got"):
        model.predict(np.full((1, 5), 12.0))


@pytest.mark.parametrize("colour", [0, 255])
def test_pictures_of_one_colour_are_pictures(of_pixels, of_floats, colour):
    picture = np.full((1, 8, 6), colour, "uint8")
    for model, _ in (of_pixels, of_floats):
        np.testing.assert_allclose(model.predict(picture), probabilities(model, picture), **EQUAL)
    np.testing.assert_allclose(of_pixels[0].predict(picture * 1.0), probabilities(of_pixels[0], picture), **EQUAL)


def test_bytes_without_a_meaning_are_refused(of_pixels):
    binary = (IMAGES > 128).astype("float32")
    model, _ = trained(binary, LABELS, standardize=False)
    x = (NEW > 128).astype("uint8")
    expected = scipy.special.softmax(model(x.reshape(30, -1).astype("float32")), axis=1)
    message = r"uint8 pixels from 0 to 255, got numbers of at most 1; if they are not pixels, convert them: x.astype"
    check_advice(model, x, expected, message, lambda x: model.predict(x.astype("float32")))
    np.testing.assert_allclose(model.predict(x.astype(bool)), expected, **EQUAL)
    signed, _ = trained(by_hand(IMAGES).reshape(IMAGES.shape), LABELS, standardize=False)
    message = "floats from -.* as in training, got uint8 pixels; make them floats, scaled as those of the training set"
    check_advice(signed, NEW, probabilities(signed, NEW), message, lambda x: signed.predict(by_hand(x)))


def test_a_model_of_ones_and_zeros_in_bytes():
    model, _ = trained((IMAGES > 128).astype("uint8"), LABELS)
    x = (NEW > 128).astype("uint8")
    np.testing.assert_allclose(model.predict(x * 1.0), model.predict(x), **EQUAL)


def test_scaled_is_for_floats(of_pixels):
    model, train = of_pixels
    expected = probabilities(model, NEW)
    check_advice(model, NEW, expected, "got uint8 pixels; leave scaled out", model.predict, scaled=True)
    data = tn.data.from_arrays(NEW, NEW_LABELS).standardize(like=train)
    check_advice(model, data, expected, "got a data set; leave scaled out", model.predict, scaled=True)


def test_a_missing_axis_of_examples_is_refused(of_pixels):
    model, _ = of_pixels
    expected = probabilities(model, NEW[:1])
    for x in (NEW[0], NEW[0].reshape(-1), NEW[0][..., None], NEW[0] * 1.0):
        message = r"x of shape \(N, 8, 6\), got .*; give it an axis of examples: x\[None\]"
        check_advice(model, x, expected, message, lambda x: model.predict(x[None]))
    single = tn.Sequential(tn.Dense(4, 2))
    with pytest.raises(tn.ShapeError, match=r"x of shape \(N, 4\), got \(4,\); .*x\[None\]"):
        single.predict(np.zeros(4, "float32"))


def test_axes_in_another_order_are_refused():
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 6, 3)).astype("uint8")
    for flatten in (True, False):
        model, _ = trained(images, LABELS[:30], flatten=flatten)
        expected = model.predict(images)
        x = images.transpose(0, 3, 1, 2)
        message = r"x of shape \(N, 8, 6, 3\), as in training, got \(30, 3, 8, 6\); bring the axes into that order"
        check_advice(model, x, expected, message, lambda x, model=model: model.predict(np.transpose(x, (0, 2, 3, 1))))


def test_grey_pictures_fit_a_model_of_rows():
    model, _ = trained(IMAGES.reshape(60, -1), LABELS)
    np.testing.assert_allclose(model.predict(NEW), probabilities(model, NEW), **EQUAL)


def test_a_network_for_pictures_of_any_size_still_takes_any_size():
    model = tn.Sequential(tn.Conv2D(1, 3), tn.GlobalAveragePool2D())
    tn.fit(model, (IMAGES[..., None], LABELS), epochs=1)
    assert model.predict(np.zeros((2, 9, 9, 1), "uint8")).shape == (2, 3)
    with pytest.raises(tn.ShapeError, match="Conv2D"):
        model.predict(np.zeros((2, 8, 6, 3), "uint8"))


def test_one_feature():
    x = np.linspace(0, 1, 20, dtype="float32")
    model = tn.Sequential(tn.Dense(1, 1))
    tn.fit(model, (x[:, None], 2 * x[:, None]), loss=tn.MeanSquaredError(), epochs=2)
    np.testing.assert_array_equal(model.predict(x), model(x[:, None]))


@pytest.mark.parametrize("x", [b"\x89PNG", bytearray(3)])
def test_bytes_of_a_file_are_refused_by_name(of_pixels, x):
    with pytest.raises(
        tn.DataError, match=r"predict: expected an array, a Dataset, a file name or a picture, got byte"
    ):
        of_pixels[0].predict(x)
