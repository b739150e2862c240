"""How fast `vael evaluate` is: MNIST test images, mlp 784-400-20, 1000 samples, one pinned core.

    python benchmarks/evaluate.py --data FOLDER [--images 100] [--out results/evaluate.json]

Figures of processor time, so that other work of the machine disturbs little:

- products: the share of the decoder's matrix products (``addmm`` of the same sizes, alone);
- get_nll: how much longer pythae's ``VAE.get_nll`` takes (where the ``[bench]`` extra is
  installed), a loop over single images in chunks of 100 samples, here without gradients;
- loop: the same of a kinder loop: it takes vael's own model, hence its cross-entropy;
- memory: the peak above the idle process (model and data loaded), with 1,000 and 10,000 samples.

The weights are those of an untrained model: no matter for the time. All are measured in turns,
the loops in a process of their own because the evaluation changes how memory is given back
(`vael.distributed.processes`); a figure is the median of the rounds' ratios.
"""

import argparse
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from vael.config.build import build_data, build_seeds, build_vae
from vael.config.compose import compose_config
from vael.data.batches import EVAL_CHUNK
from vael.distributed.processes import keep_freed_memory
from vael.files import write_json
from vael.metrics.evidence import samples_per_pass
from vael.pretrained.scoring import Part, Scorer
from vael.pretrained.trained import Trained

SAMPLES, LOOP_SAMPLES, MANY = 1000, 100, 10_000
TEST = Part("test")
LOOPS = {"loop": "one image at a time       ", "get_nll": "pythae's get_nll          "}


def make_scorer(folder: str, samples: int, device: str = "cpu") -> Scorer:
    """An untrained model on the MNIST of this folder."""
    config = compose_config(
        [
            "data=mnist",
            f"data.path={folder}",
            "data.binarize=stochastic",
            "model=mlp_vae",
            "model.encoder.hidden=[400]",
            "model.decoder.hidden=[400]",
            "model.latent_dim=20",
        ]
    )
    seeds = build_seeds(config)
    data = build_data(config, seeds)
    data.prepare()
    vae = build_vae(config, data.spec, seeds).eval().requires_grad_(False)
    trained = Trained(Path(), config, data, vae, data.preprocess, False)
    return Scorer(trained, torch.device(device), samples)


def evaluation(scorer: Scorer, images: int) -> None:
    """What `vael evaluate` does with this many images."""
    for chunk in range(images // EVAL_CHUNK):
        scorer.score(TEST, chunk, lambda pairs: None)


@torch.inference_mode()
def products(scorer: Scorer, images: int) -> None:
    """The decoder's matrix products of the same work, in the same passes, and nothing else."""
    layers = [m for m in scorer.vae.likelihood.net.modules() if isinstance(m, torch.nn.Linear)]
    at_once = samples_per_pass(EVAL_CHUNK, 784, scorer.samples, device=scorer.device)
    inputs = [
        torch.randn(EVAL_CHUNK * at_once, layer.in_features, device=scorer.device)
        for layer in layers
    ]
    for _ in range(images // EVAL_CHUNK * scorer.samples // at_once):
        for layer, rows in zip(layers, inputs, strict=True):
            torch.addmm(layer.bias, rows, layer.weight.t())


@torch.inference_mode()
def loop(scorer: Scorer, images: int) -> None:
    """One image at a time, in chunks of 100 samples."""
    batch = scorer.examples(TEST).at(0)
    x = scorer.x(TEST, batch)
    for number in range(images):
        log_w = [
            scorer.vae(x[number : number + 1], (torch.randn(LOOP_SAMPLES, 1, 20),)).log_w()
            for _ in range(SAMPLES // LOOP_SAMPLES)
        ]
        torch.logsumexp(torch.cat(log_w), 0)


@torch.inference_mode()
def get_nll(scorer: Scorer, images: int) -> None:
    """The loop of pythae over the same nets."""
    sys.path.insert(0, str(Path(__file__).parent / "contenders"))
    from _pythae import vae

    x = scorer.x(TEST, scorer.examples(TEST).at(0))
    vae("mlp").eval().get_nll(x[:images], n_samples=SAMPLES, batch_size=LOOP_SAMPLES)


def serve(pipe: Any, folder: str, keep: bool) -> None:
    """Answers requests (what, images) with the seconds of processor time."""
    torch.set_num_threads(1)
    if keep:
        keep_freed_memory()
    scorer = make_scorer(folder, SAMPLES)
    work: dict[str, Callable[[Scorer, int], None]] = {
        "evaluation": evaluation,
        "products": products,
        "loop": loop,
        "get_nll": get_nll,
    }
    while (request := pipe.recv()) is not None:
        what, images = request
        started = time.process_time()
        work[what](scorer, images)
        pipe.send(time.process_time() - started)


def peak(pipe: Any, folder: str, samples: int) -> None:
    """Sends the MiB by which the evaluation of a chunk exceeds the idle process."""
    torch.set_num_threads(1)
    keep_freed_memory()
    scorer = make_scorer(folder, samples)
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    evaluation(scorer, EVAL_CHUNK)
    pipe.send((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle) / 1024)


def measure(folder: str, images: int, rounds: int) -> dict[str, Any]:
    """The three figures."""
    context = multiprocessing.get_context("spawn")

    def start(target: Callable[..., None], *arguments: object) -> Any:
        here, there = context.Pipe()
        context.Process(target=target, args=(there, *arguments), daemon=True).start()
        return here

    ours, theirs = start(serve, folder, True), start(serve, folder, False)

    def seconds(pipe: Any, what: str, count: int) -> float:
        pipe.send((what, count))
        return float(pipe.recv())

    loops = ["loop", *(["get_nll"] if find_spec("pythae") else [])]
    turns = [
        ("evaluation", ours, images),
        ("products", ours, images),
        *((name, theirs, EVAL_CHUNK) for name in loops),
    ]
    per_image: dict[str, list[float]] = {what: [] for what, *_ in turns}
    for turn in range(rounds + 1):
        for what, pipe, count in turns:
            spent = seconds(pipe, what, count) / count
            if turn:  # the first one warms up
                per_image[what].append(spent)
    ours.send(None)
    theirs.send(None)
    whole = per_image["evaluation"]
    return {
        "share_of_products": ratio(per_image["products"], whole),
        **{f"{name}_over_evaluation": ratio(per_image[name], whole) for name in loops},
        "milliseconds_per_image": {
            name: 1000 * statistics.median(values) for name, values in per_image.items()
        },
        "peak_mib_above_idle": {
            str(samples): start(peak, folder, samples).recv() for samples in (SAMPLES, MANY)
        },
    }


def ratio(above: list[float], below: list[float]) -> dict[str, float]:
    """Median, least and largest of the rounds' ratios."""
    found = sorted(a / b for a, b in zip(above, below, strict=True))
    return {"median": statistics.median(found), "least": found[0], "largest": found[-1]}


def main() -> None:
    """Prints the figures and writes them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", required=True, help="a folder with MNIST's parquet files")
    parser.add_argument("--images", type=int, default=EVAL_CHUNK, help="a multiple of 100")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("results/evaluate.json"))
    options = parser.parse_args()
    if options.images < EVAL_CHUNK or options.images % EVAL_CHUNK:
        parser.error("--images must be a multiple of 100")
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    found = measure(options.data, options.images, options.rounds)
    found |= {
        "samples": SAMPLES,
        "images": options.images,
        "rounds": options.rounds,
        "load_1min": os.getloadavg()[0],
        "torch": torch.__version__,
        "machine": platform.processor() or platform.machine(),
        "command": f"python benchmarks/evaluate.py --data FOLDER --images {options.images} "
        f"--rounds {options.rounds}",
    }
    write_json(options.out, found)
    shares = found["share_of_products"]
    print(
        f"decoder's matrix products  {shares['median']:.0%} of the evaluation's time "
        f"({shares['least']:.0%} .. {shares['largest']:.0%})"
    )
    for name in ("loop", "get_nll"):
        if times := found.get(f"{name}_over_evaluation"):
            print(
                f"{LOOPS[name]} {times['median']:.2f} times as long "
                f"({times['least']:.2f} .. {times['largest']:.2f})"
            )
    for samples, mib in found["peak_mib_above_idle"].items():
        print(f"peak memory                {mib:.0f} MiB above idle with {samples} samples")


if __name__ == "__main__":
    main()
