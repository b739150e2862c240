"""Published numbers and what shipped experiments reach: results/published.json.

    python benchmarks/studies/reached.py RUNS

RUNS/published/NAME-SEED/ holds runs of `vael train`, RUNS/sweeps/nvae/ those of `vael sweep nvae`;
docs/published.md has the commands. A run counts once it is finished; NLLs are those of
`vael evaluate RUN --samples K`. A row of which RUNS has nothing stays as it was, so that runs may
come from several machines. A difference of two runs has the standard error of the paired test
examples, by their bounds in test_scores.npz. NAME.time beside a run may hold its processor
seconds, user and system, a line for each attempt (`/usr/bin/time -a -f '%U %S'`).
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from runs import RESULTS

from vael.files import write_json
from vael.runs.evaluation_file import read_evaluation
from vael.runs.example_scores import read_example_scores
from vael.runs.folder import read_config
from vael.runs.json_files import peek_json
from vael.runs.summary import Summary, read_summary

PIXELS = 784
NVAE = {2: 135.73, 5: 110.21, 10: 93.84, 20: 88.90, 40: 88.93}
BURDA = "Burda et al. 2016, Table 1"
DAVIDSON = "Davidson et al. 2018, Table 1"
REMEMBERED = "not checked against the paper's text"


@dataclass(frozen=True)
class Row:
    """A published number, and where a run that should reach it lies.

    Attributes:
        what: the model and the score.
        published: the number, in ``unit``.
        unit: nats or bits/dim.
        source: where it is said.
        checked: how the figure was checked.
        command: that trains it.
        runs: its folders below RUNS, as a pattern.
        samples: K of the evaluation; None: the test ELBO of summary.json.
        less: of a difference, the folders of what is subtracted, as a pattern; of the same seeds.
        why: it has not been reached, where there is more to say.
    """

    what: str
    published: float
    unit: str
    source: str
    checked: str
    command: str
    runs: str = ""
    samples: int | None = None
    less: str = ""
    why: str = ""


NBIP = "as printed in the README of nbip/IWAE"
ROWS = (
    *(
        Row(
            f"N-VAE, d = {size}, NLL",
            nll,
            "nats",
            DAVIDSON,
            REMEMBERED,
            "vael sweep nvae data.path=FOLDER",
            f"sweeps/nvae/trials/*|model.latent_dim={size}",
            500,
        )
        for size, nll in NVAE.items()
    ),
    Row(
        "BB-ANS' VAE, test ELBO",
        1.39,
        "bits/dim",
        "Townsend et al. 2019, Table 2",
        REMEMBERED,
        "vael train experiment=bb_ans data.path=FOLDER",
        "published/bb_ans-*/*/",
    ),
    Row(
        "VAE, one layer, NLL",
        86.76,
        "nats",
        BURDA,
        NBIP,
        "vael train experiment=iwae_1l data.path=FOLDER",
        "published/iwae_1l-cpu/*",
        5000,
    ),
    Row(
        "VAE, two layers, NLL",
        85.33,
        "nats",
        BURDA,
        NBIP,
        "vael train experiment=iwae_2l data.path=FOLDER",
        "published/iwae_2l/*",
        1000,
    ),
    Row(
        "VAE given the label, NLL given it",
        82.32,
        "nats",
        "README of nbip/IWAE",
        "read there",
        "vael train experiment=conditional_iwae_1l data.path=FOLDER",
        "published/conditional_iwae_1l/*",
        5000,
    ),
    Row(
        "IWAE, k = 5, NLL",
        85.54,
        "nats",
        BURDA,
        NBIP,
        "vael train experiment=iwae data.path=FOLDER",
        "published/iwae5-plain/*",
        5000,
    ),
    Row(
        "DReG, k = 5, NLL",
        84.90,
        "nats",
        "README of nbip/IWAE",
        "read there",
        "vael train experiment=iwae objective.gradient=dreg data.path=FOLDER",
        "published/iwae5-dreg/*",
        5000,
    ),
    Row(
        "DReG less IWAE, k = 5, NLL",
        -0.28,
        "nats",
        "README of nbip/IWAE: 84.90 and 85.18",
        "read there",
        "the two above",
        "published/iwae5-dreg/*",
        5000,
        less="published/iwae5-plain/*",
    ),
    Row(
        "IWAE, k = 50, NLL",
        84.78,
        "nats",
        BURDA,
        NBIP,
        "vael train experiment=iwae objective.k=50 trainer.max_epochs=600 data.path=FOLDER",
        "published/iwae50/*",
        5000,
    ),
    Row(
        "VampPrior less standard prior, NLL",
        -2.1,
        "nats",
        "Tomczak and Welling 2018",
        REMEMBERED,
        "vael train experiment=iwae_1l prior=vamp prior.components=500 data.path=FOLDER",
        "published/vamp/*",
        1000,
        less="published/iwae_1l/*",
    ),
)


def find_runs(folder: Path, pattern: str) -> list[Path]:
    """Return the finished runs of a pattern; after ``|`` stands a word of their command."""
    place, _, word = pattern.partition("|")
    found = []
    for run in sorted(folder.glob(place)) if place else []:
        summary = read_summary(run)
        ended = summary and summary["status"] == "finished"
        if ended and (not word or word in summary["command"].split()):
            found.append(run)
    return found


def score(run: Path, row: Row) -> tuple[float, float] | None:
    """Return the score of a run and its standard error over test images, where it is measured."""
    if row.samples is None:
        summary = Summary.of(read_summary(run) or {})
        return -summary.metrics["test/elbo"] / PIXELS / math.log(2), math.nan
    evaluation = read_evaluation(run)
    bound = evaluation and evaluation["bounds"].get(str(row.samples))
    return (bound["nll"], bound["nll_se"]) if bound else None


def reach(folder: Path, row: Row, known: dict[str, Any]) -> dict[str, Any]:
    """Return the row with what was reached: mean over seeds, standard errors, epochs, time.

    Args:
        folder: of the runs.
        row: the published number.
        known: the row as it was collected before.
    """
    asked = {name: value for name, value in asdict(row).items() if name not in ("runs", "less")}
    scored = [(run, both) for run in find_runs(folder, row.runs) if (both := score(run, row))]
    if row.less:
        scored = subtract(scored, folder, row)
    if not scored:
        if known.get("reached") is not None:
            return known | asked
        why = row.why or "not reached yet: it has not been trained to its end"
        nothing = {"reached": None, "se_images": None, "se_seeds": None, "seeds": 0}
        return asked | nothing | {"why": why}
    values = [both[0] for _, both in scored]
    found = asked | {"reached": float(np.mean(values)), "seeds": len(values), "by_seed": values}
    error = float(np.mean([both[1] for _, both in scored]))
    found["se_images"] = None if math.isnan(error) else error
    several = len(values) > 1
    found["se_seeds"] = float(np.std(values, ddof=1) / math.sqrt(len(values))) if several else None
    found["epochs"] = [Summary.of(read_summary(run) or {}).epochs for run, _ in scored]
    return found | {"cpu_seconds": processor_seconds([run for run, _ in scored])}


def subtract(
    scored: Sequence[tuple[Path, tuple[float, float]]], folder: Path, row: Row
) -> list[tuple[Path, tuple[float, float]]]:
    """Return the differences to the runs of the same seed, with their paired standard errors."""
    others = {read_seed(run): run for run in find_runs(folder, row.less)}
    found = []
    for run, (value, _) in scored:
        other = others.get(read_seed(run))
        less = None if other is None else score(other, row)
        if other is not None and less is not None:
            one, two = (read_example_scores(each)["iwae"] for each in (run, other))
            apart = (one - two).astype(np.float64)
            found.append((run, (value - less[0], float(apart.std(ddof=1) / len(apart) ** 0.5))))
    return found


def read_seed(run: Path) -> int:
    """Return the seed of a run."""
    seed: int = read_config(run).seed
    return seed


def processor_seconds(runs: list[Path]) -> float | None:
    """Return the mean processor seconds of runs, of all attempts; None where they are not kept."""
    totals = []
    for run in runs:
        path = run.parent.with_suffix(".time")
        if path.exists():
            lines = [line.split() for line in path.read_text().splitlines()]
            totals.append(sum(float(a) + float(b) for a, b in (x for x in lines if len(x) == 2)))
    return float(np.mean(totals)) if totals else None


def main() -> None:
    """Collect and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS / "published.json")
    given = parser.parse_args()
    kept: Any = peek_json(given.out) or {"rows": []}
    known = {row["what"]: row for row in kept["rows"]}
    rows = [reach(given.runs, row, known.get(row.what, {})) for row in ROWS]
    write_json(given.out, {"rows": rows})
    for row in rows:
        print(row["what"], row["published"], row["reached"], row["seeds"])


if __name__ == "__main__":
    main()
