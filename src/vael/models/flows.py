"""Invertible autoregressive maps of a latent vector, whose parts are zuko's."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vael.errors import ConfigError
from vael.types import Shape

BOX = 5.0  # zuko's: half of the side of the box that a spline bends
POINTS = 8  # of the normal distribution, and as many mirrored: for a mean without a formula


class AutoregressiveFlow(nn.Module):
    """``y = T_n(... T_1(x))`` with ``T(x)_i = tau(x_i; net(x_<i, context))``.

    tau is affine, ``exp(a) x_i + b`` (Papamakarios et al. 2017,
    https://arxiv.org/abs/1705.07057), or given ``bins`` a monotonic rational-quadratic spline on
    [-5, 5] and the identity outside (Durkan et al. 2019, https://arxiv.org/abs/1906.04032). Every
    second T takes the dimensions in reversed order. It starts as the identity: what the last
    layers of the nets emit is 0. This way takes one pass of the nets, the inverse one for each
    dimension.

    Args:
        event_shape: Z, a vector ``(d,)``.
        transforms: n.
        hidden: widths of the hidden layers of a net; none: what it emits is affine in its input.
        bins: of the splines, at least 2; None: tau is affine.
        context: numbers of the context.
        where: the config path of the options, for messages.

    Raises:
        ConfigError: the latent is not a vector, or an option is out of range.
    """

    def __init__(
        self,
        event_shape: Shape,
        transforms: int,
        hidden: Sequence[int],
        bins: int | None = None,
        context: int = 0,
        *,
        where: str,
    ) -> None:
        super().__init__()
        if len(event_shape) != 1:
            raise ConfigError(
                f"{where} as a flow needs a latent that is a vector (d,), but got one of shape "
                f"{tuple(event_shape)}: use model.latent_dim."
            )
        check_integer(f"{where}.transforms", transforms, 1)
        if isinstance(hidden, str) or not isinstance(hidden, Sequence):
            raise ConfigError(f"{where}.hidden must be a list of widths, but got {hidden!r}.")
        for width in hidden:
            check_integer(f"{where}.hidden", width, 1)
        options: dict[str, Any] = {"hidden_features": tuple(hidden)}
        zuko = import_zuko()
        self._unpack = zuko.utils.unpack
        if bins is not None:
            options["shapes"] = [(bins,), (bins,), (bins - 1,)]
            options["univariate"] = partial(zuko.transforms.MonotonicRQSTransform, bound=BOX)
        (d,) = event_shape
        kind = zuko.flows.MaskedAutoregressiveTransform
        orders = torch.arange(d), torch.arange(d).flip(0)
        self.steps = nn.ModuleList(
            kind(d, context, order=orders[number % 2], **options) for number in range(transforms)
        )
        for step in self.steps:
            # shown by its repr alone, and no average of weights can be of integers
            step.register_buffer("order", None)
        for parameter in _last_parameters(self.steps):
            nn.init.zeros_(parameter)
        self._points = _spread_points(d)  # no buffer: an average of weights would round it

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return y and ``log |det dy/dx|``, nats, for x ``(*, d)`` and a context ``(*, C)``."""
        x, context = self._prepare(x, context)
        total = x.new_zeros(x.shape[:-1])
        # autocast would round the nets' outputs to bfloat16
        with torch.autocast(x.device.type, enabled=False):
            for step in self.steps:
                x, log_det = step(context).call_and_ladj(x)
                total = total + log_det
        return x, total

    def inverse(self, y: Tensor, context: Tensor | None = None) -> Tensor:
        """Return the x ``(*, d)`` of y, in d passes of each net."""
        y, context = self._prepare(y, context)
        with torch.autocast(y.device.type, enabled=False):
            for number in reversed(range(len(self.steps))):
                y = self._undo(number, y, context)
        return y

    def _undo(self, number: int, y: Tensor, context: Tensor | None) -> Tensor:
        """Return the x of a T: one dimension after the other, where zuko undoes all d times."""
        step: Any = self.steps[number]
        d = y.shape[-1]
        if d == 1:
            undone: Tensor = step(context).inv(y)
            return undone
        *hidden, last = step.hyper
        weight = last.mask * last.weight
        columns = list(torch.zeros_like(y).unbind(-1))
        for i in reversed(range(d)) if number % 2 else range(d):
            h = torch.stack(columns, -1)
            if context is not None:
                h = torch.cat([h, context.expand(*h.shape[:-1], -1)], -1)
            for layer in hidden:
                h = layer(h)
            rows = slice(i * step.total, (i + 1) * step.total)
            theta = torch.nn.functional.linear(h, weight[rows], last.bias[rows])
            tau = step.univariate(*self._unpack(theta, step.shapes))
            columns[i] = tau.inv(y[..., i])
        return torch.stack(columns, -1)

    @property
    def points(self) -> Tensor:
        """Points that stand for N(0, I), ``(2 POINTS, d)``."""
        return self._points.to(next(self.parameters()))

    def _prepare(self, x: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Bring both to the precision of the nets; a context of no numbers is none."""
        dtype = next(self.parameters()).dtype
        if context is None or not context.shape[-1]:
            return x.to(dtype), None
        return x.to(dtype), context.to(dtype)


def import_zuko() -> Any:
    """Import zuko, and keep torch's checks of the arguments of distributions as they were.

    zuko 1.6 switches them off for the whole process: ``Normal(0, -1)`` would pass in silence.
    """
    before = Distribution._validate_args
    import zuko

    Distribution._validate_args = before
    return zuko


def check_integer(name: str, value: object, least: int) -> None:
    """Refuse an option that is no integer, or below the least one.

    Raises:
        ConfigError: it is.
    """
    if type(value) is not int or value < least:
        raise ConfigError(f"{name} must be an integer >= {least}, but got {value!r}.")


def _last_parameters(steps: Iterable[Any]) -> list[nn.Parameter]:
    """Return the last layers of the nets; of one dimension the parameters of tau themselves."""
    last = [step.hyper[-1] if hasattr(step, "hyper") else step for step in steps]
    return [parameter for module in last for parameter in module.parameters()]


def _spread_points(d: int) -> Tensor:
    """Return points that stand for N(0, I), ``(2 POINTS, d)``: mean 0, variances 1 exactly.

    A Sobol sequence through the normal quantile function, and its mirror image.
    """
    uniform = torch.quasirandom.SobolEngine(d, scramble=True, seed=0).draw(POINTS)  # type: ignore[no-untyped-call]
    half = torch.special.ndtri(uniform.double().clamp(1e-6, 1 - 1e-6))
    half = half / half.square().mean(0).sqrt()
    return torch.cat([half, -half])
