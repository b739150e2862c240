"""What objectives, posteriors and priors cost beside a plain ELBO step of the same nets.

    python benchmarks/objective_cost.py [--out results/objective_cost.json]

Every YAML of conf/objective, conf/posterior and conf/prior in the place of elbo, normal and
standard_normal, with its defaults: a batch of 128 binarised 28x28 images, mlp_vae
784-512-256-16-256-512-784, bernoulli. Forward is the loss without gradients, both ways with those
of all parameters, an objective's own among them; the optimiser's step is left out. Each is timed
in turns with the plain ELBO; a row holds the median of the ratios and their quartiles, of
processor time (`likelihood_cost.compare`).
"""

import argparse
import math
import platform
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from likelihood_cost import compare, processor
from torch import Tensor, nn

from vael.config.build import build_vae
from vael.config.compose import compose_config
from vael.distributed.processes import keep_freed_memory
from vael.files import write_json
from vael.models.priors.base import Prior
from vael.randomness import Seeds
from vael.training.setup import build_objective
from vael.types import DataSpec

CONF = Path(__file__).parents[1] / "conf"
PLAIN = {"objective": "elbo", "posterior": "normal", "prior": "standard_normal"}
NEEDS = {"delta": ["objective=wae"]}
MORE = {"bound": ["objective.k=50"]}  # rows with other options than the defaults
BATCH, EXAMPLES = 128, 50_000
SPEC = DataSpec((1, 28, 28), 2, "unit", EXAMPLES, 10_000, 10_000)

Step = Callable[[], object]


def choices() -> Iterator[tuple[str, ...]]:
    """The settings of each row of the table."""
    for group, plain in PLAIN.items():
        for path in sorted((CONF / group).glob("*.yaml")):
            if path.stem != plain:
                yield (f"{group}={path.stem}", *NEEDS.get(path.stem, ()))
                yield from ((f"{group}={path.stem}", more) for more in MORE.get(path.stem, ()))


def steps(settings: tuple[str, ...]) -> tuple[Step, Step]:
    """The loss of a batch without gradients, and with those of all parameters."""
    config = compose_config(["model=mlp_vae", "likelihood=bernoulli", *settings])
    seeds, source = Seeds.derive(0), torch.Generator().manual_seed(0)
    vae = build_vae(config, SPEC, seeds)
    for prior in (module for module in vae.modules() if isinstance(module, Prior)):
        if prior.num_examples:
            prior.initialise(torch.rand(prior.num_examples, *SPEC.event_shape, generator=source))
    facts = {"num_data": EXAMPLES, "latent_size": math.prod(vae.noise_shapes[0])}
    objective = build_objective(config, facts, seeds)
    x = torch.bernoulli(torch.full((BATCH, *SPEC.event_shape), 0.2), generator=source)
    parameters = [*nn.ModuleList([vae, objective]).parameters()]

    def draw(shapes: tuple[tuple[int, ...], ...]) -> tuple[Tensor, ...]:
        return tuple(torch.randn(objective.num_samples, BATCH, *shape) for shape in shapes)

    def loss() -> Tensor:
        trace = vae(x, draw(vae.noise_shapes))
        trace = replace(trace, noise=draw(objective.noise_shapes(vae.latents)))
        return objective(trace, 0, objective.beta(0)).value

    def both_ways() -> object:
        for parameter in parameters:
            parameter.grad = None
        loss().backward()
        return parameters[0].grad

    return torch.no_grad()(loss), both_ways


def main() -> None:
    """Measures, prints, and writes where it is asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--out", type=Path, help="a JSON file to write")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    keep_freed_memory()
    plain, rows = steps(()), []
    for settings in choices():
        there, back = (compare(*pair) for pair in zip(steps(settings), plain, strict=True))
        rows.append({"settings": list(settings), "forward": there, "both_ways": back})
        shown = [
            f"{r['ratio']:.2f} ({r['quartile_1']:.2f}-{r['quartile_3']:.2f})"
            for r in (there, back)
        ]
        print(f"{' '.join(settings):36}{shown[0]:>24}{shown[1]:>24}", flush=True)
    if out is not None:
        write_json(
            out,
            {
                "what": "processor time of a loss over that of the plain ELBO's",
                "batch": BATCH,
                "threads": 1,
                "torch": torch.__version__,
                "python": platform.python_version(),
                "processor": processor(),
                "rows": rows,
            },
        )


if __name__ == "__main__":
    main()
