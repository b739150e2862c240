"""A folder of runs with other priors and posteriors: the list, and the explorer of each."""

import shutil

import pytest
import torch
from helpers.browser import screen, until
from helpers.runs import QUICK, make_run
from helpers.serving import serving
from starlette.testclient import TestClient

from vael.pretrained.explore.many_runs import make_runs_app
from vael.pretrained.explore.session import open_session
from vael.runs.listing import holds_runs
from vael.training.fit import train

PARTS = (("prior=mixture", "posterior=laplace"), ("prior=vamp", "posterior=student_t"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two trained runs below a folder, and one that was never started."""
    parent = tmp_path_factory.mktemp("many")
    for parts in PARTS:
        train(make_run(parent, *QUICK, "report=false", *parts, f"name={parts[0][6:]}"))
    make_run(parent, *QUICK, "name=waits")
    return parent


@pytest.fixture(scope="module")
def sessions(folder):
    """The models by the folder of their run's name."""
    runs = [path.parent for path in folder.rglob("config.yaml")]
    return {run: open_session(run) for run in runs if (run / "checkpoints").is_dir()}


@pytest.fixture
def client(folder):
    """Asks the server in this process."""
    return TestClient(
        make_runs_app(folder, open_session), "http://127.0.0.1", raise_server_exceptions=False
    )


def numbers(page):
    """The numbers of the runs that a page links."""
    return [int(part.partition("/")[0]) for part in page.split('href="runs/')[1:]]


def test_the_page_lists_runs_and_links_those_that_have_trained(client, folder, sessions):
    answer = client.get("/")
    assert answer.status_code == 200
    assert "3 runs" in answer.text
    for run in [path.parent for path in folder.rglob("config.yaml")]:
        assert run.relative_to(folder).as_posix() in answer.text
    assert len(numbers(answer.text)) == len(sessions) == 2
    assert "not started" in answer.text
    assert "prior=mixture posterior=laplace" in answer.text
    assert client.get("/explore.css").headers["content-type"].startswith("text/css")


def test_each_link_leads_to_the_model_of_its_run(client, folder, sessions):
    found = {}
    for number in numbers(client.get("/").text):
        assert client.get(f"/runs/{number}/").status_code == 200
        facts = client.get(f"/runs/{number}/api/model").json()
        found[facts["name"]] = facts["dims"]
    assert found == {
        run.relative_to(folder).as_posix(): session.facts()["dims"]
        for run, session in sessions.items()
    }


def test_a_run_that_is_none_or_cannot_be_opened_says_so_in_a_line(client, folder):
    (untrained,) = {0, 1, 2} - {*numbers(client.get("/").text)}
    for number, said, status in ((99, "no run 99 here", 404), (untrained, "checkpoint", 422)):
        answer = client.get(f"/runs/{number}/api/model")
        assert answer.status_code == status
        assert said in answer.json()["error"]


def test_a_new_run_is_listed_and_the_numbers_of_the_others_stay(tmp_path, sessions):
    first, second = sessions
    shutil.copytree(first, tmp_path / "runs" / "a")
    client = TestClient(make_runs_app(tmp_path / "runs", open_session), "http://127.0.0.1")
    assert numbers(client.get("/").text) == [0]
    shutil.copytree(second, tmp_path / "runs" / "newer")
    (tmp_path / "runs" / "newer" / "config.yaml").touch()
    assert numbers(client.get("/").text) == [1, 0]
    assert client.get("/runs/0/api/model").json()["name"] == "a"


def test_a_run_whose_weights_were_not_kept_is_no_link(tmp_path, sessions):
    shutil.copytree(next(iter(sessions)), tmp_path / "a")
    client = TestClient(make_runs_app(tmp_path, open_session), "http://127.0.0.1")
    assert numbers(client.get("/").text) == [0]
    for file in (tmp_path / "a" / "checkpoints").iterdir():
        file.unlink()  # as a search does with all but its best trials
    page = client.get("/").text
    assert numbers(page) == []
    assert "finished, weights not kept" in page


def test_only_a_folder_that_is_no_run_holds_runs(folder, sessions, tmp_path):
    assert holds_runs(folder)
    assert not any(map(holds_runs, sessions))
    assert not holds_runs(tmp_path)
    assert not holds_runs(tmp_path / "nowhere")


def test_sliders_cover_the_prior_and_the_examples(sessions):
    """By draws of the prior: at Phi(-3) = 0.13 % a side, at most 1 % of 4,000 are outside."""
    for session in sessions.values():
        drawn = session.sample(4000, 1.0, seed=5)
        for of in session.facts()["dims"]:
            z = drawn[:, of["dim"]]
            assert ((z < of["low"]) | (z > of["high"])).float().mean() < 0.01
            means = session.atlas.means[:, of["dim"]]
            assert of["low"] <= means.min()
            assert of["high"] >= means.max()
            assert sum(of["histogram"]) == session.count
            ends = session.example(0).repeat(2, 1)
            ends[:, of["dim"]] = torch.tensor([of["low"], of["high"]])
            assert len(session.decode(ends)) == 2 * 4 * 64


@pytest.mark.parametrize("width", [1280, 400])
def test_a_run_is_chosen_moved_by_its_sliders_and_left_again(browser, folder, width):
    with serving(make_runs_app(folder, open_session)) as address:
        screen(browser, width)
        browser.get(address)
        assert browser.execute_script("return document.documentElement.scrollWidth") == width
        links = browser.execute_script(
            "return [...document.querySelectorAll('.runs a')].map((a) => a.href)"
        )
        assert len(links) == 2
        for link in links:
            browser.get(link)
            until(browser, "'ready' in document.body.dataset")
            moved = browser.execute_script("""
                const slider = document.querySelector('.dim input');
                const pixels = () => document.querySelector('#decoded canvas').toDataURL();
                window.before = pixels();
                slider.value = Number(slider.value) > 0 ? slider.min : slider.max;
                slider.dispatchEvent(new Event('input'));
                return [Number(slider.min), Number(slider.max), Number(slider.value)];""")
            assert moved[0] < moved[1]
            until(browser, "document.querySelector('#decoded canvas').toDataURL() !== before")
            assert not browser.find_element("id", "error").is_displayed()
            browser.find_element("id", "runs").click()
            assert browser.current_url == address
        assert [e for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []
