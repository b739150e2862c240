import pytest
import torch
from PIL import Image

from vael.models.posteriors.normal import NormalRecord
from vael.report import draw as module
from vael.report.draw import draw_pictures, save_pictures
from vael.report.pictures import encode_png

RATES = torch.tensor([0.1, 3.0, 0.5, 2.0, 0.0, 0.0, 0.0, 0.2, 0.0])


def p(dim: int = 9) -> NormalRecord:
    return NormalRecord(torch.zeros(dim), torch.zeros(dim))


def digits(count: int = 30) -> torch.Tensor:
    return torch.rand(count, 1, 3, 3, generator=torch.Generator().manual_seed(1))


def test_images_give_four_pictures_with_captions(pixel_vae, tmp_path):
    made = draw_pictures(pixel_vae((1, 3, 3), RATES), p(), digits(), torch.arange(30) % 3, seed=1)
    assert list(made) == ["reconstructions", "samples", "traversal", "latent_scatter"]
    assert all(picture.caption.endswith(".") for picture in made.values())
    paths = save_pictures(made, tmp_path / "images")
    assert sorted(p.name for p in paths) == sorted(p.name for p in (tmp_path / "images").iterdir())
    for path in paths:
        with Image.open(path) as image:
            assert image.width > 200


def test_what_is_decoded_exactly_looks_exactly_like_the_original(pixel_vae, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        module.pictures, "draw_reconstructions", lambda x, mean: seen.update(x=x, mean=mean)
    )
    x = digits()
    draw_pictures(pixel_vae((1, 3, 3), RATES), p(), x)
    torch.testing.assert_close(seen["x"], x[:20])
    torch.testing.assert_close(seen["mean"], seen["x"])


def test_the_traversal_moves_the_most_active_dimensions_one_at_a_time(pixel_vae, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        module.pictures,
        "draw_traversal",
        lambda images, labels, values: seen.update(i=images, l=labels, v=values),
    )
    x = digits()
    draw_pictures(pixel_vae((1, 3, 3), RATES), p(), x)
    assert seen["l"][:4] == ["z1\n3.00 nats", "z3\n2.00 nats", "z2\n0.50 nats", "z7\n0.20 nats"]
    assert seen["v"].shape == (8, 11)
    assert seen["v"][0].tolist() == pytest.approx([-2.5 + step / 2 for step in range(11)])
    frames = seen["i"].flatten(2)  # one row of frames for each dimension, pixel i is z_i
    assert frames.shape == (8, 11, 9)
    torch.testing.assert_close(frames[0, :, 1], seen["v"][0])
    still = [i for i in range(9) if i != 1]
    torch.testing.assert_close(frames[0][:, still], x[0].flatten()[still].expand(11, -1))


def test_the_traversal_covers_a_prior_where_it_is(pixel_vae, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        module.pictures, "draw_traversal", lambda images, labels, values: seen.update(v=values)
    )
    away = NormalRecord(torch.full((9,), 4.0), torch.full((9,), 0.5).log())
    draw_pictures(pixel_vae((1, 3, 3), RATES), away, digits())
    torch.testing.assert_close(seen["v"][:, [0, -1]], torch.tensor([[2.75, 5.25]]).expand(8, 2))


def test_without_a_kl_by_dimension_the_spread_of_the_means_ranks(pixel_vae, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        module.figures, "draw_scatter", lambda mu, labels, names: seen.update(mu=mu, names=names)
    )
    x = digits() * torch.tensor([0.1, 0.1, 9, 0.1, 0.1, 0.1, 3, 0.1, 0.1]).reshape(3, 3)
    draw_pictures(pixel_vae((1, 3, 3), None), p(), x)
    torch.testing.assert_close(seen["mu"], x.flatten(1)[:, [2, 6]])
    assert seen["names"][0].startswith("z2   (var ")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(pixel_vae):
    vae, x = pixel_vae((1, 3, 3), RATES), digits()

    def samples(seed):
        torch.rand(7)  # what was drawn elsewhere must not matter
        return encode_png(draw_pictures(vae, p(), x, seed=seed)["samples"])

    assert samples(5) == samples(5)
    assert samples(5) != samples(6)


def test_drawing_leaves_the_global_generator_alone(pixel_vae):
    before = torch.get_rng_state()
    draw_pictures(pixel_vae((1, 3, 3), RATES), p(), digits())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("columns", [1, 2, 4])
def test_tables(pixel_vae, tmp_path, columns):
    x = torch.randn(700, columns, generator=torch.Generator().manual_seed(0))
    made = draw_pictures(pixel_vae((columns,), RATES[:columns]), p(), x)
    assert list(made) == ["reconstructions", "samples", "latent_scatter"]
    assert len(save_pictures(made, tmp_path)) == 3


def test_the_columns_of_a_table_have_their_names(pixel_vae):
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    made = draw_pictures(pixel_vae((2,), RATES[:2]), p(), x, columns=("radius", "texture"))
    for name in ("reconstructions", "samples"):
        titles = [axes.get_title() for axes in made[name].image.axes]
        assert titles[:2] == ["radius", "texture"]


@pytest.mark.parametrize(("columns", "said"), [(6, "All columns"), (7, "The first 6 of 7 col")])
def test_the_caption_of_a_table_says_its_units_and_how_much_is_shown(pixel_vae, columns, said):
    x = torch.randn(20, columns, generator=torch.Generator().manual_seed(0))
    made = draw_pictures(pixel_vae((columns,), torch.ones(columns)), p(), x)
    for name in ("reconstructions", "samples"):
        assert said in made[name].caption
        assert "standard deviations from its mean in training" in made[name].caption


def test_chunks_change_nothing(pixel_vae, monkeypatch):
    vae, x = pixel_vae((1, 3, 3), RATES), digits()
    whole = {name: encode_png(picture) for name, picture in draw_pictures(vae, p(), x).items()}
    monkeypatch.setattr(module, "CHUNK", 7)
    assert {
        name: encode_png(picture) for name, picture in draw_pictures(vae, p(), x).items()
    } == whole
