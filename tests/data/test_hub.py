import hashlib
import io
import os
import time

import datasets
import numpy as np
import pytest
from PIL import Image

from vael.data.cache import load
from vael.data.hub import Hub
from vael.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, 256, (9, 6, 5), dtype=np.uint8)
TEST = RNG.integers(0, 256, (4, 6, 5), dtype=np.uint8)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}


def write(folder, split, features, **columns):
    """One parquet file as the hub has it."""
    made = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    folder.mkdir(exist_ok=True, parents=True)
    made.to_parquet(folder / f"{split}-00000-of-00001.parquet")


@pytest.fixture(autouse=True)
def quiet():
    datasets.disable_progress_bars()


IMAGE = datasets.Image()
LABEL = datasets.ClassLabel(names=["a", "b", "c"])


def folder(path, **extra):
    write(path, "train", {"picture": IMAGE, "kind": LABEL} | extra.get("features", {}),
          picture=[png(x) for x in TRAIN], kind=[0, 1, 2] * 3, **extra.get("columns", {}))
    return path


def test_columns_are_found_by_their_type_and_official_splits_are_kept(tmp_path):
    for split, x in (("train", TRAIN), ("test", TEST), ("validation", TEST[:2])):
        write(tmp_path, split, {"id": datasets.Value("int64"), "kind": LABEL, "picture": IMAGE},
              id=list(range(len(x))), kind=[i % 3 for i in range(len(x))],
              picture=[png(pixels) for pixels in x])
    got = Hub(path=str(tmp_path)).decode()
    assert got.levels == 256
    np.testing.assert_array_equal(got.train.x[:, 0], TRAIN)
    np.testing.assert_array_equal(got.val.x[:, 0], TEST[:2])
    np.testing.assert_array_equal(got.test.x[:, 0], TEST)
    np.testing.assert_array_equal(got.train.y, [0, 1, 2] * 3)


def test_a_single_split_of_any_name_is_train(tmp_path):
    write(tmp_path, "everything", {"image": IMAGE}, image=[png(x) for x in TRAIN])
    got = Hub(path=str(tmp_path)).decode()
    assert got.test is None
    assert got.val is None
    assert got.train.y is None
    assert len(got.train.x) == 9


def test_files_one_folder_below_are_found(tmp_path):
    folder(tmp_path / "data")
    assert len(Hub(path=str(tmp_path)).decode().train.x) == 9


def test_labels_may_be_text_or_missing_in_one_split(tmp_path):
    features = {"image": IMAGE, "name": datasets.Value("string"), "kind": LABEL}
    write(tmp_path, "train", features, image=[png(x) for x in TRAIN], name=list("zyxzyxzyx"),
          kind=[2] * 9)
    write(tmp_path, "test", features, image=[png(x) for x in TEST], name=list("zzya"),
          kind=[-1] * 4)
    named = Hub(path=str(tmp_path), label_column="name").decode()
    np.testing.assert_array_equal(named.train.y, [3, 2, 1] * 3)
    np.testing.assert_array_equal(named.test.y, [3, 3, 2, 0])
    assert Hub(path=str(tmp_path)).decode().test.y is None  # -1: the hub's "no label"


def test_the_fingerprint_is_of_the_content_and_the_options(tmp_path):
    path = folder(tmp_path)
    first = Hub(path=str(path)).fingerprint()
    assert Hub(path=str(path)).fingerprint() == first
    assert Hub(path=str(path), image_size=8).fingerprint() != first
    assert Hub(path=str(path), label_column="kind").fingerprint() != first
    write(path, "train", {"picture": IMAGE}, picture=[png(x) for x in TRAIN[:5]])
    assert Hub(path=str(path)).fingerprint() != first
    assert Hub("a/b").fingerprint() != Hub("a/b", revision="v2").fingerprint()


def test_it_leaves_no_copy_behind(tmp_path, monkeypatch):
    path = folder(tmp_path / "data")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    Hub(path=str(path)).decode()
    assert not list((tmp_path / "tmp").iterdir())
    assert sorted(p.name for p in path.iterdir()) == ["train-00000-of-00001.parquet"]


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
    write(path, "train", {"image": IMAGE},
          image=[png(TRAIN[0]), {"bytes": b"nothing", "path": None}])
    return Hub(path=str(path))


def zero(path):
    folder(path)
    write(path, "test", {"picture": IMAGE, "kind": LABEL}, picture=[], kind=[])
    return Hub(path=str(path))


@pytest.mark.parametrize(("make", "error", "match"), [
    (zero, DataError, "each split must have at least 1 example, but .*test"),
    (lambda path: Hub(path=str(folder(path)), split="extra"), ConfigError,
     "data.split must name splits of .* got extra; there are: train"),
    (missing, DataError, "data.path must be a folder .* does not exist"),
    (a_file, DataError, "is a file; give the folder"),
    (lambda path: Hub(path=str(path)), DataError, "parquet files such as .* has none"),
    (truncated, DataError, "data.path=.* must hold parquet files that `datasets` reads"),
    (not_parquet, DataError, "data.path=.* must hold parquet files that `datasets` reads"),
    (no_picture, DataError, r"column of type Image, got x \(Value\)"),
    (two_labels, ConfigError, "2 columns of type ClassLabel: kind, fine; .*data.label_column"),
    (sizes, DataError, "split train: pictures must have one size.*set data.image_size"),
    (no_train, DataError, "a split named train, got "),
    (corrupt, DataError, "split train, example 1: a picture"),
    (lambda path: Hub(path=str(folder(path)), label_column="no"), ConfigError,
     "data.label_column must be a column of .*, got no; there are picture"),
    (lambda path: Hub(path=str(folder(path)), image_column="kind"), ConfigError,
     "data.image_column=kind must hold pictures"),
    (lambda path: Hub(), ConfigError, "data.name=OWNER/NAME, or .* data.path=FOLDER"),
    (lambda path: Hub("x", image_size=0), ConfigError, "data.image_size must be .*got 0"),
    (lambda path: Hub("x", image_size=[8]), ConfigError, r"data.image_size must be .*got \[8\]"),
])
def test_bad_input_is_named_in_one_line(tmp_path, make, error, match):
    with pytest.raises(error, match=match) as caught:
        load(make(tmp_path), tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_without_network_it_says_at_once_how_to_give_a_path(tmp_path):
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    before = time.perf_counter()
    with pytest.raises(DataError, match=r"data.name=ylecun/mnist must be fetched .* cannot be "
                                        r"reached: there is no network .*a local copy.*"
                                        r"data.path=FOLDER") as caught:
        load(Hub("ylecun/mnist"), tmp_path)
    assert time.perf_counter() - before < 5
    assert "\n" not in str(caught.value)


def test_a_hub_that_cannot_be_reached_switches_datasets_offline(tmp_path, monkeypatch):
    import huggingface_hub

    def unreachable(self, name, *, revision, timeout):
        raise TimeoutError("timed out")

    def load_dataset(name, config, revision):
        assert datasets.config.HF_HUB_OFFLINE
        return {"train": datasets.Dataset.from_dict(
            {"image": [png(x) for x in TRAIN]}, features=datasets.Features({"image": IMAGE}))}

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unreachable)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert len(Hub("a/b").decode().train.x) == 9  # the copy that datasets has
    assert not datasets.config.HF_HUB_OFFLINE


def answers(monkeypatch, error):
    """A hub that answers so to the question whether a data set exists."""
    import huggingface_hub

    def dataset_info(self, name, *, revision, timeout):
        if error is not None:
            raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)


def http(kind, status):
    import httpx
    from huggingface_hub import errors

    request = httpx.Request("GET", "https://huggingface.co/api/datasets/no/such")
    response = httpx.Response(status, request=request)
    text = f"{status} Client Error.\n\nRepository Not Found"
    return getattr(errors, kind)(text, response=response)


@pytest.mark.parametrize(("kind", "status", "match"), [
    ("RepositoryNotFoundError", 401, "no/such was not found there: it does not exist, or may"),
    ("RepositoryNotFoundError", 404, "no/such was not found there: it does not exist, or may"),
    ("RevisionNotFoundError", 404, "not found there: revision v9 of it does not exist"),
    ("HfHubHTTPError", 503, "which answers with an error .*data.path=FOLDER"),
])
def test_a_name_that_is_not_on_the_hub_gets_one_line(tmp_path, monkeypatch, kind, status, match):
    answers(monkeypatch, http(kind, status))
    with pytest.raises(DataError, match=f"data.name.*{match}") as caught:
        load(Hub("no/such", revision="v9"), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_name_with_several_data_sets_asks_for_one(tmp_path, monkeypatch):
    def load_dataset(name, config, revision):
        if config != "small":
            raise ValueError("Config name is missing.\nPlease pick one among: ['small', 'big']")
        return {"train": datasets.Dataset.from_dict(
            {"image": [png(x) for x in TRAIN]}, features=datasets.Features({"image": IMAGE}))}

    answers(monkeypatch, None)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(ConfigError, match=r"data.config \(got None\).*\['small', 'big'\]$"):
        load(Hub("a/b"), tmp_path)
    assert len(load(Hub("a/b", config="small"), tmp_path).data.train.x) == 9


def test_a_config_of_a_local_copy_is_a_folder_below_it(tmp_path):
    for name, x in (("small", TEST), ("big", TRAIN)):
        write(tmp_path / name, "train", {"image": IMAGE}, image=[png(pixels) for pixels in x])
    assert len(Hub(path=str(tmp_path), config="small").decode().train.x) == 4
    assert len(Hub(path=str(tmp_path), config="big").decode().train.x) == 9
    with pytest.raises(DataError, match=r"/none does not exist; .* has the folders: big, small"):
        Hub(path=str(tmp_path), config="none").fingerprint()


@pytest.mark.parametrize(("split", "counts"), [
    (None, (9, None, 4)), ("extra", (3, None, None)), ("test", (4, None, None)),
    ({"train": "extra"}, (3, None, None)), ({"train": "train", "val": "extra"}, (9, 3, None)),
    ({"train": "extra", "val": "train", "test": "test"}, (3, 9, 4)),
])
def test_splits_can_be_chosen(tmp_path, split, counts):
    for name, x in (("train", TRAIN), ("test", TEST), ("extra", TRAIN[:3])):
        write(tmp_path, name, {"image": IMAGE}, image=[png(pixels) for pixels in x])
    got = Hub(path=str(tmp_path), split=split).decode()
    assert tuple(part and len(part) for part in (got.train, got.val, got.test)) == counts
    assert Hub(path=str(tmp_path), split={"train": "x"}).fingerprint() != \
        Hub(path=str(tmp_path), split=None).fingerprint()


@pytest.mark.parametrize("split", [{"test": "test"}, {"train": 3}, {"train": "a", "dev": "b"}, 7])
def test_a_split_that_cannot_be_one_is_refused(split):
    with pytest.raises(ConfigError, match=r"data.split must be null, the name .*, got "):
        Hub("a/b", split=split)


def idx_md5(x):
    """md5 of an original MNIST file: its header and its pixels."""
    n, _, height, width = x.shape
    header = b"".join(number.to_bytes(4, "big") for number in (0x803, n, height, width))
    return hashlib.md5(header + x.tobytes()).hexdigest()


def test_mnist_is_the_original_to_the_byte_and_the_second_start_is_fast(shared, tmp_path):
    source = Hub(path=str(shared / "mnist"))
    before = time.perf_counter()
    data = load(source, tmp_path).data
    assert time.perf_counter() - before < 30  # 5 s alone
    assert idx_md5(data.train.x) == "6bbc9ace898e44ae57da46a324031adb"
    assert idx_md5(data.test.x) == "2646ac647ad5339dbf082846283269ea"
    assert np.bincount(data.train.y).tolist() == \
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # LeCun's counts
    before = time.perf_counter()
    load(Hub(path=str(shared / "mnist")), tmp_path)
    assert time.perf_counter() - before < 1


def test_cifar_has_three_channels(shared):
    got = Hub(path=str(shared / "cifar10")).decode()
    assert got.train.x.shape == (20_000, 3, 32, 32)
    assert got.test.x.shape == (4_000, 3, 32, 32)
    assert np.bincount(got.train.y).tolist() == [2000] * 10
    assert np.bincount(got.test.y).tolist() == [400] * 10
