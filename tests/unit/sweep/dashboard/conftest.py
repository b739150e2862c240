"""A study of fabricated trials, with pictures in their run folders."""

from contextlib import contextmanager

import pytest
from helpers.serving import serving as web_serving
from helpers.studies import finish_all, make_study
from PIL import Image

from vael.sweep.dashboard.server import make_dashboard
from vael.sweep.study.study import Study


@contextmanager
def serving(folder):
    """Serves a sweep's study; gives the address of its page."""
    study = Study.open(folder)
    with web_serving(make_dashboard(study), f"dashboard/studies/{study.id}") as address:
        yield address


def paint(study, number, name, colour=128):
    """One picture of a trial."""
    folder = study.folder / "trials" / f"{number:04d}" / "images"
    folder.mkdir(exist_ok=True)
    Image.new("L", (24, 16), colour).save(folder / f"{name}.png")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Twelve complete trials: enough for the importances."""
    made = make_study(tmp_path_factory.mktemp("sweeps"), trials=12)
    finish_all(made)
    for number in range(12):
        for name in ("samples", "reconstructions", "another"):
            paint(made, number, name, 20 * number)
    return made


@pytest.fixture(scope="module")
def address(study):
    """Of its dashboard."""
    with serving(study.folder) as found:
        yield found
