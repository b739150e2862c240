import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vael.data.cache import load_decoded
from vael.data.module import VaelData
from vael.data.sources.folder import Folder
from vael.errors import ConfigError, DataError

RNG = np.random.default_rng(0)


def put(path, shade=None, size=(6, 5), **options):
    """A picture of noise, or of one shade."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = (
        RNG.integers(0, 256, size, dtype=np.uint8)
        if shade is None
        else np.full(size, shade, np.uint8)
    )
    Image.fromarray(pixels).save(path, **options)


def shades(part):
    return None if part is None else part.x[:, 0, 0, 0].tolist()


def test_a_flat_folder_is_in_the_order_of_the_names(tmp_path):
    for name, shade in (("b.png", 20), ("a.bmp", 10), ("c.PNG", 30), (".hidden.png", 99)):
        put(tmp_path / name, shade, format="PNG")
    (tmp_path / "README.txt").write_text("not a picture")
    got = Folder(str(tmp_path)).decode()
    assert shades(got.train) == [10, 20, 30]
    assert got.train.x.shape == (3, 1, 6, 5)
    assert got.levels == 256
    assert got.train.y is got.val is got.test is None


def test_folders_are_classes_and_may_have_folders(tmp_path):
    put(tmp_path / "dog" / "1.png", 1)
    put(tmp_path / "cat" / "deep" / "down" / "2.png", 2)
    put(tmp_path / "cat" / "9.png", 9)
    put(tmp_path / ".git" / "3.png", 3)
    (tmp_path / "empty").mkdir()
    got = Folder(str(tmp_path)).decode()
    assert shades(got.train) == [9, 2, 1]
    assert got.train.y.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("val", "test"), [("val", "test"), ("Valid", "Test"), ("validation", "testing")]
)
def test_official_splits_share_their_class_numbers(tmp_path, val, test):
    for split, shade, kinds in (("train", 10, "bc"), (val, 20, "a"), (test, 30, "cb")):
        for kind in kinds:
            put(tmp_path / split / kind / "x.png", shade + ord(kind) - ord("a"))
    got = Folder(str(tmp_path)).decode()
    assert [shades(part) for part in (got.train, got.val, got.test)] == [[11, 12], [20], [31, 32]]
    assert [part.y.tolist() for part in (got.train, got.val, got.test)] == [[1, 2], [0], [1, 2]]


def test_splits_without_classes(tmp_path):
    for split, shade in (("train", 1), ("test", 2)):
        put(tmp_path / split / "x.png", shade)
    got = Folder(str(tmp_path)).decode()
    assert (shades(got.train), shades(got.val), shades(got.test)) == ([1], None, [2])
    assert got.train.y is got.test.y is None


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp", "tiff", "webp", "ppm", "tga", "ico"])
def test_any_format_that_pillow_reads(tmp_path, kind):
    put(tmp_path / f"a.{kind}", 128, size=(16, 16))
    got = Folder(str(tmp_path), channels=1).decode()
    assert np.abs(got.train.x.astype(int) - 128).max() <= 2


def test_the_channels_are_common_to_all_splits(tmp_path):
    put(tmp_path / "train" / "a.png", 7)
    put(tmp_path / "test" / "b.png", size=(6, 5, 4))
    got = Folder(str(tmp_path)).decode()
    assert got.train.x.shape == got.test.x.shape == (1, 3, 6, 5)
    assert Folder(str(tmp_path), channels=4).decode().train.x.shape == (1, 4, 6, 5)


def test_mixed_sizes_become_one(tmp_path):
    put(tmp_path / "train" / "a.png", 7, size=(20, 10))
    put(tmp_path / "test" / "b.png", 7, size=(5, 9))
    got = Folder(str(tmp_path), image_size=[8, 6]).decode()
    assert got.train.x.shape == got.test.x.shape == (1, 1, 8, 6)
    assert (got.train.x == 7).all()


def test_the_fingerprint_is_of_the_files_and_the_options(tmp_path):
    put(tmp_path / "a.png", 1)
    prints = [
        Folder(str(tmp_path), **options).fingerprint()
        for options in ({}, {"image_size": 8}, {"channels": 3})
    ]
    assert Folder(str(tmp_path)).fingerprint() == prints[0]
    os.utime(tmp_path / "a.png", (1, 1))
    prints.append(Folder(str(tmp_path)).fingerprint())
    put(tmp_path / "b.png", 1)
    prints.append(Folder(str(tmp_path)).fingerprint())
    (tmp_path / "b.png").rename(tmp_path / "c.png")
    prints.append(Folder(str(tmp_path)).fingerprint())
    assert len(set(prints)) == 6


def test_what_a_run_gets(tmp_path):
    for i in range(30):
        put(tmp_path / "data" / "ab"[i % 2] / f"{i:02}.png")
    data = VaelData(Folder(str(tmp_path / "data")), batch_size=8, cache_dir=str(tmp_path / "c"))
    data.prepare()
    assert (data.spec.num_train, data.spec.num_val, data.spec.num_test) == (24, 3, 3)
    assert (data.spec.event_shape, data.spec.num_classes) == ((1, 6, 5), 2)


def test_what_is_passed_over_is_told(tmp_path):
    """Archives of a Mac, thumbnails, other kinds of files, empty folders, links to folders."""
    put(tmp_path / "data" / "猫" / "1.png", 1)
    put(tmp_path / "data" / "dog" / "2.png", 2)
    put(tmp_path / "data" / "__MACOSX" / "dog" / "._2.png", 9)
    put(tmp_path / "elsewhere" / "3.png", 3)
    (tmp_path / "data" / "bird").mkdir()
    (tmp_path / "data" / "dog" / "more").symlink_to(tmp_path / "elsewhere")
    for name in (".DS_Store", "Thumbs.db", "clip.mp4"):
        (tmp_path / "data" / "dog" / name).write_bytes(b"x")
    got = Folder(str(tmp_path / "data")).decode()
    assert shades(got.train) == [2, 1]
    assert any("folders are classes: dog = 0, 猫 = 1" in note for note in got.notes)
    assert any(note.startswith("4 other files, hidden or no pictures, are") for note in got.notes)
    (told,) = [note for note in got.notes if "folders without pictures" in note]
    assert told.startswith(
        "3 folders without pictures, or links to folders, are passed over (__MA"
    )


def test_black_and_white_is_told(tmp_path):
    for name in "ab":
        put(tmp_path / f"{name}.png", 255 * (name == "a"))
    (note,) = Folder(str(tmp_path)).decode().notes
    assert note.startswith("the values are 0 and 255 only: data.binarize=threshold")


def test_names_of_any_bytes_are_lines_that_can_be_written(tmp_path):
    root = os.fsencode(tmp_path) + b"/all \xff"
    for folder in (b"new\nline", b"\xfe\xff", b"\x1b[31m"):
        os.makedirs(root + b"/" + folder)
        for number in range(6):
            put(Path(os.fsdecode(root + b"/" + folder + b"/%d\n.png" % number)))
        (Path(os.fsdecode(root + b"/" + folder)) / "\n.txt").write_text("")
    source = Folder(os.fsdecode(root))
    data = VaelData(source, batch_size=4, cache_dir=str(tmp_path / "cache"))
    data.prepare()
    assert len(data.notes) == 2
    for line in (*data.notes, data.description):
        assert line.isprintable()
        line.encode()
    assert "classes: \\x1b[31m = 0, new line = 1, \\udcfe\\udcff = 2" in data.notes[0]


def test_a_plain_folder_says_nothing(tmp_path):
    for name in "ab":
        put(tmp_path / f"{name}.png")
    assert Folder(str(tmp_path)).decode().notes == ()


def test_a_folder_that_cannot_be_read_is_refused(tmp_path, monkeypatch):
    put(tmp_path / "cat" / "1.png", 1)
    put(tmp_path / "cat" / "locked" / "2.png", 2)
    real = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match=r"locked must be a folder that can be read.*Permission"):
        Folder(str(tmp_path)).decode()


def nothing(path):
    (path / "notes.txt").write_text("")


def empty_test(path):
    put(path / "train" / "a.png")
    (path / "test" / "cat").mkdir(parents=True)


def no_train(path):
    put(path / "test" / "a.png")


def twice(path):
    for name in ("train", "val", "valid"):
        put(path / name / "a.png")


def stray(path):
    put(path / "train" / "a.png")
    put(path / "others" / "cat" / "a.png")


def loose(path):
    put(path / "train" / "a.png")
    put(path / "b.png")


def both(path):
    put(path / "cat" / "a.png")
    put(path / "b.png")


def sizes(path):
    put(path / "a.png")
    put(path / "b.png", size=(9, 9))


def sizes_of_splits(path):
    put(path / "train" / "a.png")
    put(path / "test" / "b.png", size=(9, 9))


def corrupt(path):
    put(path / "a.png")
    (path / "b.png").write_bytes(b"nothing")


def truncated(path):
    put(path / "a.png", size=(64, 64))
    put(path / "b.png", size=(64, 64))
    (path / "b.png").write_bytes((path / "b.png").read_bytes()[:-500])


def bomb(path):
    put(path / "a.png")
    put(path / "b.png", size=(40, 40))


@pytest.mark.parametrize(
    ("make", "options", "match"),
    [
        (nothing, {}, r"must hold pictures, .* but has none of an ending that Pillow knows"),
        (empty_test, {}, r"/test must hold pictures, .* but has none"),
        (no_train, {}, "must have a folder named train beside test, got none"),
        (twice, {}, "one folder for a split, got val and valid for val"),
        (stray, {}, r"must be in folders of splits .* there are some in .*/others; move"),
        (loose, {}, r"must be in folders of splits .* there are some in .*; move"),
        (both, {}, r"but not both, got b.png beside cat/; move"),
        (
            sizes,
            {},
            r"one size, got \(6, 5\).* in example 1 \(.*b.png\) \(9, 9\); set data.image_si",
        ),
        (sizes_of_splits, {}, r"one size, got \(6, 5\).*\(9, 9\); set data.image_size"),
        (
            corrupt,
            {},
            r"1 picture cannot be read: train, example 1 \(.*b.png\) \(no format.*broken=skip$",
        ),
        (truncated, {}, r"example 1 \(.*b.png\) \(.*(truncated|broken)"),
        (bomb, {}, r"example 1 \(.*b.png\) \(.*1600 pixels.*exceeds limit.*bomb"),
    ],
)
def test_bad_input_is_named_in_one_line(tmp_path, monkeypatch, make, options, match):
    if make is bomb:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    (tmp_path / "data").mkdir()
    make(tmp_path / "data")
    with pytest.raises(DataError, match=match) as caught:
        load_decoded(Folder(str(tmp_path / "data"), **options), tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "data=folder needs data.path=FOLDER"),
        ({"path": "x", "channels": 2}, r"data.channels must be null, 1 .*got 2"),
        ({"path": "x", "channels": "3"}, "data.channels must be .*got '3'"),
        ({"path": "x", "image_size": 0}, "data.image_size must be"),
    ],
)
def test_an_option_that_cannot_work_is_refused(options, match):
    with pytest.raises(ConfigError, match=match):
        Folder(**options)


def test_a_path_that_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"must be a folder .* {tmp_path}/none does not exist"):
        Folder("none").fingerprint()
    (tmp_path / "file").write_text("")
    with pytest.raises(
        DataError, match=r"data.path must be a folder .* is a file: one .* data=array"
    ):
        Folder(str(tmp_path / "file")).fingerprint()
