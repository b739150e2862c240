import time
from math import cos, pi, sin

import numpy as np
import pytest
from scipy.integrate import quad

from vael.data.cache import load_decoded
from vael.data.module import VaelData
from vael.data.sources.sprites import FACTORS, HEART, HUES, SCALES, Drawn, Sprites, find_factors

SIZES = (3, 6, 40, 32, 32)
COUNT = 3 * 6 * 40 * 32 * 32
RNG = np.random.default_rng(0)


def number(factors):
    """The numbers of sprites with these factors ``(N, 5)``: mixed radix, the last one fastest."""
    return np.asarray(factors) @ [6 * 40 * 1024, 40 * 1024, 1024, 32, 1]


def margin(shape, scale, angle, x, y, px, py):
    """How far inside of a sprite a point is: < 0 outside. Point by point, in float64."""
    dx, dy = px - (0.25 + x / 62), py - (0.25 + y / 62)
    turn = -angle * 9 * pi / 180
    size = 0.5 + scale / 10
    u = (cos(turn) * dx - sin(turn) * dy) / size
    v = (sin(turn) * dx + cos(turn) * dy) / size
    if shape == 0:
        return 0.1531 - max(abs(u), abs(v))
    if shape == 1:
        return 1 - (u / 0.2087) ** 2 - (v / 0.1043) ** 2
    u, v = u / 0.1617, -v / 0.1617
    # The heart curve solved for v: between its lower and its upper branch.
    root = abs(u) ** (4 / 3) - 4 * u * u + 4
    if root < 0:
        return root
    middle, half = abs(u) ** (2 / 3) / 2, root**0.5 / 2
    return half - abs(v - middle)


def test_a_number_and_its_factors_are_one_to_one():
    index = np.arange(COUNT)
    factors = find_factors(index, SIZES)
    assert len(np.unique(factors, axis=0)) == COUNT
    np.testing.assert_array_equal(number(factors), index)
    n = 1 * 6 * 40 * 1024 + 4 * 40 * 1024 + 17 * 1024 + 30 * 32 + 5  # the last factor fastest
    np.testing.assert_array_equal(find_factors(np.array([n]), SIZES), [[1, 4, 17, 30, 5]])
    assert tuple(count for _, count in FACTORS) == SIZES


@pytest.mark.parametrize("size", [(64, 64), (20, 28)])
def test_each_pixel_is_what_a_slow_drawing_says(size):
    drawn, index = Drawn(size), RNG.integers(0, COUNT, 40)
    index[:3] = 0, COUNT - 1, 2 * COUNT // 3
    close = 0
    for picture, factors in zip(drawn[index], find_factors(index, SIZES), strict=True):
        for row in range(size[0]):
            for column in range(size[1]):
                inside = margin(*factors.tolist(), (column + 0.5) / size[1], (row + 0.5) / size[0])
                if abs(inside) < 1e-5:  # a centre on the edge may go either way
                    close += 1
                else:
                    assert picture[0, row, column] == (inside > 0)
    assert close < 5


def test_areas_are_those_of_the_formulas():
    # 500 random places: the error of counting pixels is a thousandth of the area by then.
    heart = 2 * quad(lambda u: (u ** (4 / 3) - 4 * u * u + 4) ** 0.5, 0, 1.1390)[0] * HEART**2
    areas = [4 * 0.1531**2, pi * 0.2087 * 0.1043, heart]
    for shape, area in enumerate(areas):
        for scale in (0, 5):
            factors = RNG.integers(0, SIZES, (500, 5))
            factors[:, :2] = shape, scale
            counted = Drawn()[number(factors)].mean()
            assert abs(counted / (area * SCALES[scale] ** 2) - 1) < 0.01


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_no_sprite_is_cut_off_and_it_lies_where_its_factors_say(shape):
    corners = [(shape, 5, a, x, y) for a in range(40) for x in (0, 31) for y in (0, 31)]
    pictures = Drawn()[number(corners)][:, 0]
    assert not pictures[:, [0, -1]].any()
    assert not pictures[:, :, [0, -1]].any()
    mass = pictures.sum((1, 2))
    at = (np.arange(64) + 0.5) / 64
    for axis, factor in ((1, 3), (2, 4)):  # summed over rows: x
        centre = (pictures.sum(axis) * at).sum(1) / mass
        expected = np.array([0.25 + 0.5 * (c[factor] == 31) for c in corners])
        assert np.abs(centre - expected).max() < (0.05 if shape == 2 else 0.005)


def test_turning_a_sprite_turns_the_picture_clockwise():
    # x and y 0 and 31 mirror each other about the middle of the picture, so that a quarter turn
    # about the middle moves place (x, y) to (31 - y, x) and the orientation by 10.
    factors = np.array([(2, 5, a, x, y) for a in (0, 3, 7) for x in (0, 11, 31) for y in (2, 31)])
    turned = factors.copy()
    turned[:, 2] += 10
    turned[:, 3], turned[:, 4] = 31 - factors[:, 4], factors[:, 3]
    drawn = Drawn()
    expected = np.rot90(drawn[number(factors)], -1, (2, 3))
    assert (drawn[number(turned)] != expected).mean() < 1e-4


def test_the_hue_is_the_slowest_factor_and_colours_what_is_inside():
    grey, colour = Drawn(), Drawn(color=True)
    assert colour.shape == (6 * COUNT, 3, 64, 64)
    index = RNG.integers(0, COUNT, 6)
    pictures = colour[index + np.arange(6) * COUNT]
    for hue in range(6):
        np.testing.assert_array_equal(pictures[hue], grey[index][hue] * HUES[hue][:, None, None])
    assert len(np.unique(HUES, axis=0)) == 6
    np.testing.assert_array_equal(HUES.sum(0), [3, 3, 3])  # no channel says more than another


def test_a_batch_takes_well_under_ten_milliseconds():
    drawn, seconds = Drawn(), []
    for _ in range(20):
        index = RNG.integers(0, COUNT, 128)
        start = time.perf_counter()
        drawn[index]
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.02  # 2 ms alone


def test_what_a_run_gets(tmp_path):
    data = VaelData(Sprites(), limit=600, cache_dir=str(tmp_path))
    data.prepare()
    assert (data.spec.event_shape, data.spec.levels, data.spec.num_classes) == ((1, 64, 64), 2, 3)
    assert data.spec.factors == FACTORS
    assert (data.spec.num_train, data.spec.num_val, data.spec.num_test) == (540, 60, 600)
    batch, factors = data.head("test", 50), data.factors("test")
    np.testing.assert_array_equal(batch.y, factors[:50, 0])
    np.testing.assert_array_equal(batch.x, Drawn()[number(factors[:50])])
    assert set(batch.x.unique().tolist()) == {0, 1}


def test_the_cache_keeps_no_pictures_and_every_option_has_an_entry(tmp_path):
    first = load_decoded(Sprites(), tmp_path)
    assert sum(path.stat().st_size for path in first.path.iterdir()) < 20e6
    assert load_decoded(Sprites(), tmp_path).content == first.content
    others = [
        load_decoded(Sprites(image_size=32), tmp_path),
        load_decoded(Sprites(image_size=[64, 32]), tmp_path),
    ]
    assert len({first.content, *(other.content for other in others)}) == 3
    np.testing.assert_array_equal(load_decoded(Sprites(), tmp_path).data.train.x[:5], Drawn()[:5])
