"""Latent structures: how z is inferred from x and sampled from the prior."""

from vael.models.latents.base import Latents
from vael.models.latents.flat import Flat

__all__ = ["Flat", "Latents"]
