"""What each likelihood costs beside a squared error of the same size, on one thread.

    python benchmarks/likelihood_cost.py [--out results/likelihood_cost.json]

Every YAML of conf/likelihood, from the decoder's output theta (standard normal) to the
log-likelihood of a batch of 128 examples with 784 dimensions: link and ``log_likelihood``, forward
without and with the way back to theta. The squared error is ``((x - mu)**2).sum()`` on 128 x 784
numbers. The two are timed in turns; a row holds the median of the ratios and their quartiles.
Processor time is counted, so that other work of the machine disturbs little; freed memory is kept,
as in training (`vael.distributed.processes`). Theta has as many
numbers as the family has parameters: a categorical on 256 levels needs 256 times the memory of a
Gaussian for it (103 MB), and as much again for each intermediate result.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from math import ceil, prod
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor

from vael.config.build import build_part
from vael.distributed.processes import keep_freed_memory
from vael.errors import ConfigError
from vael.files import write_json
from vael.models.likelihoods.base import Likelihood

CONF = Path(__file__).parents[1] / "conf" / "likelihood"
BATCH, EVENT = 128, (1, 28, 28)
ROUNDS = 15
LEAST = 5e-3  # seconds that one timing lasts at least


def families() -> Iterator[tuple[str, str, int | None, Likelihood[Any]]]:
    """Name, fit, levels and likelihood of each row of the table."""
    for path in sorted(CONF.glob("*.yaml")):
        node: Any = OmegaConf.load(path)
        fits = ("mass", "density") if node.fit == "auto" else (node.fit,)
        for fit, levels in ((fit, levels) for fit in fits for levels in (256, 2, None)):
            event = EVENT if levels else (prod(EVENT),)
            node.fit = fit
            try:
                made = build_part(node, Likelihood, path.stem, event_shape=event, levels=levels)
            except ConfigError:
                continue  # a mass without levels, a density of a family that has none
            # A density does not see the levels: once is enough.
            if fit == "mass" or levels == 256 or (levels is None and path.stem == "student_t"):
                yield path.stem, fit, levels, made


def forward(likelihood: Likelihood[Any], theta: Tensor, x: Tensor) -> Callable[[], object]:
    """The sum of the log-likelihoods, without gradient."""

    @torch.no_grad()
    def run() -> object:
        return likelihood.log_likelihood(likelihood(theta), x).sum()

    return run


def both_ways(likelihood: Likelihood[Any], theta: Tensor, x: Tensor) -> Callable[[], object]:
    """The same and its gradient in theta."""
    leaf = theta.requires_grad_()

    def run() -> object:
        leaf.grad = None
        likelihood.log_likelihood(likelihood(leaf), x).sum().backward()
        return leaf.grad

    return run


def squared_error(x: Tensor) -> tuple[Callable[[], object], Callable[[], object]]:
    """What the likelihoods are compared with, forward, and forward and backward."""
    mu = torch.randn(1, *x.shape)
    leaf = torch.randn(1, *x.shape).requires_grad_()

    def backward() -> object:
        leaf.grad = None
        ((x - leaf) ** 2).sum().backward()
        return leaf.grad

    return lambda: ((x - mu) ** 2).sum(), backward


def seconds(run: Callable[[], object], calls: int) -> float:
    """Processor time of one call, as the mean of some."""
    start = time.process_time()  # not the clock: other work of the machine is not counted
    for _ in range(calls):
        run()
    return (time.process_time() - start) / calls


def compare(run: Callable[[], object], reference: Callable[[], object]) -> dict[str, float]:
    """The ratio of two times, measured in turns: median and quartiles; and both medians."""
    counts = []
    for function in (run, reference):
        seconds(function, 2)
        counts.append(max(1, ceil(LEAST / seconds(function, 1))))
    times = [(seconds(run, counts[0]), seconds(reference, counts[1])) for _ in range(ROUNDS)]
    low, median, high = statistics.quantiles((a / b for a, b in times), n=4)
    return {
        "ratio": round(median, 2),
        "quartile_1": round(low, 2),
        "quartile_3": round(high, 2),
        "milliseconds": round(1e3 * statistics.median(a for a, _ in times), 4),
        "reference_milliseconds": round(1e3 * statistics.median(b for _, b in times), 4),
    }


def processor() -> str:
    """The processor's name, where the system tells it."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def measure() -> list[dict[str, object]]:
    """The rows of the table; each is printed when it is known."""
    rows: list[dict[str, object]] = []
    print(
        f"{'likelihood':22}{'fit':9}{'levels':>7}{'numbers':>9}"
        f"{'forward':>26}{'forward + backward':>26}"
    )
    for name, fit, levels, likelihood in families():
        torch.manual_seed(0)
        shape = (BATCH, *likelihood.event_shape)
        x = torch.randint(0, levels, shape) / (levels - 1) if levels else torch.randn(shape)
        theta = torch.randn(1, BATCH, *likelihood.theta_shape)
        reference, reference_back = squared_error(x)
        there = compare(forward(likelihood, theta, x), reference)
        back = compare(both_ways(likelihood, theta, x), reference_back)
        numbers = prod(likelihood.theta_shape) // prod(EVENT)
        rows.append(
            {
                "likelihood": name,
                "fit": fit,
                "levels": levels,
                "numbers_per_dimension": numbers,
                "forward": there,
                "forward_backward": back,
            }
        )
        shown = [
            f"{r['ratio']:.1f} ({r['quartile_1']:.1f}-{r['quartile_3']:.1f})"
            for r in (there, back)
        ]
        print(
            f"{name:22}{fit:9}{levels or '-':>7}{numbers:>9}{shown[0]:>26}{shown[1]:>26}",
            flush=True,
        )
    return rows


def main() -> None:
    """Measures, prints, and writes where it is asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--out", type=Path, help="a JSON file to write")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    keep_freed_memory()
    rows = measure()
    if out is not None:
        write_json(
            out,
            {
                "what": "processor time of link and log_likelihood over ((x - mu)**2).sum()'s",
                "batch": BATCH,
                "dimensions": prod(EVENT),
                "rounds": ROUNDS,
                "threads": 1,
                "torch": torch.__version__,
                "python": platform.python_version(),
                "processor": processor(),
                "rows": rows,
            },
        )


if __name__ == "__main__":
    main()
