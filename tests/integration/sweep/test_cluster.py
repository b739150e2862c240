"""Sweeps over several nodes: a real two-node SLURM and a real PostgreSQL on this machine."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
import yaml
from helpers.cluster.fixtures import PASSWORD

from vael.sweep.study import storage

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

SEARCH = {
    "target": "val/bpd",
    "pruner": None,
    "confirm": 0,
    "lease": 10,
    "overrides": [
        "data=digits",
        "logger=csv",
        "model=mlp_vae",
        "data.limit=200",
        "trainer.max_epochs=100",
        "callbacks.early_stopping.patience=null",
    ],
    "space": {
        "model.latent_dim": "int(interval(2, 16))",
        "objective.beta": "tag(log, interval(0.25, 8))",
    },
    "slurm": {"partition": "all", "gres": "gpu:1", "cpus_per_task": 1},
}


class Sweep:
    """A sweep in a folder of its own, by the command line."""

    def __init__(self, folder: Path, name: str, url: str, trials: int, **environ: str) -> None:
        self.folder, self.url, self.name = folder, url, name
        self.file = folder / f"{name}.yaml"
        self.file.write_text(yaml.safe_dump(SEARCH | {"trials": trials}))
        self.environ = {**os.environ, "OMP_NUM_THREADS": "1", storage.ENVIRONMENT: url, **environ}

    def start(self, *options: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "vael.cli", "sweep", str(self.file), *options]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environ,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def call(self, *command: str) -> str:
        return subprocess.run(
            command, env=self.environ, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    @property
    def out(self) -> Path:
        return self.folder / "outputs" / "sweeps" / self.name

    def running(self) -> dict[int, str]:
        """The trials that have begun to train, and their workers."""
        found = {}
        for path in (self.out / "workers").glob("*.json"):
            state = json.loads(path.read_text() or "{}")
            if state.get("epoch"):
                found[state["number"]] = state["worker"]
        return found

    def wait_for(self, holds, *processes: "subprocess.Popen[str]", seconds: float = 240) -> None:
        """Until it holds; the processes must not end before."""
        end = time.monotonic() + seconds
        while not holds():
            for process in processes:
                assert process.poll() is None, process.communicate()
            assert time.monotonic() < end, "it did not come to it in time"
            time.sleep(0.2)

    def states(self) -> Counter:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        kept = optuna.storages.RDBStorage(self.url)
        study = optuna.load_study(study_name=self.name, storage=kept)
        found = Counter(trial.state.name for trial in study.trials)
        kept.remove_session()
        kept.engine.dispose()
        return found

    def secrets(self) -> list[Path]:
        """Files in which the password is."""
        return [
            path
            for path in self.folder.rglob("*")
            if path.is_file() and PASSWORD.encode() in path.read_bytes()
        ]


def ends_well(process: "subprocess.Popen[str]", seconds: float = 400) -> str:
    out, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0, out
    return out


def processes_with(text: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_a_job_array_survives_a_cancelled_task_and_a_dead_node(tmp_path, cluster, postgres):
    places = {"PATH": os.environ["PATH"] + ":/usr/sbin"}
    sweep = Sweep(tmp_path, "array", postgres.url, 12, **cluster, **places)
    process = sweep.start("--engine", "slurm", "--workers", "4")
    try:
        sweep.wait_for(lambda: len(sweep.running()) >= 3, process)
        [job] = {
            line.partition("_")[0] for line in sweep.call("squeue", "-h", "-r", "-o", "%i").split()
        }
        nodes = sweep.call("squeue", "-h", "-r", "-t", "R", "-o", "%i %N").split("\n")
        on = dict(line.split() for line in nodes if line)
        assert sorted(on.values()) == ["n1", "n1", "n2", "n2"]
        cancelled = next(task for task, node in on.items() if node == "n2")
        sweep.call("scancel", cancelled)
        _kill_node(sweep, "n1", Path(cluster["SLURM_CONF"]).parent)
        out = ends_well(process)
    finally:
        _end(process)
        subprocess.run(["scancel", "-u", "root"], env=sweep.environ, check=False)
    assert f"job {job}: 4 workers" in out
    assert sweep.states() == {"COMPLETE": 12}
    assert "[12/12;" in out
    attempts = [json.loads(p.read_text()) for p in sweep.out.glob("trials/*/attempts")]
    assert len(attempts) == 12
    continued = [
        p for p in sweep.out.glob("trials/*/train.log") if "continuing from" in p.read_text()
    ]
    assert continued, "a trial of the dead node went on from its checkpoint"
    assert sweep.secrets() == []


def _kill_node(sweep: Sweep, node: str, folder: Path) -> None:
    """As when the power goes: its daemons and all that SLURM runs there."""
    daemon = int((folder / "run" / f"slurmd.{node}.pid").read_text())
    for pid in [daemon, *processes_with(f"SLURMD_NODENAME={node}\0")]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_two_nodes_without_slurm_share_a_budget_while_the_storage_is_away(tmp_path, postgres):
    sweep = Sweep(tmp_path, "shared", postgres.url, 8)
    first, second = (sweep.start("--workers", "1") for _ in range(2))
    try:
        sweep.wait_for(lambda: len(set(sweep.running().values())) == 2, first, second)
        postgres.stop()
        time.sleep(20)
        postgres.start()
        told = ends_well(first), ends_well(second)
    finally:
        for process in (first, second):
            _end(process)
    assert sweep.states() == {"COMPLETE": 8}
    assert all("[8/8;" in out for out in told)
    assert len(list(sweep.out.glob("trials/*/summary.json"))) == 8
    assert sweep.secrets() == []


def test_a_connection_over_a_dead_network_breaks_within_a_minute_or_two(tmp_path, postgres):
    """What the kernel is asked for; a plug cannot be pulled here."""
    kept = storage.connect_storage(postgres.url, tmp_path)
    with kept._backend.engine.connect() as connection:
        number = connection.connection.driver_connection.fileno()
        with socket.socket(fileno=os.dup(number)) as line:
            unanswered = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) / 1000
            alive = line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle, every, count = (
                line.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            )
    kept.remove_session()
    kept._backend.engine.dispose()
    assert 0 < unanswered <= 120
    assert alive
    assert idle + every * count <= 120


def test_a_wrong_password_is_one_line_without_it(tmp_path, postgres):
    wrong = postgres.url.replace(PASSWORD, "hunter2")
    sweep = Sweep(tmp_path, "refused", wrong, 2)
    process = sweep.start()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 2, out
    assert out.startswith("vael: ")
    assert out.count("\n") == 1
    assert "hunter2" not in out
    assert not (tmp_path / "outputs").exists()


def test_sqlite_is_refused_for_a_cluster(tmp_path, cluster):
    places = {"PATH": os.environ["PATH"] + ":/usr/sbin"}
    sweep = Sweep(tmp_path, "files", f"sqlite:///{tmp_path}/study.db", 2, **cluster, **places)
    process = sweep.start("--engine", "slurm", "--workers", "2")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 2, out
    assert "sqlite:/// is not for several nodes" in out
