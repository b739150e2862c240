"""Studies without training: what a trial would have scored is written by the test."""

import json
from pathlib import Path

from omegaconf import OmegaConf

from vael.config.compose import compose_config
from vael.sweep import create
from vael.sweep.spec.sweep_file import parse_sweep
from vael.sweep.study import storage
from vael.sweep.study.records import Claim, Outcome
from vael.sweep.study.study import Study

SPACE = {
    "model.latent_dim": "tag(log, int(interval(2, 64)))",
    "objective.beta": "tag(log, interval(0.25, 8))",
    "likelihood": "choice(gaussian, bernoulli)",
}
WHEN = {"likelihood=gaussian": {"likelihood.scale": "choice(shared, predicted)"}}
STORAGES = ("journal", "sqlite:///")


def definition(**changes):
    plain = {
        "name": "search",
        "trials": 4,
        "confirm": 0,
        "space": SPACE,
        "when": WHEN,
        "storage": "journal",
        "overrides": ["logger=csv"],
    }
    return parse_sweep({**plain, **changes})


def make_study(parent: Path, **changes) -> Study:
    """A study in ``parent/search``, as ``vael sweep`` makes it once all is checked."""
    d = definition(**changes)
    folder = parent / d.name
    create.create_sweep(
        folder,
        create.make_snapshot(d, compose_config(d.overrides), None),
        storage.locate_storage(d.storage, folder),
    )
    return Study.open(folder)


def score(claim: Claim) -> float:
    """A function of the parameters alone: its minimum is at beta = 1."""
    return 2 + abs(OmegaConf.load(claim.folder / "config.yaml").objective.beta - 1)


def train(study: Study, claim: Claim, value: float | None = None) -> None:
    """Leaves the summary that a finished run leaves, and tells it."""
    value = score(claim) if value is None else value
    metrics = {"val/bpd": value, "test/bpd": value + 0.1, "val/rate": 1.0, "val/distortion": value}
    (claim.folder / "checkpoints").mkdir(exist_ok=True)
    for name in ("best", "last"):
        (claim.folder / "checkpoints" / f"{name}.ckpt").write_bytes(b"weights")
    (claim.folder / "summary.json").write_text(
        json.dumps({"status": "finished", "metrics": metrics, "epochs": 3, "seconds": 1.5})
    )
    study.finish(claim, Outcome("complete"))


def finish_all(study: Study, worker: str = "w") -> list[Claim]:
    """Works alone until there is nothing to do."""
    done = []
    while isinstance(claim := study.claim(worker), Claim):
        train(study, claim)
        done.append(claim)
    assert claim is None
    return done


def states(study: Study) -> list[str]:
    return [trial.state.name for trial in study.trials()]
