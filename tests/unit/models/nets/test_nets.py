import math

import pytest
import torch
from torch import nn

from vael.errors import ConfigError
from vael.models.conditional import Conditional
from vael.models.nets.common import he
from vael.models.nets.conv import ConvDecoder, ConvEncoder
from vael.models.nets.mlp import MLP, Affine
from vael.models.nets.resnet import ResNetDecoder, ResNetEncoder
from vael.models.nets.upsample import FEW, UpsamplingConv
from vael.models.posteriors.normal import Normal

IMAGES = [(1, 8, 8), (3, 8, 9), (1, 28, 28), (4, 28, 20), (2, 9, 31), (3, 32, 32), (1, 8, 128)]
PARAMETERS, LATENT = 2, 5
SMALL = {"width": 4, "max_width": 8, "hidden": 16}


def mlp(in_shape, out_shape):
    return MLP(in_shape, out_shape, hidden=[16, 8])


def small(cls):
    return lambda in_shape, out_shape: cls(in_shape, out_shape, **SMALL)


PAIRS = {
    "mlp": (mlp, mlp),
    "affine": (Affine, Affine),
    "conv": (small(ConvEncoder), small(ConvDecoder)),
    "resnet": (small(ResNetEncoder), small(ResNetDecoder)),
}
CASES = [(pair, image) for pair in PAIRS for image in IMAGES]
CASES += [(pair, (13,)) for pair in ("mlp", "affine")]
cases = pytest.mark.parametrize(("pair", "image"), CASES, ids=lambda v: str(v).replace(", ", "x"))


def both_ways(pair, image):
    """An encoder with its input and a decoder with its input, three examples each, float64."""
    torch.manual_seed(0)
    encoder, decoder = PAIRS[pair]
    return [
        (encoder(image, (2, LATENT)).double(), torch.rand(3, *image).double(), (2, LATENT)),
        (
            decoder((LATENT,), (PARAMETERS, *image)).double(),
            torch.randn(3, LATENT).double(),
            (PARAMETERS, *image),
        ),
    ]


@cases
def test_net_emits_what_it_was_asked_for_and_learns_everywhere(pair, image):
    for net, h, out_shape in both_ways(pair, image):
        out = net(h)
        assert out.shape == (3, *out_shape)
        assert out.isfinite().all()
        assert out.abs().max() < 20  # a calm start: no link is driven into its tails
        out.square().sum().backward()
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().max() > 0, name


@cases
def test_one_example_does_not_see_another(pair, image):
    for net, h, _ in both_ways(pair, image):
        changed = h.clone()
        changed[1] += 1
        before, after = net(h), net(changed)
        torch.testing.assert_close(before[[0, 2]], after[[0, 2]], rtol=1e-10, atol=1e-12)
        assert not torch.allclose(before[1], after[1])


@pytest.mark.parametrize("pair", PAIRS)
def test_folding_samples_and_examples_equals_a_loop(pair):
    (encoder, x, _), _ = both_ways(pair, (2, 8, 9))
    conditional = Conditional(encoder, Normal((LATENT,)), (2, 8, 9))
    x = torch.stack([x, 2 * x, -x, x.flip(0)])
    whole = conditional(x)
    for s in range(4):
        for b in range(3):
            torch.testing.assert_close(whole.mu[s, b], conditional(x[s, b]).mu)
            torch.testing.assert_close(whole.log_sigma[s, b], conditional(x[s, b]).log_sigma)


@pytest.mark.parametrize(
    "decoder", [small(ConvDecoder), small(ResNetDecoder)], ids=["conv", "resnet"]
)
def test_parameters_of_a_decoder_are_the_leading_axis(decoder):
    # the last convolution has P * C channels: parameter p of channel c is number p * C + c
    net = decoder((LATENT,), (PARAMETERS, 3, 8, 9))
    last = [m for m in net.modules() if isinstance(m, nn.ConvTranspose2d)][-1]
    nn.init.zeros_(last.weight)
    last.bias.data = torch.arange(6.0)
    assert net(torch.zeros(1, LATENT))[0, :, :, 0, 0].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("odd", [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("c_out", [1, FEW, FEW + 1])
def test_up_is_torchs_transposed_convolution_with_its_gradients(c_out, odd):
    torch.manual_seed(0)
    ours = UpsamplingConv(5, c_out, odd).double()
    theirs = nn.ConvTranspose2d(5, c_out, 4, 2, 1, output_padding=odd).double()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 5, 4, 7, dtype=torch.float64)
    slopes = torch.randn(theirs(x).shape, dtype=torch.float64)

    def both(layer):
        h = x.clone().requires_grad_()
        out = layer(h)
        return [out, *torch.autograd.grad(out, [h, *layer.parameters()], slopes)]

    torch.testing.assert_close(both(ours), both(theirs), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("pair", ["conv", "resnet"])
@pytest.mark.parametrize(
    ("image", "smallest", "halvings"),
    [
        ((1, 8, 8), (4, 4), 1),
        ((1, 28, 28), (7, 7), 2),
        ((1, 28, 20), (7, 5), 2),
        ((3, 9, 31), (4, 15), 1),
        ((1, 128, 128), (4, 4), 5),
    ],
)
def test_maps_are_halved_while_the_smaller_side_stays_at_four(pair, image, smallest, halvings):
    encoder, decoder = PAIRS[pair]
    net = encoder(image, (2, LATENT))
    strided = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)]
    assert len(strided) == halvings
    assert net.stages(torch.zeros(1, *image)).shape[2:] == smallest
    assert net(torch.zeros(1, *image)).shape == (1, 2, LATENT)
    assert decoder((LATENT,), (1, *image))(torch.zeros(1, LATENT)).shape == (1, 1, *image)


def test_glorot_keeps_the_scale_of_a_signal_and_of_its_gradient():
    # variance 2 / (fan_in + fan_out), within 5 standard errors; uniform, so bounded by sqrt(3) sd
    torch.manual_seed(0)
    net = MLP((300,), (100,), hidden=[500], activation="tanh", init="glorot", output_gain=0.5)
    for layer, gain in ((net.layers[0], 1.0), (net.layers[2], 0.5)):
        layer.requires_grad_(False)
        fan_out, fan_in = layer.weight.shape
        wanted = gain**2 * 2 / (fan_in + fan_out)
        found = float(layer.weight.double().square().mean())
        assert abs(found / wanted - 1) < 5 * math.sqrt(0.8 / layer.weight.numel())
        assert float(layer.weight.abs().max()) <= math.sqrt(3 * wanted)
        assert not layer.bias.any()


def test_an_unknown_start_is_refused():
    with pytest.raises(ConfigError, match=r"model\.encoder\.init .* he, glorot, but got 'cold'"):
        MLP((3,), (2,), hidden=[4], init="cold")


@pytest.mark.parametrize("encoder", [ConvEncoder, ResNetEncoder])
def test_channels_double_up_to_the_most(encoder):
    net = encoder((1, 64, 64), (2,), width=4, max_width=10)
    strided = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)]
    assert [m.out_channels for m in strided] == [4, 8, 10, 10]


LAYERS = {
    "linear": (nn.Linear(64, 500), (200, 64)),
    "conv": (nn.Conv2d(16, 50, 4, 2, 1), (20, 16, 20, 20)),
    "transposed": (nn.ConvTranspose2d(40, 50, 4, 2, 1), (20, 40, 20, 20)),
}


@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_start_doubles_the_second_moment_that_a_rectifier_halves(layer, shape):
    torch.manual_seed(0)
    out = he(layer)(torch.randn(shape))
    inner = out if out.ndim == 2 else out[..., 2:-2, 2:-2]  # padding dims the border
    assert inner.square().mean().item() == pytest.approx(2, rel=0.05)
    assert not layer.bias.any()


def test_conv_on_a_table_is_refused():
    message = r"model=conv_vae needs images .* sides of at least 8, .* \(13,\): use model=mlp_vae"
    with pytest.raises(ConfigError, match=message):
        ConvEncoder((13,), (2, 4))
    with pytest.raises(ConfigError, match=message):
        ConvDecoder((4,), (2, 13))
    with pytest.raises(ConfigError, match=r"model=resnet_vae needs .* \(1, 7, 28\)"):
        ResNetEncoder((1, 7, 28), (2, 4))
    with pytest.raises(ConfigError, match=r"model=resnet_vae needs .* \(1, 28, 7\)"):
        ResNetDecoder((4,), (2, 1, 28, 7))


@pytest.mark.parametrize("value", [0, -3, 2.5, True, "8"])
@pytest.mark.parametrize(
    ("net", "part"),
    [
        (ConvEncoder, "encoder"),
        (ConvDecoder, "decoder"),
        (ResNetEncoder, "encoder"),
        (ResNetDecoder, "decoder"),
    ],
)
def test_widths_that_are_no_positive_integers_are_refused(net, part, value):
    shapes = ((1, 8, 8), (2, 4)) if part == "encoder" else ((4,), (2, 1, 8, 8))
    options = ["width", "max_width", "hidden"] + ["blocks"] * (net.__name__[:3] == "Res")
    for option in options:
        message = rf"model\.{part}\.{option} must be a positive integer, but got {value!r}"
        with pytest.raises(ConfigError, match=message):
            net(*shapes, **{option: value})
    with pytest.raises(ConfigError, match="max_width=16 and width=32"):
        net(*shapes, width=32, max_width=16)


def test_options_of_the_mlp_are_checked():
    for hidden in ([0], [16, -1], [2.5]):
        with pytest.raises(ConfigError, match=r"model\.encoder\.hidden .* positive integer"):
            MLP((4,), (2,), hidden=hidden)
    with pytest.raises(ConfigError, match=r"at least one width, but got \[\]"):
        MLP((4,), (2,), hidden=[])
    with pytest.raises(ConfigError, match=r"activation .* one of relu, .*, but got 'sine'"):
        MLP((4,), (2,), hidden=[3], activation="sine")


@pytest.mark.parametrize("name", ["relu", "silu", "gelu", "elu", "tanh"])
def test_mlp_is_not_affine(name):
    torch.manual_seed(0)
    net = MLP((4,), (2,), hidden=[8], activation=name)
    h = torch.randn(2, 4)
    assert not torch.allclose(net(h.mean(0, keepdim=True)), net(h).mean(0, keepdim=True))


def test_affine_is_affine_and_a_decoder_may_start_small():
    torch.manual_seed(0)
    net, h = Affine((4,), (2,)), torch.randn(2, 4)
    torch.testing.assert_close(net(h.mean(0, keepdim=True)), net(h).mean(0, keepdim=True))
    wide = [
        MLP((4,), (500,), hidden=[64], output_gain=gain).layers[-1].weight.std().item()
        for gain in (1.0, 0.3)
    ]
    assert wide == pytest.approx([1 / math.sqrt(64), 0.3 / math.sqrt(64)], rel=0.05)
