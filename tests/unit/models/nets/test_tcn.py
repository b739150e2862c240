"""Temporal convolution nets: padding has no part in anything."""

import pytest
import torch

from vael.errors import ConfigError
from vael.models.nets.tcn import TCNDecoder, TCNEncoder, find_steps

LENGTHS = [20, 7, 1, 13, 19]
SMALL = {"width": 8, "blocks": 3}


def padded():
    torch.manual_seed(0)
    x = torch.randn(len(LENGTHS), 3, 20).double()
    for row, length in enumerate(LENGTHS):
        x[row, :, length:] = 0
    return x


def test_a_padded_batch_is_encoded_as_the_series_one_by_one():
    x = padded()
    net = TCNEncoder((3, 20), (2, 4), hidden=8, **SMALL).double()
    alone = [net(x[row : row + 1, :, :length]) for row, length in enumerate(LENGTHS)]
    torch.testing.assert_close(net(x), torch.cat(alone), rtol=1e-12, atol=1e-12)
    assert not torch.allclose(net(x[:1]), net(x[:1].flip(-1)))  # the order of the steps counts


def test_a_condition_does_not_let_the_padding_in():
    x, c = padded(), torch.randn(len(LENGTHS), 2).double()
    net = TCNEncoder((3, 20), (2, 4), hidden=8, **SMALL, context_size=2).double()
    for layer in (*net.modulations.values(), *net.of_hidden.values()):
        torch.nn.init.normal_(layer.net.weight)
    alone = [
        net(x[row : row + 1, :, :length], c[row : row + 1]) for row, length in enumerate(LENGTHS)
    ]
    torch.testing.assert_close(net(x, c), torch.cat(alone), rtol=1e-10, atol=1e-10)
    assert not torch.allclose(net(x, c), net(x, c.flip(0)))


def test_zeros_within_a_series_are_not_its_end():
    x = padded()[:1]
    x[..., 5:9] = 0
    assert find_steps(x).flatten().tolist() == [1.0] * 20
    x[..., 18:] = 0
    assert find_steps(x).flatten().tolist() == [1.0] * 18 + [0.0] * 2
    assert find_steps(torch.zeros(1, 3, 4)).flatten().tolist() == [1.0] * 4


@pytest.mark.parametrize("steps", [1, 6, 19])
def test_a_decoded_step_does_not_depend_on_how_many_follow(steps):
    torch.manual_seed(1)
    long = TCNDecoder((4,), (2, 3, 20), **SMALL).double()
    short = TCNDecoder((4,), (2, 3, steps), **SMALL).double()
    short.load_state_dict(long.state_dict())
    z = torch.randn(5, 4).double()
    torch.testing.assert_close(short(z), long(z)[..., :steps], rtol=1e-12, atol=1e-12)


def test_the_decoder_sees_all_steps_before_through_its_blocks():
    # 3 blocks of two kernels of 3: 1 + 2 * 2 * (1 + 2 + 4) = 29 steps
    torch.manual_seed(2)
    net = TCNDecoder((4,), (1, 1, 60), **SMALL).double()
    torch.nn.init.zeros_(net.place.weight)
    out = net(torch.randn(1, 4).double())[0, 0, 0]
    torch.testing.assert_close(out[28:], out[28].expand(32))
    assert (out[:28] - out[28]).abs().min() > 0


def test_it_learns_everywhere_and_starts_calmly():
    torch.manual_seed(3)
    for net, h in (
        (TCNEncoder((3, 20), (2, 4), hidden=8, **SMALL), padded().float()),
        (TCNDecoder((2, 2), (2, 3, 20), **SMALL), torch.randn(5, 2, 2)),
    ):
        out = net(h)
        assert out.abs().max() < 20
        out.square().sum().backward()
        assert all(parameter.grad.abs().max() > 0 for parameter in net.parameters())


def test_images_and_tables_are_refused():
    for shape in ((1, 8, 8), (13,)):
        with pytest.raises(ConfigError, match=r"needs series .* data=series"):
            TCNEncoder(shape, (2, 4))
        with pytest.raises(ConfigError, match=r"needs series .* data=series"):
            TCNDecoder((4,), (2, *shape))
