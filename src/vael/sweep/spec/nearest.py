"""Nearest point of a space that has not been tried yet."""

import heapq
from collections.abc import Callable, Mapping
from itertools import count
from random import Random

from vael.sweep.spec.domain import Value
from vael.sweep.spec.space import Space, point_key


def find_nearest(
    space: Space,
    start: Mapping[str, Value],
    is_tried: Callable[[frozenset[str]], bool],
    random: Random,
) -> dict[str, Value] | None:
    """Find the untried point nearest to ``start``, which may be itself; None: there is none.

    The distance of two points is the sum over their parameters: 1 between two choices, and between
    two numbers their share of the interval (of its logarithm where it is logarithmic). A parameter
    that ``start`` does not have, because its condition does not hold there, counts from a value
    drawn for it. Points are walked through in the order of their distance (Dijkstra's algorithm),
    so that hardly more are looked at than those that have been tried.

    Args:
        space: of both points.
        start: a point of it.
        is_tried: whether the point of a key (``point_key``) has been tried.
        random: draws values for what ``start`` does not have, and between equal distances.
    """
    drawn = {p.path: p.domain.draw(random) for p in space.parameters if p.path not in start}
    other = {**drawn, **start}
    order = count()
    heap = [(0.0, random.random(), next(order), dict(start))]
    seen: set[frozenset[str]] = set()
    while heap:
        distance, _, _, point = heapq.heappop(heap)
        key = point_key(point)
        if key in seen:
            continue
        seen.add(key)
        if not is_tried(key):
            return point
        for parameter in space.parameters:
            if parameter.path not in point or not parameter.active(point):
                continue
            for value, step in parameter.domain.neighbours(point[parameter.path]):
                near = _complete(space, {**point, parameter.path: value}, other)
                if point_key(near) not in seen:
                    total = round(distance + step, 12)  # equal ones are drawn from
                    heapq.heappush(heap, (total, random.random(), next(order), near))
    return None


def _complete(
    space: Space, chosen: Mapping[str, Value], other: Mapping[str, Value]
) -> dict[str, Value]:
    """Keep what applies of a point, and add what newly applies from another one."""
    point: dict[str, Value] = {}
    for p in space.parameters:
        if p.active(point) and p.path not in point:
            point[p.path] = chosen[p.path] if p.path in chosen else other[p.path]
    return point
