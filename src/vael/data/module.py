"""The DataModule: source, splits, batches and preprocessing of one run."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from vael.data.batch_size import check_batch_size
from vael.data.batches import EvalBatches, Resident, TrainBatches, take_batch, to_device_if_fits
from vael.data.cache import Cached, cache_root, load_decoded
from vael.data.constant import describe_constant, drop_columns
from vael.data.context import Names, Told, add_context
from vael.data.describe import describe_data
from vael.data.families import RAW, Families, check_table, describe_families, find_families
from vael.data.observed import count_observed
from vael.data.on_disk import iterate_row_slices
from vael.data.preprocess import Binarize, Preprocess, column_fill, column_moments
from vael.data.source import Array, Arrays, Source, Split
from vael.data.splits import ExamplesPart, SplitIndex, make_splits
from vael.data.told_columns import take_columns
from vael.errors import ConfigError, DataError, one_line
from vael.types import Batch, DataSpec


class VaelData(pl.LightningDataModule):
    """A source with its splits, its batches and its preprocessing.

        source --decode once--> cache --splits--> TrainBatches | EvalBatches --> Preprocess
                               (memory-mapped)       raw, on the host           on the device

    Nothing is read before `prepare`, which any process may call at any time, and twice.

    Args:
        source: where the data comes from.
        batch_size: global: what one optimiser step sees. N devices that accumulate K times take
            ``batch_size / (N K)`` at a time.
        binarize: ``none | threshold | stochastic``, see `Preprocess`.
        limit: at most so many examples of train (before validation is taken out) and of test.
        split_seed: of the splits; part of the data, not of the run.
        cache_dir: of the decoded data; None: ``VAEL_CACHE``, or ``~/.cache/vael``.
        order_seed: of the order stream.
        told: what a conditional model is told of each example; None: nothing.
        families: ``likelihood.columns``: which columns of a table have which family, ``auto`` or a
            mapping; None: the likelihood has one for all.

    Raises:
        ConfigError: an option that cannot work, named as in the configuration.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int = 128,
        binarize: Binarize = "none",
        limit: int | None = None,
        split_seed: int = 0,
        cache_dir: str | None = None,
        order_seed: int = 0,
        told: Told | None = None,
        families: object = None,
    ) -> None:
        super().__init__()
        _at_least("data.batch_size", batch_size, 1)
        if limit is not None:
            _at_least("data.limit", limit, 1)
        _at_least("data.split_seed", split_seed, 0)
        Preprocess(binarize, levels=2)  # refuses an unknown mode before anything is read
        self.source, self.batch_size, self.binarize = source, batch_size, binarize
        self.limit, self.split_seed = limit, split_seed
        self.cache_dir, self.order_seed = cache_dir, order_seed
        self.told, self.families = told, families
        self._cached: Cached | None = None
        self._splits: dict[Split, ExamplesPart] = {}
        self._preprocess: Preprocess | None = None
        self._observed: dict[Split, float] = {}
        self._families: Families = ()
        self._notes: tuple[str, ...] = ()
        self._context: Names = ()
        self._placed: dict[Split, Arrays | Resident] = {}

    def prepare(self) -> None:
        """Decode or find the data, and split it.

        Raises:
            DataError: the data cannot be read, is too small to split, or all the same.
            ConfigError: options that do not fit this data.
        """
        if self._cached is not None:
            return
        cached = load_decoded(self.source, cache_root(self.cache_dir))
        sizes = {name: len(part) for name, part in cached.data.parts.items()}
        splits = make_splits(sizes, self.split_seed, self.limit)
        train, index = cached.data.train, splits["train"].index
        _check_varies(train, index)
        if self.families is not None:
            check_table(cached.data, self.families)
        context: Names = ()
        if self.told is not None and self.told.kind == "columns":
            data, context = take_columns(cached.data, self.told, index)
            cached = replace(cached, data=data)
        preprocess = Preprocess(self.binarize, cached.data.levels)
        notes = list(cached.data.notes)
        card = self.source.card()
        if card is not None and card.differs(cached.content, tuple(sizes.values())):
            notes.append(card.check(cached.content, tuple(sizes.values())))
        if cached.data.missing == "mask":
            parts = {n: (cached.data.parts[p.origin], p.index) for n, p in splits.items()}
            self._observed = count_observed(parts, cached.data.columns)
        if train.x.ndim == 2 or cached.data.support == "real":
            cached, preprocess = self._standardise(cached, index, notes)
        if self.batch_size > len(splits["train"].index):
            raise ConfigError(
                f"data.batch_size={self.batch_size} must not be larger than the number of "
                f"training examples, {len(splits['train'].index)}; set a smaller one"
            )
        if self.told is not None and not context:
            classes = cached.num_classes
            data, context = add_context(cached.data, self.told, classes, index)
            cached = replace(cached, data=data)
        self._context = context
        self._cached, self._splits, self._preprocess = cached, splits, preprocess
        self._notes = tuple(map(one_line, notes))  # names of files may hold any bytes

    def _standardise(
        self, cached: Cached, index: SplitIndex, notes: list[str]
    ) -> tuple[Cached, Preprocess]:
        """Return the data without the columns that are dropped, and what standardises the rest."""
        data = cached.data
        fill = column_fill(data.train, index, data.missing, data.columns)
        mean, std, constant = column_moments(data.train, index, fill, data.missing == "mask")
        dropped = data.constant == "drop"
        axes = data.train.x.ndim - 2  # behind the channels
        kind = "channels" if axes else "columns"
        notes += describe_constant(constant, data.columns, dropped, kind)
        if axes:
            mean, std = (t.reshape(-1, *[1] * axes) for t in (mean, std))
        if dropped and constant.any():
            kept = torch.from_numpy(~constant)
            mean, std = mean[kept], std[kept]
            fill = None if fill is None else fill[kept]
            cached = replace(cached, data=drop_columns(data, constant))
        if self.families is not None:
            self._families = find_families(cached.data, self.families)
            notes.append(describe_families(self._families))
            raw = torch.tensor([family in RAW for family, _ in self._families])
            mean, std = torch.where(raw, 0, mean), torch.where(raw, 1, std)
        return cached, Preprocess(self.binarize, None, mean, std, fill)

    def setup(self, stage: str) -> None:
        """Run `prepare`, for Lightning."""
        self.prepare()

    @property
    def cached(self) -> Cached:
        """The decoded arrays, whole."""
        self.prepare()
        assert self._cached is not None
        return self._cached

    @property
    def spec(self) -> DataSpec:
        """Facts of the data that a model must know."""
        cached, x = self.cached, self.cached.data.train.x
        parts = [cached.content, self.split_seed, self.limit, self.binarize]
        data = cached.data
        options: list[str] = [data.missing] * (data.missing != "refuse")
        options += [data.constant] * (data.constant != "keep")
        if self.told is not None and self.told.kind == "columns":
            options += ["told", *(name for name, _ in self._context)]
        options += [f"{family} {variable}" for family, variable in self._families]
        identity = json.dumps([*parts, *options])
        return DataSpec(
            event_shape=tuple(x.shape[1:]),
            levels=self.preprocess.levels,
            support=data.support if x.ndim == 4 else "real",
            num_train=len(self._splits["train"].index),
            num_val=len(self._splits["val"].index),
            num_test=len(self._splits["test"].index),
            num_classes=cached.num_classes,
            digest=hashlib.blake2b(identity.encode(), digest_size=16).hexdigest(),
            factors=cached.data.factors,
            raw_levels=cached.data.levels,
            columns=cached.data.columns,
            context=self._context,
            observed=tuple(self._observed.items()),
            families=self._families,
        )

    @property
    def description(self) -> str:
        """The data in one line: from where, how many, of what shape, split how."""
        return one_line(describe_data(self.source.describe(), self.cached.data, self.spec))

    @property
    def card(self) -> str | None:
        """What is known of a public data set, and whether this copy is the known one."""
        card = self.source.card()
        if card is None:
            return None
        counts = tuple(len(part) for part in self.cached.data.parts.values())
        return f"{card.describe()}; {card.check(self.cached.content, counts)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was taken for what when the files were read, and what was left out."""
        self.prepare()
        return self._notes

    @property
    def preprocess(self) -> Preprocess:
        """From raw batches to what the likelihood sees; the module that trains should own it."""
        self.prepare()
        assert self._preprocess is not None
        return self._preprocess

    def select(self, split: Split) -> tuple[Arrays, SplitIndex]:
        """Return the array that a split is in, and its positions there."""
        parts = self.cached.data.parts
        part = self._splits[split]
        return parts[part.origin], part.index

    def head(self, split: Split, n: int) -> Batch:
        """Return the first n examples of a split, raw, in a fixed order: for pictures."""
        arrays, index = self.select(split)
        return take_batch(arrays, index[:n])

    def told_in_training(self) -> Tensor:
        """Return what a conditional model is told of all training examples, ``(N, K)``."""
        arrays, index = self.select("train")
        assert arrays.context is not None, "nothing is told: see spec.context"
        return torch.from_numpy(arrays.context[index])

    def factors(self, split: Split) -> Array:
        """Return ``(N, F)`` int64: the factors of all examples of a split, in its order."""
        arrays, index = self.select(split)
        assert arrays.factors is not None, "this data has no factors: see spec.factors"
        found: Array = arrays.factors[index].astype(np.int64)
        return found

    def train_dataloader(self) -> TrainBatches:
        """Return the training batches of this rank."""
        rank, world_size = self._place()
        accumulate = self.trainer.accumulate_grad_batches if self.trainer else 1
        check_batch_size(self.batch_size, world_size, accumulate)
        return TrainBatches(
            *self._at_hand("train"),
            self.batch_size,
            self.order_seed,
            rank=rank,
            world_size=world_size,
            accumulate=accumulate,
        )

    def val_dataloader(self) -> EvalBatches:
        """Return the validation chunks of this rank."""
        return EvalBatches(*self._at_hand("val"), *self._place())

    def test_dataloader(self) -> EvalBatches:
        """Return the test chunks of this rank."""
        return EvalBatches(*self._at_hand("test"), *self._place())

    def _at_hand(self, split: Split) -> tuple[Arrays | Resident, SplitIndex]:
        """Select a split, on the device of the trainer where it fits there."""
        self.prepare()
        origin, index = self._splits[split].origin, self._splits[split].index
        if origin not in self._placed:
            device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
            self._placed[origin] = to_device_if_fits(self.cached.data.parts[origin], device)
        return self._placed[origin], index

    def _place(self) -> tuple[int, int]:
        """Return the rank and number of processes; alone without a trainer."""
        if self.trainer is None:
            return 0, 1
        return self.trainer.global_rank, self.trainer.world_size


def _at_least(name: str, value: int, least: int) -> None:
    if type(value) is not int or value < least:
        raise ConfigError(f"{name} must be a whole number >= {least}, got {value!r}")


def _check_varies(arrays: Arrays, index: SplitIndex) -> None:
    """Refuse data of which there is nothing to learn; looks no further than the first change."""
    first = arrays.x[index[:1]]
    for rows in iterate_row_slices(arrays.x, most=1000):
        here = index[rows]
        if len(here) and (arrays.x[here] != first).any():
            return
    if len(index) > 1:
        raise DataError(
            f"the training examples must differ, but all {len(index)} are the same, "
            "so there is nothing to learn; check what data and data.path name"
        )
