"""docs/clusters.md: its commands are some, and its Job is one that Kubernetes knows."""

import re
import shlex

import pytest
import typer
import yaml
from helpers.runs import ROOT

from vael.cli.main import app
from vael.sweep.spec.sweep_file import parse_sweep

PAGE = (ROOT / "docs" / "clusters.md").read_text()
COMMANDS = re.findall(r"vael sweep (mnist[^'#&\n]*)", PAGE)
OPTIONS = re.findall(r"# {3}(\w+: \{[^}]*\})", PAGE)


def parse(words):
    """What the command line makes of the words, without running them."""
    sweep = typer.main.get_command(app).commands["sweep"].commands["run"]
    with sweep.make_context("sweep", list(words)) as context:
        return context.params


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_is_one(text):
    params = parse(shlex.split(text))
    assert (ROOT / "sweeps" / f"{params['file']}.yaml").exists()
    assert params["engine"] in ("local", "slurm", "ray")


def test_each_way_of_placing_workers_is_there():
    assert {parse(shlex.split(text))["engine"] for text in COMMANDS} == {"local", "slurm", "ray"}


def test_the_options_of_slurm_and_ray_are_keys_of_a_sweep():
    found = {}
    for text in OPTIONS:
        found |= yaml.safe_load(text)
    assert set(found) == {"slurm", "ray"}
    plain = {"name": "x", "trials": 1, "space": {"objective.beta": "interval(1, 2)"}}
    assert parse_sweep({**plain, **found}).ray == {"num_cpus": 4, "num_gpus": 1}


def test_the_job_of_kubernetes_is_whole():
    """Its names are those of batch/v1; a pod that is lost comes again."""
    job = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", job["metadata"]["name"])
    spec = job["spec"]
    names = {"parallelism", "completions", "completionMode", "backoffLimit", "template"}
    assert set(spec) == names
    assert spec["completionMode"] == "Indexed"
    assert spec["parallelism"] == spec["completions"]
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] in ("OnFailure", "Never")
    [worker] = pod["containers"]
    assert worker["command"][:2] == ["vael", "sweep"]
    assert all(isinstance(word, str) for word in worker["command"])
    params = parse(worker["command"][2:])
    assert (params["workers"], params["engine"]) == (1, "local")
    [env] = worker["env"]
    assert env["name"] == "VAEL_STORAGE"
    assert set(env["valueFrom"]["secretKeyRef"]) == {"name", "key"}
    mounted = {mount["name"]: mount["mountPath"] for mount in worker["volumeMounts"]}
    assert set(mounted) == {volume["name"] for volume in pod["volumes"]}
    assert worker["workingDir"] in mounted.values()
