"""`predict` reads file names and Pillow pictures as training data were read, or refuses them by name."""

import os

import numpy as np
import pytest

import tinynet as tn
from tests.support.pictures import pictures, trained

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

IMAGES, LABELS = pictures(60, height=6, width=6)
COLOURS = np.stack([IMAGES, np.roll(IMAGES, 7, axis=0), 255 - IMAGES], axis=-1)
NEW = pictures(6, seed=1, height=6, width=6)[0]
GREY, COLOUR = NEW[2], np.stack([NEW[0], NEW[1], NEW[2]], axis=-1)


@pytest.fixture(scope="module")
def grey():
    return trained(IMAGES, LABELS)[0]


@pytest.fixture(scope="module")
def colour():
    return trained(COLOURS, LABELS, flatten=False)[0]


def saved(pixels, folder, name="p.png"):
    Image.fromarray(pixels).save(folder / name)
    return folder / name


def test_a_file_name_and_a_picture_are_what_their_pixels_are(grey, colour, tmp_path):
    for model, pixels in ((grey, GREY), (colour, COLOUR)):
        expected = model.predict(pixels[None])
        path = saved(pixels, tmp_path)
        for x in (str(path), path, Image.open(path), Image.fromarray(pixels)):
            np.testing.assert_array_equal(model.predict(x), expected)
        several = model.predict([path, Image.fromarray(pixels), str(path)], batch_size=2)
        np.testing.assert_allclose(several, np.repeat(expected, 3, axis=0), rtol=1e-5)


@pytest.mark.parametrize(
    "shape",
    [lambda x: x[..., None], lambda x: x[:, None], lambda x: x / np.float32(255), lambda x: x.astype("float32")],
)
def test_the_shape_and_the_units_are_those_of_training(shape, tmp_path):
    model, _ = trained(shape(IMAGES), LABELS, flatten=False)
    np.testing.assert_allclose(model.predict(saved(GREY, tmp_path)), model.predict(shape(GREY[None])), rtol=1e-4)


def test_channels_first():
    model, _ = trained(np.ascontiguousarray(COLOURS.transpose(0, 3, 1, 2)), LABELS)
    expected = model.predict(np.ascontiguousarray(COLOUR.transpose(2, 0, 1))[None])
    np.testing.assert_array_equal(model.predict(Image.fromarray(COLOUR)), expected)


def test_grey_and_colour_become_what_the_model_takes(grey, colour):
    weighted = np.round(COLOUR @ [0.299, 0.587, 0.114])  # ITU-R BT.601
    np.testing.assert_allclose(grey.predict(Image.fromarray(COLOUR)), grey.predict(weighted[None]), atol=0.02)
    three = np.repeat(GREY[..., None], 3, axis=2)
    np.testing.assert_array_equal(colour.predict(Image.fromarray(GREY)), colour.predict(three[None]))


def test_a_picture_of_16_bits(grey, tmp_path):
    path = tmp_path / "p.png"
    Image.fromarray(GREY.astype("uint16") * 257).save(path)
    np.testing.assert_array_equal(grey.predict(path), grey.predict(GREY[None]))
    Image.fromarray(GREY.astype("uint16")).save(path)
    with pytest.raises(tn.DataError, match="white is 65535, got numbers up to 255 only; multiply its numbers by 257"):
        grey.predict(path)


def test_another_size_of_the_same_form_is_resized(grey):
    large = np.kron(GREY, np.ones((4, 4))).astype("uint8")
    expected = Image.fromarray(large).resize((6, 6), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(grey.predict(Image.fromarray(large)), grey.predict(np.asarray(expected)[None]))
    flat = Image.fromarray(np.full((24, 24), 200, "uint8"))
    np.testing.assert_array_equal(grey.predict(flat), grey.predict(np.full((1, 6, 6), 200, "uint8")))


def test_another_form_is_refused_with_the_shape(grey, tmp_path):
    path = saved(np.full((12, 6), 200, "uint8"), tmp_path)
    with pytest.raises(tn.ShapeError, match=r"p.png: expected a picture of the form 6 x 6 .*, got 12 x 6; crop it, or"):
        grey.predict(path)
    followed = grey.predict(Image.open(path).resize((6, 6)))
    np.testing.assert_array_equal(followed, grey.predict(np.full((1, 6, 6), 200, "uint8")))


def test_transparent_pictures_need_a_background(grey, tmp_path):
    pixels = np.zeros((6, 6, 4), "uint8")
    path = saved(pixels, tmp_path)
    with pytest.raises(tn.DataError, match=r"opaque pixels, got transparent ones; give background=0 \(black\) to 255"):
        grey.predict(path)
    white = np.full((1, 6, 6), 255, "uint8")
    np.testing.assert_array_equal(grey.predict(path, background=255), grey.predict(white))
    with pytest.raises(ValueError, match="predict: background: expected a whole number from 0 to 255, got 256"):
        grey.predict(path, background=256)


@pytest.mark.parametrize("shape", [(36,), (6, 6, 2), (2, 3, 3, 2), None])
def test_a_model_that_does_not_know_its_pictures_says_so(shape):
    model = tn.Sequential(
        tn.Flatten(), tn.Dense(36 if shape and len(shape) == 1 else 72 if shape == (6, 6, 2) else 36, 3)
    )
    if shape is not None:
        tn.fit(model, (np.zeros((4, *shape), "uint8"), np.arange(4) % 3), epochs=1)
    with pytest.raises(tn.ShapeError, match="predict: expected a model trained on pictures .*; give an array of the"):
        model.predict(Image.fromarray(GREY))
    assert model.predict(np.zeros((1, *(shape or (36,))), "uint8")).shape == (1, 3)


def test_a_file_that_is_none_is_named(grey, tmp_path):
    (tmp_path / "p.png").write_bytes(b"no picture")
    with pytest.raises(tn.DataError, match=r"p.png: expected a PNG or JPEG picture"):
        grey.predict(tmp_path / "p.png")
    with pytest.raises(FileNotFoundError, match=r"q.png: expected the file of a picture, got no such file; check the"):
        grey.predict(tmp_path / "q.png")
    with pytest.raises(FileNotFoundError, match=r"predict: \\x1b\[2J.png: expected"):
        grey.predict("\x1b[2J.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of Unix")
def test_a_pipe_or_a_folder_is_refused_at_once(grey, tmp_path):
    os.mkfifo(tmp_path / "p.png")
    with pytest.raises(tn.DataError, match=r"p.png: expected a regular file, got a pipe"):
        grey.predict(tmp_path / "p.png")
    with pytest.raises(tn.DataError, match=r"expected a regular file, got a folder; name a file in it"):
        grey.predict(tmp_path)
    (tmp_path / "link.png").symlink_to("link.png")
    for name in ("link.png", "x" * 300, "p.png/x.png"):
        with pytest.raises(FileNotFoundError, match="got no such file; check the path"):
            grey.predict(tmp_path / name)


def test_scaled_is_not_for_pictures(grey):
    with pytest.raises(ValueError, match="scaled=True with an array, got pictures; leave scaled out"):
        grey.predict(Image.fromarray(GREY), scaled=True)


def test_a_small_picture_is_not_enlarged_to_any_size_that_a_model_claims_and_the_advice_works():
    """A model of 500 bytes may say that it was trained on pictures of 2**31 x 2**31 pixels."""
    model = tn.Sequential(tn.MaxPool2D(1000), tn.Flatten())

    def trained_on(size):
        shape = (size, size, 1)
        model.preprocessing = tn.data.Preprocessing("numbers", True, input_shape=shape, image_shape=shape)

    small = Image.fromarray(np.full((4, 4), 51, "uint8"))
    for size in (2050, 2**31 - 1):
        trained_on(size)
        with pytest.raises(tn.ShapeError, match=rf"got 4 x 4; enlarge it: .*resize\(\({size}, {size}\)\)"):
            model.predict([small])
    trained_on(2050)
    for picture in (small.resize((2050, 2050)), small.resize((600, 600))):
        np.testing.assert_allclose(model.predict([picture]), np.full((1, 4), 0.2), rtol=1e-5)
