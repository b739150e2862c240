"""How much of an evaluation the decoder's matrix products are, on a GPU.

``python evaluate_share.py FOLDER IMAGES SAMPLES ROUNDS``: seconds of the evaluation, of the same
products in the same passes, and of products of 32,768 rows that do the same arithmetic.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from _common import answer

sys.path.insert(0, str(Path(__file__).parents[1]))
from evaluate import evaluation, make_scorer, products

folder, images, samples, rounds = sys.argv[1], *map(int, sys.argv[2:5])
if not torch.cuda.is_available():
    sys.exit("torch sees no GPU")
scorer = make_scorer(folder, samples, "cuda")
ROWS = 2**15


@torch.inference_mode()
def large() -> None:
    """Products of many rows."""
    layers = [m for m in scorer.vae.likelihood.net.modules() if isinstance(m, torch.nn.Linear)]
    inputs = [torch.randn(ROWS, layer.in_features, device="cuda") for layer in layers]
    for _ in range(images * samples // ROWS):
        for layer, rows in zip(layers, inputs, strict=True):
            torch.addmm(layer.bias, rows, layer.weight.t())


def seconds(work: Callable[[], object]) -> float:
    """Until the GPU is idle."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


found: dict[str, list[float]] = {"evaluation": [], "products": [], "large_products": []}
evaluation(scorer, 100)
for _ in range(rounds):
    found["evaluation"].append(seconds(lambda: evaluation(scorer, images)))
    found["products"].append(seconds(lambda: products(scorer, images)))
    found["large_products"].append(seconds(large))
answer(**found)
