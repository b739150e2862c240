"""Runs of a study: each is trained once, continued where it was stopped, and measured once."""

import argparse
import contextlib
import re
import shlex
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vael.config.compose import compose_config
from vael.errors import NonFiniteLoss
from vael.files import write_bytes, write_json
from vael.metrics.catalog import ACTIVE_THRESHOLD
from vael.pretrained.scoring import Part, Scorer, list_chunks
from vael.pretrained.trained import Trained, load_trained
from vael.runs.creation import make_run_folder
from vael.runs.json_files import peek_json
from vael.runs.summary import Summary, read_summary
from vael.training.fit import train

RESULTS = Path(__file__).parents[2] / "results"
MEASURED = "measured.json"
COLORS = ("#3f90da", "#e76300", "#2e8b57", "#a96b59", "#832db6", "#717581")
QUIET = (
    *(
        "logger=csv",
        "report=false",
        "trainer.threads=1",
        "callbacks.progress.refresh_seconds=null",
    ),
    *("callbacks.pictures.every_n_epochs=null", "callbacks.pictures.num_examples=8"),
    "callbacks.early_stopping.patience=null",
)
"""Settings of all studies: no board, no pictures, the whole number of epochs."""


@dataclass(frozen=True)
class Job:
    """One run of a study.

    Attributes:
        name: of its folder below that of the study.
        settings: as on the command line of ``vael train``.
        facts: what the study looks it up by.
    """

    name: str
    settings: tuple[str, ...]
    facts: dict[str, Any]


def parse_options(text: str) -> argparse.Namespace:
    """Read RUNS, settings of the data, ``--short`` and ``--collect``."""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("runs", type=Path, help="folder of the runs; they are not trained again")
    parser.add_argument("settings", nargs="*", help="of MNIST: data.path=FOLDER")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--short", action="store_true", help="a few epochs, a few runs: a test")
    parser.add_argument("--collect", action="store_true", help="train nothing")
    parser.add_argument(
        "--only",
        default=re.compile(""),
        type=re.compile,
        help="train only jobs whose name matches this pattern",
    )
    return parser.parse_args()


def find_run(folder: Path) -> Path | None:
    """Return the run below a job's folder, if there is one."""
    return next((run for run in sorted(folder.glob("*")) if (run / "config.yaml").exists()), None)


def train_jobs(jobs: Iterable[Job], folder: Path) -> None:
    """Train what has not ended, in order; a loss that is not finite is an end, too."""
    torch.set_num_threads(1)
    for job in jobs:
        run = find_run(folder / job.name)
        if run is None:
            place = (f"output_dir={folder}", f"name={job.name}")
            run = make_run_folder(compose_config([*job.settings, *place]))
        summary = read_summary(run)
        if summary is None or summary["status"] in ("interrupted", "failed"):
            if summary and "finite" in (summary["reason"] or ""):
                continue
            started = time.process_time()
            with contextlib.suppress(NonFiniteLoss):
                train(run)
            print(f"{job.name}  {time.process_time() - started:.0f} s", flush=True)


def ended(jobs: Sequence[Job], folder: Path) -> list[tuple[Job, Path, Summary]]:
    """Return the jobs whose runs are finished, with folder and summary."""
    found = []
    for job in jobs:
        run = find_run(folder / job.name)
        summary = None if run is None else read_summary(run)
        if run is not None and summary and summary["status"] == "finished":
            found.append((job, run, Summary.of(summary)))
    return found


def measure_run(run: Path, samples: int, which: str = "last") -> dict[str, Any]:
    """Return the means of a run's scores by split, and its active units; kept in its folder.

    Args:
        run: its folder.
        samples: K, importance samples per example.
        which: checkpoint, ``last`` or ``best``.
    """
    path = run / MEASURED
    kept = peek_json(path)
    asked = {"samples": samples, "checkpoint": which}
    if isinstance(kept, dict) and asked.items() <= kept.items():
        return kept
    trained = load_trained(run, which=which)
    scorer = Scorer(trained, torch.device("cpu"), samples)
    found: dict[str, Any] = dict(asked)
    for split in ("train", "val", "test"):
        part = Part(split)
        chunks = [scorer.score(p, n, lambda pairs: None) for p, n in list_chunks(scorer, (part,))]
        found[split] = {
            name: float(np.concatenate([chunk[name] for chunk in chunks]).mean())
            for name in chunks[0]
        }
    found |= measure_latents(trained, scorer)
    write_json(path, found)
    return found


@torch.inference_mode()
def measure_latents(trained: Trained, scorer: Scorer) -> dict[str, Any]:
    """Return active units (Burda et al. 2016) and mean KLs by dimension, on the training data.

    Directions are counted likewise, by the eigenvalues of the covariance of E[z|x]: latents that
    are rotated share what one of them carries, and would all count as units.
    """
    part, means, kls = Part("train"), [], []
    for _, chunk in list_chunks(scorer, (part,)):
        x = scorer.x(part, scorer.examples(part).at(chunk))
        q = trained.vae.encode(x)
        means.append(q.mean)
        variance = q.sigma**2  # type: ignore[union-attr]
        kls.append((q.mean**2 + variance - 1 - variance.log()) / 2)
    mean = torch.cat(means).double()
    spread = torch.linalg.eigvalsh(torch.cov(mean.T).reshape(2 * (mean.shape[1],)))
    return {
        "active_units": int((mean.var(0) > ACTIVE_THRESHOLD).sum()),
        "active_directions": int((spread > ACTIVE_THRESHOLD).sum()),
        "kl": torch.cat(kls).mean(0).tolist(),
    }


def style(axes: Axes) -> None:
    """Take away the frame's upper and right side."""
    axes.spines[["top", "right"]].set_visible(False)


def save(figure: Figure, path: Path) -> None:
    """Write a picture."""
    write_bytes(path, lambda file: figure.savefig(file, format="png"))


@torch.inference_mode()
def load_split(trained: Trained, split: str) -> np.ndarray:
    """Return the examples of a split as the likelihood sees them, ``(N, D)``."""
    scorer, part = Scorer(trained, torch.device("cpu"), 1), Part(split)  # type: ignore[arg-type]
    chunks = [scorer.x(p, scorer.examples(p).at(n)) for p, n in list_chunks(scorer, (part,))]
    return torch.cat(chunks).flatten(1).double().numpy()


def portable(settings: Sequence[str]) -> str:
    """Return the settings in one line, without the folders of the machine."""
    shown = ["data.path=FOLDER" if s.startswith("data.path=") else s for s in settings]
    return shlex.join(shown)
