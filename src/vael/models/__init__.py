"""Variational autoencoders in torch: networks, p(x|z), q(z|x), p(z), latent structures."""

from vael.models.conditional import Conditional, Family
from vael.models.trace import Latent, LatentRecord, Loss, ObservedRecord, Trace
from vael.models.vae import VAE

__all__ = [
    "VAE",
    "Conditional",
    "Family",
    "Latent",
    "LatentRecord",
    "Loss",
    "ObservedRecord",
    "Trace",
]
