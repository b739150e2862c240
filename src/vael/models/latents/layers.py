"""What structures of several layers of latents share: how they are generated."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any, cast

from torch import Tensor, nn

from vael.errors import ConfigError
from vael.models.conditional import Conditional
from vael.models.latents.base import Latents
from vael.models.latents.parts import Parts
from vael.models.nets.common import check_positive, find_activation, find_initialiser
from vael.models.nets.concatenated import Concatenated
from vael.models.nets.mlp import MLP, Affine
from vael.models.posteriors.base import Posterior, PosteriorRecord
from vael.models.posteriors.normal import Normal, NormalRecord
from vael.models.trace import Latent, LatentRecord
from vael.types import Shape

Read = tuple[Any, LatentRecord, int, Tensor | None]
"""What was found of x, p(z) of the top layer, B, and c."""


class Layers(Latents):
    """``p(x, z) = p(x|z_1) p(z_1|z_2) ... p(z_L)``; z_L is the top layer, z_1 goes to the decoder.

    Each ``p(z_l|z_(l+1))`` is normal with a diagonal covariance, its mean and the log of its
    standard deviation from a dense net. The layers stand in all tuples from the top down. Of a
    conditional model q of each layer is given c as the encoder is, and ``p(z_l|z_(l+1), c)`` as
    the prior is, behind z.

    Args:
        parts: makes the families of q, one a layer, the encoder, the decoder and p(z_L).
        below: sizes of the layers below the top, from there down; the top has that of the model.
        hidden: widths of the hidden layers of the nets between two layers; a list of such lists
            has one for each of ``below``. None: affine.
        activation: of these nets: tanh, whose bound is one of log sigma too, or relu, silu, gelu,
            elu, with which a draw far out may get any.
        init: of their weights: he or glorot.

    Raises:
        ConfigError: an option is out of range.
    """

    takes_context = True

    def __init__(
        self,
        parts: Parts,
        below: Sequence[int] = (100,),
        hidden: Sequence[int] | Sequence[Sequence[int]] = (100, 100),
        activation: str = "tanh",
        init: str = "glorot",
    ) -> None:
        super().__init__()
        sizes = [check_positive(size, "latents.below") for size in below]
        find_activation(activation, "latents.activation")
        find_initialiser(init, "latents.init")
        self._widths = _read_widths(hidden, len(sizes))
        self._make_net = partial(MLP, activation=activation, init=init)
        self.shapes: tuple[Shape, ...] = (tuple(parts.latent_shape), *((size,) for size in sizes))
        self._context_sizes = parts.context_sizes
        families = [parts.posterior(shape) for shape in self.shapes]
        encoder = parts.connect(families[-1].theta_shape, self.shapes[-1])
        self.posterior = Conditional(encoder, families[-1], parts.event_shape)
        steps = range(len(sizes))
        self.down = nn.ModuleList(self._make_prior(step) for step in steps)
        self.prior = parts.prior(self.shapes[0])
        self.up = nn.ModuleList(
            self._make_posterior(step, families[step], self.reads(families[step + 1]))
            for step in steps
        )

    @abstractmethod
    def reads(self, family: Posterior) -> Shape:
        """Return the shape of what the net to the q of a layer gets from that below it."""

    def net(self, part: str, step: int, in_shape: Shape, out_shape: Shape) -> nn.Module:
        """Make a dense net between layer ``step`` of the tuples and that below.

        It is given c where ``part``, encoder or prior, is.
        """
        widths, size = self._widths[step], self._context_sizes[part]
        shape = (prod(in_shape) + size,) if size else in_shape
        net = self._make_net(shape, out_shape, widths) if widths else Affine(shape, out_shape)
        return Concatenated(net) if size else net

    def _make_prior(self, step: int) -> Conditional[NormalRecord]:
        above, family = self.shapes[step], Normal(self.shapes[step + 1])
        return Conditional(self.net("prior", step, above, family.theta_shape), family, above)

    def _make_posterior(
        self, step: int, family: Posterior, in_shape: Shape
    ) -> Conditional[PosteriorRecord]:
        net = self.net("encoder", step, in_shape, family.theta_shape)
        return Conditional(net, family, in_shape)

    @property
    def noise_shapes(self) -> tuple[Shape, ...]:
        """Those of the layers, from the top down."""
        return self.shapes

    @property
    def has_density(self) -> bool:
        """Whether the posteriors have one."""
        return cast(Posterior, self.posterior.family).has_density

    @property
    def prior_noise_shapes(self) -> tuple[Shape, ...]:
        """What the prior of the top layer asks for, then those of the layers below."""
        return (self.prior.noise_shape, *self.shapes[1:])

    def read(self, x: Tensor, *, context: Tensor | None = None) -> Read:
        """Return what is known of x before a draw, p(z) of the top layer, B, and c."""
        return self.look(x, context), self.prior(self.encode, context), len(x), context

    @abstractmethod
    def look(self, x: Tensor, context: Tensor | None = None) -> Any:
        """Compute all of the posteriors that hangs on x alone."""

    def check_noise(self, eps: tuple[Tensor, ...], count: int) -> None:
        """Refuse noise of other shapes, or for another number of examples: it would broadcast."""
        given = [(noise.shape[1], tuple(noise.shape[2:])) for noise in eps]
        wanted = [(count, shape) for shape in self.shapes]
        assert given == wanted, f"noise must be of B and Z {wanted}, got {given}"

    def mean(self, x: Tensor, *, context: Tensor | None = None) -> Tensor:
        """Return E[z_1] of q, each layer that it hangs on at its mean, ``(B, *Z_1)``."""
        return self.means(self.read(x, context=context), ())[-1]

    @abstractmethod
    def means(self, read: Read, latents: tuple[Latent, ...]) -> tuple[Tensor, ...]:
        """Return E[z_l] of q, the layers that it hangs on at theirs, ``(B, *Z_l)`` each."""

    def sample(self, eps: tuple[Tensor, ...], *, context: Tensor | None = None) -> Tensor:
        """Draw z_L, then each layer given that above; return z_1, ``(S, B, *Z_1)``."""
        z: Tensor = self.prior(self.encode, context).rsample(eps[0])
        for p, noise in zip(self.down, eps[1:], strict=True):
            z = p(z, context).rsample(noise)
        return z

    def complete(self, z: Tensor, *, context: Tensor | None = None) -> Tensor:
        """Return z_1 for z_L ``(*, *Z_L)``: each layer at its mean given that above."""
        for p in self.down:
            z = p(z, context).mean
        return z


def _read_widths(hidden: Any, steps: int) -> list[list[int]]:
    """Return the hidden widths of each step between two layers."""
    nested = [isinstance(each, Sequence) and not isinstance(each, str) for each in hidden]
    if any(nested):
        if not all(nested) or len(hidden) != steps:
            raise ConfigError(
                f"latents.hidden must be a list of widths, or {steps} such lists, one for each "
                f"layer of latents.below, but got {[*hidden]!r}."
            )
        lists = [*hidden]
    else:
        lists = [hidden] * steps
    return [[check_positive(width, "latents.hidden") for width in each] for each in lists]
