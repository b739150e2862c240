"""wandb in a sweep: what the trials have written offline, read back with wandb's own command."""

import json
import os
import subprocess
import sys

import pytest
import yaml
from helpers.runs import ROOT
from unit.training.loggers.test_wandb import inspect

pytestmark = pytest.mark.slow

SEARCH = {
    "name": "study",
    "trials": 2,
    "confirm": 0,
    "pruner": None,
    "overrides": [
        "model=mlp_vae",
        "data.limit=200",
        "data.batch_size=64",
        "logger=wandb",
        "trainer.max_epochs=3",
        "callbacks.pictures.num_examples=20",
    ],
    "space": {"model.latent_dim": "int(interval(2, 16))"},
}


def test_each_trial_is_one_run_of_the_studys_group_also_when_it_is_retried(tmp_path):
    """Each process tells what it imports, beyond what it was forked with: only a trial wandb."""
    kill = (
        f"{{_target_: helpers.callbacks.KillOnce, file: {tmp_path}/killed, number: SIGKILL, "
        "where: batch, step: 2}"
    )
    overrides = [*SEARCH["overrides"], f"output_dir={tmp_path}", f"+callbacks.extra.kill={kill}"]
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump({**SEARCH, "overrides": overrides}))
    own = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_") and k != "NETRC"}
    own |= {
        "PYTHONPATH": str(ROOT / "tests"),
        "HOME": str(tmp_path),
        "PYTHONPROFILEIMPORTTIME": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "vael.cli", "sweep", str(file), "--workers", "1"],
        cwd=ROOT,
        env=own,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    folder = tmp_path / "sweeps" / "study"
    seen = []
    for number in range(2):
        run = folder / "trials" / f"{number:04d}"
        parts = sorted((run / "wandb").glob("offline-run-*"))
        killed = list((run / "wandb").glob("killed-offline-run-*"))
        assert (len(parts), len(killed)) == (1, number == 0), "the first was killed and went on"
        started = [r["run"] for part in parts for r in inspect(part) if "run" in r]
        assert len({s["run_id"] for s in started}) == 1
        assert {(s["run_group"], s["job_type"]) for s in started} == {("study", "trial")}
        config = started[0]["config"]["update"]
        trained = yaml.safe_load((run / "config.yaml").read_text())
        assert (config["sweep.name"], config["sweep.trial"]) == ("study", number)
        assert config["model.latent_dim"] == trained["model"]["latent_dim"]
        epochs = [
            r["history"]["item"]["epoch"]
            for part in parts
            for r in inspect(part)
            if "history" in r and "val/bpd" in r["history"]["item"]
        ]
        assert epochs == [0, 1, 2]
        seen.append(started[0]["run_id"])
        assert "wandb.sdk" in (run / "process.log").read_text()
    assert len(set(seen)) == 2
    assert json.loads((folder / "trials" / "0000" / "attempts").read_text())["lost"] == 1
    [log] = (folder / "workers").glob("*.log")
    assert "vael.sweep.workers.process" in log.read_text(), "the worker tells what it imports"
    imported = [line.rpartition("|")[2].strip() for line in log.read_text().splitlines()]
    assert not [name for name in imported if name.split(".")[0] == "wandb"]
