"""Nets between an image and a latent that is a map."""

import pytest
import torch

from vael.errors import ConfigError
from vael.models.nets.conv import ConvDecoder, ConvEncoder
from vael.models.nets.resnet import ResNetDecoder, ResNetEncoder

SMALL = {"width": 4, "max_width": 8, "hidden": 16}
PAIRS = {"conv": (ConvEncoder, ConvDecoder), "resnet": (ResNetEncoder, ResNetDecoder)}
CASES = [
    ((1, 8, 8), (2, 4, 4)),
    ((1, 28, 28), (4, 3, 3)),
    ((3, 32, 32), (3, 4, 4)),
    ((2, 9, 31), (3, 4, 15)),
    ((3, 128, 128), (2, 16, 16)),
    ((1, 8, 12), (2, 2, 3)),
]
pairs = pytest.mark.parametrize("pair", PAIRS)


@pairs
@pytest.mark.parametrize(("image", "latent"), CASES, ids=str)
def test_a_map_and_back_with_gradients_everywhere(pair, image, latent):
    torch.manual_seed(0)
    encoder, decoder = PAIRS[pair]
    for net, h, shape in (
        (encoder(image, (2, *latent), **SMALL), torch.rand(3, *image), (2, *latent)),
        (decoder(latent, (2, *image), **SMALL), torch.randn(3, *latent), (2, *image)),
    ):
        out = net(h)
        assert out.shape == (3, *shape)
        assert out.abs().max() < 20  # a calm start
        out.square().sum().backward()
        assert all(parameter.grad.abs().max() > 0 for parameter in net.parameters())


def test_an_image_moved_by_the_factor_moves_its_map_by_one_place():
    # a convolution of stride 2^k commutes with shifts by 2^k, but where the border comes in
    torch.manual_seed(0)
    encoder = ConvEncoder((1, 64, 64), (2, 3, 8, 8), **SMALL).double()
    x = torch.zeros(1, 1, 64, 64).double()
    x[..., 24:40, 24:40] = torch.rand(16, 16)
    here, there = encoder(x), encoder(x.roll((8, 16), (2, 3)))
    torch.testing.assert_close(there[..., 3:6, 4:6], here[..., 2:5, 2:4], rtol=1e-10, atol=1e-12)
    assert not torch.allclose(there, here)


@pytest.mark.parametrize("place", [(0, 0), (5, 2)])
def test_a_place_of_the_latent_paints_around_itself_alone(place):
    # 3x3 at 8x8, then three times 4x4 of stride 2: at most 8 * 1 + 7 pixels beyond its own 8x8
    torch.manual_seed(0)
    decoder = ConvDecoder((3, 8, 8), (1, 1, 64, 64), **SMALL).double()
    z = torch.randn(1, 3, 8, 8).double()
    moved = z.clone()
    moved[0, :, *place] += 1
    changed = (decoder(moved) - decoder(z)).abs()[0, 0, 0] > 1e-9
    rows, columns = changed.any(1).nonzero(), changed.any(0).nonzero()
    for found, at in ((rows, place[0]), (columns, place[1])):
        assert found.min() >= 8 * (at - 1) - 7
        assert found.max() <= 8 * (at + 2) + 6
        assert found.min() <= 8 * at
        assert found.max() >= 8 * at + 7


@pairs
@pytest.mark.parametrize("size", [(5, 5), (7, 3), (28, 28), (1, 1)])
def test_a_size_that_no_halvings_lead_to_is_refused(pair, size):
    encoder, decoder = PAIRS[pair]
    said = rf"latent_shape .* 14x14, 7x7, 3x3, but got {size[0]}x{size[1]}"
    with pytest.raises(ConfigError, match=said):
        encoder((1, 28, 28), (2, 4, *size), **SMALL)
    with pytest.raises(ConfigError, match=said):
        decoder((4, *size), (1, 1, 28, 28), **SMALL)
