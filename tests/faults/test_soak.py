"""Very many trials in one sweep: its workers do not grow, and study and disk agree at the end."""

import csv
import json
from dataclasses import asdict
from pathlib import Path
from statistics import median

import pytest
from faults.soak import soak
from helpers.runs import ROOT
from omegaconf import OmegaConf

from vael.sweep.study.study import Study

WORKERS = 2


def whole(folder, trials):
    """The study, trials.csv, the folders, best.yaml and the weights all say the same."""
    study = Study.open(folder)
    told = study.trials()
    assert [(t.number, t.state.name) for t in told] == [(n, "COMPLETE") for n in range(trials)]
    with (folder / "trials.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    runs = sorted((folder / "trials").iterdir())
    assert len(table) == len(runs) == trials
    for trial, row, run in zip(told, table, runs, strict=True):
        summary = json.loads((run / "summary.json").read_text())
        assert summary["status"] == "finished"
        assert trial.value == summary["metrics"]["val/bpd"] == float(row["val/bpd"])
        config = OmegaConf.load(run / "config.yaml")
        for path, value in trial.params.items():
            assert OmegaConf.select(config, path) == value
            assert float(row[f"params.{path}"]) == value
        assert row["folder"] == f"trials/{run.name}"
        assert not (run / "lease").exists()
    best = sorted(told, key=lambda t: (t.value, t.number))[:3]
    kept = {p.parents[1].name for p in folder.rglob("*.ckpt")}
    assert kept == {f"{t.number:04d}" for t in best}
    assert f"trial {best[0].number}," in (folder / "best.yaml").read_text()
    left = [p for p in folder.rglob(".*") if p.is_file()]
    assert left == [], "files that were never renamed to their names"


def grows(samples, trials):
    """From the second quarter of the trials to the last: how much more each process holds."""
    found = {}
    for who in sorted({s.who for s in samples}):
        own = [s for s in samples if s.who == who]
        early = [s for s in own if trials // 4 <= s.trials < trials // 2]
        late = [s for s in own if s.trials >= 3 * trials // 4]
        assert early, f"{who} was not seen early"
        assert late, f"{who} was not seen late"
        found[who] = {
            name: median(getattr(s, name) for s in late) - median(getattr(s, name) for s in early)
            for name in ("memory", "descriptors", "threads", "zombies", "temporary")
        }
    return found


def assert_steady(samples, trials, megabytes):
    growth = grows(samples, trials)
    assert len(growth) == WORKERS + 1, "one fork server for all, to the end"
    for who, more in growth.items():
        assert more["memory"] < megabytes, (who, more)
        for name in ("descriptors", "threads", "zombies", "temporary"):
            assert more[name] <= 0, (who, name, more)
    assert max(s.zombies for s in samples) <= WORKERS, "those that are just being waited for"
    return growth


@pytest.mark.slow
def test_sixty_trials(tmp_path, marked):
    folder, samples = soak(tmp_path, 60, WORKERS)
    whole(folder, 60)
    assert_steady(samples, 60, megabytes=8)
    assert marked() == []
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.long
def test_three_hundred_trials(tmp_path, marked):
    """Writes results/soak.json and results/soak.png."""
    folder, samples = soak(tmp_path, 300, WORKERS)
    whole(folder, 300)
    growth = assert_steady(samples, 300, megabytes=16)
    assert marked() == []
    assert list((tmp_path / "temporary").iterdir()) == []
    with (folder / "trials.csv").open(newline="") as file:
        ended = [row["ended"] for row in csv.DictReader(file)]
    result = {
        "trials": 300,
        "workers": WORKERS,
        "first_ended": min(ended),
        "last_ended": max(ended),
        "growth_from_second_to_last_quarter": growth,
        "samples": [asdict(s) for s in _thinned(samples)],
    }
    (ROOT / "results" / "soak.json").write_text(json.dumps(result) + "\n")
    _plot(samples, ROOT / "results" / "soak.png")


def _thinned(samples):
    """The last sample of each process after each tenth trial."""
    return list({(s.who, s.trials // 10): s for s in samples}.values())


def _plot(samples, path: Path):
    import matplotlib.figure
    import matplotlib.ticker

    figure = matplotlib.figure.Figure(figsize=(8, 7), layout="constrained")
    names = {
        "memory": "memory (MiB)",
        "descriptors": "file descriptors",
        "threads": "threads",
        "zombies": "zombies",
        "temporary": "temporary files",
    }
    grown, *axes = figure.subplots(len(names) + 1, 1, sharex=True)
    grown.set_ylabel("memory since trial 10", fontsize=7)
    for who in sorted({s.who for s in samples}):
        own = [s for s in samples if s.who == who]
        at = [s.trials for s in own]
        style = {"lw": 1, "ls": "-" if who.endswith("0") else "--"}
        first = next(s.memory for s in own if s.trials >= 10)
        grown.plot(
            [s.trials for s in own if s.trials >= 10],
            [s.memory - first for s in own if s.trials >= 10],
            label=who,
            **style,
        )
        for axis, name in zip(axes, names, strict=True):
            axis.plot(at, [getattr(s, name) for s in own], **style)
    for axis, (name, label) in zip(axes, names.items(), strict=True):
        most = max(getattr(s, name) for s in samples)
        axis.set(ylim=(0, 1.2 * max(most, 1)))
        axis.set_ylabel(label, fontsize=7)
        axis.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(3, integer=True))
    figure.legend(fontsize=7, ncols=4, loc="outside upper center")
    axes[-1].set_xlabel("trials ended")
    figure.savefig(path, dpi=110)
