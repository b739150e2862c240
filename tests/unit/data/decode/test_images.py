import io
import mmap

import numpy as np
import pytest
from PIL import Image

from vael.data import on_disk
from vael.data.decode.images import decode_images, resize_images
from vael.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (5, 7, 4), dtype=np.uint8)
NOISE = RNG.integers(0, 256, (64, 64), dtype=np.uint8)
GREY_ALPHA = RNG.integers(0, 256, (5, 7, 2), dtype=np.uint8)


def png(picture, kind="PNG", **options):
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def read(*pictures, size=None, channels=None):
    return decode_images(lambda: iter(pictures), len(pictures), size, "here", channels)


@pytest.mark.parametrize("pixels", [GREY, GREY_ALPHA, COLOUR, ALPHA], ids=["1", "2", "3", "4"])
def test_channels_come_first_and_pixels_are_exact(pixels):
    got = read(png(pixels), png(pixels[::-1]))
    expected = pixels.reshape(5, 7, -1).transpose(2, 0, 1)
    np.testing.assert_array_equal(got, [expected, expected[:, ::-1]])


def test_one_colour_picture_makes_all_of_them_colour():
    got = read(png(GREY), png(COLOUR))
    assert got.shape == (2, 3, 5, 7)
    np.testing.assert_array_equal(got[0], [GREY] * 3)
    np.testing.assert_array_equal(got[1], COLOUR.transpose(2, 0, 1))


def test_alpha_of_one_picture_is_opaque_in_the_others():
    got = read(png(COLOUR), png(ALPHA), png(GREY_ALPHA))
    assert got.shape == (3, 4, 5, 7)
    assert (got[0, 3] == 255).all()
    np.testing.assert_array_equal(got[1], ALPHA.transpose(2, 0, 1))
    np.testing.assert_array_equal(got[2, 3], GREY_ALPHA[..., 1])


def palette():
    picture = Image.fromarray(RNG.integers(0, 3, (5, 7), dtype=np.uint8)).convert("P")
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    return picture


def test_a_palette_becomes_its_colours():
    picture = palette()
    got = read(png(picture))
    assert got.shape == (1, 3, 5, 7)
    np.testing.assert_array_equal(got[0].argmax(0), np.asarray(picture))
    assert set(np.unique(got)) == {0, 255}


def test_a_transparent_colour_of_a_palette_becomes_alpha():
    picture = palette()
    got = read(png(picture, transparency=1))
    assert got.shape == (1, 4, 5, 7)
    np.testing.assert_array_equal(got[0, 3] == 0, np.asarray(picture) == 1)


def test_a_transparent_grey_becomes_alpha():
    clear = int(GREY[2, 3])
    got = read(png(Image.fromarray(GREY), transparency=clear))
    assert got.shape == (1, 2, 5, 7)
    np.testing.assert_array_equal(got[0, 0], GREY)
    np.testing.assert_array_equal(got[0, 1] == 0, clear == GREY)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_can_be_said_and_what_is_transparent_is_white(channels):
    got = read(
        png(GREY), png(COLOUR), png(ALPHA), png(GREY_ALPHA), png(palette()), channels=channels
    )
    assert got.shape == (5, channels, 5, 7)
    a = ALPHA[..., 3:] / 255
    over = (ALPHA[..., :3] * a + 255 * (1 - a)).transpose(2, 0, 1)
    luma = np.array([0.299, 0.587, 0.114])
    if channels == 1:
        np.testing.assert_array_equal(got[0, 0], GREY)
        assert np.abs(got[1, 0] - COLOUR @ luma).max() < 1.1
        assert np.abs(got[2, 0] - np.tensordot(luma, over, 1)).max() < 2.1
    else:
        np.testing.assert_array_equal(got[0, :3], [GREY] * 3)
        np.testing.assert_array_equal(got[1, :3], COLOUR.transpose(2, 0, 1))
    if channels == 3:
        assert np.abs(got[2] - over).max() < 1.1
    if channels == 4:  # nothing is lost, so nothing has to be laid on white
        np.testing.assert_array_equal(got[2], ALPHA.transpose(2, 0, 1))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_photograph_is_turned_as_exif_says(orientation, kind):
    # What each value means, by its definition: where the first row and the first column are seen.
    seen = {
        1: GREY,
        2: GREY[:, ::-1],
        3: GREY[::-1, ::-1],
        4: GREY[::-1],
        5: GREY.T,
        6: np.rot90(GREY, -1),
        7: GREY[::-1, ::-1].T,
        8: np.rot90(GREY),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    got = read(png(GREY, kind, exif=exif), png(np.ascontiguousarray(seen)))
    np.testing.assert_array_equal(got[0, 0], seen)


def test_many_pictures_are_decoded_into_a_file(monkeypatch):
    monkeypatch.setattr(on_disk, "LARGE", 50)
    got = read(png(GREY), png(GREY[::-1].copy()))
    assert isinstance(got.base, mmap.mmap)
    np.testing.assert_array_equal(got[:, 0], [GREY, GREY[::-1]])


def test_one_bit_and_sixteen_bits():
    bits = Image.fromarray(GREY > 128)
    np.testing.assert_array_equal(read(png(bits))[0, 0], np.where(GREY > 128, 255, 0))
    deep = Image.fromarray(GREY.astype(np.uint16) * 256 + 77)
    np.testing.assert_array_equal(read(png(deep))[0, 0], GREY)


def test_a_resized_picture_is_antialiased():
    # Columns 0 255 0 255 ... halved: the triangle filter averages; without antialiasing a column
    # would be 0 or 255.
    stripes = np.tile(np.array([0, 255], np.uint8), (16, 8))
    got = read(png(stripes), size=(8, 8))
    assert np.abs(got[0, 0, :, 1:-1].astype(int) - 127).max() < 3
    np.testing.assert_array_equal(resize_images(stripes[None, None], (8, 8)), got)


def test_resizing_is_height_by_width_and_keeps_a_constant():
    x = np.full((2, 3, 10, 20), 200, dtype=np.uint8)
    assert (resize_images(x, (4, 6)) == 200).all()
    assert resize_images(x, (4, 6)).shape == (2, 3, 4, 6)
    half = resize_images(np.full((1, 1, 5, 5), 0.25, np.float32), (9, 3))
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, 0.25)


def test_pictures_of_different_sizes_need_image_size():
    small, large = png(GREY), png(np.zeros((9, 4), np.uint8))
    with pytest.raises(
        DataError,
        match=r"here: .*one size, got \(5, 7\).*example 1 \(9, 4\); set "
        r"data.image_size.*=\[5,7\]",
    ):
        read(small, large)
    assert read(small, large, size=(6, 6)).shape == (2, 1, 6, 6)


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (png(NOISE)[:-200], "example 1: .*truncated"),
        (png(NOISE, "JPEG")[:-900], "example 1: .*truncated"),
        (b"GIF89a nonsense", "example 1: .*cannot identify"),
        (b"", "example 1: .*cannot identify"),
        ("/nowhere/at/all.png", r"example 1 \(/nowhere/at/all.png\): .*No such file"),
        (png(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "example 1: .*Pillow's mode F"),
    ],
    ids=["png", "jpeg", "gif", "empty", "missing", "float"],
)
def test_a_bad_picture_is_named(bad, match):
    good = png(NOISE)
    with pytest.raises(DataError, match=f"here, {match}"):
        read(good, bad, good)


def test_a_bomb_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(DataError, match=r"example 0: .*bomb"):
        read(png(GREY))


def test_no_pictures_at_all():
    with pytest.raises(DataError, match="at least 1 example"):
        read()
