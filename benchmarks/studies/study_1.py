"""Study 1: which VAE beats bzip2? Likelihoods and fits on grey MNIST, in bits per pixel.

    python benchmarks/studies/study_1.py RUNS data.path=FOLDER

One net (784-200-50 both ways) and 8 epochs of 55,000 images for each likelihood and fit, 3 seeds;
`categorical`, which takes 20 times as long, has one. RUNS holds the runs, and those that are there
are not trained again. Writes results/study_1.json and study_1.png; a row of which RUNS has nothing
stays as it was, so that runs may come from several machines.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from runs import (
    COLORS,
    QUIET,
    RESULTS,
    Job,
    ended,
    parse_options,
    portable,
    save,
    style,
    train_jobs,
)

from vael.files import write_json
from vael.runs.example_scores import read_example_scores
from vael.sweep.study.paired import compute_difference

SEEDS = (0, 1, 2)
SAMPLES = 20
CHOICES = {
    "beta_binomial": ("likelihood=beta_binomial",),
    "gaussian": ("likelihood=gaussian",),
    "bernoulli": ("likelihood=bernoulli",),
    "gaussian-predicted": ("likelihood=gaussian", "likelihood.scale=predicted"),
    "logistic-predicted": ("likelihood=logistic", "likelihood.scale=predicted"),
    "logistic": ("likelihood=logistic",),
    "laplace": ("likelihood=laplace",),
    "continuous_bernoulli": ("likelihood=continuous_bernoulli",),
    "squared_error": ("likelihood=squared_error",),
    "logistic_mixture": ("likelihood=logistic_mixture",),
    "categorical": ("likelihood=categorical",),
}
MASS_ONLY = {"beta_binomial", "categorical"}
DENSITY_ONLY = {"squared_error"}
ONCE = {"categorical"}
COMMON = (
    *("data=mnist", "data.batch_size=100", "model=mlp_vae", "model.latent_dim=50"),
    *("model.encoder.hidden=[200]", "model.decoder.hidden=[200]", "scheduler=cosine"),
    *(
        "trainer.max_epochs=8",
        "evaluation.samples=1",
        f"evaluation.test_samples={SAMPLES}",
        *QUIET,
    ),
)
PIXELS = 784
LARGEST = 3.0  # bits per pixel that the picture shows
PAIRS = (
    ("beta_binomial mass", "gaussian-predicted mass"),
    ("beta_binomial mass", "logistic_mixture mass"),
    ("gaussian mass", "bernoulli mass"),
    ("gaussian-predicted mass", "gaussian mass"),
    ("bernoulli mass", "bernoulli density"),
    ("gaussian mass", "gaussian density"),
)
SHORT = ("data=digits", "trainer.max_epochs=2", "data.limit=300")


def list_jobs(settings: list[str], short: bool = False) -> list[Job]:
    """All runs, those of the first seed first, and the slow one last."""
    jobs = []
    for seed in SEEDS[:2] if short else SEEDS:
        for name, chosen in CHOICES.items():
            fits = [] if name in DENSITY_ONLY else ["mass"]
            fits += [] if name in MASS_ONLY else ["density"]
            for fit in fits:
                if name in ONCE and (seed or short):
                    continue
                more = () if name in DENSITY_ONLY else (f"likelihood.fit={fit}",)
                facts = {"choice": name, "fit": fit, "seed": seed}
                words = (*COMMON, *(SHORT if short else ()), *settings, *chosen, *more)
                jobs.append(Job(f"{name}-{fit}-{seed}", (*words, f"seed={seed}"), facts))
    return sorted(jobs, key=lambda job: job.facts["choice"] in ONCE)


def collect(jobs: Sequence[Job], folder: Path) -> dict[str, Any]:
    """Return what the finished runs have reached, and the paired differences of interest."""
    found: dict[str, dict[str, Any]] = {}
    scores: dict[str, dict[int, Any]] = {}
    for job, run, summary in ended(jobs, folder):
        name = f"{job.facts['choice']} {job.facts['fit']}"
        row = found.setdefault(name, {"bpd": [], "elbo": [], "rate": [], "mse": [], "seconds": []})
        metrics = summary.metrics
        row["bpd"].append(metrics["test/bpd"])
        if job.facts["fit"] == "mass":
            row["elbo"].append(-metrics["test/elbo"] / PIXELS / math.log(2))
        row["rate"].append(metrics["test/rate"])
        row["mse"].append(metrics["test/mse"])
        row["seconds"].append(summary.seconds)
        scores.setdefault(name, {})[job.facts["seed"]] = read_example_scores(run)["bpd"]
    rows = {
        name: {"seeds": len(row["bpd"])}
        | {key: float(np.mean(each)) if each else None for key, each in row.items()}
        | {"bpd_by_seed": row["bpd"]}
        for name, row in found.items()
    }
    return {
        "k": SAMPLES,
        "settings": portable(COMMON),
        "rows": order(rows),
        "pairs": [pair for a, b in PAIRS if (pair := compare(scores, a, b))],
    }


def order(rows: dict[str, Any]) -> dict[str, Any]:
    """Return the rows with the lowest bits first."""
    return dict(sorted(rows.items(), key=lambda item: item[1]["bpd"]))


def complete(result: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return a result, with what only an earlier one of the same settings has."""
    if any(known.get(name) != result[name] for name in ("k", "settings")):
        return result
    measured = {(pair["a"], pair["b"]) for pair in result["pairs"]}
    earlier = [pair for pair in known["pairs"] if (pair["a"], pair["b"]) not in measured]
    pairs = {(pair["a"], pair["b"]): pair for pair in result["pairs"] + earlier}
    return {
        **result,
        "rows": order({**known["rows"], **result["rows"]}),
        "pairs": [pairs[pair] for pair in PAIRS if pair in pairs],
    }


def compare(scores: dict[str, dict[int, Any]], a: str, b: str) -> dict[str, Any] | None:
    """Return b less a on their common seeds and the same test images, in bits per pixel.

    With one common seed the standard error is that over images alone.
    """
    seeds = sorted(scores.get(a, {}).keys() & scores.get(b, {}).keys())
    if not seeds:
        return None
    one, two = (
        np.stack([scores[name][seed] for seed in seeds]).astype(np.float64) for name in (a, b)
    )
    if len(seeds) > 1:
        found = compute_difference(one, two)
        error = math.sqrt(found.seed_variance + found.example_variance)
    else:
        error = float((two - one).std(ddof=1) / math.sqrt(one.shape[1]))
    return {"a": a, "b": b, "mean": float((two - one).mean()), "se": error, "seeds": len(seeds)}


def draw(result: dict[str, Any], codecs: dict[str, float]) -> Figure:
    """A point for each likelihood and fit, a line for each codec."""
    rows = {name: row for name, row in result["rows"].items() if row["bpd"] <= LARGEST}
    figure = Figure(figsize=(7.2, 0.32 * len(rows) + 1.4), dpi=150, layout="constrained")
    axes = figure.subplots()
    for place, (name, row) in enumerate(rows.items()):
        color = COLORS[1] if name.endswith("density") else COLORS[0]
        axes.plot([row["bpd"]], [place], "o", color=color, zorder=4)
        axes.text(
            row["bpd"] + 0.02,
            place,
            f"{row['bpd']:.3f}",
            va="center",
            fontsize=8,
            zorder=3,
            backgroundcolor="white",
        )
    for name, bits in codecs.items():
        axes.axvline(bits, color=COLORS[5], linestyle="--", linewidth=0.8)
        side = "right" if name == "lzma" else "left"
        axes.text(bits, -0.9, name, ha=side, fontsize=8, color=COLORS[5])
    axes.set(yticks=range(len(rows)), yticklabels=list(rows), ylim=(len(rows) - 0.5, -1.4))
    axes.set(xlabel="bits per pixel, test (orange: trained on densities)", xlim=(1.28, None))
    style(axes)
    return figure


def main() -> None:
    """Train what is missing, and write the results."""
    given = parse_options(__doc__)
    jobs = list_jobs(given.settings, given.short)
    folder = (given.runs / "study_1").absolute()
    if not given.collect:
        train_jobs([job for job in jobs if given.only.search(job.name)], folder)
    path = given.out / "study_1.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    result = complete(collect(jobs, folder), known)
    write_json(path, result)
    codecs = json.loads((RESULTS / "codecs.json").read_text())["bits_per_pixel"]
    save(draw(result, codecs), given.out / "study_1.png")


if __name__ == "__main__":
    main()
