"""Output bias: a decoder that starts at the mean of the data."""

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from vael.data.module import VaelData
from vael.errors import ConfigError
from vael.models.likelihoods.bernoulli import Bernoulli
from vael.training.module import LitVAE

LEAST = 1e-3  # of a mean and of its distance to 1, as Burda et al. have it
BLOCK = 10_000  # examples at once


class OutputBias(pl.Callback):
    """Set the decoder's last bias to ``logit(mean of each pixel)`` before the first step.

    Burda, Grosse and Salakhutdinov 2016 (https://github.com/yburda/iwae) start so. Most pixels of
    a digit are nearly always 0; Adam moves a bias by its learning rate a step, so a bias of -7
    alone would take thousands of steps, in which the hidden layers learn to be constants.

    Raises:
        ConfigError: the likelihood is no Bernoulli, or the decoder does not end in a Linear
            with one output for each pixel.
    """

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Set the bias in a fresh run; a continued one has it already."""
        assert isinstance(pl_module, LitVAE)
        bias = _last_bias(pl_module)
        if trainer.ckpt_path is not None:
            return
        mean = _mean(trainer, pl_module).clamp(LEAST, 1 - LEAST)
        with torch.no_grad():
            bias.copy_(torch.logit(mean).flatten())


def _last_bias(lit: LitVAE) -> Tensor:
    decoder = lit.vae.likelihood
    last = [module for module in decoder.net.modules() if isinstance(module, nn.Linear)][-1:]
    if not isinstance(decoder.family, Bernoulli):
        raise ConfigError(
            "callbacks.extra OutputBias needs likelihood=bernoulli, got "
            f"{type(decoder.family).__name__}; leave it out."
        )
    if not last or last[0].bias is None or len(last[0].bias) != lit.spec.num_dims:
        raise ConfigError(
            "callbacks.extra OutputBias needs a decoder that ends in a Linear with "
            f"{lit.spec.num_dims} outputs: use model=mlp_vae or leave it out."
        )
    return last[0].bias


def _mean(trainer: pl.Trainer, lit: LitVAE) -> Tensor:
    """Return the mean of the training examples as the likelihood sees them, ``E``."""
    data: VaelData = trainer.datamodule  # type: ignore[attr-defined]
    noise = lit.corruption_noise.at(torch.device("cpu"), "output bias")
    raw = data.head("train", data.spec.num_train).x
    preprocess = data.preprocess.to("cpu")
    seen = [preprocess(block, noise).double() for block in torch.split(raw, BLOCK)]
    total = torch.stack([block.nansum(0) for block in seen]).sum(0)
    count = torch.stack([(~block.isnan()).sum(0) for block in seen]).sum(0)
    return (total / count.clamp(min=1)).to(lit.device, torch.float32)
