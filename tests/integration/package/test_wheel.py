"""A wheel in an environment of its own, used from an empty folder: train, go on, search, start."""

import csv
import os
import site
import subprocess
import sys
import sysconfig
import zipfile

import pytest
from helpers.runs import ROOT

pytestmark = pytest.mark.xdist_group("wheel")
SHORT = ("logger=csv", "data.limit=300", "trainer.max_epochs=1", "evaluation.test_samples=2")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """An environment with the wheel, and the dependencies of this one behind it."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--no-index"]
    subprocess.run([*command, "--target", str(packages), str(wheel)], check=True)
    here = [sysconfig.get_paths()["purelib"], *site.getsitepackages()]
    others = [p for p in sys.path if p.endswith("site-packages")]
    (packages / "zzz.pth").write_text("\n".join(dict.fromkeys([*here, *others])))
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return tmp_path_factory.mktemp("empty")


def call(python, *arguments, cwd, code=0):
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-m", "vael", *arguments],
        cwd=cwd,
        env=env | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_the_wheel_brings_the_configs_and_searches_and_nothing_else_of_the_checkout(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for group in ("conf", "sweeps"):
        shipped = {n.removeprefix("vael/") for n in names if n.startswith(f"vael/{group}/")}
        assert shipped == {p.relative_to(ROOT).as_posix() for p in (ROOT / group).rglob("*.yaml")}
    assert {n.split("/")[0].split("-")[0] for n in names} == {"vael"}


def test_it_is_the_wheel_that_runs(python, empty):
    code = "import vael.config.shipped as s; print(s.find_conf(), s.__file__)"
    done = subprocess.run([python, "-c", code], cwd=empty, capture_output=True, text=True)
    assert str(ROOT) not in done.stdout
    assert "site-packages/vael/conf " in done.stdout
    assert call(python, "--version", cwd=empty).stdout.startswith("vael ")


def test_it_trains_goes_on_lists_and_names_commands_that_work(python, empty):
    made = call(python, "train", "data=digits", "model=conv_vae", *SHORT, cwd=empty)
    assert "test/bpd" in made.stdout
    ended = call(python, "train", "latest", cwd=empty).stdout
    assert "another run: vael train data=digits model=conv_vae" in ended
    longer = call(python, "train", "latest", "trainer.max_epochs=2", cwd=empty).stdout
    assert "test/bpd" in longer
    (line,) = call(python, "list", cwd=empty).stdout.splitlines()
    assert "finished" in line
    assert "trainer.max_epochs=2" in line


def test_it_searches_by_name_and_the_best_trains_by_the_command_that_it_prints(python, empty):
    fixed = ("trainer.max_epochs=1", "data.limit=200", "evaluation.samples=1")
    options = ("--trials", "2", "--confirm", "0", "--workers", "1", "--name", "own")
    done = call(python, "sweep", "latent_beta_likelihood", *fixed, *options, cwd=empty)
    (command,) = (line for line in done.stdout.splitlines() if line.startswith("train "))
    assert command.split()[1:3] == ["vael", "train"]
    call(python, *command.split()[2:], "--cfg", "job", cwd=empty)
    table = (empty / "outputs/sweeps/own/trials.csv").read_text()
    rows = list(csv.DictReader(table.splitlines()))
    assert {row["state"] for row in rows} == {"complete"}


@pytest.mark.slow
def test_a_new_project_passes_its_own_tests_and_trains_its_own_parts(python, empty):
    call(python, "new", "lab one", cwd=empty)
    project = empty / "lab one"
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    parts = ("model=lab_one_vae", "likelihood=cauchy")
    assert "test/bpd" in call(python, "train", *parts, *SHORT, cwd=project).stdout
    call(python, "generate", "latest", "samples", cwd=project)  # imports the project's package
    call(python, "new", "lab one", cwd=empty, code=2)
    shown = call(python, "sweep", "status", "first", cwd=project, code=2).stderr
    assert "has not been started" in shown
