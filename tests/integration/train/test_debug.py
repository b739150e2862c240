"""The debug presets: each trains, and says what it is for."""

import csv
import json
import re

import pytest
import torch
from helpers.runs import config_of, make_run
from pytorch_lightning import Callback
from torch import Tensor, nn

from vael.config.validate import check_config
from vael.errors import ConfigError, NonFiniteLoss
from vael.models.nets.mlp import MLP
from vael.training.fit import train
from vael.training.profiler import MODULE, RunProfiler

SMALL = ("model=mlp_vae", "callbacks.pictures.num_examples=20", "trainer.threads=1")


def trained(parent, *overrides):
    folder = make_run(parent, *SMALL, *overrides)
    train(folder)
    assert json.loads((folder / "summary.json").read_text())["status"] == "finished"
    return folder


def column(folder, name):
    with (folder / "metrics.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row[name]]


@pytest.mark.parametrize("preset", ["one_batch", "tiny", "profile", "anomaly"])
def test_a_preset_goes_to_a_folder_of_its_own_and_not_to_wandb(preset):
    config = config_of(f"debug={preset}", "experiment=textbook")
    check_config(config)
    assert config.name == "debug"
    assert config.choices.debug == preset
    assert config.logger._target_ == "vael.training.loggers.NoLogger"
    mine = config_of(f"debug={preset}", "logger=wandb", "name=mine", "trainer.max_epochs=7")
    assert (mine.name, mine.trainer.max_epochs) == ("mine", 7)  # the command line wins
    assert "Wandb" in mine.logger._target_


def test_without_a_preset_nothing_is_profiled_or_slowed():
    config = config_of()
    assert config.trainer.profiler is None
    assert config.trainer.detect_anomaly is False


class SameBatch(Callback):
    """Writes which examples each step saw."""

    def __init__(self, path: str) -> None:
        self.path = path

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        seen = sorted(hash(x.numpy().tobytes()) for x in batch.x)
        with open(self.path, "a") as file:
            file.write(f"{len(seen)} {hash(tuple(seen))}\n")


def test_one_batch_sees_one_batch_and_learns_it(tmp_path):
    seen = tmp_path / "seen"
    folder = trained(
        tmp_path,
        "debug=one_batch",
        "trainer.max_epochs=100",
        f"+callbacks.extra.same={{_target_: integration.train."
        f"test_debug.SameBatch, path: {seen}}}",
    )
    batches = seen.read_text().splitlines()
    assert len(batches) == 100
    assert len(set(batches)) == 1
    assert batches[0].startswith("64 ")
    loss = column(folder, "train/loss")
    assert len(loss) == 100
    assert loss[-1] < 0.55 * loss[0]
    held_out = -column(folder, "val/elbo")[-1]
    assert loss[-1] < 0.9 * held_out


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("tiny"), "debug=tiny")


def test_tiny_is_a_whole_run_in_seconds(tiny):
    summary = json.loads((tiny / "summary.json").read_text())
    assert summary["steps"] == 6
    assert summary["seconds"] < 20
    assert (tiny / "images" / "samples.png").exists()
    assert not (tiny / "profile.txt").exists()


def tables(text):
    """The rows of each table of profile.txt: name, calls, seconds."""
    found = {}
    for block in text.split("\n\n"):
        head, *rows = block.splitlines()
        if "  calls" in head:
            found[head.split()[0]] = [
                (re.split(r"\s{2,}", row)[0], *map(float, re.split(r"\s{2,}", row)[1:3]))
                for row in rows
            ]
    return found


def test_profile_says_where_the_time_of_hooks_modules_and_operators_goes(tmp_path):
    folder = trained(tmp_path, "debug=profile", "data.limit=500")
    found = tables((folder / "profile.txt").read_text())
    assert found.keys() == {"hook", "module", "operator"}
    for rows in found.values():
        seconds = [row[2] for row in rows]
        assert seconds == sorted(seconds, reverse=True)
        assert seconds[0] > 0
    calls = {name: count for name, count, _ in found["hook"]}
    assert calls["SingleDeviceStrategy.training_step"] == 3  # 450 examples in batches of 128
    calls = {name: count for name, count, _ in found["module"]}
    assert calls["likelihood.net (MLP)"] == 1  # after two steps of warm-up; validation not counted
    assert "aten::addmm" in {name for name, *_ in found["operator"]}


def test_simple_profiles_hooks_alone_and_neither_it_nor_anomaly_changes_the_run(tiny, tmp_path):
    watched = trained(
        tmp_path, "debug=tiny", "trainer.profiler=simple", "trainer.detect_anomaly=true"
    )
    found = tables((watched / "profile.txt").read_text())
    assert found.keys() == {"hook"}
    calls = {name: count for name, count, _ in found["hook"]}
    assert calls["SingleDeviceStrategy.training_step"] == 6
    assert column(watched, "train/loss") == column(tiny, "train/loss")


def test_a_training_step_is_split_into_its_parts(tmp_path, monkeypatch):
    now = [0.0]  # a busy machine's own clock would say more
    monkeypatch.setattr("vael.training.profiler.time.perf_counter", lambda: now[0])
    profiler = RunProfiler(tmp_path / "profile.txt", "simple", nn.Identity())
    for _ in range(3):
        with profiler.profile("run_training_batch"):
            with profiler.profile("[Strategy]SingleDeviceStrategy.training_step"):
                now[0] += 0.03
            with profiler.profile("[Strategy]SingleDeviceStrategy.backward"):
                now[0] += 0.01
            now[0] += 0.02
    head, *rows = profiler.summary().split("\n\n")[0].splitlines()
    found = {
        name: float(ms)
        for name, ms in (re.match(r"(.*?)  +([0-9.]+) ms", row).groups() for row in rows)
    }
    whole = float(re.search(r"([0-9.]+) ms", head)[1])
    assert whole == pytest.approx(sum(found.values()), abs=0.1)
    assert found["next batch"] == found["to the device"] == 0
    assert found["forward and loss"] == pytest.approx(30, abs=0.1)
    assert found["backward"] == pytest.approx(10, abs=0.1)
    assert found["optimiser and the rest"] == pytest.approx(20, abs=0.1)


class Slow(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.matrix_exp(x @ x)


def test_the_slow_module_stands_above_the_fast_one_and_outer_above_inner(tmp_path):
    model = nn.Sequential(nn.ReLU(), Slow())
    profiler = RunProfiler(tmp_path / "profile.txt", "torch", nn.ModuleDict({"net": model}))
    for _ in range(6):
        with profiler.profile("run_training_batch"):
            model(torch.rand(60, 60))
    profiler.describe()
    rows = tables((tmp_path / "profile.txt").read_text())["module"]
    assert [row[:2] for row in rows] == [
        ("net (Sequential)", 4),
        ("net.1 (Slow)", 4),
        ("net.0 (ReLU)", 4),
    ]
    assert not model._forward_hooks
    assert MODULE not in (tmp_path / "profile.txt").read_text()


def test_an_epoch_too_short_for_operators_says_so(tmp_path):
    profiler = RunProfiler(tmp_path / "profile.txt", "torch", nn.Identity())
    for _ in range(2):
        with profiler.profile("run_training_batch"):
            torch.rand(3)
    profiler.describe()
    text = (tmp_path / "profile.txt").read_text()
    assert "needs more than 2 training steps" in text
    assert tables(text).keys() == {"hook"}


def failed(parent, *overrides):
    folder = make_run(
        parent, *SMALL, "debug=anomaly", "data.limit=400", "data.batch_size=64", *overrides
    )
    with pytest.raises(NonFiniteLoss) as raised:
        train(folder)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "failed"
    assert summary["reason"] == str(raised.value)
    return str(raised.value)


def test_anomaly_names_the_module_that_made_the_first_nan(tmp_path):
    said = failed(tmp_path, "+callbacks.extra.nan={_target_: helpers.callbacks.Poison, step: 7}")
    assert said.startswith("vae.likelihood.net.layers.0 (Linear) gave 64 of 16384 values")
    assert "not finite at step 7 (epoch 1); its weight has 16 of 4096 values" in said


class RootOfZero(MLP):
    """Finite forward; backward 0 * infinity."""

    def forward(self, h: Tensor) -> Tensor:
        out = super().forward(h)
        return out + 0 * torch.sqrt(0 * out)


def test_anomaly_names_the_operator_and_the_line_of_a_nan_gradient(tmp_path):
    said = failed(tmp_path, "model.decoder._target_=integration.train.test_debug.RootOfZero")
    assert "the gradient is NaN at step 0 (epoch 0)" in said
    assert "SqrtBackward0" in said
    assert "test_debug.py" in said
    assert "in forward: return out + 0 * torch.sqrt(0 * out)" in said


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("trainer.profiler=fast", "trainer.profiler must be null, simple or torch"),
        ("trainer.detect_anomaly=1", "trainer.detect_anomaly must be true or false"),
    ],
)
def test_a_wrong_setting_is_refused(setting, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        check_config(config_of(setting))
