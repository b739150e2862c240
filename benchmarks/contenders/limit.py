"""The least that the arithmetic costs: the matrix products (convolutions) of a step alone.

``mlp``: for each dense layer one product forward and two backward, in place, nothing else.
``conv``: multiply-adds of the nets over the rate of a product of the same number of multiply-adds
at 1024 x 1024, which no convolution reaches.
"""

import time

import torch
from _common import answer, rates, task
from torch import Tensor

given = task()
torch.set_num_threads(1)
B = given.batch
LAYERS = {
    "mlp": [(784, 400), (400, 40), (20, 400), (400, 784)],
    # a convolution as the product of its unfolded input: (positions per example, k*k*c_in, c_out)
    "conv": [(3136, 256), (256, 32), (16, 256), (256, 3136)],
}[given.model]
CONVS = [(196, 16, 32), (49, 512, 64), (49, 64, 512), (196, 32, 16)]


def products(n: int, c_in: int, c_out: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Forward, gradient of the input, gradient of the weight."""
    h, w, g = torch.randn(n, c_in), torch.randn(c_in, c_out), torch.randn(n, c_out)
    return [(h, w, g.clone()), (g, w.T, h.clone()), (h.T, g, w.clone())]


def flops() -> int:
    """Floating-point operations of a step, without the gradient of x."""
    layers = [(B, i, o) for i, o in LAYERS]
    if given.model == "conv":
        layers += [(B * n, i, o) for n, i, o in CONVS]
    total = sum(6 * n * i * o for n, i, o in layers)
    first = layers[-4] if given.model == "conv" else layers[0]
    return total - 2 * first[0] * first[1] * first[2]


def rate_of_core() -> float:
    """The core's rate at a product that suits it, operations per second."""
    a, b, c = (torch.randn(1024, 1024) for _ in range(3))
    best = 0.0
    for _ in range(10):
        start = time.perf_counter()
        torch.mm(a, b, out=c)
        best = max(best, 2 * 1024**3 / (time.perf_counter() - start))
    return best


peak = rate_of_core()
if given.model == "conv":
    answer(rates=[B * peak / flops()] * 2, threads=1, flops=flops() / B, peak=peak)
else:
    todo = [p for i, o in LAYERS for p in products(B, i, o)]
    del todo[1]  # nobody needs the gradient of x

    def epoch() -> None:
        """All products of an epoch."""
        for _ in range(len(given.x) // B):
            for a, b, out in todo:
                torch.mm(a, b, out=out)

    answer(rates=rates(epoch, given), threads=1, flops=flops() / B, peak=peak)
