"""Whatever a picture holds that the data does not take as it is, is told in a line."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vael.data.decode.images import PictureOptions, decode_pictures
from vael.errors import DataError

# Each mode with a format that keeps it.
FORMATS = {
    **dict.fromkeys(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), "PNG"),
    **dict.fromkeys(("PA", "CMYK", "YCbCr", "LAB", "I", "I;16B", "F"), "TIFF"),
}
PLAIN = ("L", "RGB")
COLOUR = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr", "LAB")


def encode(mode, size=(5, 7), turn=1, seed=0):
    """A picture of noise of a mode, (height, width) and EXIF orientation."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 4), np.uint8)
    if mode in ("I", "F", "I;16", "I;16B"):
        kind = {"I": "<i4", "F": "<f4", "I;16": "<u2", "I;16B": ">u2"}[mode]
        values = (pixels[..., 0].astype(int) * 256 + pixels[..., 1]).astype(kind)
        picture = Image.frombytes(mode, size[::-1], values.tobytes())
    else:
        bands = len(Image.new(mode, (1, 1)).getbands())
        plane = Image.fromarray(pixels[..., :3])
        picture = plane.convert(mode) if mode in ("1", "P") else None
        if picture is None:
            kind = "LA" if mode == "PA" else mode
            picture = Image.frombytes(kind, size[::-1], pixels[..., :bands].tobytes())
            picture = picture.convert("PA") if mode == "PA" else picture
    exif = Image.Exif()
    if turn != 1:
        exif[0x0112] = turn
    file = io.BytesIO()
    picture.save(file, FORMATS[mode], exif=exif)
    return file.getvalue()


def decode(raws, **options):
    """Pixels and lines of one split."""
    rows = {"train": (lambda: iter(raws), len(raws))}
    made, levels, notes = decode_pictures(rows, PictureOptions(**options), "here")
    return made["train"].x, levels, notes


CASES = st.lists(
    st.tuples(
        st.sampled_from(sorted(FORMATS)),
        st.sampled_from([(5, 7), (6, 4)]),
        st.sampled_from([1, 6]),
    ),
    min_size=1,
    max_size=3,
)


@given(
    CASES,
    st.sampled_from([None, 1, 3, 4]),
    st.sampled_from([None, 256, 65536]),
    st.sampled_from([None, (5, 7), (3, 3)]),
)
def test_plain_pictures_are_kept_and_all_others_are_told(cases, channels, levels, size):
    """A picture is plain where it is grey or colour of 8 bits, upright, and of the data's form."""
    raws = [encode(*case, seed=n) for n, case in enumerate(cases)]
    modes = [mode for mode, *_ in cases]
    try:
        x, found, notes = decode(raws, channels=channels, levels=levels, size=size)
    except DataError as error:
        text = str(error)
        assert "\n" not in text
        assert any(word in text for word in ("data.image_size", "data.levels", "numpy.save"))
        return
    assert not any("\n" in note for note in notes)
    form = channels or (3 if any(mode in COLOUR for mode in modes) else 1)
    deep = levels == 65536
    plain = all(
        mode
        in ({1: ("L",), 3: ("RGB",), 4: ("RGBA",)}[form] if not deep else ("I;16", "I;16B", "I"))
        and turn == 1
        and size in (None, shape)
        for mode, shape, turn in cases
    )
    if deep and form > 1:
        plain = False
    assert x.shape[1] == form
    assert found == (levels or 256)
    assert (notes == []) == plain, (notes, cases)
    if plain and not deep:
        for got, raw in zip(x, raws, strict=True):
            with Image.open(io.BytesIO(raw)) as picture:
                np.testing.assert_array_equal(
                    got, np.asarray(picture).reshape(*got.shape[1:], -1).transpose(2, 0, 1)
                )


@pytest.mark.parametrize(
    ("raws", "options", "told"),
    [
        (
            [encode("RGB")],
            {"channels": 1},
            "1 of 1 pictures are colour (the first: train, example",
        ),
        ([encode("L")], {"channels": 3}, "data.channels=3 makes red, green and blue of it"),
        (
            [encode("RGB")],
            {"channels": 4},
            "1 of 1 pictures have no transparency: they are opaque",
        ),
        ([encode("P")], {}, "1 picture has a palette (train, example 0), of which the colours"),
        (
            [encode("1")],
            {},
            "1 bit a pixel (train, example 0): 0 and 255 of 256 levels; data.binarize=threshold",
        ),
        (
            [encode("L", turn=6)] * 2,
            {},
            "2 pictures have an orientation in EXIF (the first: train, example 0): turned upright",
        ),
        ([encode("CMYK")], {}, "CMYK, YCbCr or HSV (train, example 0), made RGB"),
        (
            [encode("L"), encode("L", (10, 14)), encode("L", (9, 4))],
            {"size": (5, 7)},
            "2 of 3 pictures are resized to 5 x 7 (height x width), from 2 sizes, mostly 10 x 14; "
            "1 of them change their aspect ratio",
        ),
        ([encode("I;16"), encode("L")], {"levels": 65536}, "1 of 2 pictures have 8 bits a value"),
        (
            [encode("LA")],
            {},
            "transparency (train, example 0), laid on white; data.channels=4 keeps it",
        ),
    ],
)
def test_each_kind_has_its_words(raws, options, told):
    _, _, notes = decode(raws, **options)
    assert any(told in note for note in notes), notes


def test_32_bits_are_not_called_16():
    with pytest.raises(
        DataError,
        match=r"32 bits a value \(train, example 0\): set data\.levels=65536 .*support=real",
    ):
        decode([encode("I")])
    x, levels, _ = decode([encode("I")], levels=65536)
    assert (x.shape, levels) == ((1, 1, 5, 7), 65536)
    wide = np.full((5, 7), 70_000, np.int32)
    file = io.BytesIO()
    Image.fromarray(wide).save(file, "TIFF")
    with pytest.raises(DataError, match=r"70000 to 70000, do not fit 16 bits: .*support=real"):
        decode([file.getvalue(), encode("I")], levels=65536)


def test_the_transparent_grey_of_16_bits_is_white_or_clear():
    pixels = np.arange(35, dtype=np.uint16).reshape(5, 7) * 1000
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", transparency=4000)
    raw, clear = file.getvalue(), pixels == 4000
    with Image.open(io.BytesIO(raw)) as picture:
        assert picture.info["transparency"] == 4000
    for channels in (None, 1, 3):
        x, _, notes = decode([raw], levels=65536, channels=channels)
        np.testing.assert_array_equal(x[0, 0], np.where(clear, 65535, pixels))
        assert any("transparency (train, example 0), laid on white" in note for note in notes)
    x, _, _ = decode([raw], levels=65536, channels=4)
    np.testing.assert_array_equal(x[0, 0], pixels)
    np.testing.assert_array_equal(x[0, 3], np.where(clear, 0, 65535))
