"""Two trained models, of digits and of a table with hostile names, and their servers."""

import numpy as np
import pytest
from helpers.runs import QUICK, make_run
from helpers.serving import serving
from starlette.testclient import TestClient

from vael.pretrained.explore.app import make_explore_app
from vael.pretrained.explore.session import open_session
from vael.training.fit import train

EVIL = "<img src=x onerror=document.title='pwned'>"


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """A finished run's folder: digits, d = 4."""
    folder = make_run(tmp_path_factory.mktemp("explored"), *QUICK, "report=false")
    train(folder)
    return folder


@pytest.fixture(scope="session")
def digits(digits_run):
    """The model with its encoded test digits."""
    return open_session(digits_run)


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """A model of a table, d = 2, without labels; a column's name would run in a careless page."""
    folder = tmp_path_factory.mktemp("table")
    x = np.random.default_rng(0).normal(size=(300, 3)) * [1, 10, 100] + [0, 5, -7]
    header = f"plain,{EVIL},third"
    np.savetxt(folder / "table.csv", x, delimiter=",", header=header, comments="", fmt="%.6f")
    overrides = (
        *QUICK,
        "report=false",
        "data=array",
        f"data.path={folder / 'table.csv'}",
        "model.latent_dim=2",
        "data.limit=null",
        "likelihood=gaussian",
    )
    made = make_run(folder, *overrides)
    train(made)
    return open_session(made)


@pytest.fixture
def client(digits):
    """Asks the digits' server in this process; a bug on its side answers 500."""
    return TestClient(
        make_explore_app(digits), base_url="http://127.0.0.1", raise_server_exceptions=False
    )


@pytest.fixture(scope="session")
def digits_url(digits):
    """Of a running server."""
    with serving(make_explore_app(digits)) as address:
        yield address


@pytest.fixture(scope="session")
def table_url(table):
    """Of a running server."""
    with serving(make_explore_app(table)) as address:
        yield address
