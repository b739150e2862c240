"""Study 2: a beta-VAE draws Shannon's curve. Rate against distortion over beta.

    python benchmarks/studies/study_2.py RUNS [data.path=FOLDER]

A Gaussian of fixed sigma, beta from 0.05 to 20; linear, dense and convolutional nets on the 8x8
digits, 3 seeds, and where data.path names MNIST, on 10,000 of its images at four betas. RUNS holds
the runs, and those that are there are not trained again. Writes results/study_2.json and .png.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from runs import (
    COLORS,
    QUIET,
    Job,
    ended,
    load_split,
    measure_run,
    parse_options,
    save,
    style,
    train_jobs,
)

from vael.files import write_json
from vael.pretrained.trained import load_trained

Vector = npt.NDArray[np.float64]

SIGMA = 0.15
BETAS = tuple(float(f"{beta:.3g}") for beta in np.geomspace(0.05, 20, 12))
FEW = (0.05, 0.369, 2.72, 20.0)
SEEDS = (0, 1, 2)
SAMPLES = 10  # behind bpd
GAUSSIAN = ("likelihood=gaussian", "likelihood.fit=density", f"likelihood.sigma={SIGMA}")
COMMON = (*GAUSSIAN, "scheduler=cosine", "evaluation.samples=1", "evaluation.test_samples=1")
NETS = {
    "linear": ("model=linear_vae", "optimizer.lr=1e-2"),
    "dense": (
        *("model=mlp_vae", "model.encoder.hidden=[256]", "model.decoder.hidden=[256]"),
        "optimizer.lr=3e-3",
    ),
    "conv": ("model=conv_vae", "optimizer.lr=3e-3"),
}
EPOCHS = {"linear": 300, "dense": 200, "conv": 60}
DIGITS = ("data=digits", "data.batch_size=64", "model.latent_dim=64")
MNIST = ("data=mnist", "data.limit=10000", "data.batch_size=100", "model.latent_dim=64")


def list_jobs(settings: list[str], short: bool = False) -> list[Job]:
    """All runs: fixed sigma on the digits, then a shared sigma, then MNIST."""
    betas = FEW[1:3] if short else BETAS
    seeds = SEEDS[:1] if short else SEEDS
    jobs = [
        _job("digits", DIGITS, net, beta, seed, "fixed", 3 if short else EPOCHS[net])
        for seed in seeds
        for net in NETS
        for beta in betas
    ]
    if not short:
        jobs += [
            _job("digits", DIGITS, net, beta, seed, "shared", EPOCHS[net])
            for seed in seeds
            for net in NETS
            for beta in BETAS[::2]
        ]
    if settings and not short:
        jobs += [
            _job("mnist", (*MNIST, *settings), net, beta, seed, "fixed", 20)
            for seed in seeds
            for net in NETS
            for beta in FEW
        ]
    return jobs


def _job(
    data: str, words: tuple[str, ...], net: str, beta: float, seed: int, scale: str, epochs: int
) -> Job:
    facts = {"data": data, "net": net, "beta": beta, "seed": seed, "scale": scale}
    more = (f"likelihood.scale={scale}", f"objective.beta={beta}", f"seed={seed}")
    often = f"callbacks.checkpoint.every_n_epochs={epochs}"
    settings = (*COMMON, *QUIET, *words, *NETS[net], *more, f"trainer.max_epochs={epochs}", often)
    return Job(f"{data}-{scale}-{net}-{beta}-{seed}", settings, facts)


def water_filling(spectrum: Vector, level: float) -> tuple[float, float, int]:
    """Return rate in nats, squared error and components in use of Shannon's best code.

    Of a normal source with these eigenvalues, ``R = 1/2 sum log(spectrum / s)`` over those above s
    and ``D = sum min(spectrum, s)``. A linear VAE at its optimum has ``s = beta sigma^2``.
    """
    rate = float(0.5 * np.log(np.maximum(spectrum / level, 1)).sum())
    error = float(np.minimum(spectrum, level).sum())
    return rate, error, int((spectrum > level).sum())


def squared_error(distortion: float, dims: int) -> float:
    """Return E|x - E[x|z]|^2 of an example from its distortion in nats, at the fixed sigma."""
    return (distortion - dims * math.log(SIGMA * math.sqrt(2 * math.pi))) * 2 * SIGMA**2


def collect(jobs: Sequence[Job], folder: Path) -> dict[str, Any]:
    """Return the points of the finished runs by data set, and the exact curve of each."""
    found: dict[str, Any] = {}
    for job, run, _ in ended(jobs, folder):
        measured, facts = measure_run(run, SAMPLES), job.facts
        if facts["data"] not in found:
            x = load_split(load_trained(run), "train")
            spectrum = np.linalg.eigvalsh(np.cov(x.T, bias=True)).clip(0)
            found[facts["data"]] = {"dims": x.shape[1], "spectrum": spectrum.tolist(), "runs": []}
        dims = found[facts["data"]]["dims"]
        row = {key: facts[key] for key in ("net", "scale", "beta", "seed")}
        row |= {"bpd": measured["test"][f"bpd_{SAMPLES}"]}
        row |= {key: measured[key] for key in ("active_units", "active_directions")}
        for split in ("train", "test"):
            rate, distortion = measured[split]["rate"], measured[split]["distortion"]
            row |= {f"{split}_rate": rate, f"{split}_loss": distortion + facts["beta"] * rate}
            if facts["scale"] == "fixed":
                row[f"{split}_error"] = squared_error(distortion, dims)
        found[facts["data"]]["runs"].append(row)
    for kept in found.values():
        kept |= {"points": average(kept["runs"], np.array(kept["spectrum"]))}
        kept |= {"choices": choose(kept["points"])}
    return {"sigma": SIGMA, "k": SAMPLES, "data": found}


def average(runs: list[dict[str, Any]], spectrum: Vector) -> list[dict[str, Any]]:
    """Return the mean over seeds of each net and beta, beside the optimum of a linear net.

    ``excess`` is the training loss of the point less that of the best linear net, in nats.
    """
    groups: dict[tuple[str, str, float], list[dict[str, Any]]] = {}
    for run in runs:
        groups.setdefault((run["scale"], run["net"], run["beta"]), []).append(run)
    points = []
    for (scale, net, beta), rows in sorted(groups.items()):
        keys = [key for key in rows[0] if key not in ("net", "scale", "beta", "seed")]
        point = {"scale": scale, "net": net, "beta": beta, "seeds": len(rows)}
        point |= {key: float(np.mean([row[key] for row in rows])) for key in keys}
        if scale == "fixed":
            rate, error, used = water_filling(spectrum, beta * SIGMA**2)
            point |= {"best_rate": rate, "best_error": error, "best_units": used}
            gap = (point["train_error"] - error) / (2 * SIGMA**2)
            point["excess"] = gap + beta * (point["train_rate"] - rate)
        points.append(point)
    return points


def choose(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for each net the beta of the lowest training loss and that of the fewest bits."""
    chosen = []
    for scale, net in sorted({(point["scale"], point["net"]) for point in points}):
        rows = [point for point in points if (point["scale"], point["net"]) == (scale, net)]
        by_loss = min(rows, key=lambda row: row["train_loss"])
        by_bits = min(rows, key=lambda row: row["bpd"])
        chosen.append(
            {"scale": scale, "net": net, "beta_by_loss": by_loss["beta"]}
            | {"bpd_by_loss": by_loss["bpd"], "beta_by_bpd": by_bits["beta"]}
            | {"bpd": by_bits["bpd"], "regret": by_loss["bpd"] - by_bits["bpd"]}
        )
    return chosen


def draw(result: dict[str, Any]) -> Figure:
    """Distortion against rate above the exact curve, and the staircase of units, by data set."""
    sets = result["data"]
    figure = Figure(figsize=(9.6, 3.8 * len(sets)), dpi=150, layout="constrained")
    for row, (name, kept) in zip(
        figure.subplots(len(sets), 2, squeeze=False), sets.items(), strict=True
    ):
        spectrum = np.array(kept["spectrum"])
        levels = np.geomspace(0.5 * BETAS[0] * SIGMA**2, 0.999 * spectrum.max(), 400)
        best = [water_filling(spectrum, level) for level in levels]
        row[0].plot(
            [b[0] for b in best], [b[1] for b in best], color="black", label="Shannon, exact"
        )
        row[1].step(levels / SIGMA**2, [b[2] for b in best], color="black", label="exact")
        for color, net in zip(COLORS, NETS, strict=False):
            rows = [p for p in kept["points"] if (p["scale"], p["net"]) == ("fixed", net)]
            at = {key: [p[key] for p in rows] for key in rows[0]} if rows else {}
            if rows:
                row[0].plot(at["train_rate"], at["train_error"], "o", color=color, ms=5, label=net)
                row[0].plot(at["test_rate"], at["test_error"], "x", color=color, ms=5)
                row[1].plot(at["beta"], at["active_directions"], "o", color=color, ms=5, label=net)
        rate_most = max(point["train_rate"] for point in kept["points"])
        row[0].set(xlabel="rate, nats per image", ylabel="squared error of an image")
        row[0].set(
            yscale="log",
            xscale="log",
            xlim=(0.2, 1.5 * rate_most),
            title=f"{name}: dots training, crosses test",
        )
        row[1].set(xscale="log", xlabel="beta", ylabel="directions of the latent in use")
        row[1].set(title="the staircase")
        for axes in row:
            axes.legend(frameon=False)
            style(axes)
    return figure


def main() -> None:
    """Train what is missing, and write the results."""
    given = parse_options(__doc__)
    jobs = list_jobs(given.settings, given.short)
    folder = (given.runs / "study_2").absolute()
    if not given.collect:
        train_jobs([job for job in jobs if given.only.search(job.name)], folder)
    result = collect(jobs, folder)
    write_json(given.out / "study_2.json", result)
    save(draw(result), given.out / "study_2.png")


if __name__ == "__main__":
    main()
