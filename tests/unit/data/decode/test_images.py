import io
import mmap
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vael.data import on_disk
from vael.data.decode.images import PictureOptions, decode_images, decode_pictures
from vael.data.decode.resize import resize_images
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


def decode(*pictures, **options):
    """The pixels, levels and notes of one split."""
    made, levels, notes = decode_pictures(
        {"train": (lambda: iter(pictures), len(pictures))}, PictureOptions(**options), "here"
    )
    return made["train"], levels, notes


@pytest.mark.parametrize("pixels", [GREY, COLOUR, ALPHA], ids=["1", "3", "4"])
def test_channels_come_first_and_pixels_are_exact(pixels):
    got = read(png(pixels), png(pixels[::-1]), channels=4 if pixels is ALPHA else None)
    expected = pixels.reshape(5, 7, -1).transpose(2, 0, 1)
    np.testing.assert_array_equal(got, [expected, expected[:, ::-1]])


def test_one_colour_picture_makes_all_of_them_colour():
    got = read(png(GREY), png(COLOUR))
    assert got.shape == (2, 3, 5, 7)
    np.testing.assert_array_equal(got[0], [GREY] * 3)
    np.testing.assert_array_equal(got[1], COLOUR.transpose(2, 0, 1))


def over_white(pixels):
    alpha = pixels[..., -1:] / 255
    return pixels[..., :-1] * alpha + 255 * (1 - alpha)


def test_alpha_is_kept_on_request_only_and_told():
    """A plane that is constant in 402 pictures of 403 makes bits/dim better, and says nothing."""
    made, _, notes = decode(*[png(COLOUR)] * 3, png(ALPHA))
    assert made.x.shape == (4, 3, 5, 7)
    assert np.abs(made.x[3] - over_white(ALPHA).transpose(2, 0, 1)).max() < 1.1
    (note,) = notes
    assert "1 picture has transparency (train, example 3)" in note
    assert "data.channels=4" in note
    made, _, notes = decode(png(GREY), png(GREY_ALPHA))
    assert made.x.shape == (2, 1, 5, 7)
    assert np.abs(made.x[1, 0] - over_white(GREY_ALPHA)[..., 0]).max() < 1.1
    assert decode(png(ALPHA), png(ALPHA), channels=4)[2] == []
    (note,) = decode(png(COLOUR), png(ALPHA), channels=4)[2]
    assert note.startswith("1 of 2 pictures have no transparency: they are opaque")


def test_grey_among_colour_is_told():
    _, _, notes = decode(*[png(GREY)] * 4, png(COLOUR))
    (note,) = notes
    assert "1 pictures are colour and 4 grey (the first colour one: train, example 4)" in note


def test_alpha_of_one_picture_is_opaque_in_the_others():
    got = read(png(COLOUR), png(ALPHA), png(GREY_ALPHA), channels=4)
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
    got = read(png(picture, transparency=1), channels=4)
    assert got.shape == (1, 4, 5, 7)
    np.testing.assert_array_equal(got[0, 3] == 0, np.asarray(picture) == 1)


def test_a_transparent_grey_becomes_alpha():
    clear = int(GREY[2, 3])
    got = read(png(Image.fromarray(GREY), transparency=clear), channels=4)
    np.testing.assert_array_equal(got[0, 0], GREY)
    np.testing.assert_array_equal(got[0, 3] == 0, clear == GREY)


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


def test_one_bit():
    bits = Image.fromarray(GREY > 128)
    np.testing.assert_array_equal(read(png(bits))[0, 0], np.where(GREY > 128, 255, 0))


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
        match=r"here, split train: .*one size, got \(5, 7\).*example 1 \(9, 4\); set "
        r"data.image_size.*=32",
    ):
        read(small, large)
    photos = [png(np.zeros(shape, np.uint8)) for shape in ((199, 131), (131, 199))]
    with pytest.raises(DataError, match=r"got \(199, 131\) .*for instance data.image_size=64"):
        read(*photos)
    assert read(small, large, size=(6, 6)).shape == (2, 1, 6, 6)


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (png(NOISE)[:-200], r"example 1 \(.*truncated"),
        (png(NOISE, "JPEG")[:-900], r"example 1 \(.*truncated"),
        (b"GIF89a nonsense", r"example 1 \(no format"),
        (b"", r"example 1 \(no format"),
        (None, r"example 1 \(there is none"),
        ("/nowhere/at/all.png", r"example 1 \(/nowhere/at/all.png\) \(.*No such file"),
        (png(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "example 1: .*Pillow's mode F"),
    ],
    ids=["png", "jpeg", "gif", "empty", "null", "missing", "float"],
)
def test_a_bad_picture_is_named(bad, match):
    good = png(NOISE)
    with pytest.raises(DataError, match=f"(here: 1 picture cannot be read: )?train, {match}"):
        read(good, bad, good)


def test_a_bomb_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(DataError, match=r"that Pillow reads.*bomb"):
        read(png(GREY))


def test_no_pictures_at_all():
    with pytest.raises(DataError, match="at least 1 example"):
        read()


def test_broken_pictures_are_named_all_at_once_or_skipped():
    good, cut = png(NOISE), png(NOISE)[:-200]
    with pytest.raises(
        DataError, match=r"here: 3 pictures cannot be read: .*2 \(.*3 \(.*0 \(.*skip$"
    ):
        decode(cut, good, b"", None, good)
    made, _, notes = decode(cut, good, b"", None, good, broken="skip")
    assert made.kept == [1, 4]
    np.testing.assert_array_equal(made.x[:, 0], [NOISE, NOISE])
    (note,) = notes
    assert note.startswith("3 pictures cannot be read: ")
    with pytest.raises(DataError, match="at least 1 example, but 2 pictures cannot be read"):
        decode(cut, b"", broken="skip")


DEEP = RNG.integers(0, 2**16, (5, 7), dtype=np.uint16)
DEEP_TABLE = {
    "PNG": lambda: png(DEEP),
    "TIFF": lambda: png(DEEP, "TIFF"),
    "big-endian TIFF": lambda: tiff16(DEEP),
    "PGM": lambda: b"P5 7 5 65535\n" + DEEP.astype(">u2").tobytes(),
}


def tiff16(pixels):
    """A TIFF in big-endian order, by its specification: one strip, no compression."""
    height, width = pixels.shape
    data = pixels.astype(">u2").tobytes()
    tags = [(256, 3, width), (257, 3, height), (258, 3, 16), (259, 3, 1), (262, 3, 1)]
    tags += [(273, 4, 8), (277, 3, 1), (278, 3, height), (279, 4, len(data))]
    entries = b"".join(
        struct.pack(">HHI", tag, kind, 1)
        + (struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value))
        for tag, kind, value in tags
    )
    directory = struct.pack(">H", len(tags)) + entries + struct.pack(">I", 0)
    return b"MM" + struct.pack(">HI", 42, 8 + len(data)) + data + directory


def png16(colour, pixels):
    """A PNG of 16 bits a channel, by its specification."""
    height, width = pixels.shape[:2]

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("kind", DEEP_TABLE)
def test_sixteen_bits_are_kept_cut_or_refused_but_never_lost(kind):
    raw = DEEP_TABLE[kind]()
    with pytest.raises(DataError, match=r"16 bits a value.*levels=65536.*levels=256 to cut them"):
        decode(raw, raw)
    made, levels, notes = decode(raw, png(GREY), levels=65536)
    assert (levels, made.x.dtype) == (65536, np.uint16)
    (note,) = notes
    assert note.startswith("1 of 2 pictures have 8 bits a value or fewer")
    assert decode(raw, raw, levels=65536)[2] == []
    np.testing.assert_array_equal(made.x[0, 0], DEEP)
    np.testing.assert_array_equal(made.x[1, 0], GREY.astype(np.uint16) * 257)
    made, levels, notes = decode(raw, levels=256)
    np.testing.assert_array_equal(made.x[0, 0], DEEP >> 8)
    assert "the upper 8 are kept" in notes[0]


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_of_colour_are_cut_on_request_only(colour, channels):
    raw = png16(colour, RNG.integers(0, 2**16, (5, 7, channels), dtype=np.uint16))
    ppm = b"P6 7 5 65535\n" + bytes(5 * 7 * 6)
    for given in (raw, ppm):
        with pytest.raises(DataError, match=r"16 bits a value.*set data\.levels=256"):
            decode(given)
        with pytest.raises(DataError, match=r"of which Pillow reads 8: save them as uint16"):
            decode(given, levels=65536)
        assert any("upper 8" in note for note in decode(given, levels=256)[2])


def test_resizing_sixteen_bits_keeps_them():
    flat = np.full((10, 20), 51234, np.uint16)
    made, levels, _ = decode(png(flat), levels=65536, size=(4, 6))
    assert levels == 65536
    assert (made.x == 51234).all()


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_more_frames_than_one_are_told(kind, frames):
    stack = [Image.fromarray(np.full((16, 16), 30 * n, np.uint8)) for n in range(frames)]
    raw = png(stack[0], kind, save_all=True, append_images=stack[1:])
    _, _, notes = decode(raw, png(NOISE[:16, :16]), channels=1)
    assert any(
        "several frames (train, example 0), of which the first is used" in note for note in notes
    ) == (frames > 1)
