"""Study 3: how many latents? Six rules on data whose answer is known, and on real data.

    python benchmarks/studies/study_3.py RUNS

PPCA data of rank 5, sprites of five factors, the 8x8 digits; a grid of latent sizes, 3 seeds.
RUNS holds the runs, and those that are there are not trained again. Writes results/study_3.json
and study_3.png.
"""

import math
from collections.abc import Callable, Sequence
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
Runs = dict[int, dict[str, Any]]

SEEDS = (0, 1, 2)
SAMPLES = 50  # behind each NLL
VARIANCE = 0.95  # that the principal components of a rule keep
LEAST_KL = 0.01  # nats, of a dimension that counts
KNOWN = {"ppca": 5, "sprites": 5, "digits": None}
RANK, COLUMNS, NOISE = 5, 20, 0.5
SIZES = (1, 2, 3, 4, 5, 6, 8, 12, 16, 32)
DENSE = ("model=mlp_vae", "model.encoder.hidden=[256]", "model.decoder.hidden=[256]")
COMMON = ("scheduler=cosine", "evaluation.samples=1", "evaluation.test_samples=1", *QUIET)
DATA = {
    "ppca": (
        *("data=array", "model=linear_vae", "likelihood=gaussian", "optimizer.lr=1e-2"),
        *("data.batch_size=100", "trainer.max_epochs=60"),
    ),
    "digits": (*DENSE, "data=digits", "data.batch_size=64", "trainer.max_epochs=60"),
    "sprites": (
        *(*DENSE, "data=sprites", "data.image_size=32", "data.limit=10000"),
        *("data.binarize=threshold", "data.batch_size=100", "trainer.max_epochs=30"),
    ),
}
DIMS = {"ppca": COLUMNS, "digits": 64, "sprites": 1024}


def make_table(path: Path, seed: int = 0) -> None:
    """Write x = W z + noise: 20 columns of variance 1, rank 5, noise of standard deviation 0.5."""
    source = np.random.default_rng(seed)
    weights = source.normal(size=(COLUMNS, RANK))
    weights *= np.sqrt((1 - NOISE**2) / (weights**2).sum(1, keepdims=True))
    splits = {}
    for name, size in (("train", 2000), ("val", 1000), ("test", 5000)):
        z, noise = source.normal(size=(size, RANK)), source.normal(size=(size, COLUMNS))
        splits[name] = (z @ weights.T + NOISE * noise).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **splits, weights=weights.astype(np.float32))


def list_jobs(folder: Path, short: bool = False) -> list[Job]:
    """All runs; those of the mean-reduced loss have beta = D / d on the scale of sums."""
    jobs = []
    for data, words in DATA.items():
        if short and data == "sprites":
            continue
        place = (f"data.path={folder / 'ppca.npz'}",) if data == "ppca" else ()
        for seed in SEEDS[:2] if short else SEEDS:
            for size in (2, 5) if short else SIZES:
                for loss, beta in (("sum", 1.0), ("mean", DIMS[data] / size)):
                    facts = {"data": data, "size": size, "loss": loss, "seed": seed}
                    more = (f"model.latent_dim={size}", f"objective.beta={beta}", f"seed={seed}")
                    settings = (*COMMON, *words, *place, *more)
                    settings += ("trainer.max_epochs=2",) if short else ()
                    jobs.append(Job(f"{data}-{loss}-{size}-{seed}", settings, facts))
    return jobs


def lowest_nll(runs: Runs, spectrum: Vector) -> int:
    """Return the size of the lowest validation NLL (importance-weighted)."""
    return min(runs, key=lambda size: float(runs[size]["nll"]))


def knee(runs: Runs, spectrum: Vector) -> int:
    """Return the knee of the reconstruction error over the size.

    It is the point farthest below the line from the first to the last, as Kneedle has it (Satopaa
    et al. 2011, https://doi.org/10.1109/ICDCSW.2011.20), both axes scaled to [0, 1].
    """
    sizes = sorted(runs)
    x = np.array(sizes, float)
    y = np.array([runs[size]["mse"] for size in sizes])
    x, y = (x - x[0]) / (x[-1] - x[0]), (y - y.min()) / max(np.ptp(y), 1e-12)
    return sizes[int(np.argmax((y[0] + (y[-1] - y[0]) * x) - y))]


def active_units(runs: Runs, spectrum: Vector) -> int:
    """Return how many units of the largest model are active (Burda et al. 2016)."""
    return nearest(runs, runs[max(runs)]["active_units"])


def by_kl(runs: Runs, spectrum: Vector) -> int:
    """Return how many dimensions of the largest model have a mean KL above 0.01 nats."""
    return nearest(runs, sum(kl > LEAST_KL for kl in runs[max(runs)]["kl"]))


def by_pca(runs: Runs, spectrum: Vector) -> int:
    """Return how many principal components keep 95 % of the variance."""
    falling = np.sort(spectrum)[::-1]
    return nearest(runs, int(np.searchsorted(falling.cumsum() / falling.sum(), VARIANCE)) + 1)


def nearest(runs: Runs, count: int) -> int:
    """Return the size of the grid that is nearest to a count on a logarithmic scale."""
    return min(runs, key=lambda size: abs(math.log(size / max(count, 1))))


RULES: dict[str, Callable[[Runs, Vector], int]] = {
    "lowest NLL": lowest_nll,
    "knee of reconstruction": knee,
    "active units": active_units,
    "KL above 0.01 nats": by_kl,
    "PCA, 95 % of variance": by_pca,
}
BY_LOSS = "mean-reduced loss"


def collect(jobs: Sequence[Job], folder: Path) -> dict[str, Any]:
    """Return the scores by data set, loss, seed and size, and what each rule chooses."""
    found: dict[str, Any] = {}
    for job, run, _ in ended(jobs, folder):
        facts = job.facts
        if facts["data"] not in found:
            x = load_split(load_trained(run), "train")
            spectrum = np.linalg.eigvalsh(np.cov(x.T)).tolist()
            found[facts["data"]] = {"dims": x.shape[1], "spectrum": spectrum, "runs": {}}
        kept = found[facts["data"]]
        measured = measure_run(run, SAMPLES, "best")
        val, test = measured["val"], measured["test"]
        score = f"bpd_{SAMPLES}" if f"bpd_{SAMPLES}" in test else f"nll_{SAMPLES}"
        scale = 1 if score.startswith("bpd") else 1 / (kept["dims"] * math.log(2))
        row = {"nll": val[score] * scale, "test": test[score] * scale, "mse": val["mse"]}
        row |= {key: measured[key] for key in ("active_units", "active_directions", "kl")}
        row["mean_loss"] = val["distortion"] / kept["dims"] + val["rate"] / facts["size"]
        by_seed = kept["runs"].setdefault(facts["loss"], {})
        by_seed.setdefault(facts["seed"], {})[facts["size"]] = row
    return {"k": SAMPLES, "data": {name: judge(name, kept) for name, kept in found.items()}}


def judge(name: str, kept: dict[str, Any]) -> dict[str, Any]:
    """Return what the rules choose by each seed, and their regret on the other seeds.

    The regret is the test score of the chosen size less that of the best one, in bits per
    dimension, both means over the seeds that the rule has not seen; of a single seed it is that
    of its own test examples, which the rule has not seen either.
    """
    full = {loss: complete(runs) for loss, runs in kept["runs"].items()}
    plain, spectrum = full.get("sum", {}), np.array(kept["spectrum"])
    chosen: dict[str, Any] = {}
    for rule in (*RULES, BY_LOSS):
        source = full.get("mean", {}) if rule == BY_LOSS else plain
        sizes, regrets = [], []
        for seed, runs in source.items():
            others = [o for o in source if o != seed and o in plain] or [seed]
            if rule == BY_LOSS:
                size = min(runs, key=lambda each: float(runs[each]["mean_loss"]))
            else:
                size = RULES[rule](runs, spectrum)
            sizes.append(size)
            if seed in plain:
                reached = np.mean([source[other][size]["test"] for other in others])
                tests = {d: np.mean([plain[other][d]["test"] for other in others]) for d in runs}
                regrets.append(float(reached - min(tests.values())))
        error = float(np.std(regrets, ddof=1) / math.sqrt(len(regrets))) if regrets[1:] else None
        chosen[rule] = {"sizes": sizes, "seeds": len(sizes)}
        chosen[rule] |= {"regret": float(np.mean(regrets)) if regrets else None, "se": error}
    curves = {
        loss: {
            size: float(np.mean([runs[size]["test"] for runs in by_seed.values()]))
            for size in (next(iter(by_seed.values())) if by_seed else {})
        }
        for loss, by_seed in full.items()
    }
    return {"known": KNOWN[name], "dims": kept["dims"], "rules": chosen, "test": curves}


def complete(by_seed: dict[int, Runs]) -> dict[int, Runs]:
    """Return the seeds of which every size is there."""
    most = max(len(runs) for runs in by_seed.values())
    return {seed: runs for seed, runs in by_seed.items() if len(runs) == most}


def draw(result: dict[str, Any]) -> Figure:
    """Draw the test score over the latent size, with what each rule chooses below."""
    sets = result["data"]
    figure = Figure(figsize=(4.4 * len(sets), 4.6), dpi=150, layout="constrained")
    for axes, (name, kept) in zip(
        figure.subplots(1, len(sets), squeeze=False)[0], sets.items(), strict=True
    ):
        for color, (loss, label) in zip(
            COLORS, (("sum", "ELBO"), ("mean", "mean-reduced loss")), strict=False
        ):
            curve = kept["test"].get(loss, {})
            axes.plot(
                [int(size) for size in curve],
                list(curve.values()),
                "o-",
                color=color,
                ms=4,
                label=label,
            )
        low, high = axes.get_ylim()
        step = 0.07 * (high - low)
        for place, (rule, chosen) in enumerate(kept["rules"].items(), start=1):
            y = low - place * step
            axes.plot(
                chosen["sizes"], [y] * len(chosen["sizes"]), "|", color=COLORS[5], ms=10, mew=2
            )
            axes.text(1, y, rule, fontsize=7, va="center")
        if kept["known"]:
            axes.axvline(kept["known"], color="black", linestyle=":", label="known answer")
        axes.set(xscale="log", xlabel="latent dimensions", title=name)
        axes.set(ylabel="test, bits per dimension", xticks=SIZES, xticklabels=SIZES)
        axes.minorticks_off()
        axes.set_yticks([tick for tick in axes.get_yticks() if low <= tick <= high])
        axes.legend(frameon=False, fontsize=8)
        style(axes)
    return figure


def main() -> None:
    """Train what is missing, and write the results."""
    given = parse_options(__doc__)
    folder = (given.runs / "study_3").absolute()
    if not (folder / "ppca.npz").exists():
        make_table(folder / "ppca.npz")
    jobs = list_jobs(folder, given.short)
    if not given.collect:
        train_jobs([job for job in jobs if given.only.search(job.name)], folder)
    result = collect(jobs, folder)
    write_json(given.out / "study_3.json", result)
    save(draw(result), given.out / "study_3.png")


if __name__ == "__main__":
    main()
