"""The plain loop with its step captured once as a CUDA graph and replayed.

The step: examples fetched by a static tensor of positions, binarised by random bytes, forward,
backward, fused Adam with ``capturable=True``, gradients set to zero. Five steps warm up on a side
stream. Each replay gets its positions by a copy on the device.
"""

import sys

import torch
from _common import answer, rates, task
from _torch import PlainVAE, autocast, device, fast_binarise, finish

given = task()
if not torch.cuda.is_available():
    sys.exit("torch sees no GPU")
torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.from_numpy(given.x).to(device(given))
vae = PlainVAE(given.model).to(x.device)
optimizer = torch.optim.Adam(vae.parameters(), lr=1e-3, fused=True, capturable=True)
positions = torch.arange(given.batch, device=x.device)


def step() -> None:
    """One step, on the examples at the static positions."""
    optimizer.zero_grad(set_to_none=False)
    with autocast(given):
        loss = vae(fast_binarise(x[positions]))
    loss.backward()
    optimizer.step()


side = torch.cuda.Stream()
side.wait_stream(torch.cuda.current_stream())
with torch.cuda.stream(side):
    for _ in range(5):
        step()
torch.cuda.current_stream().wait_stream(side)
graph = torch.cuda.CUDAGraph()
with torch.cuda.graph(graph):
    step()


def epoch() -> None:
    """One pass over the data."""
    order = torch.randperm(len(x), device=x.device)
    for start in range(0, len(x) - given.batch + 1, given.batch):
        positions.copy_(order[start : start + given.batch])
        graph.replay()
    finish(given)


answer(rates=rates(epoch, given), torch=torch.__version__)
