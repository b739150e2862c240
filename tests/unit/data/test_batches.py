from itertools import chain

import numpy as np
import pytest
import torch
from pytorch_lightning.utilities import move_data_to_device

from vael.data.batches import (
    EVAL_CHUNK,
    SHARE,
    EvalBatches,
    Resident,
    TrainBatches,
    to_device_if_fits,
)
from vael.data.source import Arrays

N = 1003
INDEX = np.arange(N) * 2 + 1  # positions are not 0..n-1
# Each example knows its own position: 2 bytes of it are its pixels.
X = np.stack([np.arange(2 * N + 1) // 256, np.arange(2 * N + 1) % 256], 1)
WORLD = Arrays(X.astype(np.uint8).reshape(-1, 1, 1, 2), np.arange(2 * N + 1))


def ids(batch):
    x = batch.x.long().reshape(len(batch.x), 2)
    found = x[:, 0] * 256 + x[:, 1]
    assert torch.equal(found, batch.y)
    return found.tolist()


def same(batches, others):
    return all(
        torch.equal(a, b)
        for one, two in zip(batches, others, strict=True)
        for a, b in zip(one[:2], two[:2], strict=True)
    )


def test_data_that_lives_on_a_device_gives_the_same_batches():
    there = Resident.from_arrays(WORLD, torch.device("cpu"))
    assert same(TrainBatches(there, INDEX, 24, 7), TrainBatches(WORLD, INDEX, 24, 7))
    assert same(EvalBatches(there, INDEX, 1, 2), EvalBatches(WORLD, INDEX, 1, 2))
    unlabelled = Resident.from_arrays(Arrays(WORLD.x), torch.device("cpu"))
    assert next(iter(EvalBatches(unlabelled, INDEX))).y is None


def test_data_moves_to_a_gpu_only_where_it_fits(monkeypatch):
    """No GPU is needed: how much is free, and the copy, are stood in for."""
    gpu, size = torch.device("cuda"), WORLD.x.nbytes
    monkeypatch.setattr(Resident, "from_arrays", lambda arrays, device: (arrays, device))
    for free, moves in ((SHARE * size, True), (SHARE * size - 1, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 0))
        assert to_device_if_fits(WORLD, gpu) == ((WORLD, gpu) if moves else WORLD)
    assert to_device_if_fits(WORLD, torch.device("cpu")) is WORLD


def join(lists):
    return list(chain.from_iterable(lists))


def epoch(number=0, **options):
    options = {"batch_size": 24, "seed": 7} | options
    made = TrainBatches(WORLD, INDEX, **options)
    made.set_epoch(number)
    batches = [ids(batch) for batch in made]
    assert len(batches) == len(made)
    return batches


def test_an_epoch_has_no_example_twice_and_drops_less_than_a_batch():
    batches = epoch()
    flat = join(batches)
    assert all(len(batch) == 24 for batch in batches)
    assert len(flat) == len(set(flat)) == N - N % 24
    assert set(flat) <= set(INDEX.tolist())


@pytest.mark.parametrize("world", [1, 2, 3, 4])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_slices_of_all_ranks_are_the_batch_of_one_device(world, accumulate):
    whole = epoch(3)
    ranks = [epoch(3, rank=r, world_size=world, accumulate=accumulate) for r in range(world)]
    for i, batch in enumerate(whole):
        pieces = [ranks[r][i * accumulate + j] for r in range(world) for j in range(accumulate)]
        assert join(pieces) == batch


def test_the_order_is_a_function_of_seed_and_epoch_only():
    made = TrainBatches(WORLD, INDEX, 24, 7)
    for number in (0, 1, 2):
        made.set_epoch(number)
        list(made)
    made.set_epoch(1)
    torch.manual_seed(99)
    next(iter(made))  # an epoch that was broken off
    made.set_epoch(2)
    assert [ids(batch) for batch in made] == epoch(2)
    assert epoch(2) != epoch(1)
    assert epoch(2) != epoch(2, seed=8)


@pytest.mark.parametrize("given", [0, 1, 40, 41])
def test_an_epoch_goes_on_at_any_batch_with_and_without_iterating(given):
    """Groups of steps take positions; an iterator, should one follow, goes on behind them."""
    whole = epoch(3)
    stopped = TrainBatches(WORLD, INDEX, 24, 7)
    stopped.set_epoch(3)
    positions = stopped.next_positions(given)
    assert WORLD.y[positions].tolist() == whole[:given]
    assert stopped.state_dict() == {"epoch": 3, "batches": given}
    going = TrainBatches(WORLD, INDEX, 24, 7)
    going.load_state_dict(stopped.state_dict())
    going.set_epoch(3)
    assert going.state_dict() == stopped.state_dict()  # before any next()
    if given < len(whole):
        assert [ids(batch) for batch in going] == whole[given:]
    going.set_epoch(4)
    assert going.state_dict() == {"epoch": 4, "batches": 0}
    assert ids(going.next()) == epoch(4)[0]


def test_an_iterator_goes_on_behind_the_batches_of_a_group():
    made = TrainBatches(WORLD, INDEX, 24, 7)
    going = iter(made)
    first = ids(next(going))
    made.next_positions(2)
    assert [first, *map(ids, going)] == [epoch(0)[0], *epoch(0)[3:]]


def test_each_position_is_equally_likely_to_come_first():
    # 400 epochs; the mean of uniform positions has standard error N / sqrt(12 * 400)
    made = TrainBatches(WORLD, np.arange(N), 1, 0)
    first = np.array([made.order(e)[0] for e in range(400)])
    assert abs(first.mean() - (N - 1) / 2) < 5 * N / np.sqrt(12 * 400)


@pytest.mark.parametrize("world", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("count", [1, 99, 100, 101, 250, 1003])
def test_evaluation_counts_each_example_once_for_any_number_of_devices(world, count):
    chunks = {}
    for rank in range(world):
        made = EvalBatches(WORLD, INDEX[:count], rank, world)
        batches = list(made)
        assert len(batches) == len(made) >= 1
        for batch in batches:
            if len(batch.x) == 0:
                assert len(batches) == 1  # only where the rank has nothing at all
                continue
            assert batch.chunk % world == rank
            assert batch.chunk not in chunks
            chunks[batch.chunk] = ids(batch)
    assert join(chunks[c] for c in sorted(chunks)) == INDEX[:count].tolist()
    for c, found in chunks.items():
        start = c * EVAL_CHUNK
        assert found == INDEX[:count][start : start + EVAL_CHUNK].tolist()


def test_a_rank_without_examples_gets_one_empty_batch_of_the_right_shape():
    (batch,) = EvalBatches(WORLD, INDEX[:100], rank=2, world_size=4)
    assert batch.x.shape == (0, 1, 1, 2)
    assert batch.x.dtype == torch.uint8


def test_lightning_moves_a_chunk_and_keeps_its_number():
    batch = next(iter(EvalBatches(Arrays(WORLD.x), INDEX, 1, 2)))
    moved = move_data_to_device(batch, torch.device("cpu"))
    assert type(moved) is type(batch)
    assert type(moved.chunk) is int
    assert moved.chunk == 1
    assert moved.y is None


def test_batches_do_not_share_memory_with_the_arrays():
    batch = next(iter(EvalBatches(WORLD, INDEX)))
    before = WORLD.x.copy()
    batch.x.zero_()
    np.testing.assert_array_equal(WORLD.x, before)


def test_an_order_that_is_worked_out_ahead_is_the_same_and_is_not_drawn_again(monkeypatch):
    expected = [epoch(number) for number in range(3)]
    draw, drawn = torch.randperm, []
    monkeypatch.setattr(torch, "randperm", lambda n, **key: (drawn.append(n), draw(n, **key))[1])
    made = TrainBatches(WORLD, INDEX, 24, 7)
    for number in range(3):
        made.set_epoch(number)
        for batch, other in zip(made, expected[number], strict=True):
            assert ids(batch) == other
            assert len(drawn) == number + 1  # the first when it was needed, the others before
            made.look_ahead()
