"""optuna-dashboard on a study, asked as its page asks."""

import json
import socket
import urllib.error
import urllib.request

import pytest
from helpers.studies import STORAGES, finish_all, make_study
from PIL import Image
from unit.sweep.dashboard.conftest import paint, serving

from vael.errors import ConfigError, VaelError
from vael.sweep.dashboard import server
from vael.sweep.dashboard.overlay import RunPictures


def ask(address, path, method="GET", body=None):
    root = address.split("/dashboard")[0]
    request = urllib.request.Request(root + path, method=method, data=body)
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read()


def detail(address):
    number = address.rsplit("/", 1)[1]
    return json.loads(ask(address, f"/api/studies/{number}"))


def test_each_trial_has_its_pictures_and_a_link_to_its_report(address, study):
    found = detail(address)
    assert [trial["number"] for trial in found["trials"]] == list(range(12))
    for trial in found["trials"]:
        names = [artifact["filename"] for artifact in trial["artifacts"]]
        assert names == ["reconstructions.png", "samples.png", "another.png"]
        assert f"(/report/{trial['number']})" in trial["note"]["body"]
        for artifact in trial["artifacts"]:
            path = f"/artifacts/{trial['study_id']}/{trial['trial_id']}/{artifact['artifact_id']}"
            file = study.folder / f"trials/{trial['number']:04d}/images/{artifact['filename']}"
            assert ask(address, path) == file.read_bytes()
    assert found["objective_names"] == ["val/bpd"]
    assert "(/report)" in found["note"]["body"]


def test_the_values_are_the_studys_own(address, study):
    shown = [trial["values"] for trial in detail(address)["trials"]]
    assert shown == [trial.values for trial in study.trials()]
    number = address.rsplit("/", 1)[1]
    shares = json.loads(ask(address, f"/api/studies/{number}/param_importances"))
    [found] = shares["param_importances"]
    assert found[0]["name"] == "objective.beta"  # the score is a function of it alone


def test_reports_are_pages(address):
    assert b"sweep report" in ask(address, "/report")
    assert b"run report" in ask(address, "/report/3")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        ask(address, "/report/99")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/studies/0"),
        ("POST", "/api/studies/0/rename"),
        ("POST", "/api/studies"),
        ("PUT", "/api/studies/0/note"),
        ("POST", "/api/trials/0/tell"),
    ],
)
def test_nothing_can_be_changed(address, study, method, path):
    before = (study.folder / "study.journal").read_bytes()
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(address, path, method, b"{}")
    assert caught.value.code == 403
    assert "only looks" in json.loads(caught.value.read())["reason"]
    assert (study.folder / "study.journal").read_bytes() == before


@pytest.mark.parametrize("storage", STORAGES)
def test_a_sweep_that_is_under_way_is_shown_and_not_touched(tmp_path, storage, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = make_study(tmp_path, trials=2, storage=storage)
    claim = made.claim("w")
    paint(made, 0, "samples", 10)

    def files():
        return {
            path: path.read_bytes() for path in sorted(made.folder.rglob("*")) if path.is_file()
        }

    before = files()
    with serving(made.folder) as address:
        [running] = detail(address)["trials"]
        assert running["state"] == "Running"
        [first] = running["artifacts"]
        assert b"sweep report" in ask(address, "/report")
        assert files() == before
        paint(made, 0, "samples", 200)  # the run draws it anew, of another size
        Image.new("L", (40, 40)).save(claim.folder / "images" / "samples.png")
        made.report(claim, 1, 2.5)
    again = RunPictures(made.folder).list_files(0)
    assert first["artifact_id"] not in again  # else a browser would show the old one
    assert list(again.values()) == ["samples.png"]


def test_another_study_of_the_storage_is_not_shown(tmp_path):
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    one, other = (
        make_study(tmp_path, name=name, trials=1, storage=storage) for name in ("one", "other")
    )
    finish_all(one)
    with serving(other.folder) as address:
        listed = json.loads(ask(address, "/api/studies"))["study_summaries"]
        assert [study["study_name"] for study in listed] == ["other"]
        assert [trial["state"] for trial in detail(address)["trials"]] == ["Waiting"]


def test_a_port_in_use_is_one_line(study):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(VaelError, match=f"port {port} of 127.0.0.1 is in use: .*--port"):
            server.serve_dashboard(study.folder, "127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        (
            "no.such.host.invalid",
            0,
            "--host must be an address of this machine, but 'no.such.host.invalid'",
        ),
        ("127.0.0.1", 65536, "from 0 .a free one. to 65535"),
        ("192.0.2.1", 0, "cannot listen on 192.0.2.1"),
    ],
)
def test_what_cannot_be_listened_on_is_one_line(study, host, port, words):
    with pytest.raises(VaelError, match=words):
        server.serve_dashboard(study.folder, host, port)


def test_a_folder_without_a_sweep_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is no sweep"):
        server.serve_dashboard(tmp_path, "127.0.0.1", 0)
