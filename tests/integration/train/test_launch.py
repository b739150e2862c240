"""The command line: what it answers at once, and what it refuses in one line."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

ROOT = Path(__file__).parents[3]


def call(*arguments, cwd=ROOT, env=None):
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], "conv_vae"),
        (["--cfg", "job"], "latent_dim"),
        (["-sc", "query=bash"], "conv_vae"),
    ],
)
def test_help_config_and_completion_answer_at_once(arguments, shown):
    env = {"COMP_LINE": "train.py model=", "COMP_POINT": "15"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = call(*arguments, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    assert seconds < 1.5


def test_composing_imports_no_torch():
    code = (
        "import sys, vael.training.launch; print({'torch', 'wandb', 'numpy'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


BAD = {
    "data.bach_size=3": r"data\.bach_size is not a setting\. Did you mean data\.batch_size",
    "beta=4": r"beta is not a setting\. Did you mean objective\.beta\?",
    "model.likelihood=x": r"likelihood is a group of its own: give likelihood=<option>",
    "model=foo": r"model=foo: no such option; choose from conv_vae, ",
    "modle=foo": r"modle is not a setting",
    "+model.latentdim=3": r"model\.latentdim is not a setting of vael\. Did you mean model\.",
    "+zzz=1": r"zzz is not a setting of vael",
    "~model": r"model\.decoder is missing: give it a value",
    "data=null": r"must be a string",
    "objective.beta=[1": r"\[1",
    "model.latent_dim=0": r"model\.latent_dim must be an integer >= 1, but got 0",
    "model.latent_dim=-3": r"model\.latent_dim must be an integer >= 1, but got -3",
    "model.latent_dim=1.5": r"model\.latent_dim must be an integer >= 1, but got 1\.5",
    "model.latent_dim=true": r"model\.latent_dim must be an integer >= 1, but got True",
    "model.latent_dim=": r"model\.latent_dim must be an integer >= 1, but got ''",
    "model.latent_shape=[4,0,2]": r"model\.latent_shape must be null or a list of integers >= 1",
    "data.batch_size=0": r"data\.batch_size must be an integer >= 1, but got 0",
    "data.batch_size=-1": r"data\.batch_size must be an integer >= 1, but got -1",
    "trainer.devices=0": r"trainer\.devices must be an integer >= 1, but got 0",
    "trainer.devices=-1": r"trainer\.devices must be an integer >= 1, but got -1",
    "trainer.devices=3": r"data\.batch_size=128 .* must be divisible by 3",
    "trainer.accumulate_grad_batches=3": r"must be divisible by 3",
    "trainer.precision=8": r"trainer\.precision must be 32, bf16 or 16, but got 8",
    "objective.beta=-1": r"objective\.beta must be a finite number >= 0, but got -1",
    "objective.beta=nan": r"objective\.beta must be a finite number >= 0, but got nan",
    "objective.beta=big": r"objective\.beta must be a finite number >= 0, but got 'big'",
    "optimizer.lr=0": r"optimizer\.lr must be a finite number > 0, but got 0",
    "seed=null": r"seed must be an integer >= 0, but got None",
    "data.binarize=yes": r"data\.binarize must be none, threshold or stochastic",
    "evaluation.samples=0": r"evaluation\.samples must be an integer >= 1, but got 0",
}


@pytest.mark.parametrize("override", BAD, ids=str)
def test_a_typo_gets_one_line_code_2_and_no_folder(override, tmp_path):
    done = call(override, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("vael: ")
    assert re.search(BAD[override], line), line
    assert list(tmp_path.iterdir()) == []


UNTRAINED = """
import runpy, subprocess, sys, types
subprocess.run = lambda *arguments, **options: types.SimpleNamespace(returncode=0)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_each_run_of_a_multirun_has_the_command_that_repeats_it_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    given = [
        "--config-dir",
        "mine",
        "-m",
        "seed=1,2",
        "logger=csv",
        "model.encoder.hidden=256,128",
    ]
    subprocess.run(
        [sys.executable, "-c", UNTRAINED, str(ROOT / "train.py"), *given],
        cwd=tmp_path,
        check=True,
        timeout=120,
    )
    configs = [OmegaConf.load(path) for path in tmp_path.glob("outputs/*/*/config.yaml")]
    assert {c.command: (c.seed, c.model.encoder.hidden) for c in configs} == {
        "python train.py --config-dir mine "
        f"seed={seed} logger=csv model.encoder.hidden={hidden}": (seed, hidden)
        for seed in (1, 2)
        for hidden in (256, 128)
    }


def test_multirun_on_several_devices_is_refused(tmp_path):
    done = call("-m", "seed=1,2", "trainer.devices=2", cwd=tmp_path)
    assert done.returncode == 2
    assert "-m with trainer.devices" in done.stderr
    assert not list(tmp_path.glob("outputs/*/*"))
