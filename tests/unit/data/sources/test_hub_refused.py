"""Files and options that cannot be a data set: one line each."""

import datasets
import pytest
from helpers.hub_files import IMAGE, LABEL, TEST, TRAIN, folder, png, write

from vael.data.cache import load_decoded
from vael.data.sources.hub import Hub
from vael.errors import ConfigError, DataError


def missing(path):
    return Hub(path=str(path / "none"))


def a_file(path):
    (path / "x.parquet").write_text("")
    return Hub(path=str(path / "x.parquet"))


def truncated(path):
    (file,) = folder(path).glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-50])
    return Hub(path=str(path))


def not_parquet(path):
    (path / "train-00000-of-00001.parquet").write_text("hello")
    return Hub(path=str(path))


def no_picture(path):
    write(path, "train", {"x": datasets.Value("int64")}, x=[1, 2])
    return Hub(path=str(path))


def two_labels(path):
    folder(path, features={"fine": LABEL}, columns={"fine": [0] * 9})
    return Hub(path=str(path))


def sizes(path):
    write(path, "train", {"image": IMAGE}, image=[png(TRAIN[0]), png(TRAIN[0, :3])])
    return Hub(path=str(path))


def no_train(path):
    for split in ("test", "validation"):
        write(path, split, {"image": IMAGE}, image=[png(x) for x in TEST])
    return Hub(path=str(path))


def corrupt(path):
    write(
        path, "train", {"image": IMAGE}, image=[png(TRAIN[0]), {"bytes": b"nothing", "path": None}]
    )
    return Hub(path=str(path))


def saved(path):
    datasets.DatasetDict(train=datasets.Dataset.from_dict({"x": [1]})).save_to_disk(str(path))
    return Hub(path=str(path))


def zero(path):
    folder(path)
    write(path, "test", {"picture": IMAGE, "kind": LABEL}, picture=[], kind=[])
    return Hub(path=str(path))


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (zero, DataError, "each split must have at least 1 example, but .*test"),
        (
            lambda path: Hub(path=str(folder(path)), split="extra"),
            ConfigError,
            "data.split must name splits of .* got extra; there are: train",
        ),
        (missing, DataError, "data.path must be a folder .* does not exist"),
        (a_file, DataError, "is a file; give the folder"),
        (lambda path: Hub(path=str(path)), DataError, "parquet .* has none; .*data=folder"),
        (saved, DataError, "has none; it has the .arrow files of save_to_disk: .*to_parquet"),
        (truncated, DataError, "data.path=.* must hold parquet files that `datasets` reads"),
        (not_parquet, DataError, "data.path=.* must hold parquet files that `datasets` reads"),
        (no_picture, DataError, r"column of type Image, got x \(Value\)"),
        (two_labels, ConfigError, "2 columns of type ClassLabel: kind, fine; .*data.label_column"),
        (sizes, DataError, "split train: pictures must have one size.*set data.image_size"),
        (no_train, DataError, "a split named train, got "),
        (corrupt, DataError, r"1 picture cannot be read: train, example 1 \(no format"),
        (
            lambda path: Hub(path=str(folder(path)), label_column="no"),
            ConfigError,
            "data.label_column must be a column of .*, got no; there are picture",
        ),
        (
            lambda path: Hub(path=str(folder(path)), image_column="kind"),
            ConfigError,
            "data.image_column=kind must hold pictures",
        ),
        (lambda path: Hub(), ConfigError, "data.name=OWNER/NAME, or .* data.path=FOLDER"),
        (lambda path: Hub("x", image_size=0), ConfigError, "data.image_size must be .*got 0"),
        (
            lambda path: Hub("x", image_size=[8]),
            ConfigError,
            r"data.image_size must be .*got \[8\]",
        ),
    ],
)
def test_bad_input_is_named_in_one_line(tmp_path, make, error, match):
    with pytest.raises(error, match=match) as caught:
        load_decoded(make(tmp_path), tmp_path / "cache")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("split", [{"test": "test"}, {"train": 3}, {"train": "a", "dev": "b"}, 7])
def test_a_split_that_cannot_be_one_is_refused(split):
    with pytest.raises(ConfigError, match=r"data.split must be null, the name .*, got "):
        Hub("a/b", split=split)
