"""Feature-wise modulation of convolutional nets."""

import pytest
import torch

from vael.models.nets import (
    ConvDecoder,
    ConvEncoder,
    ResNetDecoder,
    ResNetEncoder,
    TCNDecoder,
    TCNEncoder,
)
from vael.models.nets.modulation import Modulation

SMALL = {"width": 4, "max_width": 8, "hidden": 6}
SERIES = {
    TCNEncoder: {"width": 4, "blocks": 2, "hidden": 6},
    TCNDecoder: {"width": 4, "blocks": 2},
}
NETS = [
    (ConvEncoder, (1, 16, 16), (2, 3)),
    (ResNetEncoder, (1, 16, 16), (2, 3)),
    (ConvDecoder, (3,), (2, 1, 16, 16)),
    (ResNetDecoder, (3,), (2, 1, 16, 16)),
    (ConvEncoder, (1, 16, 16), (2, 3, 4, 4)),
    (ConvDecoder, (3, 4, 4), (2, 1, 16, 16)),
    (TCNEncoder, (2, 9), (2, 3)),
    (TCNDecoder, (3,), (2, 2, 9)),
]


def test_a_modulation_scales_and_shifts_each_channel():
    layer = Modulation(2, 3).double()
    g = torch.Generator().manual_seed(0)
    h = torch.randn(4, 3, 5, 5, dtype=torch.float64, generator=g)
    c = torch.randn(4, 2, dtype=torch.float64, generator=g)
    torch.testing.assert_close(layer(h, c), h, rtol=0, atol=0)  # at the start
    torch.nn.init.normal_(layer.net.weight)
    torch.nn.init.normal_(layer.net.bias)
    theta = c @ layer.net.weight.T + layer.net.bias
    want = torch.stack(
        [(1 + theta[:, k, None, None]) * h[:, k] + theta[:, 3 + k, None, None] for k in range(3)],
        1,
    )
    torch.testing.assert_close(layer(h, c), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("kind", "in_shape", "out_shape"), NETS)
def test_a_net_starts_as_the_one_without_a_context_and_every_stage_then_sees_it(
    kind, in_shape, out_shape
):
    small = SERIES.get(kind, SMALL)
    torch.manual_seed(0)
    plain = kind(in_shape, out_shape, **small)
    torch.manual_seed(0)
    given = kind(in_shape, out_shape, **small, context_size=2)
    assert given.takes_context
    assert not plain.takes_context
    x, c = torch.randn(3, *in_shape), torch.randn(3, 2)
    torch.testing.assert_close(given(x, c), plain(x), rtol=1e-5, atol=1e-6)
    assert len(given.modulations) == 2
    hidden = getattr(given, "of_hidden", {})
    layers = {**given.modulations, **{f"hidden {n}": m for n, m in hidden.items()}}
    for name, layer in layers.items():
        before = given(x, c)
        torch.nn.init.normal_(layer.net.weight)
        after = given(x, c)
        assert not torch.allclose(after, before), name
        one = torch.cat([c[:1], c[1:].flip(0)])  # an example sees its own c alone
        torch.testing.assert_close(given(x, one)[0], after[0], rtol=1e-5, atol=1e-5)
