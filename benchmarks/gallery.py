"""Samples and a traversal of each objective, posterior and prior, side by side with their bpd.

    python benchmarks/gallery.py RUNS mnist data.path=FOLDER
    python benchmarks/gallery.py RUNS sprites data.image_size=32

Trains every YAML of conf/objective, conf/posterior and conf/prior in the place of elbo, normal and
standard_normal on 2,500 examples: the same nets, seed and number of epochs, small enough for a
laptop. Runs lie in RUNS, and those that are there are not trained again. Writes
results/gallery_DATA.png and results/gallery_DATA.json.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from objective_cost import CONF, PLAIN

from vael.config.compose import compose_config
from vael.files import write_json
from vael.metrics.latent_range import measure_range
from vael.pretrained.model import Model
from vael.pretrained.trained import load_trained
from vael.report.tiles import TileRow, draw_sheet, make_tiles
from vael.runs.creation import make_run_folder
from vael.runs.summary import read_summary
from vael.training.fit import train

RESULTS = Path(__file__).parents[1] / "results"
SHOWN = 6  # samples, and steps of the traversal
EXAMPLE = 3  # of the test split, whose most active dimension is moved
COMMON = (
    *("likelihood=bernoulli", "data.binarize=threshold", "data.limit=2500", "data.batch_size=64"),
    *("model=mlp_vae", "model.latent_dim=10", "model.encoder.hidden=[256]"),
    *("model.decoder.hidden=[256]", "trainer.max_epochs=25", "trainer.threads=1"),
    *("logger=csv", "report=false", "evaluation.test_samples=100"),
    "callbacks.pictures.num_examples=8",
)


def choices() -> Iterator[tuple[str, str]]:
    """The plain ELBO, and each option in the place of its own."""
    yield "objective", "elbo"
    for group, plain in PLAIN.items():
        names = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
        yield from ((group, name) for name in names if name != plain)


def trained(folder: Path, settings: list[str]) -> Path:
    """The folder of a finished run with these settings; it is trained where there is none."""
    for run in sorted(folder.glob("*")):
        summary = read_summary(run)
        if summary and summary["status"] == "finished":
            return run
    name = f"name={folder.name}"
    run = make_run_folder(compose_config([*settings, f"output_dir={folder.parent}", name]))
    train(run)
    return run


def draw(run: Path, label: str) -> TileRow:
    """Samples of the prior, a gap, and the most active dimension of one test example."""
    loaded = load_trained(run)
    model, x = Model.of(loaded), loaded.data.head("test", 500).x
    (dim,) = model.activity(x).order(1)
    z = model.encode(x[EXAMPLE:][:1]).mu.repeat(SHOWN, 1)
    reach = measure_range(model.prior(), model.vae.prior_noise_shapes[0])
    z[:, dim] = reach.space([dim], SHOWN)[0]
    samples, moved = (make_tiles(images) for images in (model.sample(SHOWN), model.decode(z)))
    return TileRow(np.concatenate([samples, np.zeros_like(samples[:1]), moved]), label)


def main() -> None:
    """Trains, draws, writes and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("runs", type=Path)
    parser.add_argument("data")
    parser.add_argument("settings", nargs="*")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows, found = [], {}
    for group, name in choices():
        choice = f"{group}={name}"
        settings = [f"data={given.data}", *COMMON, *given.settings, choice]
        settings += ["objective=wae"] if name == "delta" else []  # which has no bpd
        run = trained(given.runs / given.data / choice, settings)
        metrics = json.loads((run / "summary.json").read_text())["metrics"]
        found[choice] = {part: metrics.get(f"test/{part}") for part in ("bpd", "rate", "mse")}
        bpd = found[choice]["bpd"]
        text = "no bpd" if bpd is None else f"{bpd:.4f} bits/dim"
        rows.append([draw(run, f"{choice}\n{text}")])
        print(choice, found[choice], flush=True)
        write(given.data, [*COMMON, *given.settings], rows, found)


def write(
    data: str, settings: list[str], rows: list[list[TileRow]], found: dict[str, Any]
) -> None:
    """Writes the picture and the numbers of the rows that are there."""
    header = ["samples", *[""] * SHOWN, "moved", *[""] * (SHOWN - 1)]
    sheet = draw_sheet(rows, header).quantize(64)
    sheet.save(RESULTS / f"gallery_{data}.png", optimize=True)
    shared = [setting for setting in settings if not setting.startswith("data.path=")]
    facts = {"settings": shared, "choices": found}
    write_json(RESULTS / f"gallery_{data}.json", facts)


if __name__ == "__main__":
    main()
