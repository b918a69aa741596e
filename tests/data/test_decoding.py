"""Decoded pictures equal the arrays that their files were written from, in every mode, or are refused by name."""

import io
import itertools
import struct
import zlib

import numpy as np
import pytest

import tinynet as tn
from tinynet.data import decoding
from tinynet.data.decoding import decode, round_to_bytes

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)
GREY, RGB = RNG.integers(0, 256, (5, 7), dtype=np.uint8), RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _the_same_numbers_in_any_order_of_tests(monkeypatch):
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(0))


CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the colour type of PNG


def png(values, kind, depth=8, **chunks):
    """A PNG from integers (H, W) or (H, W, channels), by the letter of its specification and without Pillow."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = values.reshape(len(values), -1).astype(">u2")
    bits = np.unpackbits(rows.view(np.uint8).reshape(*rows.shape, 2), axis=-1)[..., -depth:]
    packed = np.packbits(bits.reshape(len(rows), -1), axis=1)
    header = struct.pack(">IIBBBBB", values.shape[1], len(values), depth, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in packed))
    extra = b"".join(chunk(name.encode(), content) for name, content in chunks.items())
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def folder(root, *contents, ending="png"):
    (root / "class").mkdir(exist_ok=True)
    for number, content in enumerate(contents):
        (root / "class" / f"{number}.{ending}").write_bytes(content)
    return root


def saved(picture, kind="PNG", **settings):
    file = io.BytesIO()
    picture.save(file, kind, **settings)
    return file.getvalue()


def read(root, *contents, ending="png", **settings):
    return tn.data.from_folder(folder(root, *contents, ending=ending), **settings).images


def scaled(values, depth):
    """Numbers of `depth` bits as bytes, rounded."""
    return np.rint(np.asarray(values, np.float64) * (255 / (2**depth - 1))).astype(np.uint8)


def luma(rgb):
    return np.asarray(rgb, np.float64) @ (0.299, 0.587, 0.114)


def over(colours, alpha, background):
    """Composed in float64, before rounding."""
    share = np.asarray(alpha, np.float64) / 255
    share = share if np.ndim(colours) == 2 else share[..., None]
    return colours * share + background * (1 - share)


# Greys and colours of every depth -------------------------------------------------------------------------------------


def test_16_bits_are_divided_by_257_and_rounded():
    values = np.arange(65536)
    np.testing.assert_array_equal(round_to_bytes(values.astype(np.uint16)), np.rint(values / 257))


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_greys_keep_their_levels(tmp_path, depth):
    values = RNG.integers(0, 2**depth, (5, 7))
    values[0, :2] = 0, 2**depth - 1  # black and white
    np.testing.assert_array_equal(read(tmp_path, png(values, 0, depth))[0], scaled(values, depth))
    in_colour = read(tmp_path, png(values, 0, depth), colour=True)[0]
    np.testing.assert_array_equal(in_colour, np.stack([scaled(values, depth)] * 3, axis=-1))


def test_a_16_bit_png_of_64_levels_keeps_64_levels(tmp_path):
    levels = np.linspace(0, 65535, 64).round().astype(int).reshape(8, 8)
    assert len(np.unique(read(tmp_path, png(levels, 0, 16)))) == 64
    picture = Image.fromarray(levels.astype(np.uint16))  # written by Pillow, too
    np.testing.assert_array_equal(read(tmp_path, saved(picture))[0], scaled(levels, 16))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("kind", [2, 4, 6])
def test_colours_keep_their_levels_and_an_opaque_alpha_is_dropped(tmp_path, kind, depth):
    values = RNG.integers(0, 2**depth, (5, 7, CHANNELS[kind]))
    if kind in (4, 6):
        values[..., -1] = 2**depth - 1
    colours = scaled(values[..., :3] if kind != 4 else values[..., [0, 0, 0]], depth)
    np.testing.assert_array_equal(read(tmp_path, png(values, kind, depth), colour=True)[0], colours)
    grey = read(tmp_path, png(values, kind, depth))[0]
    assert np.abs(grey - luma(colours)).max() <= 0.51  # Pillow's weights are fractions of 65536


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palettes_are_looked_up(tmp_path, depth):
    palette = RNG.integers(0, 256, (2**depth, 3), dtype=np.uint8)
    indices = RNG.integers(0, 2**depth, (5, 7))
    content = png(indices, 3, depth, PLTE=palette.tobytes())
    np.testing.assert_array_equal(read(tmp_path, content, colour=True)[0], palette[indices])
    assert np.abs(read(tmp_path, content)[0] - luma(palette[indices])).max() <= 1  # Pillow rounds down in a palette


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA"])
def test_what_pillow_wrote_is_read_as_it_was(tmp_path, mode):
    values = 255 * (GREY > 127).astype(np.uint8) if mode == "1" else GREY
    source = Image.fromarray(RGB).convert(mode) if mode.startswith("R") else Image.fromarray(values).convert(mode)
    expected = RGB if mode.startswith("R") else np.stack([values] * 3, axis=-1)
    np.testing.assert_array_equal(read(tmp_path, saved(source), colour=True)[0], expected)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_is_read_as_it_was_up_to_its_own_loss(tmp_path, mode):
    steps = np.linspace(0, 255, 32).astype(np.uint8)
    smooth = np.stack([np.tile(steps, (32, 1)), np.tile(steps[:, None], (1, 32)), np.full((32, 32), 99, np.uint8)], -1)
    source = Image.fromarray(smooth if mode != "L" else smooth[..., 0])
    if mode == "CMYK":  # without black: cyan is what is missing of red
        source = Image.merge("CMYK", [*Image.fromarray(255 - smooth).split(), Image.new("L", (32, 32))])
    found = read(tmp_path, saved(source, "JPEG", quality=100, subsampling=0), ending="jfif", colour=mode != "L")[0]
    assert np.abs(found.astype(int) - (smooth if mode != "L" else smooth[..., 0])).max() <= 3


def test_black_of_cmyk_darkens(tmp_path):
    picture = Image.merge("CMYK", [Image.new("L", (8, 8), value) for value in (0, 0, 0, 155)])
    found = read(tmp_path, saved(picture, "JPEG", quality=100), ending="jpg", colour=True)
    assert np.abs(found.astype(int) - 100).max() <= 2


def test_one_folder_of_many_modes_gives_the_number_of_channels_asked_for(tmp_path):
    contents = [saved(Image.fromarray(RGB).convert(mode)) for mode in ("1", "L", "P", "RGB", "RGBA", "LA")]
    contents.append(png(RNG.integers(0, 65536, (5, 7)), 0, 16))
    assert read(tmp_path, *contents).shape == (7, 5, 7)
    assert read(tmp_path, *contents, colour=True).shape == (7, 5, 7, 3)


def test_gamma_and_colour_profiles_are_ignored(tmp_path):
    content = png(GREY, 0, 8, gAMA=struct.pack(">I", 100_000), sRGB=b"\0")
    np.testing.assert_array_equal(read(tmp_path, content)[0], GREY)


# Transparency ---------------------------------------------------------------------------------------------------------


def alpha_cases():
    """name -> (content, colours (H, W, 3), alpha (H, W)), the latter in bytes."""
    alpha = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
    stacked, index = np.stack([GREY] * 3, axis=-1), RNG.integers(0, 4, (5, 7))
    palette = RNG.integers(0, 256, (4, 3), dtype=np.uint8)
    entries = np.array([0, 100, 200, 255], np.uint8)
    one_clear = np.array([255, 0, 255, 255], np.uint8)
    cases = {
        "RGBA": (saved(Image.fromarray(np.dstack([RGB, alpha]))), RGB, alpha),
        "LA": (png(np.dstack([GREY, alpha]), 4), stacked, alpha),
        "a palette with alphas": (png(index, 3, 2, PLTE=palette.tobytes(), tRNS=entries.tobytes()), palette[index],
                                  entries[index]),
        "a palette with a clear entry": (png(index, 3, 8, PLTE=palette.tobytes(), tRNS=one_clear[:2].tobytes()),
                                         palette[index], one_clear[index]),
    }  # fmt: skip
    for depth in (1, 2, 4, 8, 16):
        values = RNG.integers(0, min(2**depth, 5), (5, 7)) * max((2**depth - 1) // 5, 1)
        key = int(values[2, 2])
        grey = np.stack([scaled(values, depth)] * 3, axis=-1)
        clear = np.where(values == key, 0, 255)
        cases[f"a grey key of {depth} bits"] = (png(values, 0, depth, tRNS=struct.pack(">H", key)), grey, clear)
    for depth in (8, 16):
        values = RNG.integers(0, 2**depth, (5, 7, 3))
        values[3] = values[2, 2]
        clear = np.where((values == values[2, 2]).all(axis=-1), 0, 255)
        content = png(values, 2, depth, tRNS=struct.pack(">3H", *values[2, 2]))
        cases[f"a colour key of {depth} bits"] = (content, scaled(values, depth), clear)
    deep = RNG.integers(0, 65536, (5, 7, 4))
    cases["RGBA of 16 bits"] = (png(deep, 6, 16), scaled(deep[..., :3], 16), scaled(deep[..., 3], 16))
    cases["LA of 16 bits"] = (png(deep[..., :2], 4, 16), scaled(deep[..., [0, 0, 0]], 16), scaled(deep[..., 1], 16))
    return cases


@pytest.mark.parametrize("name", alpha_cases())
@pytest.mark.parametrize("background", [0, 90, 255])
def test_transparent_pixels_show_the_background_or_are_refused(tmp_path, name, background):
    content, colours, alpha = alpha_cases()[name]
    with pytest.raises(tn.DataError, match=r"0.png: expected opaque pixels, got transparent ones; give background=0"):
        read(tmp_path, content)
    found = read(tmp_path, content, colour=True, background=background)[0]  # as the message says
    assert np.abs(found - over(colours, alpha, background)).max() <= 0.5
    grey = read(tmp_path, content, background=background)[0]
    assert np.abs(grey - luma(over(colours, alpha, background))).max() <= 1.01  # rounded twice


@pytest.mark.parametrize("background", [-1, 256, 0.5, "white"])
def test_a_background_that_is_no_grey_is_refused(tmp_path, background):
    with pytest.raises(ValueError, match=r"from_folder: background: expected a whole number from 0 to 255, got"):
        read(tmp_path, saved(Image.fromarray(GREY)), background=background)


# Orientation, animations, other formats -------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_orientation_of_exif_is_applied(tmp_path, orientation, kind):
    from PIL import ImageOps

    picture = Image.fromarray(np.kron([[0, 60, 120], [180, 240, 30]], np.ones((8, 8))).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(picture, kind, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    np.testing.assert_array_equal(read(tmp_path, content)[0], expected)
    assert read(tmp_path, content, size=(16, 8)).shape == (1, 16, 8)


def test_orientation_6_is_a_quarter_turn_clockwise(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    np.testing.assert_array_equal(read(tmp_path, saved(Image.fromarray(GREY), exif=exif))[0], np.rot90(GREY, k=-1))


def test_an_animation_is_refused_until_a_frame_is_chosen(tmp_path):
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY), Image.fromarray(GREY // 2)]
    content = saved(frames[0], save_all=True, append_images=frames[1:])
    with pytest.raises(tn.DataError, match="expected one picture, got an animation of 3 frames; save the frame that"):
        read(tmp_path, content)
    moving = Image.open(io.BytesIO(content))
    moving.seek(1)
    np.testing.assert_array_equal(read(tmp_path, saved(Image.fromarray(np.asarray(moving))))[0], 255 - GREY)
    gif = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(tn.DataError, match="picture: expected one picture, got an animation of 3 frames"):
        decode(Image.open(io.BytesIO(gif)), colour=True)


def test_the_first_picture_of_a_stereo_photograph_counts(tmp_path):
    first, second = Image.new("RGB", (8, 8), (200, 200, 200)), Image.new("RGB", (8, 8))
    content = saved(first, "MPO", save_all=True, append_images=[second])
    assert np.abs(read(tmp_path, content, ending="jpg").astype(int) - 200).max() <= 1


@pytest.mark.parametrize("ending", ["gif", "bmp", "TIFF", "webp", "apng"])
def test_pictures_of_other_formats_are_not_left_out_in_silence(tmp_path, ending):
    folder(tmp_path, saved(Image.fromarray(GREY)))
    other = tmp_path / "class" / f"other.{ending}"
    other.write_bytes(saved(Image.fromarray(GREY), "BMP"))
    with pytest.raises(tn.DataError, match=rf"expected PNG or JPEG pictures, got .*other.{ending}; convert it to PNG"):
        tn.data.from_folder(tmp_path)
    Image.open(other).save(other.with_suffix(".png"))
    other.unlink()
    np.testing.assert_array_equal(tn.data.from_folder(tmp_path).images, [GREY, GREY])


def test_16_bits_that_hold_12_are_refused_with_the_factor(tmp_path):
    values = np.linspace(0, 4000, 70).round().astype(int).reshape(2, 5, 7)
    with pytest.raises(tn.DataError, match=r"16-bit pictures whose white is 65535, got numbers up to 4000 only; mult"):
        read(tmp_path, *(png(each, 0, 16) for each in values))
    factor = 65535 // int(values.max())
    found = read(tmp_path, *(png(each * factor, 0, 16) for each in values))  # as the message says
    np.testing.assert_array_equal(found, scaled(values * factor, 16))
    assert len(np.unique(found)) == 70
    (tmp_path / "black").mkdir()
    assert not read(tmp_path / "black", png(np.zeros((5, 7), int), 0, 16)).any()


@pytest.mark.parametrize("names", ["cat", {"cat", "dog"}, {"cat": 0, "dog": 1}, iter(["cat"])])
def test_class_names_need_an_order(tmp_path, names):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(saved(Image.fromarray(GREY)))
    with pytest.raises(TypeError, match=r"from_folder: class_names: expected a list or tuple, got .*; give a list"):
        tn.data.from_folder(tmp_path, class_names=names)
    assert tn.data.from_folder(tmp_path, class_names=["dog", "cat"]).class_names == ("dog", "cat")


# Pictures in memory ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L"])
def test_16_bit_pictures_in_memory_in_either_byte_order(mode):
    values = RNG.integers(0, 65536, (5, 7))
    order = ">u2" if mode == "I;16B" else "<u2"
    picture = Image.frombytes(mode, (7, 5), values.astype(order).tobytes())
    np.testing.assert_array_equal(decode(picture, colour=False), scaled(values, 16))


@pytest.mark.parametrize("mode", ["YCbCr", "HSV", "RGBX", "CMYK"])
def test_other_spaces_of_colour_in_memory(mode):
    # what is lost by rounding in that space: a step of hue is 1.4 degrees
    assert np.abs(decode(Image.fromarray(RGB).convert(mode), colour=True).astype(int) - RGB).max() <= 6


@pytest.mark.parametrize("mode", ["La", "RGBa", "PA"])
def test_other_modes_with_alpha_in_memory(mode):
    picture = Image.fromarray(GREY).convert("LA")
    picture = picture.convert("RGBA").convert(mode) if mode == "RGBa" else picture.convert(mode)
    np.testing.assert_array_equal(decode(picture, colour=False), GREY)


@pytest.mark.parametrize("mode", ["I", "F", "LAB"])
def test_modes_without_a_known_white_are_refused(mode):
    numbers = RNG.integers(0, 1000, (5, 7)).astype({"I": np.int32, "F": np.float32}.get(mode, np.uint8))
    picture = Image.fromarray(numbers) if mode != "LAB" else Image.new("LAB", (7, 5))
    with pytest.raises(
        tn.DataError, match=f"picture: expected 8-bit pixels, or 16-bit greys, got Pillow's mode {mode!r}"
    ):
        decode(picture, colour=False)
    if mode != "LAB":
        bytes_ = np.asarray(picture) * (255 / 1000)  # as the message says
        np.testing.assert_array_equal(decode(Image.fromarray(bytes_.astype("uint8")), False), bytes_.astype("uint8"))


ALL_MODES = ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "PA", "La", "RGBa", "RGBX",
             "I;16", "I;16L", "I;16B"]  # fmt: skip


@pytest.mark.parametrize(("mode", "colour"), list(itertools.product(ALL_MODES, [False, True])))
def test_every_mode_of_pillow_is_read_or_refused_by_name(mode, colour):
    picture = Image.new(mode, (7, 5))
    if mode in ("I", "F", "LAB"):
        with pytest.raises(tn.DataError, match=f"got Pillow's mode {mode!r}, whose white is unknown"):
            decode(picture, colour, background=0)
    else:
        found = decode(picture, colour, background=0)
        assert (found.dtype, found.shape) == (np.uint8, (5, 7, 3) if colour else (5, 7))


def test_a_jpeg_of_many_scans_is_refused_and_may_be_saved_again(tmp_path):
    """A scan is a pass over all pixels and can be of 95 bytes: a file of 20 kB took 9 seconds."""
    picture, content, again = Image.fromarray(GREY), io.BytesIO(), io.BytesIO()
    picture.save(content, "JPEG", progressive=True)
    whole, path = content.getvalue(), tmp_path / "p.jpg"
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    for count, refused in ((0, False), (50, False), (60, True), (2000, True)):
        path.write_bytes(whole[:-2] + count * scan + whole[-2:])
        if refused:
            with pytest.raises(
                tn.DataError, match=r"p.jpg: expected a JPEG of at most 64 scans, got more; save it again"
            ):
                decoding.read_picture(path, False)
        else:
            pixels, _ = decoding.read_picture(path, False)
    Image.open(path).save(again, "JPEG")  # as the message says
    path.write_bytes(again.getvalue())
    assert decoding.read_picture(path, False)[0].shape == pixels.shape
