"""The workspace as wandb would be sent it; tests/loggers reads back that runs log its keys."""

import json
import re
import warnings
from pathlib import Path

import pytest
from helpers.studies import SPACE, WHEN, make_study
from typer.testing import CliRunner

from vael.cli.main import app
from vael.errors import ConfigError, VaelError
from vael.sweep.dashboard import publish
from vael.sweep.dashboard.workspace import ShownStudy, make_workspace

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about its own use of pydantic
    from wandb_workspaces.workspaces import internal

GOLDEN = Path(__file__).with_name("workspace.json")


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.chdir(tmp_path)


def call(*arguments):
    done = CliRunner().invoke(app, ["dashboard", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def panels(sent, kind):
    sections = sent["spec"]["section"]["panelBankConfig"]["sections"]
    return [p["config"] for s in sections for p in s["panels"] if p["viewType"] == kind]


def run_set(sent):
    [found] = sent["spec"]["section"]["runSets"]
    return found


def test_without_a_login_the_golden_workspace_is_written_and_one_line_says_so(tmp_path):
    said = call("--wandb", "team/vael", "--output", tmp_path / "w.json")
    assert said.count("\n") == 1
    assert re.search(r"nobody is logged in .* written to .*w\.json and not sent", said)
    written = json.loads((tmp_path / "w.json").read_text())
    assert written == json.loads(GOLDEN.read_text())
    internal.WorkspaceViewspec.model_validate(written["spec"])


def test_the_panels_are_those_of_the_issue():
    sent = json.loads(GOLDEN.read_text())
    drawn = {name for p in panels(sent, "Run History Line Plot") for name in p["metrics"]}
    assert {"val/bpd", "val/rate", "val/distortion", "train/beta"} <= drawn
    assert {name for p in panels(sent, "Media Browser") for name in p["mediaKeys"]} == {
        "reconstructions",
        "samples",
        "traversal",
    }
    *slices, activity, plane = panels(sent, "Scatter Plot")
    assert (plane["xAxis"], plane["yAxis"], plane["zAxis"]) == (
        "summary:val/rate",
        "summary:val/distortion",
        "config:likelihood.value",
    )
    # config keys are flat: ".value" stands behind the whole name
    assert [(p["xAxis"], p["yAxis"]) for p in slices] == [
        (f"config:{name}.value", "summary:val/bpd")
        for name in ("model.latent_dim", "objective.beta", "optimizer.lr")
    ]
    assert (activity["xAxis"], activity["yAxis"]) == (
        "config:model.latent_dim.value",
        "summary:val/active_units",
    )
    [importance] = panels(sent, "Parameter Importance")
    assert importance["targetKey"] == "val/bpd"
    assert run_set(sent)["grouping"] == [{"section": "run", "name": "group"}]


def test_a_study_shows_its_own_runs_and_the_parameters_that_it_searches(tmp_path):
    study = make_study(tmp_path / "outputs" / "sweeps", name="mine")
    for arguments in (("--study", "mine"), (study.folder,)):
        call(*arguments, "--wandb", "team/vael")
        sent = json.loads((tmp_path / "outputs" / "wandb_workspace.json").read_text())
        filters = run_set(sent)["filters"]["filters"]
        assert [(f["key"], f["op"], f["value"]) for f in filters] == [
            ({"section": "run", "name": "group"}, "=", "mine")
        ]
        assert run_set(sent)["grouping"] == []
        [parallel] = panels(sent, "Parallel Coordinates Plot")
        *columns, score = parallel["columns"]
        searched = [*SPACE, *WHEN["likelihood=gaussian"]]
        # flat keys with dots: `.value` stands at the end
        assert [c["accessor"] for c in columns] == [f"config:{name}.value" for name in searched]
        assert [c["log"] for c in columns] == [True, True, False, False]
        assert (score["accessor"], score["inverted"]) == ("summary:val/bpd", True)


def test_a_study_that_is_not_on_this_machine_has_the_usual_parameters(tmp_path):
    call("--wandb", "team/vael", "--study", "elsewhere")
    sent = json.loads((tmp_path / "outputs" / "wandb_workspace.json").read_text())
    assert run_set(sent)["filters"]["filters"][0]["value"] == "elsewhere"
    [parallel] = panels(sent, "Parallel Coordinates Plot")
    assert "config:objective.beta.value" in [c["accessor"] for c in parallel["columns"]]


@pytest.mark.parametrize("place", ["", "team", "team/", "/vael", "a/b/c"])
def test_a_place_that_is_none_is_refused(place):
    with pytest.raises(ConfigError, match="must be ENTITY/PROJECT, but got"):
        call("--wandb", place)


def test_a_study_without_wandb_is_refused():
    with pytest.raises(ConfigError, match="--study goes with --wandb"):
        call("--study", "mine")


def test_with_a_login_it_is_saved_and_a_refusal_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    sent = []

    def upsert(view):
        sent.append(view)
        return {"upsertView": {"view": {"name": "nw-abc-v", "id": "1"}}}

    monkeypatch.setattr(internal, "upsert_view2", upsert)
    monkeypatch.setattr("wandb.Api", lambda: None)
    monkeypatch.setattr(
        "wandb_workspaces.workspaces.interface.get_app_url", lambda _: "https://wandb.example.org"
    )
    file = tmp_path / "w.json"
    said = publish.publish_workspace("team", "vael", ShownStudy(), file)
    assert "https://wandb.example.org/team/vael?nw=abc" in said
    assert not file.exists()
    plain = json.loads(sent[0].spec.model_dump_json(by_alias=True, exclude_none=True))
    assert plain == json.loads(GOLDEN.read_text())["spec"]

    def refuse(view):
        raise ValueError("project not\nfound")

    monkeypatch.setattr(internal, "upsert_view2", refuse)
    with pytest.raises(VaelError, match="did not take the workspace for team/vael: project not f"):
        publish.publish_workspace("team", "vael", ShownStudy(), file)
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert "WANDB_MODE is offline" in publish.publish_workspace("team", "vael", ShownStudy(), file)


def test_two_workspaces_are_alike():
    one, two = (
        publish.convert_workspace(make_workspace("a", "b", ShownStudy("s"))) for _ in range(2)
    )
    assert one == two
