"""Many at once: runs that start in the same second, and fill the same cache."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.identical import assert_same, metrics, read, rows, weights
from helpers.runs import QUICK, ROOT, config_of, make_run

from vael.distributed import ownership
from vael.errors import ConfigError
from vael.runs import creation


def test_runs_that_start_in_the_same_second_have_a_folder_each(tmp_path):
    configs = [config_of(f"output_dir={tmp_path}", f"seed={n}") for n in range(16)]
    together = threading.Barrier(16)

    def make(config):
        together.wait()
        return creation.make_run_folder(config)

    with ThreadPoolExecutor(16) as pool:
        folders = list(pool.map(make, configs))
    assert len(set(folders)) == 16
    for n, folder in enumerate(folders):
        assert f"\nseed: {n}\n" in (folder / "config.yaml").read_text()


def test_a_run_that_cannot_start_takes_no_folder_from_under_another(tmp_path):
    """One thread removes what it has made, and the parent with it; the others go on making."""
    config = config_of(f"output_dir={tmp_path}")

    def make_and_remove(number):
        for _ in range(60):
            folder = creation.make_run_folder(config)
            assert (folder / "config.yaml").exists()
            creation.discard_run(folder, is_first=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make_and_remove, range(4)))


@pytest.mark.slow
def test_twenty_runs_at_once_share_one_cache_and_end_alike(tmp_path):
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "tests"),
        "OMP_NUM_THREADS": "1",
        "VAEL_CACHE": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "faults.twenty", str(tmp_path), "20"],
        env=environment,
        cwd=ROOT / "tests",
        check=False,
        capture_output=True,
        text=True,
        timeout=500,
    )
    said = "".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert (done.returncode, said) == (0, ""), done.stderr
    folders = list((tmp_path / "out").glob("*/*"))
    assert len(folders) == 20
    by_seed = {seed: [f for f in folders if read(f)["seed"] == seed] for seed in (0, 1)}
    for first, *others in by_seed.values():
        assert len(others) == 9
        for other in others:
            assert_same(weights(first)["state_dict"], weights(other)["state_dict"])
            assert list(rows(first)) == list(rows(other))
            assert metrics(first) == metrics(other)
    entries = [path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    assert len(entries) == 1  # and none that is unfinished


FILL = """
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
        if "hold" in sys.argv:
            time.sleep(600)
        return Decoded(Arrays(np.full((3, 1, 2, 2), 7, np.uint8)), 256)

print("asking", flush=True)
print("sum", int(cache.load_decoded(Slow(), Path(sys.argv[1])).data.train.x.sum()), flush=True)
"""


def test_who_waits_for_a_cache_that_is_being_filled_takes_over_when_its_filler_is_killed(tmp_path):
    (script := tmp_path / "fill.py").write_text(FILL)

    def start(*options):
        return subprocess.Popen(
            [sys.executable, script, tmp_path / "cache", *options],
            stdout=subprocess.PIPE,
            text=True,
        )

    filler = start("hold")
    assert [filler.stdout.readline() for _ in range(2)] == ["asking\n", "decoding\n"]
    waiting = start()
    assert waiting.stdout.readline() == "asking\n"
    (lock,) = (tmp_path / "cache").glob("*.lock")
    end = time.monotonic() + 200
    while not _waits(waiting.pid, lock):
        assert time.monotonic() < end, "it does not wait"
        time.sleep(0.05)
    filler.send_signal(signal.SIGKILL)
    filler.communicate()
    assert waiting.communicate(timeout=200)[0] == "decoding\nsum 84\n"


def _waits(pid, lock):
    """Whether the kernel lists the process among those that wait for this file's lock."""
    text = Path("/proc/locks").read_text()
    return re.search(rf"-> FLOCK .* {pid} \w+:\w+:{lock.stat().st_ino} ", text) is not None


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_a_folder_is_trained_in_by_one_at_a_time(devices, tmp_path):
    """The second leaves all as it is; the folder is free again when the first was killed."""
    wait = (
        f"+callbacks.extra.wait={{_target_: helpers.callbacks."
        f"Wait, file: {tmp_path}/step, seconds: 250}}"
    )
    folder = make_run(tmp_path, *QUICK, f"trainer.devices={devices}", wait)
    vael = [sys.executable, "-m", "vael.cli", "train", str(folder), "--discard-on-error"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "OMP_NUM_THREADS": "1"}
    first = subprocess.Popen(vael, env=environment, stderr=subprocess.PIPE)
    end = time.monotonic() + 200
    while not all((tmp_path / f"step_{rank}").exists() for rank in range(devices)):
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    log = (folder / "train.log").read_bytes()
    second = subprocess.run(
        vael, env=environment, check=False, capture_output=True, text=True, timeout=200
    )
    assert (second.returncode, second.stdout) == (2, ""), second.stderr
    assert second.stderr == (
        f"vael: {folder} is being trained by another process: wait until it ends, or stop it.\n"
    )
    assert first.poll() is None
    assert (folder / "train.log").read_bytes() == log
    first.kill()
    first.communicate()
    (folder / "config.yaml").write_text((folder / "config.yaml").read_text().replace("250", "0"))
    third = subprocess.run(
        vael, env=environment, check=False, capture_output=True, text=True, timeout=300
    )
    assert third.returncode == 0, third.stderr
    assert read(folder)["status"] == "finished"


def test_in_a_sweep_the_leases_decide_who_may_train(tmp_path):
    config = make_run(tmp_path) / "config.yaml"
    with (
        ownership.own_folder(config),
        pytest.raises(ConfigError, match="trained by another process"),
    ):
        ownership.own_folder(config).__enter__()
    with ownership.own_folder(config, {ownership.ATTEMPT: "1"}), ownership.own_folder(config):
        pass
    with ownership.own_folder(
        tmp_path / "nothing" / "config.yaml"
    ):  # whoever trains says that it is no run
        pass
