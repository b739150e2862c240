"""A training loop in plain PyTorch: in-memory indexing, nothing is logged.

Option ``bytes``: binarised by random bytes; without it by ``torch.bernoulli``. On a GPU the data
lies there.
"""

import torch
from _common import answer, rates, task
from _torch import PlainVAE, adam, autocast, device, fast_binarise, finish, slow_binarise

given = task()
torch.set_num_threads(1)
torch.manual_seed(0)
binarise = fast_binarise if "bytes" in given.options else slow_binarise
x = torch.from_numpy(given.x).to(device(given))
vae = PlainVAE(given.model).to(x.device)
optimizer = adam(vae.parameters(), given)


def epoch() -> None:
    """One pass over the data."""
    order = torch.randperm(len(x), device=x.device)
    for start in range(0, len(x) - given.batch + 1, given.batch):
        with autocast(given):
            loss = vae(binarise(x[order[start : start + given.batch]]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    finish(given)


answer(rates=rates(epoch, given), threads=torch.get_num_threads(), torch=torch.__version__)
