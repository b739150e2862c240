"""Large files, with a limit of 64 KiB instead of 256 MiB where only the way matters."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from vael.data import on_disk
from vael.data.cache import load_decoded
from vael.data.module import VaelData
from vael.data.on_disk import ArrayOnDisk, file_key, iterate_blocks
from vael.data.source import Arrays, Decoded, Source
from vael.data.sources.array import ArrayFile
from vael.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (900, 10, 12), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (300, 10, 12, 3), dtype=np.uint8)
TABLE = RNG.normal(size=(5000, 5)).astype(np.float32)
REAL = RNG.random((300, 9, 8)).astype(np.float32)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(on_disk, "LARGE", 2**16)
    monkeypatch.setattr(on_disk, "BLOCK", 2**13)
    monkeypatch.setattr(on_disk, "SAMPLE", 2**8)


def npy(path, array):
    np.save(path / "a.npy", array)
    return str(path / "a.npy")


@pytest.mark.parametrize(
    ("array", "options", "expected", "levels"),
    [
        (GREY, {}, GREY[:, None], 256),
        (GREY % 17, {"levels": 17}, GREY[:, None] % 17, 17),
        (COLOUR, {}, COLOUR.transpose(0, 3, 1, 2), 256),
        (COLOUR.transpose(0, 3, 1, 2), {}, COLOUR.transpose(0, 3, 1, 2), 256),
        (TABLE, {}, TABLE, None),
        (REAL, {}, REAL[:, None], None),
    ],
    ids=["NHW", "17 levels", "NHWC", "NCHW", "table", "real"],
)
def test_what_is_right_already_stays_where_it_is(tmp_path, array, options, expected, levels):
    source = ArrayFile(npy(tmp_path, np.ascontiguousarray(array)), **options)
    for _ in range(2):
        got = load_decoded(source, tmp_path / "cache")
        x = got.data.train.x
        assert isinstance(x, ArrayOnDisk)
        assert got.data.levels == levels
        assert [f.name for f in got.path.iterdir()] == ["meta.json"]
        index = RNG.permutation(len(x))[:200]
        assert x[index].flags.c_contiguous
        np.testing.assert_array_equal(x[index], expected[index])
        np.testing.assert_array_equal(np.concatenate(list(iterate_blocks(x))), expected)


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (TABLE.astype(np.float64), {}),
        (GREY.astype(np.int16), {}),
        (GREY > 99, {}),
        (GREY % 2, {"levels": 2, "image_size": 5}),
        (GREY / 255, {"levels": 256}),
        (np.asfortranarray(TABLE), {}),
        (GREY, {"image_size": [4, 6]}),
        (REAL, {"image_size": 4}),
    ],
    ids=["float64", "int16", "bool", "levels resized", "floats", "fortran", "resized", "real"],
)
def test_other_dtypes_are_converted_by_blocks_into_what_a_small_file_gives(
    tmp_path, monkeypatch, array, options
):
    source = ArrayFile(npy(tmp_path, array), **options)
    by_blocks = load_decoded(source, tmp_path / "blocks")
    monkeypatch.setattr(on_disk, "LARGE", 2**30)
    whole = load_decoded(ArrayFile(npy(tmp_path, array), **options), tmp_path / "whole")
    assert by_blocks.content == whole.content
    assert by_blocks.data.levels == whole.data.levels
    np.testing.assert_array_equal(whole.data.train.x, by_blocks.data.train.x[:])


def test_bad_values_of_a_large_file_are_named(tmp_path):
    cases = [
        (GREY // 128, {}, "set data.levels=2 for binary images"),
        (GREY, {"levels": 17}, r"must be 0 to 16 .*got 0 to 255"),
        (REAL * 2, {}, r"must lie in \[0, 1\]"),
        (np.where(REAL > 0.999, np.nan, REAL), {}, "values must be finite"),
        (np.where(TABLE > 3, np.nan, TABLE), {}, "values must be finite.*=mask, or mean"),
        (np.where(TABLE > 3, np.inf, TABLE), {"missing": "mean"}, "values must be finite"),
    ]
    for array, options, match in cases:
        with pytest.raises(DataError, match=match) as caught:
            load_decoded(ArrayFile(npy(tmp_path, array), **options), tmp_path / "cache")
        assert "\n" not in str(caught.value)


def test_a_file_that_begins_black_is_not_taken_for_a_binary_one(tmp_path):
    x = GREY.copy()
    x[:800] = 0
    assert load_decoded(ArrayFile(npy(tmp_path, x)), tmp_path / "cache").data.levels == 256


def test_missing_values_of_a_large_table_are_imputed(tmp_path):
    x = np.where(TABLE > 1, np.nan, TABLE)
    data = VaelData(
        ArrayFile(npy(tmp_path, x), missing="median"), 10, cache_dir=str(tmp_path / "cache")
    )
    data.prepare()
    index = data.select("train")[1]
    np.testing.assert_allclose(data.preprocess.fill, np.nanmedian(x[index], 0), rtol=1e-6)
    assert isinstance(data.select("train")[0].x, ArrayOnDisk)


def test_the_key_of_a_large_file_sees_size_time_and_samples(tmp_path):
    path = Path(npy(tmp_path, GREY))
    keys = {file_key(path)}
    same = path.stat()
    assert file_key(path) in keys
    with path.open("r+b") as file:  # the last byte is in the last sample
        file.seek(-1, os.SEEK_END)
        file.write(bytes([int(GREY[-1, -1, -1]) ^ 1]))
    os.utime(path, ns=(same.st_atime_ns, same.st_mtime_ns))
    keys.add(file_key(path))
    os.utime(path, ns=(1, 1))
    keys.add(file_key(path))
    assert len(keys) == 3


def test_the_key_of_a_small_file_is_its_content_only(tmp_path, monkeypatch):
    monkeypatch.setattr(on_disk, "LARGE", 2**30)
    path = Path(npy(tmp_path, GREY))
    before = file_key(path)
    os.utime(path, ns=(1, 1))
    assert file_key(path) == before
    content = bytearray(path.read_bytes())
    content[54_321] ^= 1
    path.write_bytes(content)
    assert file_key(path) != before


def test_a_large_entry_of_the_cache_is_mapped_too(tmp_path):
    class Made(Source):
        def fingerprint(self):
            return "made"

        def decode(self):
            return Decoded(Arrays(GREY[:, None], np.arange(900)), 256)

    got = load_decoded(Made(), tmp_path).data.train
    assert isinstance(got.x, ArrayOnDisk)
    np.testing.assert_array_equal(got.x[:], GREY[:, None])
    assert type(got.y) is np.ndarray


def test_any_rows_in_any_order(tmp_path):
    made = on_disk.open_npy(Path(npy(tmp_path, COLOUR)))
    turned = made.seen_as(lambda raw: raw.transpose(0, 3, 1, 2))
    for index in (np.array([5, 0, 299, 5]), np.arange(0), slice(7, 7), slice(290, 999), slice(3)):
        np.testing.assert_array_equal(made[index], COLOUR[index])
        np.testing.assert_array_equal(turned[index], COLOUR[index].transpose(0, 3, 1, 2))
    assert turned.shape == (300, 3, 10, 12)


def test_a_file_that_is_cut_while_it_is_used_is_an_error(tmp_path):
    path = Path(npy(tmp_path, GREY))
    made = on_disk.open_npy(path)
    os.truncate(path, 50_000)
    np.testing.assert_array_equal(made[np.array([3])], GREY[3:4])
    with pytest.raises(DataError, match=r"a.npy must stay as it is .*has become shorter"):
        made[np.array([3, 800])]


def test_no_room_for_what_is_decoded_is_said(monkeypatch):
    def full(descriptor, offset, length):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DataError, match=r"temporary files .*No space left on device; set TMPDIR"):
        on_disk.allocate((1000, 1000), np.uint8)


RUN = textwrap.dedent("""
    import sys
    from pathlib import Path
    from vael.data.sources.array import ArrayFile
    from vael.data.module import VaelData

    def resident():
        lines = Path("/proc/self/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        return int(status["RssAnon"].split()[0]) + int(status["RssFile"].split()[0])

    before = most = resident()
    data = VaelData(ArrayFile(sys.argv[1]), 512, cache_dir=sys.argv[2])
    data.prepare()
    most = max(most, resident())
    seen = 0
    for batch in data.train_dataloader():
        seen += int(batch.x[:, 0, 0, 0].long().sum())
        most = max(most, resident())
    for chunk in data.val_dataloader():
        most = max(most, resident())
    print(seen, (most - before) // 1024)
""")


@pytest.mark.slow
def test_an_epoch_of_a_file_of_600_mb_takes_less_than_300_mb(tmp_path):
    shape = (200_000, 3, 32, 32)
    x = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.uint8, shape)
    x[:, 0, 0, 0] = np.arange(shape[0]) % 251
    x[:, :, 1:3] = 7
    x.flush()
    del x
    done = subprocess.run(
        [sys.executable, "-c", RUN, tmp_path / "a.npy", tmp_path / "cache"],
        capture_output=True,
        text=True,
        check=True,
    )
    (tmp_path / "a.npy").unlink()
    seen, megabytes = map(int, done.stdout.split())
    assert abs(seen / 125 - 185_000) < 2000  # most of 200,000, each with a mean of 125
    assert megabytes < 300, megabytes
