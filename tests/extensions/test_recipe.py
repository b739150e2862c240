"""Code of a user's own, outside of this repo: what docs/extending.md promises."""

import json
from itertools import pairwise

import pytest
import torch
from extensions.files import CHOICES, SHORT, call, only, search, train

from vael.training import fit


@pytest.fixture(scope="module")
def trained(work):
    """A run of the net, the likelihood and the data."""
    done = train(work, search(work), *CHOICES, *SHORT)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return only(work)


def test_it_trains_and_learns_through_the_command_line(trained):
    summary = json.loads((trained / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert trained.parent.name == "my_data-my_vae"
    lines = (trained / "metrics.csv").read_text().splitlines()
    column = lines[0].split(",").index("val/bpd")
    scores = [float(line.split(",")[column]) for line in lines[1:] if line.split(",")[column]]
    assert len(scores) == 3
    assert all(after < before for before, after in pairwise(scores))
    assert (trained / "images" / "reconstructions.png").exists()


def test_a_finished_run_is_left_alone_and_reported_anew(work, trained):
    before = (trained / "summary.json").read_bytes()
    done = call(work, "-m", "vael.cli", "train", str(trained))
    assert done.returncode == 0, done.stderr
    assert "is finished" in done.stdout
    assert (trained / "summary.json").read_bytes() == before
    (trained / "report.html").unlink()
    done = call(work, "-m", "vael.cli", "report", str(trained), path="conf")  # without the code
    assert done.returncode == 0, done.stderr
    assert (trained / "report.html").stat().st_size > 10_000


def test_its_config_alone_trains_it_again_to_the_bit(trained, mylab, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    (again / "config.yaml").write_bytes((trained / "config.yaml").read_bytes())
    fit.train(again)
    first, second = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for folder in (trained, again)
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_config_dir_finds_the_same_yamls_and_the_data_names_its_likelihood(work):
    whole = train(work, search(work), *CHOICES, "--cfg", "job")
    short = train(work, "--config-dir", "conf", "model=my_vae", "data=my_data", "--cfg", "job")
    assert short.returncode == 0, short.stderr
    assert short.stdout == whole.stdout
    assert "_target_: mylab.laplace.Laplace" in short.stdout


@pytest.mark.slow
def test_it_trains_on_two_devices(work, trained, tmp_path):
    done = train(
        work, search(work), *CHOICES, *SHORT, "trainer.devices=2", f"output_dir={tmp_path}"
    )
    assert done.returncode == 0, done.stderr
    (folder,) = tmp_path.glob("*/*")
    summary = json.loads((folder / "summary.json").read_text())
    alone = json.loads((trained / "summary.json").read_text())
    assert summary["devices"] == 2
    assert summary["metrics"]["test/bpd"] == pytest.approx(alone["metrics"]["test/bpd"], rel=0.05)
