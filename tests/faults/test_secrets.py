"""Planted keys, tokens and passwords: in no file that is left behind, in no list of processes."""

import base64
import os
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

import pytest
import yaml
from helpers.cluster.fixtures import PASSWORD
from helpers.runs import ROOT

pytestmark = pytest.mark.slow

PLANTED = {
    "WANDB_API_KEY": "5ec4e7" * 6 + "0bad",
    "HF_TOKEN": "hf_pLaNtEdToKeN0123456789abcdef",
    "AWS_ACCESS_KEY_ID": "AKIAPLANTEDPLANTED00",
    "AWS_SECRET_ACCESS_KEY": "pLaNtEd/+sEcReT/kEy",
    "GITHUB_TOKEN": "ghp_pLaNtEdToKeN0123456789",
    "OPENAI_API_KEY": "sk-pLaNtEd-0123456789",
}
QUICK = [
    "model=mlp_vae",
    "data.limit=200",
    "data.batch_size=64",
    "trainer.max_epochs=2",
    "evaluation.test_samples=5",
    "callbacks.pictures.num_examples=20",
    "logger=wandb",
]
RAISE = "+callbacks.extra.bug={_target_: helpers.callbacks.Raise, rank: 0, step: 1}"
SPACE = {"model.latent_dim": "int(interval(2, 16))"}


@pytest.fixture
def house(tmp_path):
    """A home, a cache and a folder for temporary files of our own, with all that is planted."""
    (tmp_path / "tmp").mkdir()
    own = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_") and k != "NETRC"}
    return {
        **own,
        **PLANTED,
        "WANDB_MODE": "offline",
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "VAEL_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(ROOT / "tests"),
        "VAEL_TEST_HOUSE": str(tmp_path),
    }


def watched(command, environ):
    """What it has printed, its exit code, and every command line of its processes."""
    mark, seen = f"VAEL_TEST_HOUSE={environ['VAEL_TEST_HOUSE']}\0".encode(), set()
    file = Path(environ["VAEL_TEST_HOUSE"]) / "printed.txt"
    with file.open("w") as out:
        child = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=out, stderr=out)
    while child.poll() is None:
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (path / "environ").read_bytes():
                    seen.add((path / "cmdline").read_bytes())
            except OSError:
                continue
        time.sleep(0.05)
    printed = file.read_text()
    assert any(b"vael" in line for line in seen), "its processes were seen"
    return printed, child.returncode, b"\n".join(seen)


def forms(secret):
    """As it may be written."""
    plain = secret.encode()
    return {
        plain,
        base64.b64encode(plain),
        urllib.parse.quote(secret, safe="").encode(),
        plain.hex().encode(),
    }


def leaks(secrets, folder, *texts):
    """Where any of them stands; each file is read as bytes, whatever it is."""
    places = {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert len(places) > 10
    places |= {f"text {n}": t.encode() if isinstance(t, str) else t for n, t in enumerate(texts)}
    return [
        f"{name} in {place}"
        for name, secret in secrets.items()
        for form in forms(secret)
        for place, data in places.items()
        if form in data
    ]


def test_the_search_for_secrets_finds_them(tmp_path):
    for number in range(12):
        (tmp_path / f"{number}.bin").write_bytes(os.urandom(100))
    assert leaks(PLANTED, tmp_path, "nothing") == []
    (tmp_path / "7.bin").write_bytes(b"\0\xff" + PLANTED["HF_TOKEN"].encode() + b"\0")
    hidden = base64.b64encode(PLANTED["GITHUB_TOKEN"].encode())
    found = leaks(PLANTED, tmp_path, hidden)
    assert found == [f"HF_TOKEN in {tmp_path}/7.bin", "GITHUB_TOKEN in text 0"]


def test_a_run_and_one_that_fails_with_a_traceback_leave_none(tmp_path, house):
    command = [sys.executable, "train.py", *QUICK, f"output_dir={tmp_path}/out"]
    first, second = watched(command, house), watched([*command, RAISE], house)
    assert first[1] == 0, first[0]
    assert second[1] == 1, second[0]
    assert "LookupError: no tea on rank 0" in second[0]
    assert list((tmp_path / "out").rglob("*.wandb"))
    assert leaks(PLANTED, tmp_path, *first[0::2], *second[0::2]) == []


def test_a_sweep_on_a_server_leaves_none(tmp_path, house, postgres):
    """One trial of three raises, and one search is refused with a wrong password."""
    secrets = {**PLANTED, "password": PASSWORD}
    file = tmp_path / "secret.yaml"
    once = (
        f"+callbacks.extra.bug={{_target_: helpers.callbacks.RaiseOnce, file: {tmp_path}/raised}}"
    )
    file.write_text(
        yaml.safe_dump(
            {
                "name": "secret",
                "trials": 3,
                "confirm": 1,
                "pruner": "median",
                "space": SPACE,
                "overrides": [*QUICK, once, f"output_dir={tmp_path}/out"],
            }
        )
    )
    command = [sys.executable, "-m", "vael.cli", "sweep", str(file), "--workers", "1"]
    wrong = {"password": "wr0ng-hunter2"}
    refused = watched(
        command, {**house, "VAEL_STORAGE": postgres.url.replace(PASSWORD, wrong["password"])}
    )
    assert refused[1] == 2, refused[0]
    done = watched(command, {**house, "VAEL_STORAGE": postgres.url})
    assert done[1] == 0, done[0]
    status = watched(
        [sys.executable, "-m", "vael.cli", "sweep", "status", str(file)],
        {**house, "VAEL_STORAGE": postgres.url},
    )
    assert "2 complete, 1 failed" in status[0]
    assert list((tmp_path / "out").rglob("*.wandb"))
    texts = [part for told in (refused, done, status) for part in told[0::2]]
    assert leaks({**secrets, "wrong": wrong["password"]}, tmp_path, *texts) == []
