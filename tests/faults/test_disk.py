"""Disks that are full or read-only: the old file or the new one, and a run that goes on."""

import json
import shutil

import pytest
from faults.disks import apart, needs_mount
from faults.runs import STATEFUL
from helpers.identical import assert_as_if_never_stopped
from helpers.runs import QUICK, make_run, said

pytestmark = [needs_mount, pytest.mark.xdist_group("faults")]
SAVE = """
import torch
from pathlib import Path
from vael.runs.checkpoint import load_checkpoint
from vael.training.checkpoint_io import SafeCheckpointIO
from vael.errors import DiskError
io, path = SafeCheckpointIO(), Path("{small}/checkpoints/last.ckpt")
io.save_checkpoint(dict(config=dict(), state_dict=dict(a=torch.zeros(100_000))), path)
try:
    io.save_checkpoint(dict(config=dict(), state_dict=dict(a=torch.zeros(700_000))), path)
except DiskError as error:
    print(error)
print(len(load_checkpoint(path)["state_dict"]["a"]), [p.name for p in path.parent.iterdir()])
"""


FILL = """
from pathlib import Path
from vael.data import cache
from vael.data.sources.scikit_learn import Digits
from vael.errors import DataError
try:
    cache.load_decoded(Digits(), Path("{small}"))
except DataError as error:
    print(error)
print([p.name for p in Path("{small}").iterdir() if p.suffix != ".lock"])
"""


@pytest.fixture
def small(tmp_path):
    (folder := tmp_path / "small").mkdir()
    return folder


def test_a_checkpoint_that_does_not_fit_says_where_and_how_much_it_needs(tmp_path, small):
    """2 MiB hold 0.4 MB, but not 2.8 MB beside it."""
    (tmp_path / "save.py").write_text(SAVE.format(small=small))
    done = apart(f"mount -t tmpfs -o size=2m tmpfs {small} && $python {tmp_path}/save.py")
    told, kept = done.stdout.splitlines()
    assert told.startswith(
        f"cannot write {small}/checkpoints/last.ckpt: No space left on device "
        "(it needs 2.67 MiB, 1.6"
    )
    assert told.endswith("then continue the run.")
    assert kept == "100000 ['last.ckpt']"


def test_a_cache_that_does_not_fit_says_so_and_leaves_no_entry(tmp_path, small):
    """1797 digits of 64 bytes and a label of 8: 0.123 MiB."""
    (tmp_path / "load.py").write_text(FILL.format(small=small))
    done = apart(f"mount -t tmpfs -o size=60k tmpfs {small} && $python {tmp_path}/load.py")
    told, left = done.stdout.splitlines()
    assert f"got {small}: No space left on device (it needs 0.123 MiB, 0.0" in told
    assert told.endswith("set data.cache_dir or VAEL_CACHE to one with enough room")
    assert left == "[]"


def fill(small, step, test, mark):
    return (
        f"+callbacks.extra.{mark}={{_target_: faults.spoilers.FillDisk, step: {step}, "
        f"test: {test}, mark: {small}/{mark}}}"
    )


@pytest.mark.slow
def test_a_full_disk_stops_a_run_that_goes_on_after_space_is_freed(tmp_path, small, alone, whole):
    """Full in the second epoch, then again when all is trained and must be written down."""
    folder = make_run(
        tmp_path,
        *QUICK,
        *STATEFUL,
        fill(small, 7, "false", "training"),
        fill(small, 15, "true", "testing"),
    )
    run = small / folder.name
    vael = f"$python -m vael.cli train {run}"
    done = apart(f"""
    mount -t tmpfs -o size=30m tmpfs {small} && cp -r {folder} {run}
    for n in 1 2 3; do
        {vael} > {tmp_path}/out_$n 2> {tmp_path}/err_$n; echo "code $?"
        cp -r {run} {tmp_path}/after_$n
        rm -f {small}/filler
    done
    """)
    assert done.stdout.split("\n")[:3] == ["code 5", "code 5", "code 0"], (
        done.stdout + done.stderr + "".join(p.read_text() for p in tmp_path.glob("err_*"))
    )
    for n in (1, 2):
        (told,) = (tmp_path / f"err_{n}").read_text().splitlines()
        assert told.startswith(f"vael: cannot write {run}/")
        assert "No space left on device (it needs " in told
        assert "are free)" in told
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "after_3", folder)
    assert_as_if_never_stopped(whole, folder)
    assert (tmp_path / "err_3").read_text() == ""
    for n in (1, 2):
        if (found := tmp_path / f"after_{n}" / "summary.json").exists():
            assert json.loads(found.read_text())["status"] == "interrupted"


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_a_read_only_folder_is_one_line(tmp_path, small, devices):
    folder = make_run(small, *QUICK, f"trainer.devices={devices}")
    done = apart(f"""
    mount --bind {small} {small} && mount -o remount,ro,bind {small}
    $python -m vael.cli train {folder}; echo "code $?"
    """)
    assert done.stdout == "code 5\n", done.stderr
    (line,) = said(done.stderr)
    assert line.startswith(("vael: cannot write ", "vael: cannot make "))
    assert str(folder) in line
    assert "Read-only file system" in line
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]


def test_no_folder_can_be_made_on_a_read_only_disk(tmp_path, small):
    done = apart(f"""
    mount --bind {small} {small} && mount -o remount,ro,bind {small}
    $python train.py output_dir={small}/outputs; echo "code $?"
    """)
    assert done.stdout == "code 5\n", done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"vael: cannot make the run's folder {small}/outputs/")
    assert "Read-only file system" in line
