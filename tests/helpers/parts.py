"""Make latents out of parts that are at hand."""

from vael.models.latents import Flat
from vael.models.nets.tcn import TCNEncoder


class UntoldEncoder(TCNEncoder):
    """A net that takes no condition, and no row of numbers in the place of its input either."""

    def __init__(self, in_shape, out_shape, width=4, blocks=2, hidden=4):
        super().__init__(in_shape, out_shape, width, blocks, hidden)


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
