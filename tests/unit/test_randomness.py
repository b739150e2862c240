import itertools

import torch

from vael.randomness import STREAMS, Noise, Seeds, derive_seed

CPU = torch.device("cpu")


def draw(noise, *parts):
    return torch.randn(5, generator=noise.at(CPU, *parts))


def test_a_draw_depends_on_its_key_alone():
    fresh = draw(Noise(3, "latent"), 2, 7, 0)
    used = Noise(3, "latent")
    for batch in range(7):
        draw(used, 2, batch, 0)
    torch.randn(100)
    assert torch.equal(fresh, draw(used, 2, 7, 0))


def test_keys_differ_in_every_part_and_in_what_kind_of_part_it_is():
    parts = [
        (0,),
        (1,),
        ("0",),
        (0, 0),
        (0, 1),
        (1, 0),
        (0, 0, 0),
        (11, 1),
        (1, 11),
        ("a", "b"),
        ("ab",),
        (-1,),
        (2**63,),
    ]
    keys = [derive_seed(*p) for p in parts]
    assert len(set(keys)) == len(keys)
    assert all(0 <= k < 2**63 for k in keys)


def test_streams_do_not_share_draws():
    draws = [draw(Noise(0, stream), 0, 0) for stream in STREAMS]
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(draws, 2))


def test_one_stream_can_be_varied_alone_and_zero_is_a_seed():
    base = Seeds.derive(0)
    varied = Seeds.derive(0, latent=0)
    assert varied.latent == 0 != base.latent
    assert (varied.init, varied.order, varied.corruption) == (
        base.init,
        base.order,
        base.corruption,
    )
    assert Seeds.derive(0) == base != Seeds.derive(1)


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    draw(Noise(0, "latent"), 1)
    assert torch.equal(before, torch.get_rng_state())
