"""A term that couples the examples of a batch is the same on one and on two processes."""

import os
import subprocess
import sys

import pytest
import torch

from vael.models.gather import gather

CODE = """
import sys, torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from vael.models.gather import gather
rank, world, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank,
                               world_size=world)
torch.manual_seed(0)
net = torch.nn.Linear(3, 2).double()
x = torch.randn(6, 3, dtype=torch.float64)
ddp = DistributedDataParallel(net)
z = gather(ddp(x.chunk(world)[rank]))
term = torch.cdist(z, z).square().mean()  # every example with every other one
term.backward()
torch.save({"z": z.detach(), "term": term.detach(), "grad": net.weight.grad},
           f"{folder}/{rank}.pt")
del ddp, z, term  # they hold the group, whose threads have to end before Python does
distributed.destroy_process_group()
"""


@pytest.mark.parametrize("world", [2, 3])
def test_value_and_gradient_are_those_of_the_whole_batch(tmp_path, world):
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", CODE, str(rank), str(world), str(tmp_path)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for rank in range(world)
    ]
    assert [process.wait(timeout=250) for process in running] == [0] * world
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 2).double()
    x = torch.randn(6, 3, dtype=torch.float64)
    z = gather(net(x))
    term = torch.cdist(z, z).square().mean()
    term.backward()
    for rank in range(world):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(found["z"], z.detach(), rtol=1e-12, atol=0)
        torch.testing.assert_close(found["term"], term.detach(), rtol=1e-12, atol=0)
        torch.testing.assert_close(found["grad"], net.weight.grad, rtol=1e-10, atol=1e-12)


def test_one_process_gets_its_own_tensor_back():
    own = torch.randn(3, 2)
    assert gather(own) is own
