from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from vael.data.batch_size import check_batch_size
from vael.data.batches import TrainBatches
from vael.data.module import VaelData
from vael.data.source import Arrays, Decoded, Source
from vael.data.sources.scikit_learn import Digits
from vael.errors import ConfigError, DataError


class Made(Source):
    """A source out of arrays that a test makes."""

    def __init__(self, data, name="made"):
        self.data, self.name = data, name

    def fingerprint(self):
        return self.name

    def decode(self):
        return self.data


def table(n=100):
    x = np.random.default_rng(0).normal(3, 2, (n, 4)).astype(np.float32)
    return Decoded(Arrays(x), levels=None)


@pytest.fixture
def digits(tmp_path):
    def make(**options):
        made = VaelData(Digits(), cache_dir=str(tmp_path), **options)
        made.prepare()
        return made

    return make


def test_digits_are_what_scikit_learn_has(digits):
    from sklearn.datasets import load_digits

    made = digits(batch_size=64)
    bunch = load_digits()
    np.testing.assert_array_equal(made.cached.data.train.x[:, 0], bunch.images)
    np.testing.assert_array_equal(made.cached.data.train.y, bunch.target)
    spec = made.spec
    assert (spec.event_shape, spec.levels, spec.support) == ((1, 8, 8), 17, "unit")
    assert (spec.num_train, spec.num_val, spec.num_test, spec.num_classes) == (1455, 162, 180, 10)
    assert len(TrainBatches(*made.select("train"), 64, 0)) == 1455 // 64


def test_resized_digits_have_256_levels(tmp_path):
    made = VaelData(Digits(image_size=[12, 16]), cache_dir=str(tmp_path))
    made.prepare()
    assert made.spec.event_shape == (1, 12, 16)
    assert made.spec.levels == 256
    plain = VaelData(Digits(), cache_dir=str(tmp_path))
    plain.prepare()
    assert (
        abs(made.cached.data.train.x.mean() / 255 - plain.cached.data.train.x.mean() / 16) < 0.01
    )


def test_binarised_data_has_two_levels(digits):
    made = digits(binarize="stochastic")
    assert made.spec.levels == 2
    x = made.preprocess(made.head("train", 50).x, torch.Generator().manual_seed(0))
    assert set(x.unique().tolist()) == {0.0, 1.0}


def test_the_digest_is_of_the_data_and_its_options_not_of_the_run(digits):
    same = {digits(batch_size=8, order_seed=3).spec.digest, digits().spec.digest}
    assert len(same) == 1
    others = [digits(binarize="threshold"), digits(limit=500), digits(split_seed=1)]
    assert len(same | {made.spec.digest for made in others}) == 4


def test_head_is_the_beginning_of_the_split(digits):
    made = digits()
    chunk = next(iter(made.val_dataloader()))
    head = made.head("val", 10)
    assert torch.equal(head.x, chunk.x[:10])
    assert torch.equal(head.y, chunk.y[:10])
    assert len(made.head("test", 10_000).x) == made.spec.num_test


def test_a_table_is_standardised_on_its_training_rows_only(tmp_path):
    data = table()
    made = VaelData(Made(data), batch_size=10, cache_dir=str(tmp_path))
    made.prepare()
    assert (made.spec.levels, made.spec.support) == (None, "real")
    _, index = made.select("train")
    np.testing.assert_allclose(made.preprocess.shift, data.train.x[index].mean(0), rtol=1e-5)
    np.testing.assert_allclose(made.preprocess.scale, data.train.x[index].std(0), rtol=1e-5)


class Recorder(pl.LightningModule):
    """Writes down which examples Lightning hands it."""

    def __init__(self, data):
        super().__init__()
        self.preprocess = data.preprocess
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen, self.chunks = [], []

    def training_step(self, batch, batch_idx):
        self.seen.append((self.current_epoch, batch_idx, batch.x.sum().item()))
        return self.weight * self.preprocess(batch.x).mean()

    def validation_step(self, batch, batch_idx):
        self.chunks.append(batch.chunk)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def fit(data, folder, epochs, resume=None, **options):
    module = Recorder(data)
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        use_distributed_sampler=False,
        default_root_dir=folder,
        **options,
    )
    trainer.fit(module, data, ckpt_path=resume, weights_only=None if resume is None else True)
    return trainer, module


@pytest.mark.filterwarnings("ignore:The `srun` command is available")
@pytest.mark.filterwarnings("ignore:`isinstance.treespec:FutureWarning")
def test_lightning_sees_each_epoch_in_its_own_order_and_after_resuming_too(digits, tmp_path):
    data = digits(batch_size=256, order_seed=5)
    expected = []
    for epoch in range(4):
        batches = TrainBatches(*data.select("train"), 256, 5)
        batches.set_epoch(epoch)
        expected += [(epoch, i, batch.x.sum().item()) for i, batch in enumerate(batches)]

    _, whole = fit(data, tmp_path, 4)
    assert whole.seen == expected
    assert whole.chunks[-2:] == [0, 1]
    trainer, half = fit(data, tmp_path, 2)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    _, rest = fit(data, tmp_path, 4, tmp_path / "half.ckpt")
    assert half.seen + rest.seen == expected

    trainer, pieces = fit(data, tmp_path, 1, accumulate_grad_batches=4)
    assert len(pieces.seen) == 4 * (1455 // 256)
    assert trainer.global_step == 1455 // 256


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"batch_size": 0}, "data.batch_size must be a whole number >= 1, got 0"),
        ({"batch_size": -3}, "data.batch_size must be .* got -3"),
        ({"batch_size": 2.5}, "data.batch_size must be .* got 2.5"),
        ({"limit": 0}, "data.limit must be a whole number >= 1, got 0"),
        ({"split_seed": -1}, "data.split_seed must be .* got -1"),
        ({"binarize": "yes"}, "data.binarize must be one of"),
    ],
)
def test_an_option_that_cannot_work_is_refused_before_anything_is_read(options, match):
    with pytest.raises(ConfigError, match=match):
        VaelData(Digits(), **options)


def test_a_batch_larger_than_the_training_data_is_refused(digits):
    with pytest.raises(ConfigError, match=r"data.batch_size=1456 must not be larger .* 1455"):
        digits(batch_size=1456)
    digits(batch_size=1455)


def test_a_batch_that_the_devices_cannot_share_is_refused(digits):
    check_batch_size(128, 4, 2)
    with pytest.raises(
        ConfigError, match=r"data.batch_size=128 .* divisible by 6 = 3 devices .* take 126, say"
    ):
        check_batch_size(128, 3, 2)
    made = digits(batch_size=128)
    made.trainer = SimpleNamespace(accumulate_grad_batches=3, global_rank=0, world_size=1)
    with pytest.raises(ConfigError, match=r"data.batch_size=128 .* divisible by 3"):
        made.train_dataloader()


def test_a_table_cannot_be_binarised(tmp_path):
    made = VaelData(Made(table()), 10, binarize="threshold", cache_dir=str(tmp_path))
    with pytest.raises(ConfigError, match=r"data.binarize=threshold needs data with levels"):
        made.prepare()


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (Decoded(Arrays(np.zeros((0, 1, 2, 2), np.uint8)), 2), "at least 1 example, got none"),
        (Decoded(Arrays(np.zeros(9, np.uint8)), 2), r"must be \(N, C, H, W\), \(N, C, T\) or"),
        (Decoded(Arrays(np.zeros((9, 2, 2), np.uint8)), 2), "rank 3 with levels=2"),
        (Decoded(Arrays(np.zeros((9, 1, 2, 2), np.float32)), 2), "images of level numbers"),
        (Decoded(Arrays(np.zeros((9, 2), np.float64)), None), "or float32 without, got float64"),
        (Decoded(Arrays(np.full((9, 1, 2, 2), 5, np.uint8)), 4), "below levels=4 <= 65536, got 5"),
        (
            Decoded(Arrays(np.zeros((9, 2), np.float32), np.zeros(8, np.int64)), None),
            "9 int64 numb",
        ),
        (Decoded(Arrays(np.zeros((9, 2), np.float32), np.full(9, -1)), None), "numbers >= 0"),
        (
            Decoded(
                Arrays(np.zeros((9, 2), np.float32)),
                None,
                test=Arrays(np.zeros((9, 3), np.float32)),
            ),
            r"test: .*shape of the training.*\(3,\)",
        ),
    ],
)
def test_a_users_source_that_breaks_the_contract_is_named(tmp_path, data, match):
    with pytest.raises(DataError, match=match) as caught:
        VaelData(Made(data), 1, cache_dir=str(tmp_path)).prepare()
    assert str(caught.value).startswith("data.source=Made, split ")
    assert not [p for p in tmp_path.iterdir() if p.is_dir()]


def test_data_that_is_all_the_same_is_refused_and_a_constant_column_is_not(tmp_path):
    def made(x, name):
        return VaelData(Made(Decoded(Arrays(x), None), name), 1, cache_dir=str(tmp_path))

    x = np.full((3000, 4), 7, np.float32)
    with pytest.raises(DataError, match=r"all 2430 are the same, so there is nothing to learn"):
        made(x, "same").prepare()
    x[1500:, 1] = 8
    made(x, "different").prepare()
