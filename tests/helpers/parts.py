"""Make latents out of parts that are at hand."""

from vael.models.latents import Flat


class GivenParts:
    """One posterior, encoder and prior, whatever shape is asked for."""

    def __init__(self, posterior, encoder, prior, event_shape):
        self.event_shape, self.latent_shape = event_shape, prior.event_shape
        self._posterior, self._encoder, self._prior = posterior, encoder, prior

    def posterior(self, shape):
        return self._posterior

    def connect(self, emitted, taken):
        return self._encoder

    def prior(self, shape):
        return self._prior


def flat_latents(posterior, encoder, prior, event_shape):
    return Flat(GivenParts(posterior, encoder, prior, event_shape))
