"""The batch script, and what SLURM says when it refuses; the cluster is in test_cluster.py."""

import shlex
import subprocess
from pathlib import Path

import pytest

from vael.errors import ConfigError
from vael.sweep.engines import sbatch

FOLDER = Path("outputs/sweeps/a study")


def flags(text: str) -> list[str]:
    return [line.removeprefix("#SBATCH ") for line in text.splitlines() if "#SBATCH" in line]


def test_options_of_the_cluster_become_flags_of_sbatch():
    options = {
        "partition": "gpu",
        "gres": "gpu:2",
        "time": "12:00:00",
        "cpus_per_task": 8,
        "exclusive": True,
        "contiguous": False,
    }
    found = flags(sbatch.make_script(FOLDER, 3, ["--workers", "2"], options))
    wanted = {
        "--array=0-2",
        "--partition=gpu",
        "--gres=gpu:2",
        "--time=12:00:00",
        "--cpus-per-task=8",
        "--exclusive",
        "--requeue",
    }
    assert wanted <= set(found)
    assert not any(flag.startswith("--contiguous") for flag in found)


def test_the_shell_reads_the_command_as_it_was_meant():
    last = sbatch.make_script(FOLDER, 1, ["--workers", "2"], {}).splitlines()[-1]
    words = shlex.split(last)
    assert words[0] == "exec"
    assert words[2:] == ["-m", "vael.cli", "sweep-node", str(FOLDER.resolve()), "--workers", "2"]


@pytest.mark.parametrize("name", ["array", "open_mode", "Partition", "time limit", "x;reboot"])
def test_an_option_that_cannot_be_is_refused(name):
    with pytest.raises(ConfigError, match=f"slurm.{name}"):
        sbatch.make_script(FOLDER, 1, [], {name: "1"})


def test_an_option_cannot_smuggle_in_a_line():
    with pytest.raises(ConfigError, match=r"slurm\.partition"):
        sbatch.make_script(FOLDER, 1, [], {"partition": "a\nreboot"})


def test_without_sbatch_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="needs sbatch on the PATH"):
        sbatch.submit_script(tmp_path, "#!/bin/bash\n")


def fake(monkeypatch, code: int, out: str, err: str) -> None:
    def call(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, code, out, err)

    monkeypatch.setattr(sbatch, "run_command", call)
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")


def test_a_refusal_is_one_line(tmp_path, monkeypatch):
    fake(monkeypatch, 1, "", "sbatch: error: invalid partition\nsbatch: error: Batch failed\n")
    with pytest.raises(ConfigError, match=r"refused .*job.sh: .*invalid partition .* failed"):
        sbatch.submit_script(tmp_path, "#!/bin/bash\n")


def test_an_array_that_ended_long_ago_has_no_tasks_left(monkeypatch):
    fake(monkeypatch, 1, "", "slurm_load_jobs error: Invalid job id specified\n")
    assert not sbatch.count_tasks_left("7")


def test_tasks_are_counted_by_state(monkeypatch):
    fake(monkeypatch, 0, "RUNNING\nRUNNING\nPENDING\n", "")
    assert sbatch.count_tasks_left("7") == {"RUNNING": 2, "PENDING": 1}
