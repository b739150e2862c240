"""Pictures of latents that have places, and of codes: what stands where, in what colour."""

from functools import partial

import numpy as np
import pytest
import torch
from helpers.parts import GivenParts
from torch import nn

from vael.models.codes import UniformCodes
from vael.models.conditional import Conditional
from vael.models.latents import FSQ
from vael.models.likelihoods import Gaussian
from vael.models.vae import VAE
from vael.report import code_pictures
from vael.report.code_pictures import average_patches, count_codes, draw_code_pictures
from vael.report.latent_maps import colour_places, draw_channel_maps, enlarge
from vael.report.tiles import GAP


def test_equal_vectors_have_one_colour_and_others_another():
    book = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    codes = torch.tensor([[[0, 1], [2, 0]], [[3, 4], [4, 0]]])
    colours = colour_places(book[codes].movedim(-1, 1)).movedim(1, -1)
    assert colours.shape == (2, 2, 2, 3)
    first = torch.stack([colours[codes == k][0] for k in range(5)])
    torch.testing.assert_close(colours, first[codes])
    assert torch.pdist(first).min() > 0.01
    assert 0 <= colours.min() <= colours.max() <= 1


def test_a_single_number_is_grey_by_its_size():
    """From black to white with the number, or the other way round where all are equal: grey."""
    z = torch.tensor([[[[0.0, 1.0], [2.0, 4.0]]]])
    torch.testing.assert_close(colour_places(z)[0], (z[0] / 4).expand(3, -1, -1))
    torch.testing.assert_close(
        colour_places(torch.ones(1, 2, 2, 2)), torch.full((1, 3, 2, 2), 0.5)
    )


def test_the_channels_stand_in_the_order_of_what_they_carry():
    """8x8 examples are tiles of 80; KL is darkest at 0, a mean of 0 is white."""
    mu, rates = torch.zeros(3, 2, 2, 2), torch.zeros(3, 2, 2, 2)
    mu[:, 1, 0, 1], rates[:, 1, 0, 1] = 2.0, 6.0
    image, said = draw_channel_maps(torch.zeros(3, 1, 8, 8), mu, rates)
    pixels = np.asarray(image)
    corner = len(pixels) - 80 - (80 + GAP)  # the last example's means, then KL
    left = pixels.shape[1] - 2 * 80 - GAP
    means, costs = (pixels[at : at + 80, left:] for at in (corner, corner + 80 + GAP))
    assert costs[20, 60, :3].tolist() == [253, 231, 37]  # viridis' last colour: z1 is the first
    assert costs[60, 60, :3].tolist() == costs[20, 100, :3].tolist() == [68, 1, 84]
    assert means[60, 60, :3].min() > 240
    assert means[20, 60, 0] > means[20, 60, 2] + 50  # orange
    assert "from -2 (violet)" in said
    assert "to 6 nats" in said
    alone, said = draw_channel_maps(torch.zeros(3, 1, 8, 8), mu, None)
    assert "KL" not in said
    assert alone.height < image.height


def test_the_most_frequent_code_is_the_first():
    values, counts = count_codes(torch.tensor([5, 2, 2, 7, 5, 2]))
    assert (values.tolist(), counts.tolist()) == ([2, 5, 7], [3, 2, 1])


class PassingParts(GivenParts):
    """An encoder that passes an image on as a latent of this shape."""

    def __init__(self, event, latent):
        self.event_shape, self.latent_shape = event, latent
        self._encoder = nn.Sequential(nn.Flatten(), nn.Unflatten(1, latent))


def passing(event, latent, levels):
    """A model that decodes the vectors of the codes as they are."""
    latents = FSQ(PassingParts(event, latent), partial(UniformCodes), levels)
    decoder = nn.Sequential(nn.Flatten(), nn.Unflatten(1, event))
    return VAE(latents, Conditional(decoder, Gaussian(event, None, "fixed", 1.0), latent)).eval()


def test_codes_of_a_map_have_pictures_and_their_use():
    """1 occurs eight times, -1 three times, 0 once."""
    vae = passing((1, 2, 2), (1, 2, 2), [3])
    x = torch.tensor([[9.0, 9, 9, -9], [9, 9, 9, -9], [9, 0, 9, -9]]).reshape(-1, 1, 2, 2)
    mu = vae.encode(x).mean.flatten(1)
    made = draw_code_pictures(vae, mu, x, x[:2], lambda images: images, "")
    assert list(made) == ["codes", "codebook", "code_usage"]
    assert "100.0% of them do" in made["code_usage"].caption
    p = np.array([8, 3, 1]) / 12
    perplexity = np.exp(-(p * np.log(p)).sum())
    assert f"perplexity is {perplexity:.1f};" in made["code_usage"].caption


def test_the_patch_of_a_code_is_the_mean_around_its_places():
    """Pixels that are their row and column: the mean patch is that around the mean place."""
    row, column = torch.meshgrid(torch.arange(12.0), torch.arange(6.0), indexing="ij")
    x = torch.stack([row, column])[None].repeat(2, 1, 1, 1)
    codes = torch.full((2, 12), 5)  # 4 x 3 places of 3 x 2 pixels
    codes[0, 1 * 3 + 1] = codes[1, 2 * 3 + 1] = 7
    (found,) = average_patches(x, codes, torch.tensor([7]), (4, 3))
    assert found.shape == (2, 6, 4)
    # the middles of the places are 4.5 and 7.5, half a pixel down each: pixels 1 to 6, 5 to 10
    rows = (torch.arange(1.0, 7) + torch.arange(5.0, 11)) / 2
    torch.testing.assert_close(found[0], rows[:, None].expand(6, 4))
    torch.testing.assert_close(found[1], torch.arange(1.0, 5).expand(6, 4))


def test_a_code_of_a_vector_is_changed_alone(monkeypatch):
    """The first piece has three values, the second two; the example is (1, 0)."""
    vae, rows, tiles = passing((1, 1, 2), (2,), [3]), [], code_pictures.make_tiles
    monkeypatch.setattr(code_pictures, "make_tiles", lambda x: rows.append(x) or tiles(x))
    x = torch.tensor([[9.0, 0.0], [9.0, 0.0], [-9.0, 9.0], [0.0, 0.0]]).reshape(-1, 1, 1, 2)
    made = draw_code_pictures(vae, vae.encode(x).mean, x, x, lambda images: images, "")
    assert list(made) == ["codebook", "code_usage"]
    assert [sorted(row.flatten(1).tolist()) for row in rows] == [
        [[-1, 0], [0, 0], [1, 0]],
        [[1, 0], [1, 1]],
    ]
    assert rows[0][0].flatten().tolist() == [1, 0]  # the most used first


@pytest.mark.parametrize("size", [(3, 5), (8, 8)])
def test_each_place_covers_its_share_of_the_image(size):
    large = enlarge(torch.arange(4.0).reshape(1, 1, 2, 2), size)
    assert large.shape[2:] == size
    assert large[0, 0, 0, 0] == 0
    assert large[0, 0, -1, -1] == 3
