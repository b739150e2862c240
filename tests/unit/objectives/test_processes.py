"""Objectives that control the rate see the batch of all processes: 2 and 3 agree with 1."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles.water_filling import aligned_vae, corners, examples

from vael.objectives import Capacity, Constant, FreeBits, Geco, Objective

SPECTRUM, RATES = np.array([4.0, 1.0, 0.25]), np.array([0.5, 0.3, 0.1])
STEPS = torch.arange(6.0, dtype=torch.float64)[:, None] / 8  # so that no two shares are alike
X = examples(SPECTRUM)[:6] + STEPS


def made() -> list[Objective]:
    return [
        FreeBits(1.0, Constant(), 0.4, 1),
        FreeBits(1.0, Constant(), 0.4, 3),
        FreeBits(1.0, Constant(), 0.4, None),
        Capacity(1.3, 5.0, Constant()),
        Geco(kappa=0.8),
    ]


def found(vae, x) -> list[dict[str, torch.Tensor]]:
    """Loss, gradients and state by objective after one pass."""
    rows = []
    for objective in made():
        vae.zero_grad()
        loss = objective(vae(x, (corners(3, len(x)),)), 0, 1.0).value
        loss.backward()
        grads = {n.removeprefix("module."): p.grad.clone() for n, p in vae.named_parameters()}
        rows.append({"loss": loss.detach(), **grads, **objective.state_dict()})
    return rows


def run_rank(rank: int, world: int, folder: str) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world
    )
    vae = torch.nn.parallel.DistributedDataParallel(aligned_vae(SPECTRUM, RATES, 0.5))
    torch.save(found(vae, X.chunk(world)[rank]), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("world", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_value_gradient_and_state_are_those_of_one_process(tmp_path, world):
    here = Path(__file__)
    code = "import sys, test_processes as t; t.run_rank(*map(int, sys.argv[1:3]), sys.argv[3])"
    paths = [here.parent, here.parents[2], *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code, str(rank), str(world), str(tmp_path)],
            env={**environment, "OMP_NUM_THREADS": "1"},
        )
        for rank in range(world)
    ]
    assert [process.wait(timeout=250) for process in running] == [0] * world
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(world)]
    for whole, *parts in zip(found(aligned_vae(SPECTRUM, RATES, 0.5), X), *ranks, strict=True):
        mean = sum(part["loss"].item() for part in parts) / world
        assert mean == pytest.approx(whole["loss"].item())
        for name in whole.keys() - {"loss"}:
            for part in parts:
                torch.testing.assert_close(part[name], parts[0][name], rtol=1e-12, atol=1e-14)
                torch.testing.assert_close(part[name], whole[name], rtol=1e-6, atol=1e-9)
