"""What is said of engine slurm before anything is made, and when its controller is silent."""

import subprocess
import sys

import pytest
from helpers.studies import definition, finish_all, make_study
from omegaconf import OmegaConf

from vael.config.compose import compose_config
from vael.errors import VaelError
from vael.sweep import plan
from vael.sweep.engines import node, slurm
from vael.sweep.engines import sbatch as batch
from vael.sweep.spec.facts import Facts, find_facts
from vael.sweep.study import storage


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """A cluster that takes everything."""
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "sbatch").write_text("#!/bin/sh\necho 7\n")
    (bin / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin), prepend=":")
    monkeypatch.delenv(storage.ENVIRONMENT, raising=False)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("storage: 'sqlite:///'", "not for several nodes"),
        ("slurm: {array: 0-3}", "slurm.array is set by vael itself"),
    ],
)
def test_what_slurm_cannot_do_is_refused_before_anything_is_made(tmp_path, sbatch, line, says):
    file = tmp_path / "s.yaml"
    file.write_text(
        "trials: 3\nspace: {objective.beta: 'interval(1, 2)'}\n"
        f"overrides: [logger=csv]\n{line}\n"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "vael.cli",
            "sweep",
            str(file),
            "--engine",
            "slurm",
            "--workers",
            "1",
            f"output_dir={tmp_path / 'out'}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert says in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_sbatch_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VaelError, match="needs sbatch on the PATH"):
        slurm.check_cluster(definition())


def test_a_login_node_needs_no_gpu():
    asked = []
    d = definition(overrides=["logger=csv", "trainer.accelerator=gpu", "trainer.precision=16"])
    with pytest.raises(ZeroDivisionError):
        plan.prepare_sweep(d, False, 1, 1, "slurm", lambda config: asked.append(config) or 1 / 0)
    assert find_facts(asked[0]).levels == 17
    assert asked[0].data == compose_config(d.overrides).data


@pytest.mark.parametrize(("gpus", "devices", "workers"), [(2, 1, 3), (4, 2, 3), (3, 2, 2)])
def test_any_number_of_workers_fits_on_the_gpus_of_a_task(
    tmp_path, monkeypatch, gpus, devices, workers
):
    study = make_study(tmp_path, devices=devices)
    dealt = []
    monkeypatch.setattr(node, "_given", lambda: Facts(None, True, "gpu", gpus, True))
    monkeypatch.setattr(
        node,
        "Local",
        lambda folder, slots, *rest: (
            dealt.extend(slots) or (OmegaConf.create({"stopped_by": 0}), 1 / 0)
        ),
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(gpus))))
    with pytest.raises(ZeroDivisionError):
        node.run_node(study.folder, workers, None, None)
    assert len(dealt) == workers
    assert all(len(slot.devices.split(",")) == devices for slot in dealt)


def test_a_controller_that_is_silent_for_a_while_does_not_end_the_watch(tmp_path, monkeypatch):
    study = make_study(tmp_path, trials=1)
    finish_all(study)
    answers = iter([(1, "Unable to contact slurm controller"), (0, "")])

    def call(*command):
        code, said = next(answers)
        return subprocess.CompletedProcess(command, code, "", said)

    monkeypatch.setattr(batch, "run_command", call)
    monkeypatch.setattr(slurm, "LOOK_SECONDS", 0.0)
    assert slurm.follow_job(study, "7")
    assert next(answers, None) is None
