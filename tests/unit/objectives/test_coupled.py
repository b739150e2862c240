"""Objectives that couple the examples of a batch are the same on one and on several processes."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles.exact_vae import linear_vae
from oracles.flows import shake
from oracles.linear_gaussian import LinearGaussian
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from vael.models.flows import AutoregressiveFlow
from vael.models.posteriors import (
    FullNormal,
    IAFPosterior,
    LaplacePosterior,
    Normal,
    SplinePosterior,
    StudentTPosterior,
)
from vael.models.priors import AutoregressivePrior, NormalMixture, StandardNormal, VampPrior
from vael.objectives import Adversarial, BetaTC, Dip, FactorVae, Info


def discriminating(kind):
    torch.manual_seed(0)
    return kind(2, 7.0, width=4, depth=1).double()


OBJECTIVES = {
    "beta_tc": lambda: BetaTC(num_data=40, alpha=0.5, beta=4.0, gamma=2.0),
    "weighted": lambda: BetaTC(num_data=40, estimator="weighted"),
    "dip_1": lambda: Dip(variant=1, lambda_od=3.0, lambda_d=5.0),
    "info": lambda: Info(alpha=0.5, lambda_mmd=30.0),
    "wae": lambda: Info(alpha=1.0, lambda_mmd=30.0, kernel="imq", scales=(0.5, 2.0)),
    "factor_vae": lambda: discriminating(FactorVae),
    "aae": lambda: discriminating(Adversarial),
    "dip_2": lambda: Dip(variant=2, lambda_od=3.0, lambda_d=5.0),
}
POSTERIORS = {
    "normal": Normal,
    "full_normal": FullNormal,
    "laplace": LaplacePosterior,
    "student_t": StudentTPosterior,
    "iaf": partial(IAFPosterior, transforms=1, hidden=[4], context=1),
    "spline": partial(SplinePosterior, transforms=1, hidden=[4], context=1),
}
PRIORS = {
    "standard_normal": StandardNormal,
    "mixture": partial(NormalMixture, components=3),
    "vamp": partial(VampPrior, example_shape=(4,), components=3),
    "autoregressive": partial(AutoregressivePrior, transforms=1, hidden=[4]),
}
OF_SINGLE_DENSITIES = ("beta_tc", "weighted", "dip_2")  # which a flow does not have
CASES = [
    *(
        (name, posterior, "standard_normal")
        for name in OBJECTIVES
        for posterior in POSTERIORS
        if not (posterior in ("iaf", "spline") and name in OF_SINGLE_DENSITIES)
    ),
    *((name, "normal", prior) for name in OBJECTIVES for prior in list(PRIORS)[1:]),
]
BATCH = 6


class Step(nn.Module):
    """A pass and its loss, so that DDP sees both."""

    def __init__(self, name, posterior, prior):
        super().__init__()
        world = LinearGaussian.draw(4, 2, orthogonal=True)
        A, _ = world.posterior_map()
        family = POSTERIORS[posterior]((2,))
        extra = [-0.5, -0.2, 0.6][: math.prod(family.theta_shape) - 2]
        self.vae = linear_vae(world, family, 0.8 * A, np.full(2, 0.3), np.array(extra))
        torch.manual_seed(1)
        self.vae.latents.prior = PRIORS[prior]((2,)).double()
        for module in self.vae.modules():
            if isinstance(module, AutoregressiveFlow):
                shake(module, 0.5)
        self.objective = OBJECTIVES[name]()
        generator = torch.Generator().manual_seed(3)
        self.x = torch.from_numpy(world.sample(BATCH))
        shapes = (2,), *self.objective.noise_shapes(self.vae.latents)
        self.noise = [
            torch.randn(1, BATCH, *shape, generator=generator, dtype=torch.float64)
            for shape in shapes
        ]

    def forward(self, rank, world):
        x = self.x.chunk(world)[rank]
        eps, *noise = (whole.chunk(world, dim=1)[rank] for whole in self.noise)
        trace = replace(self.vae(x, (eps,)), noise=tuple(noise))
        return self.objective(trace, 0, 1.0).value


def losses_and_gradients(rank, world, wrap):
    """Of every case: the loss, and the gradient of all weights behind z and of the objective."""
    found = {}
    for case in CASES:
        step = Step(*case)
        wrapped = wrap(step)  # DDP averages only while it lives
        loss = wrapped(rank, world)
        loss.backward()
        learned = [*step.vae.latents.parameters(), *step.objective.parameters()]
        gradients = [p.grad.flatten() for p in learned if p.grad is not None]
        found["/".join(case)] = loss.detach(), torch.cat(gradients)
    return found


@pytest.mark.parametrize("world", [2, 3])
def test_value_and_gradient_are_those_of_the_whole_batch(tmp_path, world):
    paths = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, str(rank), str(world), str(tmp_path)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths},
        )
        for rank in range(world)
    ]
    assert [process.wait(timeout=250) for process in running] == [0] * world
    alone = losses_and_gradients(0, 1, lambda step: step)
    several = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(world)]
    for name, (loss, gradient) in alone.items():
        mean = torch.stack([found[name][0] for found in several]).mean()
        torch.testing.assert_close(mean, loss, rtol=1e-10, atol=0)
        for found in several:
            torch.testing.assert_close(found[name][1], gradient, rtol=1e-9, atol=1e-11)


if __name__ == "__main__":
    rank, world, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world
    )
    wrap = partial(DistributedDataParallel, find_unused_parameters=True)  # aae trains no prior
    found = losses_and_gradients(rank, world, wrap)
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()
