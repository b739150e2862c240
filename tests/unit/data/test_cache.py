import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from vael.data import cache
from vael.data.cache import cache_root, load_decoded
from vael.data.source import Arrays, Decoded, Source
from vael.data.sources.scikit_learn import Digits
from vael.errors import DataError

X = np.arange(4 * 6, dtype=np.uint8).reshape(4, 1, 2, 3)


class Counted(Source):
    """Counts how often it is decoded."""

    def __init__(self, name="a", x=X, y=None, test=None):
        self.name, self.data, self.times = name, Decoded(Arrays(x, y), 256, test=test), 0

    def fingerprint(self):
        return self.name

    def decode(self):
        self.times += 1
        return self.data


def entries(root):
    return sorted(path for path in root.iterdir() if path.is_dir())


def test_it_is_decoded_once_and_the_same_comes_back(tmp_path):
    source = Counted(y=np.array([0, 3, 1, 1]), test=Arrays(X[:2], np.array([2, 0])))
    first, again = load_decoded(source, tmp_path), load_decoded(source, tmp_path)
    assert source.times == 1
    assert (first.content, first.num_classes, again.num_classes) == (again.content, 4, 4)
    for got in (first, again):
        np.testing.assert_array_equal(got.data.train.x, X)
        np.testing.assert_array_equal(got.data.train.y, [0, 3, 1, 1])
        np.testing.assert_array_equal(got.data.test.x, X[:2])
        assert got.data.val is None
        assert got.data.levels == 256
        with pytest.raises(ValueError, match="read-only"):
            got.data.train.x[0] = 1


def test_the_key_is_the_fingerprint_and_the_content_is_the_content(tmp_path):
    a, b, c = (load_decoded(Counted(*args), tmp_path) for args in [("a",), ("b",), ("c", X + 1)])
    assert len(entries(tmp_path)) == 3
    assert a.content == b.content != c.content
    shape = load_decoded(Counted("d", X.reshape(4, 1, 3, 2)), tmp_path)
    assert shape.content != a.content


def test_other_users_may_read_an_entry(tmp_path):
    entry = load_decoded(Counted(), tmp_path).path
    assert stat.S_IMODE(entry.stat().st_mode) & 0o555 == 0o555


def test_the_folder_is_the_setting_or_the_environment_or_home(monkeypatch, tmp_path):
    monkeypatch.setenv("VAEL_CACHE", "/from/environment")
    assert str(cache_root("given")) == "given"
    assert str(cache_root()) == "/from/environment"
    monkeypatch.delenv("VAEL_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root() == tmp_path / ".cache" / "vael"
    assert cache_root("~/x") == tmp_path / "x"


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full(data, file, indent):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.json, "dump", full)
    with pytest.raises(DataError, match=r"folder that can be written.*No space left"):
        load_decoded(Counted(), tmp_path)
    assert not entries(tmp_path)


SLOW = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    import numpy as np
    from vael.data import cache
    from vael.data.source import Arrays, Decoded, Source

    class Slow(Source):
        def fingerprint(self):
            return "slow"
        def decode(self):
            print("decoding", flush=True)
            time.sleep(0.5)
            return Decoded(Arrays(np.full((3, 1, 2, 2), 7, np.uint8)), 256)

    def stop(*args, **kwargs):
        print("writing", flush=True)
        time.sleep(60)

    if "files" in sys.argv:         # between two files of the entry
        cache.json.dump = stop
    if "rename" in sys.argv:        # all written, not yet in its place
        cache.os.rename = stop
    if "unlocked" in sys.argv:      # a file system without locks
        cache.lock_file = lambda file: False
    got = cache.load_decoded(Slow(), Path(sys.argv[1]))
    print("sum", int(got.data.train.x.sum()), got.content, flush=True)
""")


def start(tmp_path, *options):
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    return subprocess.Popen(
        [sys.executable, script, tmp_path / "cache", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("where", ["files", "rename"])
def test_killed_while_writing_it_leaves_no_entry_and_the_next_one_cleans_up(tmp_path, where):
    killed = start(tmp_path, where)
    assert killed.stdout.readline() == "decoding\n"
    assert killed.stdout.readline() == "writing\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    (left,) = entries(tmp_path / "cache")
    assert left.name.startswith(".")
    out, err = start(tmp_path).communicate(timeout=200)
    assert out.startswith("decoding\nsum 84 "), err
    (entry,) = entries(tmp_path / "cache")
    assert not entry.name.startswith(".")


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "no locks"])
def test_two_processes_at_once_agree(tmp_path, locks):
    both = [start(tmp_path, *([] if locks else ["unlocked"])) for _ in range(2)]
    outputs = [process.communicate(timeout=200) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    decoded = "".join(out for out, _ in outputs).count("decoding")
    assert decoded == 1 if locks else decoded in (1, 2)
    assert len({out.split("sum ")[1] for out, _ in outputs}) == 1
    assert len(entries(tmp_path / "cache")) == 1


def test_the_loser_of_a_race_takes_what_the_winner_wrote(tmp_path):
    class Racing(Counted):
        def decode(self):
            if self.times == 0:  # another process gets there while this one decodes
                self.times = 1
                data = Decoded(Arrays(X), 256)
                (target,) = tmp_path.glob("*.lock")
                cache._write(data, tmp_path / target.stem, "other", sweep=False)
            return super().decode()

    got = load_decoded(Racing(), tmp_path)
    assert json.loads((got.path / "meta.json").read_text())["source"] == "other"
    assert len(entries(tmp_path)) == 1


def spoil_meta(entry):
    (entry / "meta.json").write_text("{")


def spoil_format(entry):
    meta = json.loads((entry / "meta.json").read_text())
    (entry / "meta.json").write_text(json.dumps(meta | {"format": 99}))


def spoil_length(entry):
    content = (entry / "train_x.npy").read_bytes()
    (entry / "train_x.npy").write_bytes(content[:-5])


def spoil_array(entry):
    np.save(entry / "train_x.npy", X[:2])


def spoil_pickle(entry):
    np.save(entry / "train_x.npy", np.array([{}]), allow_pickle=True)


def spoil_all(entry):
    for path in entry.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    "spoil", [spoil_meta, spoil_format, spoil_length, spoil_array, spoil_pickle, spoil_all]
)
def test_a_spoilt_entry_is_named(tmp_path, spoil):
    entry = load_decoded(Counted(), tmp_path).path
    spoil(entry)
    with pytest.raises(DataError, match=r"what vael wrote there.*remove that fold") as e:
        load_decoded(Counted(), tmp_path)
    assert str(entry) in str(e.value)
    assert "\n" not in str(e.value)


def test_a_cache_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(DataError, match="data cache must be a folder that can be written"):
        load_decoded(Counted(), path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(DataError, match=r"Permission denied; set data.cache_dir or VAEL_CACHE"):
        load_decoded(Counted(), tmp_path)
    tmp_path.chmod(0o755)


def test_a_later_start_imports_nothing_and_takes_no_time(tmp_path):
    load_decoded(Digits(), tmp_path)
    seconds = []
    for _ in range(5):  # others use the machine, too
        start = time.perf_counter()
        load_decoded(Digits(), tmp_path)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.2
