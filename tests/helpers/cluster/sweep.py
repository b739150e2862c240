"""A sweep over several nodes, by the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import yaml
from helpers.cluster.fixtures import PASSWORD

from vael.sweep.study import storage

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


def end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout:
        process.stdout.close()
