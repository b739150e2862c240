"""A run beside the published number that it reproduces: results/NAME.json and its curve.

    python train.py experiment=iwae_1l data.path=FOLDER logger=csv trainer.threads=1
    vael evaluate RUN --samples 5000
    python benchmarks/published.py RUN --out results/iwae_1l.json [--cpu-seconds S]

Reads RUN/summary.json, evaluation.json and metrics.csv; with ``--first N`` it scores the first N
test images itself, by the same noise, where the whole evaluation takes too long. The picture
beside the JSON is the validation NLL (a looser bound: few samples) against epochs, with a line at
what is published.
"""

import argparse
import json
import shlex
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from vael.data.batches import EVAL_CHUNK
from vael.errors import ConfigError, VaelError
from vael.evaluation.result import summarize_scores
from vael.files import write_bytes, write_json
from vael.pretrained.scoring import Part, Scorer
from vael.pretrained.trained import load_trained
from vael.runs.evaluation_file import read_evaluation
from vael.runs.metrics_csv import Series, read_history
from vael.runs.summary import read_summary


@dataclass(frozen=True)
class Published:
    """What others have reported.

    Attributes:
        nll: on the test data, nats.
        k: importance samples behind it.
        active_units: latent dimensions in use.
        source: where it is said.
        others: further reports of the same setting, nats.
        deviations: in what our run differs from theirs.
    """

    nll: float
    k: int
    active_units: int
    source: str
    others: dict[str, float]
    deviations: tuple[str, ...]


REFERENCES = {
    "iwae_1l": Published(
        nll=86.76,
        k=5000,
        active_units=19,
        source="Burda, Grosse and Salakhutdinov 2016 (https://arxiv.org/abs/1509.00519), Table 1: "
        "VAE, one stochastic layer, k = 1",
        others={
            "nbip/IWAE, TensorFlow 2": 86.35,
            "nbip/IWAE, an older commit": 87.75,
            "xqding, PyTorch": 87.75,
        },
        deviations=(
            "batches of 100 instead of 20",
            "the epochs given here instead of 3,280",
            "half a cosine from 2e-3 instead of eight stages from 1e-3 to 1e-4",
            "55,000 training images instead of 59,600; 5,000 choose the best epoch",
            "test images binarised once, by a fixed seed",
        ),
    )
}


def main() -> None:
    """Writes the JSON and the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="its folder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cpu-seconds", type=float, help="of the training, as `time` says")
    parser.add_argument("--first", type=int, help="score so many test images, here and now")
    options = parser.parse_args()
    name = options.out.stem
    if name not in REFERENCES:
        raise SystemExit(
            f"--out must be a .json called after one of {', '.join(REFERENCES)}, but "
            f"got {options.out.name}."
        )
    try:
        published = REFERENCES[name]
        evaluation = (
            read_evaluation(options.run)
            if options.first is None
            else score_first(options.run, options.first, published.k)
        )
        result, curve = collect(options.run, published, evaluation)
    except VaelError as error:
        raise SystemExit(str(error)) from None
    result["cpu_seconds"] = options.cpu_seconds
    write_json(options.out, result)
    figure = draw(curve, result)
    write_bytes(options.out.with_suffix(".png"), lambda file: figure.savefig(file, format="png"))
    print(
        json.dumps(
            {
                key: result[key]
                for key in ("nll", "nll_se", "k", "num_examples", "epochs", "seconds")
            }
        )
    )


def score_first(run: Path, images: int, samples: int) -> dict[str, Any]:
    """What `vael evaluate` says of the first test images, in whole chunks of 100."""
    started = time.perf_counter()
    trained = load_trained(run)
    scorer, part = Scorer(trained, torch.device("cpu"), samples), Part("test")
    numbers = range(-(-images // EVAL_CHUNK))
    chunks = [scorer.score(part, number, lambda pairs: None) for number in numbers]
    columns = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    found = summarize_scores(trained, "test", scorer.ks, columns, None)
    return found | {
        "seconds": time.perf_counter() - started,
        "command": f"python benchmarks/published.py RUN --first {images}",
    }


def collect(
    run: Path, published: Published, evaluation: dict[str, Any] | None
) -> tuple[dict[str, Any], Series]:
    """The result, and the validation NLL against epochs.

    Raises:
        ConfigError: the run has not finished, or has not been evaluated.
    """
    summary = read_summary(run)
    if summary is None or summary["status"] != "finished":
        raise ConfigError(f"{run} has not finished: vael train {run}.")
    if evaluation is None:
        raise ConfigError(
            f"{run} has no evaluation.json: vael evaluate {run} --samples {published.k}."
        )
    bound = read_history(run / "metrics.csv").series["val/iwae"]
    curve = Series(bound.x, bound.step, [-value for value in bound.value])
    k = evaluation["samples"]
    last = evaluation["bounds"][str(k)]
    result = {
        "nll": last["nll"],
        "nll_se": last["nll_se"],
        "k": k,
        "split": evaluation["split"],
        "num_examples": evaluation["num_examples"],
        "published": asdict(published),
        "bounds": evaluation["bounds"],
        "ess": evaluation["ess"],
        "scores": evaluation["scores"],
        "active_units": summary["metrics"].get("test/active_units"),
        "epochs": summary["epochs"],
        "best_epoch": summary["best_epoch"],
        "steps": summary["steps"],
        "seconds": summary["seconds"],
        "threads": summary["threads"],
        "examples_per_second": summary["examples_per_second"],
        "seed": summary["seed"],
        "device": summary["accelerator"],
        "command": portable(summary["command"]),
        "evaluation_command": evaluation["command"].replace(str(run), "RUN"),
        "evaluation_seconds": evaluation["seconds"],
        "git_sha": summary["git_sha"],
        "versions": summary["versions"],
        "curve": {
            "epoch": [round(x, 3) for x in curve.x],
            "val_nll": [round(value, 4) for value in curve.value],
            "k": summary["samples"]["val"],
        },
    }
    return result, curve


def portable(command: str) -> str:
    """Without the folders of the machine."""
    words = [word for word in shlex.split(command) if not word.startswith("output_dir=")]
    return " ".join(
        "data.path=FOLDER" if word.startswith("data.path=") else word for word in words
    )


def draw(curve: Series, result: dict[str, Any]) -> Figure:
    """The learning curve."""
    figure = Figure(figsize=(6.4, 3.6), dpi=150, layout="constrained")
    axes = figure.subplots()
    published = result["published"]
    axes.plot(
        curve.x, curve.value, color="#e76300", label=f"validation, k = {result['curve']['k']}"
    )
    axes.plot(
        [result["best_epoch"] + 1],
        [result["nll"]],
        "o",
        color="#3f90da",
        label=f"test, k = {result['k']}: {result['nll']:.2f}",
    )
    axes.axhline(
        published["nll"],
        color="#717581",
        linestyle="--",
        label=f"published, k = {published['k']}: {published['nll']:.2f}",
    )
    axes.set(
        xlabel="epochs",
        ylabel="NLL, nats per image",
        xscale="log",
        ylim=(min(published["nll"], result["nll"]) - 2, min(max(curve.value), 120)),
    )
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
