import re

import numpy as np
import pytest

from vael.data import on_disk
from vael.data.cache import load_decoded
from vael.data.decode import values
from vael.data.sources.array import ArrayFile
from vael.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 28, 20), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (6, 9, 8, 3), dtype=np.uint8)
TABLE = RNG.normal(size=(6, 5))
Y = np.array([0, 2, 1, 1, 0, 2])


def npz(path, **arrays):
    np.savez(path / "a.npz", **arrays)
    return path / "a.npz"


def npy(path, array, pickle=False):
    np.save(path / "a.npy", array, allow_pickle=pickle)
    return path / "a.npy"


def text(path, content):
    (path / "a.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return path / "a.csv"


def decode(path, *args, **options):
    return ArrayFile(str(path), *args, **options).decode()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY, GREY[:, None]),
        (COLOUR, COLOUR.transpose(0, 3, 1, 2)),
        (COLOUR.transpose(0, 3, 1, 2), COLOUR.transpose(0, 3, 1, 2)),
        (COLOUR[..., :1], COLOUR[..., :1].transpose(0, 3, 1, 2)),
        (GREY[:, None], GREY[:, None]),
        (GREY.astype(np.int64), GREY[:, None]),
    ],
    ids=["NHW", "NHWC", "NCHW", "NHW1", "N1HW", "int64"],
)
def test_the_channels_are_the_short_axis(tmp_path, array, expected):
    got = decode(npy(tmp_path, array))
    assert got.train.x.dtype == np.uint8
    assert got.levels == 256
    np.testing.assert_array_equal(got.train.x, expected)


@pytest.mark.parametrize(
    ("array", "options", "levels"),
    [
        (GREY > 99, {}, 2),
        ((GREY > 99).astype(np.uint8), {"levels": 2}, 2),
        ((GREY > 99).astype(np.float32), {"levels": 2}, 2),
        (GREY % 17, {"levels": 17}, 17),
        ((GREY % 17) / 16, {"levels": 17}, 17),
        ((GREY / 255).astype(np.float32), {"levels": 256}, 256),
        ((GREY / 255).astype(np.float16), {"levels": 256}, 256),
    ],
)
def test_levels_come_back_as_whole_numbers(tmp_path, array, options, levels):
    got = decode(npy(tmp_path, array), **options)
    assert got.levels == levels
    assert got.train.x.dtype == np.uint8
    np.testing.assert_allclose(
        got.train.x[:, 0] / (levels - 1),
        array / (1 if array.max() <= 1 else levels - 1),
        atol=3e-4,
    )


def test_float_images_without_levels_stay_floats(tmp_path):
    x = RNG.random((6, 8, 8))
    got = decode(npy(tmp_path, x))
    assert got.levels is None
    np.testing.assert_array_equal(got.train.x[:, 0], x.astype(np.float32))
    small = decode(npy(tmp_path, x), image_size=4)
    assert small.train.x.shape == (6, 1, 4, 4)
    assert small.levels is None


def test_resized_images_have_256_levels(tmp_path):
    got = decode(npy(tmp_path, np.full((6, 8, 8), 16, np.uint8)), levels=17, image_size=[4, 6])
    assert got.levels == 256
    assert got.train.x.shape == (6, 1, 4, 6)
    assert (got.train.x == 255).all()


@pytest.mark.parametrize(
    "names",
    [
        {"x": GREY, "y": Y},
        {"x_train": GREY, "y_train": Y},
        {"data": GREY, "labels": Y},
        {"anything": GREY, "label": Y[:, None]},
        {"train_images": GREY, "train_labels": Y},
    ],
)
def test_the_usual_names_are_known(tmp_path, names):
    got = decode(npz(tmp_path, **names))
    np.testing.assert_array_equal(got.train.x[:, 0], GREY)
    np.testing.assert_array_equal(got.train.y, Y)
    assert got.test is None


def test_official_splits_of_an_npz_are_kept(tmp_path):
    got = decode(
        npz(tmp_path, x_train=GREY, y_train=Y, x_test=GREY[:2], y_test=Y[:2], x_val=GREY[:3])
    )
    np.testing.assert_array_equal(got.test.x[:, 0], GREY[:2])
    np.testing.assert_array_equal(got.test.y, Y[:2])
    np.testing.assert_array_equal(got.val.x[:, 0], GREY[:3])
    assert got.val.y is None


def test_a_key_chooses_one_array_and_nothing_else(tmp_path):
    path = npz(tmp_path, a=GREY, b=COLOUR, x_test=GREY, kind=Y)
    got = decode(path, key="b", label_key="kind")
    assert got.train.x.shape == (6, 3, 9, 8)
    np.testing.assert_array_equal(got.train.y, Y)
    assert got.test is None
    assert decode(path, key="a").train.y is None


def test_a_table_is_float32_without_levels(tmp_path):
    got = decode(npz(tmp_path, x=TABLE, y=Y))
    assert got.levels is None
    assert got.train.x.dtype == np.float32
    np.testing.assert_array_equal(got.train.x, TABLE.astype(np.float32))


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2\n3.5,-4e2\n",
        "1,2\n3.5,-4e2",
        "\ufeffa;b\n1;2\n3.5;-400\n\n",
        "a\tb\n1\t2\n3.5\t-400",
        '"a","b"\r\n"1"," 2"\r\n3.5,-400\r\n',
    ],
    ids=["names", "no names", "BOM, semicolon", "tab", "quotes, CRLF"],
)
def test_a_csv_is_read_with_or_without_names(tmp_path, content):
    got = decode(text(tmp_path, content))
    np.testing.assert_array_equal(got.train.x, [[1, 2], [3.5, -400]])
    assert got.train.y is None


def test_the_label_column_of_a_csv_may_be_text(tmp_path):
    path = text(tmp_path, "a,kind,b\n1,dog,2\n3,cat,4\n5,dog,6\n")
    got = decode(path, label_key="kind")
    np.testing.assert_array_equal(got.train.x, [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(got.train.y, [1, 0, 1])
    numbers = decode(text(tmp_path, "1,2,7\n3,4,0\n"), label_key="2")
    np.testing.assert_array_equal(numbers.train.y, [1, 0])
    assert "the labels 0, 7 are the classes 0, 1" in numbers.notes


def test_the_fingerprint_is_of_the_content_and_the_options(tmp_path):
    path = npz(tmp_path, x=GREY, z=COLOUR)
    prints = {
        ArrayFile(str(path), **options).fingerprint()
        for options in ({"key": "x"}, {"key": "z"}, {"levels": 256}, {"image_size": 8}, {})
    }
    npz(tmp_path, x=GREY + 1, z=COLOUR)
    prints.add(ArrayFile(str(path)).fingerprint())
    assert len(prints) == 6


def with_bad(value, count=1):
    x = TABLE.copy()
    x.flat[[7, 23][:count]] = value
    return x


def truncated(path):
    path.write_bytes(path.read_bytes()[:-40])
    return path


def cut_inside(path):
    content = bytearray(path.read_bytes())
    content[200:260] = bytes(60)
    path.write_bytes(content)
    return path


HOLE = np.zeros((4, 8, 8))
HOLE[1, 2, 3] = np.nan
OBJECTS = np.array([{"a": 1}, None, 3], dtype=object)
D, C = DataError, ConfigError
BAD = {
    "nan": (lambda p: npy(p, with_bad(np.nan, 2)), {}, D, r"2 NaN or infinite.*nan.*\[1, 2\]"),
    "inf in npz": (lambda p: npz(p, x=with_bad(-np.inf)), {}, D, r"1 NaN or .*-inf.*\[1, 2\]"),
    "nan in csv": (lambda p: text(p, "1,2\nnan,3\n"), {}, D, r"line 2, column 0.*\('nan'; 1 such"),
    "nan image": (lambda p: npy(p, np.full((4, 8, 8), np.nan)), {}, D, "256 NaN or"),
    "nan in HW": (lambda p: npy(p, HOLE), {}, D, r"1 NaN or infinite, the first .*\[1, 2, 3\]"),
    "nan in HWC": (
        lambda p: npy(p, HOLE[..., None]),
        {"support": "real"},
        D,
        r"1 NaN or infinite, the first .*\[1, 2, 3, 0\]",
    ),
    "rank 1": (lambda p: npy(p, TABLE[0]), {}, D, r"table \(N, D\) or images .*shape \(5,\)"),
    "rank 0": (lambda p: npy(p, np.float32(1)), {}, D, r"got shape \(\)"),
    "rank 5": (lambda p: npy(p, COLOUR[None]), {}, D, r"got shape \(1, 6, 9, 8, 3\)"),
    "no channels": (lambda p: npy(p, np.zeros((6, 8, 9, 10))), {}, D, "1 to 4 channels"),
    "two channels": (lambda p: npy(p, np.zeros((6, 3, 9, 4))), {}, D, "not in both"),
    "objects": (lambda p: npy(p, OBJECTS, pickle=True), {}, D, "Python objects.*run code"),
    "objects in npz": (lambda p: npz(p, x=OBJECTS), {}, D, "Python objects.*run code"),
    "text": (lambda p: npy(p, np.array([["a", "b"]])), {}, D, "real numbers, got dtype <U1"),
    "complex": (lambda p: npy(p, TABLE + 1j), {}, D, r"got dtype complex128; .*numpy\.stack\("),
    "fields": (lambda p: npy(p, np.zeros(9, "f4,i2")), {}, D, "structured_to_unstructured"),
    "npz as npy": (lambda p: npz(p, x=GREY).rename(p / "a.npy"), {}, D, "rename it to a.npz"),
    "npy as npz": (lambda p: npy(p, GREY).rename(p / "a.npz"), {}, D, "rename it to a.npy"),
    "png as npy": (
        lambda p: text(p, b"\x89PNG" + bytes(99)).rename(p / "a.npy"),
        {},
        D,
        "truncated or another format; save",
    ),
    "dates": (lambda p: npy(p, TABLE.astype("M8[D]")), {}, D, "got dtype datetime64"),
    "empty": (lambda p: npy(p, GREY[:0]), {}, D, r"at least 1 example, got shape \(0, 28, 20\)"),
    "no columns": (lambda p: npy(p, TABLE[:, :0]), {}, D, r"at least 1 .* shape \(6, 0\)"),
    "empty csv": (lambda p: text(p, ""), {}, D, "at least 3 rows of numbers, got none"),
    "names only": (lambda p: text(p, "a,b\n"), {}, D, "at least 3 rows of numbers, got none"),
    "missing": (lambda p: p / "no.npz", {}, D, "data.path must be a file that can be read.*No s"),
    "folder": (lambda p: p.with_suffix(".npz"), {}, D, "file that can be read.*Is a directory"),
    "ending": (
        lambda p: p / "a.mat",
        {},
        C,
        "data.path must be an .npz, .npy, .csv .*scipy.io.loadmat",
    ),
    "no path": (lambda p: "", {}, C, "data=array needs data.path=FILE"),
    "truncated npz": (lambda p: truncated(npz(p, x=GREY)), {}, D, "truncated or another format"),
    "broken npz": (lambda p: cut_inside(npz(p, x=GREY)), {}, D, "truncated or another format"),
    "truncated npy": (lambda p: truncated(npy(p, GREY)), {}, D, "truncated or another format"),
    "empty npy": (lambda p: text(p, "").rename(p / "a.npy"), {}, D, "truncated or another form"),
    "foreign npz": (lambda p: text(p, "hi").rename(p / "a.npz"), {}, D, "truncated or another"),
    "csv text": (
        lambda p: text(p, "a,b\n1,2\n3,x\n"),
        {},
        D,
        "line 3, column b: .* the text 'x'.*data.label_key=b",
    ),
    "csv hole": (lambda p: text(p, "a,b\n1,2\n,4\n"), {}, D, "line 3, column a: .*an empty cell"),
    "csv ragged": (lambda p: text(p, "a,b\n1,2\n3\n"), {}, D, "line 3: .*2 cells .*got 1"),
    "csv binary": (lambda p: text(p, bytes(range(128, 256))), {}, D, "comma-separated text, but"),
    "several": (lambda p: npz(p, a=GREY, b=GREY), {}, C, "there are: a, b; .*data.key=NAME"),
    "several usual": (lambda p: npz(p, x=GREY, data=GREY), {}, C, "x, data; .*data.key=NAME"),
    "no arrays": (lambda p: npz(p), {}, C, "there are: no arrays"),
    "wrong key": (lambda p: npz(p, a=GREY), {"key": "b"}, C, "data.key must be .*there are: a"),
    "wrong label": (lambda p: npz(p, a=GREY), {"label_key": "b"}, C, "data.label_key must be"),
    "csv label": (lambda p: text(p, "a,b\n1,2"), {"label_key": "c"}, C, "got c; there are a, b"),
    "key of npy": (lambda p: npy(p, GREY), {"key": "x"}, C, "data.key=x names .*data.key=null"),
    "label of npy": (lambda p: npy(p, GREY), {"label_key": "y"}, C, "data.label_key=y needs"),
    "labels": (lambda p: npz(p, x=GREY, y=Y[:4]), {}, D, "got 4 labels for 6 examples"),
    "negative y": (lambda p: npz(p, x=GREY, y=Y - 1), {}, D, "whole numbers >= 0, got -1 for exa"),
    "real y": (lambda p: npz(p, x=GREY, y=Y + 0.5), {}, D, "whole numbers >= 0, got 0.5"),
    "y of rank 2": (lambda p: npz(p, x=GREY, y=TABLE), {}, D, r"one for each .* shape \(6, 5\)"),
    "levels": (
        lambda p: npy(p, GREY),
        {"levels": 70_000},
        C,
        "data.levels must be null or .*70000",
    ),
    "one level": (lambda p: npy(p, GREY), {"levels": 1}, C, "data.levels must be null or .*1$"),
    "too few": (lambda p: npy(p, GREY), {"levels": 9}, D, r"0 to 8 \(data.levels=9\), got 0 to"),
    "negative": (lambda p: npy(p, GREY - np.int64(9)), {}, D, "must be 0 to 255 .*got -9"),
    "binary": (lambda p: npy(p, GREY // 128), {}, D, "set data.levels=2 for binary images"),
    "bool": (lambda p: npy(p, GREY > 9), {"levels": 5}, D, "bool images have 2 levels"),
    "grey floats": (
        lambda p: npy(p, GREY * 1.0),
        {},
        D,
        r"must lie in \[0, 1\], got 0\.0 to 255\.0; .*astype",
    ),
    "off level": (lambda p: npy(p, RNG.random((6, 8, 8))), {"levels": 17}, D, "must be k/16, got"),
    "table levels": (lambda p: npy(p, TABLE), {"levels": 2}, C, "are for images, but"),
    "table size": (lambda p: npy(p, TABLE), {"image_size": 8}, C, "are for images, but"),
    "huge": (lambda p: npy(p, TABLE * 1e60), {}, D, "must fit float32, got .*e\\+60 in column"),
    "offset": (lambda p: npy(p, TABLE + 1e8 * np.eye(5)[2]), {}, D, "column 2 .*subtract an off"),
    "mixed levels": (lambda p: npz(p, train=GREY, test=GREY / 255), {}, D, "the same levels"),
    "test shape": (lambda p: npz(p, train=GREY, test=GREY[:, 1:]), {}, D, "test: .*shape of the"),
    "empty test": (lambda p: npz(p, train=GREY, test=GREY[:0]), {}, D, "test: .*at least 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_in_one_line(tmp_path, case):
    make, options, error, match = BAD[case]
    work = tmp_path / "work.npz" if case == "folder" else tmp_path
    work.mkdir(exist_ok=True)
    with pytest.raises(error, match=match) as caught:
        load_decoded(ArrayFile(str(make(work)), **options), tmp_path / "cache")
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)
    assert "data." in str(caught.value) or str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("form", ["x_{}", "X_{}", "{}_x", "{}_images", "{}", "{}-data", "x{}"])
@pytest.mark.parametrize("val", ["val", "valid", "validation", "dev", "Val"])
def test_splits_by_the_names_that_people_give(tmp_path, form, val):
    arrays = {form.format(name): GREY[:n] for name, n in (("train", 6), (val, 4), ("test", 3))}
    label = form.replace("images", "labels").replace("data", "y").replace("x", "y")
    if label != form:
        arrays |= {label.format(name): Y[:n] for name, n in (("train", 6), (val, 4), ("test", 3))}
    got = decode(npz(tmp_path, **arrays))
    assert [len(part) for part in (got.train, got.val, got.test)] == [6, 4, 3]
    assert (got.val.y is None) == (label == form)
    assert got.notes == ()


@pytest.mark.parametrize("form", ["X_{}", "x{}", "{}_images", "data.{}"])
def test_short_names_of_splits_beside_x_and_y(tmp_path, form):
    names = (("tr", 6), ("va", 4), ("te", 3))
    arrays = {form.format(name): GREY[:n] for name, n in names}
    arrays |= {f"y_{name}": Y[:n] for name, n in names}
    got = decode(npz(tmp_path, **arrays))
    assert [len(part) for part in (got.train, got.val, got.test)] == [6, 4, 3]
    assert got.test.y.tolist() == Y[:3].tolist()
    assert got.notes == ()


def test_a_short_name_alone_may_be_anything(tmp_path):
    with pytest.raises(
        ConfigError, match=r"there are: te, tr; .*data.key=NAME \(and data.val_key"
    ):
        decode(npz(tmp_path, te=GREY, tr=GREY))


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        (
            {"x_train": GREY, "x_test": GREY[:, 1:]},
            r"test: .* \(1, 28, 20\), got \(1, 27, 20\); set "
            r"data.image_size=\[28, 20\] to resize",
        ),
        ({"x_train": GREY, "x_test": COLOUR}, r"test: .* \(1, 28, 20\), got \(3, 9, 8\); choose"),
        (
            {"x_train": TABLE, "x_test": TABLE[:, 1:]},
            r"test: .* \(5,\), got \(4,\); choose the arr",
        ),
        ({"x_train": GREY, "x_test": GREY.reshape(6, -1)}, r"all be images|images, or all tables"),
        ({"x_train": TABLE, "x_test": GREY}, r"images, or all tables, got shape \(6, 28, 20\)"),
        ({"x_train": TABLE, "x_val": TABLE[0]}, r"val: .*images, or all tables, got shape \(5,\)"),
    ],
)
def test_splits_of_other_shapes_name_what_to_do(tmp_path, arrays, match):
    with pytest.raises(DataError, match=match) as caught:
        decode(npz(tmp_path, **arrays))
    assert "\n" not in str(caught.value)
    assert "data.path=" in str(caught.value)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("array", "options", "told"),
    [
        ((GREY / 255).astype(np.float32), {}, "multiples of 1/255: set data.levels=256"),
        ((GREY > 99).astype(np.float32), {}, "0 or 1: set data.levels=2"),
        ((GREY % 16 / 15).astype(np.float64), {}, "multiples of 1/15: set data.levels=16"),
        (np.where(GREY > 99, 255, 0).astype(np.uint8), {}, "0 and 255 only: data.binarize"),
        (GREY, {"image_size": 8}, "images of 28 x 20 (height x width) are resized to 8 x 8"),
        (GREY % 17, {"levels": 17, "image_size": 14}, "with 256 levels"),
        (GREY % 17, {}, "go up to 16 of 255: if there are no higher ones, data.levels=17"),
        (
            GREY * np.uint16(16),
            {"levels": 65536},
            "multiples of 16, up to 4080: .* data.levels=256",
        ),
        (GREY[..., :3], {}, "is read as 12 grey images of 28 x 3: one colour image needs"),
    ],
)
def test_what_values_are_and_become_is_told(tmp_path, monkeypatch, array, options, told, large):
    if large:
        monkeypatch.setattr(on_disk, "LARGE", 100)
        monkeypatch.setattr(on_disk, "SAMPLE", 16)
    path = npy(tmp_path, np.tile(array, (2, 1, 1)))
    notes = load_decoded(ArrayFile(str(path), **options), tmp_path / "cache").data.notes
    assert any(re.search(re.escape(told).replace(r"\.\*", ".*"), note) for note in notes), notes


@pytest.mark.parametrize("levels", [None, 256, 65536])
def test_what_needs_no_word_gets_none(tmp_path, levels):
    dtype = np.uint16 if levels == 65536 else np.uint8
    x = (GREY.astype(np.int64) * (257 if levels == 65536 else 1) + 0).astype(dtype)
    x[0, 0, :2] = 1, x[0, 0, 1]  # no step but 1
    assert decode(npy(tmp_path, x), levels=levels).notes == ()


def test_an_only_array_named_after_another_split_is_trained_on_and_told(tmp_path):
    got = decode(npz(tmp_path, x_test=GREY))
    assert got.notes == ("x_test is the only array of examples, so it is trained on",)


def test_a_look_at_values_is_bounded(monkeypatch):
    """1,000 pictures of 512 x 512 in colour would be 786 million values to sort."""
    seen = []
    monkeypatch.setattr(values, "find_grid", lambda x: seen.append(x.size))
    values.describe_images(np.broadcast_to(np.float32(0.3), (1000, 3, 512, 512)), None)
    assert seen == [5 * 3 * 512 * 512]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([-1, 1, 1, -1, 1, -1]), [0, 1, 1, 0, 1, 0]),
        (np.eye(3)[Y], Y),
        (np.eye(3, dtype=bool)[Y], Y),
        (Y.astype(np.float32), Y),
        (Y.astype(np.uint16)[:, None], Y),
        (np.array(["c", "a", "b", "b", "c", "a"]), [2, 0, 1, 1, 2, 0]),
        (np.array([b"c", b"a", b"b", b"b", b"c", b"a"]), [2, 0, 1, 1, 2, 0]),
        (Y > 0, Y > 0),
    ],
    ids=["-1, 1", "one-hot", "bool one-hot", "float", "(N, 1)", "text", "bytes", "bool"],
)
def test_labels_of_any_dtype(tmp_path, labels, expected):
    got = decode(npz(tmp_path, x=GREY, y=labels))
    np.testing.assert_array_equal(got.train.y, expected)
    assert got.train.y.dtype == np.int64
    told = labels.ndim == 2 and labels.shape[1] > 1
    assert bool(got.notes) == (told or labels.dtype.kind == "i")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("large", [False, True])
def test_flattened_images_get_their_shape(tmp_path, monkeypatch, dtype, large):
    if large:
        monkeypatch.setattr(on_disk, "LARGE", 100)
        monkeypatch.setattr(on_disk, "SAMPLE", 16)
    x = GREY if dtype == np.uint8 else (GREY / 256).astype(dtype)
    path = npy(tmp_path, x.reshape(6, -1))
    for shape in ([1, 28, 20], [28, 20]):
        source = ArrayFile(str(path), shape=shape)
        got = load_decoded(source, tmp_path / "cache").data.train.x[np.arange(6)]
        np.testing.assert_array_equal(got, x[:, None])
    colour = npy(tmp_path, COLOUR.reshape(6, -1))
    got = load_decoded(ArrayFile(str(colour), shape=[9, 8, 3]), tmp_path / "cache").data
    np.testing.assert_array_equal(got.train.x[np.arange(6)], COLOUR.transpose(0, 3, 1, 2))


def test_a_csv_of_pixels_and_series_as_a_table(tmp_path):
    rows = "\n".join(",".join(map(str, [y, *row.ravel()])) for y, row in zip(Y, GREY, strict=True))
    path = text(tmp_path, "label," + ",".join(f"pixel{n}" for n in range(560)) + "\n" + rows)
    got = decode(path, label_key="label", shape=[1, 28, 20])
    np.testing.assert_array_equal(got.train.x[:, 0], GREY)
    np.testing.assert_array_equal(got.train.y, Y)
    assert (got.levels, got.columns) == (256, ())
    series = RNG.normal(size=(6, 10, 3))
    got = decode(npy(tmp_path, series), shape=[30])
    np.testing.assert_array_equal(got.train.x, series.reshape(6, 30).astype(np.float32))
    assert got.levels is None


@pytest.mark.parametrize("shape", [[], [1, 2, 3, 4], [0, 5], [-1], "28", [2.5]])
def test_a_shape_that_is_none(tmp_path, shape):
    with pytest.raises(ConfigError, match=r"data\.shape must be null or the shape of one"):
        decode(npy(tmp_path, GREY), shape=shape)
    with pytest.raises(DataError, match=r"data\.shape=\[1, 28, 28\] must hold .* 560 values each"):
        decode(npy(tmp_path, GREY), shape=[1, 28, 28])
