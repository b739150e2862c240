"""An offline run read back with wandb's own command."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from helpers.identical import rows
from helpers.runs import QUICK, ROOT, make_run
from omegaconf import OmegaConf
from wandb.sdk.lib.urls import DEFAULT_BASE_URL

from vael.distributed.signals import Stopped
from vael.runs.wandb_login import has_login
from vael.sweep.dashboard.publish import convert_workspace
from vael.sweep.dashboard.workspace import ShownStudy, make_workspace
from vael.training.fit import train

pytestmark = pytest.mark.slow


def inspect(folder):
    wandb = Path(sys.executable).with_name("wandb")
    done = subprocess.run(
        [wandb, "leet", "inspect", "--json", str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_run_holds_config_history_pictures_and_best_values(tmp_path, monkeypatch, capfd):
    monkeypatch.delenv("WANDB_MODE")
    for name in ("WANDB_API_KEY", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    chosen = ("logger=wandb", "logger.tags=[a,b]", "name=study", "logger.checkpoints=best")
    folder = make_run(tmp_path, *QUICK, *chosen)
    train(folder)
    (offline,) = (folder / "wandb").glob("offline-run-*")
    assert capfd.readouterr().err.count(f"`wandb sync {offline}`") == 1
    summary = json.loads((folder / "summary.json").read_text())
    text = json.dumps(inspect(offline))
    records = inspect(offline)
    (started,) = [r["run"] for r in records if "run" in r]
    assert started["run_group"] == "study"
    assert started["job_type"] == "train"
    assert sorted(started["tags"]) == ["a", "b"]
    config = started["config"]["update"]
    assert config["model.latent_dim"] == 4
    assert config["likelihood"] == "gaussian"
    assert config["likelihood.scale"] == "shared"
    history = [r["history"] for r in records if "history" in r]
    found = [row for row in history if "val/bpd" in json.dumps(row)]
    assert len(found) == 3
    assert json.dumps(summary["metrics"]["test/bpd"]) in text
    shown = [path.name.split("_")[0] for path in offline.glob("files/media/images/*.png")]
    assert Counter(shown) == {  # after epochs 1 and 2 of 3, and at the end
        **{"reconstructions": 3, "samples": 3, "traversal": 3},
        **{"latent": 1, "curves": 1},
    }
    ends = {k: v for r in records if "summary" in r for k, v in r["summary"]["update"].items()}
    for name in ("best_epoch", "status", "seconds", "parameters"):
        assert ends[name] == summary[name], name
    assert '"trainer/global_step"' in json.dumps([r for r in records if "metric" in r])
    assert ends["command"] == OmegaConf.load(folder / "config.yaml").command
    assert "artifact" in text
    logged = {name for row in history for name in flat(row["item"])} | set(summary["metrics"])
    named = keys_of(convert_workspace(make_workspace("team", "vael", ShownStudy())))
    assert {"config:objective.beta", "val/bpd", "traversal"} <= named
    assert {name.removeprefix("config:") for name in named if name.startswith("config:")} <= (
        config.keys()
    )
    assert {name for name in named if not name.startswith("config:")} <= logged


def flat(item):
    """The names in a row of history; a picture is a mapping, or keys behind a dot."""
    return {name.split(".")[0] for name in item}


def keys_of(sent):
    """What the panels of a workspace read: ``config:NAME``, and names of metrics and media."""
    found = set()
    for section in sent["spec"]["section"]["panelBankConfig"]["sections"]:
        for panel in section["panels"]:
            c = panel["config"]
            found |= {*c.get("metrics", ()), *c.get("mediaKeys", ())}
            found |= {c[name] for name in ("xAxis", "yAxis", "zAxis", "targetKey") if name in c}
            found |= {column["accessor"] for column in c.get("columns", ())}
    return {name.removeprefix("summary:").removesuffix(".value") for name in found}


def test_a_continued_run_keeps_its_wandb_id(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    kill = (
        "+callbacks.extra.kill={_target_: helpers.callbacks."
        "Kill, number: SIGTERM, where: batch, step: 7}"
    )
    folder = make_run(tmp_path, *QUICK, "logger=wandb", kill)
    with pytest.raises(Stopped):
        train(folder)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("where: batch", "where: nowhere"))
    train(folder)
    parts = sorted((folder / "wandb").glob("offline-run-*"))
    assert len(parts) == 2
    ids = {row["run"]["run_id"] for part in parts for row in inspect(part) if "run" in row}
    assert len(ids) == 1
    epochs = [
        row["history"]["item"]["epoch"]
        for part in parts
        for row in inspect(part)
        if "history" in row and "val/bpd" in row["history"]["item"]
    ]
    assert epochs == [0, 1, 2]


def test_after_kill_9_the_history_of_its_wandb_run_has_no_step_missing(tmp_path, monkeypatch):
    """Killed after step 13, continued from step 12; wandb has lost all that it was given."""
    kill = (
        f"+callbacks.extra.kill={{_target_: helpers.callbacks."
        f"KillOnce, number: SIGKILL, where: batch, "
        f"step: 13, file: {tmp_path}/mark}}"
    )
    folder = make_run(
        tmp_path,
        *QUICK,
        "logger=wandb",
        "trainer.log_every_n_steps=1",
        "callbacks.checkpoint.every_n_steps=2",
        kill,
    )
    monkeypatch.delenv("WANDB_SERVICE", raising=False)  # of this process: it would outlive them
    environment = {**os.environ, "WANDB_MODE": "offline", "PYTHONPATH": str(ROOT / "tests")}
    vael = [sys.executable, "-m", "vael.cli", "train", str(folder)]
    first, second = (
        subprocess.run(vael, env=environment, check=False, capture_output=True, text=True)
        for _ in range(2)
    )
    assert (first.returncode, second.returncode) == (-9, 0), second.stderr
    (part,) = (folder / "wandb").glob("offline-run-*")
    (killed,) = (folder / "wandb").glob("killed-offline-run-*")
    found = inspect(part)
    (started,) = [row["run"] for row in found if "run" in row]
    assert killed.name.endswith(started["run_id"])
    history = [row["history"]["item"] for row in found if "history" in row]
    wanted = list(rows(folder))
    for name in ("train/step_loss", "train/grad_norm", "train/loss", "val/bpd"):
        logged = [
            (int(row["trainer/global_step"]), float(row[name])) for row in history if name in row
        ]
        assert logged == [(int(row["step"]), float(row[name])) for row in wanted if row[name]]
    assert [int(row["step"]) for row in wanted if row["train/step_loss"]] == list(range(1, 16))


@pytest.mark.parametrize("host", ["api.wandb.ai", urlsplit(DEFAULT_BASE_URL).netloc])
def test_a_login_is_found_without_asking(tmp_path, monkeypatch, host):
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert not has_login()
    (tmp_path / "netrc").write_text(f"machine {host} login user password x\n")
    (tmp_path / "netrc").chmod(0o600)
    assert has_login()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert not has_login()
    monkeypatch.setenv("WANDB_API_KEY", "k")
    assert has_login()


def test_a_folder_that_is_made_anew_is_another_run(tmp_path, monkeypatch):
    """Of the same path: a study that was deleted and made again must not go on with its runs."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    ids = []
    for _ in range(2):
        made = make_run(tmp_path, *QUICK, "trainer.max_epochs=1", "logger=wandb")
        folder = made.rename(tmp_path / "run")
        train(folder)
        (offline,) = (folder / "wandb").glob("offline-run-*")
        (started,) = [row["run"] for row in inspect(offline) if "run" in row]
        ids.append(started["run_id"])
        shutil.rmtree(folder)
    assert ids[0] != ids[1]


def test_one_tag_and_a_sweep_left_in_the_shell(tmp_path, monkeypatch, capfd):
    """wandb itself would make m, y, t, a, g of the one, and a second run of the other."""
    folder = make_run(
        tmp_path, *QUICK, "trainer.max_epochs=1", "logger=wandb", "logger.tags=mytag"
    )
    environment = {**os.environ, "WANDB_MODE": "offline", "WANDB_SWEEP_ID": "xyz"}
    vael = [sys.executable, "-m", "vael.cli", "train", str(folder)]
    done = subprocess.run(vael, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "WANDB_SWEEP_ID is set" in done.stderr
    (offline,) = (folder / "wandb").glob("offline-run-*")
    (started,) = [row["run"] for row in inspect(offline) if "run" in row]
    assert started["run_id"] == (folder / "wandb" / "id").read_text()
    assert started["tags"] == ["mytag"]
