"""Sweeps over a real two-node Ray of this machine, with a real PostgreSQL."""

import os
import signal
import subprocess
import sys
import time

import pytest
from helpers.cluster.fixtures import PASSWORD
from helpers.cluster.sweep import Sweep, end, ends_well

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]
RAY = ("--engine", "ray", "--workers", "4")


def test_a_killed_worker_and_a_killed_node_cost_no_trial(tmp_path, ray_nodes, postgres):
    sweep = Sweep(tmp_path, "tasks", postgres.url, 12, **ray_nodes.environ)
    process = sweep.start(*RAY)
    try:
        sweep.wait_for(lambda: len(sweep.running()) == 4, process)
        assert len(ray_nodes.tasks("n1")) == len(ray_nodes.tasks("n2")) == 2
        os.kill(ray_nodes.tasks("n1")[0], signal.SIGKILL)
        ray_nodes.kill("n2")
        out = ends_well(process)
    finally:
        end(process)
        ray_nodes.kill("n2")
        ray_nodes.start("n2")
    assert "was lost (WorkerCrashedError): started again" in out
    assert "was lost (NodeDiedError): started again" in out
    assert sweep.states() == {"COMPLETE": 12}
    assert "[12/12;" in out
    assert len(list(sweep.out.glob("trials/*/attempts"))) == 12
    logs = [p.read_text() for p in sweep.out.glob("trials/*/train.log")]
    assert sum("continuing from" in text for text in logs) >= 2
    assert sweep.secrets() == []
    kept = [p for p in ray_nodes.folder.rglob("*") if p.is_file()]
    assert [p for p in kept if PASSWORD.encode() in p.read_bytes()] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_with_the_sweep_end_its_workers_and_the_same_command_goes_on(
    tmp_path, ray_nodes, postgres, number, code
):
    """Ctrl-C saves the trials; after kill -9 they go on from their last checkpoints."""
    sweep = Sweep(tmp_path, f"stopped{number}", postgres.url, 4, **ray_nodes.environ)
    process = sweep.start("--engine", "ray", "--workers", "2")
    sweep.wait_for(lambda: len(sweep.running()) == 2, process)
    process.send_signal(number)
    process.communicate(timeout=200)
    assert process.returncode == code
    if number == signal.SIGINT:
        assert not list(sweep.out.glob("trials/*/lease")), "a trial was not given back"
    seconds = time.monotonic() + 60
    while any(ray_nodes.tasks(node) for node in ("n1", "n2")):
        assert time.monotonic() < seconds, "a task has outlived its sweep"
        time.sleep(0.2)
    ends_well(sweep.start("--engine", "ray", "--workers", "2"))
    assert sweep.states() == {"COMPLETE": 4}


def refused(tmp_path, address, *options, command=(sys.executable, "-m", "vael.cli")):
    """What is said to a sweep that cannot begin: one line, and nothing is made."""
    file = tmp_path / "search.yaml"
    file.write_text(
        "trials: 2\noverrides: [logger=csv]\nspace: {objective.beta: 'interval(1, 2)'}"
    )
    done = subprocess.run(
        [*command, "sweep", str(file), "--engine", "ray", "--workers", "2", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "RAY_ADDRESS": address, "RAY_AUTH_MODE": "disabled"},
        timeout=150,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert not (tmp_path / "outputs").exists()
    return done.stderr


def test_a_version_of_ray_that_differs_is_refused(tmp_path, ray_nodes):
    other = "import ray, vael.cli.main as m; ray.__version__ = '2.49.0'; m.main()"
    said = refused(tmp_path, ray_nodes.address, command=(sys.executable, "-c", other))
    assert "2.49.0" in said
    assert "ersion" in said


def test_a_worker_that_fits_on_no_node_is_refused(tmp_path, ray_nodes):
    said = refused(tmp_path, ray_nodes.address, "--devices-per-trial", "3")
    assert "each worker needs 3 CPU, and no node of the cluster" in said


def test_sqlite_is_refused(tmp_path, ray_nodes):
    said = refused(tmp_path, ray_nodes.address, "--storage", f"sqlite:///{tmp_path}/study.db")
    assert "sqlite:/// is not for several nodes" in said
