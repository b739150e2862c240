"""The nets and the loss in plain PyTorch."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from _common import Task
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

LATENT = {"mlp": 20, "conv": 16}


def net(model: str) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder."""
    if model == "mlp":
        return (
            nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 40)),
            nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784)),
        )
    relu = nn.ReLU(inplace=True)
    return (
        nn.Sequential(
            nn.Unflatten(1, (1, 28, 28)),
            nn.Conv2d(1, 32, 4, stride=2, padding=1),
            relu,
            nn.Conv2d(32, 64, 4, stride=2, padding=1),
            relu,
            nn.Flatten(),
            nn.Linear(3136, 256),
            relu,
            nn.Linear(256, 32),
        ),
        nn.Sequential(
            nn.Linear(16, 256),
            relu,
            nn.Linear(256, 3136),
            relu,
            nn.Unflatten(1, (64, 7, 7)),
            nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1),
            relu,
            nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1),
            nn.Flatten(),
        ),
    )


class PlainVAE(nn.Module):
    """A VAE as a tutorial writes it."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.latent = LATENT[model]
        self.encoder, self.decoder = net(model)

    def forward(self, x: Tensor) -> Tensor:
        """The mean over the batch of the negative ELBO of x ``(B, 784)``."""
        mu, log_var = self.encoder(x).chunk(2, 1)
        z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        distortion = binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        rate = -0.5 * torch.sum(1 + log_var - mu * mu - log_var.exp())
        return (distortion + rate) / len(x)


def adam(parameters: Iterable[nn.Parameter], given: Task) -> torch.optim.Optimizer:
    """Adam as a tutorial writes it, or the fused one."""
    return torch.optim.Adam(parameters, lr=1e-3, fused=True if "fused" in given.options else None)


def device(given: Task) -> torch.device:
    """Where data and model lie."""
    return torch.device("cuda" if "gpu" in given.options else "cpu")


def autocast(given: Task) -> AbstractContextManager[Any]:
    """bfloat16 where it is asked for."""
    if "bf16" not in given.options:
        return nullcontext()
    return torch.autocast(device(given).type, torch.bfloat16)


def finish(given: Task) -> None:
    """Waits until the GPU is idle: clocks measure work, not calls."""
    if "gpu" in given.options:
        torch.cuda.synchronize()


def fast_binarise(x: Tensor) -> Tensor:
    """1 with probability x / 255 for uint8 x: random bytes in [0, 254] below x."""
    return (torch.randint(255, x.shape, dtype=torch.uint8, device=x.device) < x).float()


def slow_binarise(x: Tensor) -> Tensor:
    """The same as a tutorial writes it."""
    return torch.bernoulli(x.float() / 255)
