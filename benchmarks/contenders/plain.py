"""A training loop in plain PyTorch: in-memory indexing, fused Adam, nothing is logged.

Option ``bernoulli``: binarised by ``torch.bernoulli``; ``bytes``: by random bytes.
"""

import torch
from _common import answer, rates, task
from _torch import PlainVAE, fast_binarise, slow_binarise

given = task()
torch.set_num_threads(1)
torch.manual_seed(0)
binarise = fast_binarise if given.option == "bytes" else slow_binarise
x = torch.from_numpy(given.x)
vae = PlainVAE(given.model)
optimizer = torch.optim.Adam(vae.parameters(), lr=1e-3, fused=True)


def epoch() -> None:
    """One pass over the data."""
    order = torch.randperm(len(x))
    for start in range(0, len(x) - given.batch + 1, given.batch):
        loss = vae(binarise(x[order[start : start + given.batch]]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


answer(rates=rates(epoch, given), threads=torch.get_num_threads(), torch=torch.__version__)
