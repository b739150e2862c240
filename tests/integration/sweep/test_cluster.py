"""Sweeps over several nodes: a real two-node SLURM and a real PostgreSQL on this machine."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from helpers.cluster.fixtures import PASSWORD, processes_with
from helpers.cluster.sweep import Sweep, end, ends_well

from vael.sweep.study import storage

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]


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
        end(process)
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
            end(process)
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
