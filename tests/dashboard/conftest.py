"""A study of fabricated trials, with pictures in their run folders."""

import threading
from contextlib import contextmanager

import pytest
from PIL import Image
from sweep_support import finish_all, make_study

from vael.dashboard import server


@contextmanager
def serving(folder):
    """Serves a sweep's study on a free port; gives its address."""
    lines, listens = [], threading.Event()

    def tell(line):
        lines.append(line)
        listens.set()

    thread = threading.Thread(
        target=server.serve, args=(folder, "127.0.0.1", 0, tell), daemon=True
    )
    thread.start()
    assert listens.wait(60), "the dashboard does not listen"
    yield next(word for word in lines[0].split() if word.startswith("http"))


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
