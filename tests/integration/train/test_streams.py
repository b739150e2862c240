"""The four streams apart: with one seed changed, exactly what hangs on it changes in a run."""

import pickle

import pytest
import pytorch_lightning as pl
import torch
from helpers.runs import QUICK, make_run

from vael.randomness import STREAMS
from vael.training.fit import train


class Watch(pl.Callback):
    """Notes what a run draws: initial weights, which examples come, x as it is binarised, eps."""

    def __init__(self, file):
        self.file = file
        self.seen = {"init": [], "order": [], "corruption": [], "latent": [], "scored": []}

    def on_train_start(self, trainer, pl_module):
        self.seen["init"] = [p.detach().clone() for p in pl_module.vae.parameters()]

        def note(module, inputs):
            x, eps = inputs
            assert set(x.unique().tolist()) <= {0.0, 1.0}
            self.seen["latent"].append(eps[0].clone())

        pl_module.vae.register_forward_pre_hook(note)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.seen["order"].append(batch.x.clone())
        # the same grey example everywhere, so that another order is no other binarisation
        grey = torch.full_like(batch.x, 8)
        where = (trainer.current_epoch, batch_idx, trainer.global_rank)
        noise = pl_module.corruption_noise.at(pl_module.device, *where)
        self.seen["corruption"].append(pl_module.preprocess(grey, noise))

    def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
        noise = pl_module.eval_corruption_noise.at(pl_module.device, "val", batch.chunk)
        self.seen["scored"].append(pl_module.preprocess(batch.x, noise))

    def on_train_end(self, trainer, pl_module):
        with open(self.file, "wb") as file:
            pickle.dump(self.seen, file)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A run, and those that differ from it in one seed."""
    parent = tmp_path_factory.mktemp("streams")

    def watch(*overrides):
        file = parent / f"{len(list(parent.glob('*.pickle')))}.pickle"
        extra = (
            f"+callbacks.extra.watch={{_target_: integration.train."
            f"test_streams.Watch, file: {file}}}"
        )
        folder = make_run(
            parent,
            *QUICK,
            "data.binarize=stochastic",
            "trainer.max_epochs=2",
            "data.limit=200",
            "evaluation.test=false",
            "report=false",
            extra,
            *overrides,
        )
        train(folder)
        with file.open("rb") as opened:
            return pickle.load(opened)

    return {
        "none": watch(),
        "again": watch(),
        **{stream: watch(f"seeds.{stream}=1") for stream in STREAMS},
    }


def same(a, b):
    assert len(a) == len(b) > 0
    equal = [torch.equal(x, y) for x, y in zip(a, b, strict=True)]
    return all(equal)


def test_nothing_changes_where_no_seed_does(watched):
    assert all(same(watched["none"][what], watched["again"][what]) for what in watched["none"])


@pytest.mark.parametrize("stream", STREAMS)
def test_one_seed_changes_one_thing(watched, stream):
    changed = {what for what in STREAMS if not same(watched["none"][what], watched[stream][what])}
    assert changed == {stream}


@pytest.mark.parametrize("stream", STREAMS)
def test_what_is_scored_is_the_same_data_whatever_the_seeds(watched, stream):
    assert same(watched["none"]["scored"], watched[stream]["scored"])


def test_another_order_has_the_same_examples(watched):
    def examples(seen):
        per_epoch = len(seen) // 2
        return sorted(tuple(x.flatten().tolist()) for batch in seen[:per_epoch] for x in batch)

    a, b = examples(watched["none"]["order"]), examples(watched["order"]["order"])
    assert len(a) == 128  # two batches of 64 out of 180: other examples are left over
    assert len(set(a) & set(b)) > 64


def test_every_batch_has_draws_of_its_own(watched):
    for what in ("corruption", "latent"):
        seen = watched["none"][what]
        assert not any(torch.equal(a, b) for i, a in enumerate(seen) for b in seen[:i])
