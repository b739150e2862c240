"""Objectives that control the rate see the batch of all processes: two agree with one."""

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
X = examples(SPECTRUM) + torch.arange(8.0, dtype=torch.float64)[:, None] / 8  # no two shares alike


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


def test_value_gradient_and_state_are_those_of_one_process(tmp_path):
    here = Path(__file__)
    code = "import sys, test_processes as t; t.run_rank(int(sys.argv[1]), 2, sys.argv[2])"
    paths = [here.parent, here.parents[2], *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code, str(rank), str(tmp_path)],
            env={**environment, "OMP_NUM_THREADS": "1"},
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=250) for process in running] == [0, 0]
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    for whole, one, two in zip(found(aligned_vae(SPECTRUM, RATES, 0.5), X), *ranks, strict=True):
        assert (one["loss"] + two["loss"]).item() / 2 == pytest.approx(whole["loss"].item())
        for name in whole.keys() - {"loss"}:
            torch.testing.assert_close(one[name], two[name], rtol=1e-12, atol=1e-14)
            torch.testing.assert_close(one[name], whole[name], rtol=1e-6, atol=1e-9)
