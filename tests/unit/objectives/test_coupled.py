"""Objectives that couple the examples of a batch are the same on one and on several processes."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles.exact_vae import linear_vae
from oracles.linear_gaussian import LinearGaussian
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from vael.models.posteriors import FullNormal, Normal
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
BATCH = 6


class Step(nn.Module):
    """A pass and its loss, so that DDP sees both."""

    def __init__(self, kind, objective):
        super().__init__()
        world = LinearGaussian.draw(4, 2, orthogonal=True)
        A, _ = world.posterior_map()
        size = kind((2,)).theta_shape
        extra = {Normal: [-0.5, -0.2], FullNormal: [-0.5, -0.2, 0.6]}[kind]
        assert len(extra) + 2 == np.prod(size)
        self.vae = linear_vae(world, kind((2,)), 0.8 * A, np.full(2, 0.3), np.array(extra))
        self.objective = objective
        generator = torch.Generator().manual_seed(3)
        self.x = torch.from_numpy(world.sample(BATCH))
        self.noise = torch.randn(2, 1, BATCH, 2, generator=generator, dtype=torch.float64)

    def forward(self, rank, world):
        x, (eps, noise) = self.x.chunk(world)[rank], self.noise.chunk(world, dim=2)[rank]
        trace = replace(self.vae(x, (eps,)), noise=(noise,))
        return self.objective(trace, 0, 1.0).value


def losses_and_gradients(rank, world, wrap):
    """Of every objective and posterior: the loss, and the gradient of encoder and objective."""
    found = {}
    for name, make in OBJECTIVES.items():
        for kind in (Normal, FullNormal):
            step = Step(kind, make())
            wrapped = wrap(step)  # DDP averages only while it lives
            loss = wrapped(rank, world)
            loss.backward()
            weight = step.vae.latents.posterior.net.linear
            learned = [weight.weight, weight.bias, *step.objective.parameters()]
            gradient = torch.cat([parameter.grad.flatten() for parameter in learned])
            found[f"{name}/{kind.__name__}"] = loss.detach(), gradient
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
    found = losses_and_gradients(rank, world, DistributedDataParallel)
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()
