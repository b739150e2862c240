"""Measure where the randomness of a score sits: small runs vary one stream at a time."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from scipy import stats  # type: ignore[import-untyped]

from vael.config.compose import compose_config
from vael.config.overrides import escape
from vael.config.validate import check_config
from vael.distributed.signals import Stopped
from vael.errors import ConfigError, VaelError
from vael.evaluation.verify import score_split
from vael.files import write_json, write_text
from vael.metrics.catalog import describe_metric
from vael.pretrained.scoring import Scorer
from vael.pretrained.trained import load_trained
from vael.progress import Countdown
from vael.randomness import STREAMS, Noise
from vael.report.figures import draw_spread
from vael.report.pictures import save_picture
from vael.runs.folder import RunFolder
from vael.runs.provenance import describe_machine, git_sha, package_versions
from vael.runs.summary import read_summary
from vael.training.fit import train

DEFAULTS = {
    "data": "digits",
    "data.binarize": "stochastic",
    "model": "mlp_vae",
    "trainer.max_epochs": "30",
    "trainer.threads": "1",
}
FIXED = (
    "logger=csv",
    "report=false",
    "callbacks.pictures.num_examples=50",
    "callbacks.progress.refresh_seconds=null",
    "trainer.devices=1",
)
SCORING = "latent in the test"
"""One model, scored with other epsilons: the part of ``latent`` that is no training."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """Hold what one stream of randomness does to a score.

    Attributes:
        values: the score of each run.
        std: their standard deviation, with n - 1.
        low: lower end of its 95 % interval.
        high: upper end.
    """

    values: tuple[float, ...]
    mean: float
    std: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Estimate a spread with its interval.

        ``(n - 1) s^2 / sigma^2`` follows chi-square with n - 1 degrees for normal values. Equal
        values have the spread 0 to the bit, whatever rounding makes of their mean.
        """
        n = len(values)
        assert n >= 2
        if len(set(values)) == 1:
            return cls(tuple(values), values[0], 0.0, 0.0, 0.0)
        mean = math.fsum(values) / n
        squares = math.fsum((value - mean) ** 2 for value in values)
        tail = (1 - CONFIDENCE) / 2
        low, high = (math.sqrt(squares / stats.chi2.ppf(q, n - 1)) for q in (1 - tail, tail))
        return cls(tuple(values), mean, math.sqrt(squares / (n - 1)), low, high)


def measure_seed_variance(folder: Path, overrides: Sequence[str], seeds: int) -> dict[str, Any]:
    """Train what is not trained yet, and write nondeterminism.json and .png into the folder.

    All runs share the seed of the config; with ``seeds`` runs for each stream, those of one
    stream differ in ``seeds.STREAM`` alone, those of ``all`` in all four and those of ``none`` in
    nothing: their spread must be 0.

    Raises:
        ConfigError: fewer than 2 seeds, a bad override, or a folder with runs of another config.
        VaelError: a run failed; which one.
    """
    if seeds < 2:
        raise ConfigError(f"--seeds must be at least 2 for a standard deviation, but got {seeds}.")
    base = _base(overrides)
    places = [(varied, number) for varied in ("none", *STREAMS, "all") for number in range(seeds)]
    values: dict[str, list[float]] = {}
    with Countdown(f"{len(places)} runs", len(places)) as countdown:
        for varied, number in places:
            run = folder / varied / f"{number:02}"
            try:
                values.setdefault(varied, []).append(_score(run, base, varied, number))
            except Stopped as stopped:
                stopped.args = (f"{stopped}; or the same command again, which goes on",)
                raise
            countdown.add(1)
    values[SCORING] = _scored(folder / "none" / "00", seeds)
    spreads = {name: Spread.of(found) for name, found in values.items()}
    summary = read_summary(folder / "none" / "00")
    assert summary is not None
    parts = [spreads[stream].std for stream in STREAMS]
    result: dict[str, Any] = {
        "score": _name(summary),
        "samples": summary["samples"]["test"],
        "seeds": seeds,
        "base_seed": base.seed,
        "confidence": CONFIDENCE,
        "spreads": {name: asdict(spread) for name, spread in spreads.items()},
        "root_of_sum_of_squares": math.hypot(*parts),
        "command": shlex.join(["vael", "nondeterminism", *overrides, "--seeds", str(seeds)]),
        "overrides": _overrides(overrides),
        "versions": package_versions(),
        "machine": describe_machine(),
        "git_sha": git_sha(),
    }
    write_json(folder / "nondeterminism.json", result)
    save_picture(draw_spread(result), folder / "nondeterminism.png")
    return result


def _overrides(given: Sequence[str]) -> list[str]:
    """Return ours where the user says nothing else, the user's, and what must be."""
    keys = {override.lstrip("+~").partition("=")[0] for override in given}
    for override in FIXED:
        if override.partition("=")[0] in keys:
            raise ConfigError(f"{override} is fixed here: it changes no score.")
    if "data" in keys:  # whose binarisation is its own
        keys.add("data.binarize")
    own = [f"{key}={value}" for key, value in DEFAULTS.items() if key not in keys]
    return [*own, *given, *FIXED]


def _base(overrides: Sequence[str]) -> DictConfig:
    config = compose_config(_overrides(overrides))
    check_config(config)
    if any(config.seeds[stream] is not None for stream in STREAMS):
        raise ConfigError("seeds.* are what is varied here: give seed=N alone.")
    if not config.evaluation.test:
        raise ConfigError("evaluation.test must be true: the test's score is what is looked at.")
    return config


def _score(run: Path, base: DictConfig, varied: str, number: int) -> float:
    """Return the test's score of one run, which is trained or continued if need be."""
    streams = {"none": (), "all": STREAMS}.get(varied, (varied,))
    config = OmegaConf.create(OmegaConf.to_container(base))
    for stream in streams:
        config.seeds[stream] = number
    seeds = [f"seeds.{stream}={number}" for stream in streams]
    config.command = escape(" ".join([base.command, *seeds]))
    text, path = OmegaConf.to_yaml(config), RunFolder(run).config
    if not path.exists():
        write_text(path, text)
    elif path.read_text() != text:
        raise ConfigError(
            f"{run} holds a run of another config: give another --folder, or remove this one."
        )
    summary = read_summary(run)
    if summary is None or summary["status"] != "finished":
        try:
            train(run)
        except Stopped:
            raise
        except VaelError as error:
            error.args = (f"{run}: {error}",)
            raise
        summary = read_summary(run)
        assert summary is not None
    value = summary["metrics"][_name(summary)]
    if value is None:
        raise VaelError(f"{run}: {_name(summary)} is not finite, so it has no spread.")
    return float(value)


def _name(summary: dict[str, Any]) -> str:
    return str(summary["target"]).replace("val/", "test/")


def _scored(run: Path, seeds: int) -> list[float]:
    """Return the test's score of one trained model under other noise of the test."""
    summary = read_summary(run)
    assert summary is not None
    threads = torch.get_num_threads()
    torch.set_num_threads(summary["threads"])
    scorer = Scorer(load_trained(run), torch.device("cpu"), 1)
    found = []
    for number in range(seeds):
        scorer.latent = Noise(number, "latent")
        scores = score_split(scorer, "test", summary["samples"]["test"])
        found.append(scores[_name(summary).partition("/")[2]])
    torch.set_num_threads(threads)
    return found


def seed_variance_text(result: dict[str, Any]) -> str:
    """Return a line for each stream: the standard deviation that it causes, with its interval."""
    unit = describe_metric(result["score"]).unit
    lines = [
        f"standard deviation of {result['score']} ({unit}, k = {result['samples']}) over "
        f"{result['seeds']} runs each, with its {result['confidence']:.0%} interval"
    ]
    lines += [
        f"{name:<20}{spread['std']:>10.5f}   {spread['low']:.5f} to {spread['high']:.5f}"
        for name, spread in result["spreads"].items()
    ]
    lines.append(
        f"{'four apart, summed':<20}{result['root_of_sum_of_squares']:>10.5f}   "
        "root of the sum of their squares; against all"
    )
    return "\n".join(lines)
