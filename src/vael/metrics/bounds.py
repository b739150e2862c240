"""Compute importance-weighted bounds for several k out of one stream of log-weights.

For x with weights w_1 .. w_K, w_s = p(x, z_s) / q(z_s|x), the bound of k samples is

    L_k = E[log 1/k sum_{s <= k} w_s] <= log p(x),   non-decreasing in k

(Burda et al. 2016, https://arxiv.org/abs/1509.00519). For k < K it is estimated by the mean over
the floor(K / k) blocks of k consecutive samples. Nothing here grows with K.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

PAGE = 256  # samples that are folded in at once; smaller pieces would be all overhead
GROUPS = 1000  # of the jackknife


def sample_counts(samples: int) -> tuple[int, ...]:
    """Return 1, 10, 100, ... below ``samples``, and ``samples``."""
    powers = [10**n for n in range(len(str(samples)))]
    return (*(k for k in powers if k < samples), samples)


class Bounds:
    """Take log-weights ``(S, B)`` in pieces of any S; in the end there are K of them.

    Args:
        samples: K.
        ks: the k of the bounds.
    """

    def __init__(self, samples: int, ks: Sequence[int]) -> None:
        assert min(ks) >= 1
        assert max(ks) <= samples
        self.samples = samples
        self._blocks = {k: _Blocks(k) for k in ks}
        self._groups = _Groups(samples)
        self._square: Tensor | None = None
        self._page: list[Tensor] = []
        self._given = 0

    def add(self, log_w: Tensor) -> None:
        """Add the next log-weights, in the order of the samples."""
        self._given += len(log_w)
        assert self._given <= self.samples
        self._page.append(log_w)
        if sum(map(len, self._page)) >= PAGE or self._given == self.samples:
            self._fold()

    def _fold(self) -> None:
        page = torch.cat(self._page).double()
        self._page = []
        for blocks in self._blocks.values():
            blocks.add(page)
        self._groups.add(page)
        self._square = _plus(self._square, torch.logsumexp(2 * page, 0))

    def at(self, k: int) -> Tensor:
        """Return L_k, nats, ``(B,)`` float64."""
        assert self._given == self.samples
        return self._blocks[k].mean()

    def effective_samples(self) -> Tensor:
        """Return ``(sum w)^2 / sum w^2`` of all K weights, ``(B,)``: 1 .. K (Kong 1992)."""
        assert self._square is not None
        return torch.exp(2 * self._groups.total() - self._square)

    def jackknife(self) -> Tensor | None:
        """Estimate log p(x) by L_K less its bias of order 1/K, no bound; ``(B,)`` or None.

        JVI-1 of Nowozin 2018 (https://openreview.net/forum?id=HyZoi-WRb), ``K L_K - (K - 1) / K
        sum_s L^(-s)`` with sample s left out; beyond 1000 samples groups of them are left out
        (the delete-m jackknife of Busing et al. 1999). None for a single sample.
        """
        return self._groups.jackknife()


class _Blocks:
    """The mean over blocks of k samples of the log of their mean weight."""

    def __init__(self, k: int) -> None:
        self.k = k
        self.finished = 0
        self.total: Tensor | None = None
        self.open: Tensor | None = None
        self.filled = 0

    def add(self, page: Tensor) -> None:
        while len(page):
            whole = len(page) // self.k if self.filled == 0 else 0
            if whole:
                taken = whole * self.k
                sums = torch.logsumexp(page[:taken].reshape(whole, self.k, -1), 1).sum(0)
                self._finish(sums, whole)
            else:
                taken = min(self.k - self.filled, len(page))
                self.open = _plus(self.open, torch.logsumexp(page[:taken], 0))
                self.filled += taken
                if self.filled == self.k:
                    self._finish(self.open, 1)
                    self.open, self.filled = None, 0
            page = page[taken:]

    def _finish(self, sums: Tensor, blocks: int) -> None:
        self.total = sums if self.total is None else self.total + sums
        self.finished += blocks

    def mean(self) -> Tensor:
        assert self.total is not None
        return self.total / self.finished - math.log(self.k)


class _Groups:
    """The log of the summed weights of at most 1000 groups, for what needs each left out."""

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.count = min(samples, GROUPS)
        self.sums: Tensor | None = None
        self.given = 0

    def add(self, page: Tensor) -> None:
        if self.sums is None:
            self.sums = page.new_full((self.count, *page.shape[1:]), -math.inf)
        for piece in torch.split(page, self.count):  # within one, no group occurs twice
            rows = torch.arange(self.given, self.given + len(piece), device=page.device)
            rows %= self.count
            self.sums[rows] = torch.logaddexp(self.sums[rows], piece)
            self.given += len(piece)

    def total(self) -> Tensor:
        assert self.sums is not None
        return torch.logsumexp(self.sums, 0)

    def jackknife(self) -> Tensor | None:
        assert self.sums is not None
        if self.count == 1:
            return None
        none = torch.full_like(self.sums[:1], -math.inf)
        # By sums from both ends: a difference would cancel where one weight is nearly all.
        before = torch.cat([none, _scan(self.sums)[:-1]])
        after = torch.cat([_scan(self.sums.flip(0)).flip(0)[1:], none])
        sizes = torch.full_like(self.sums[:, :1], self.samples // self.count)
        sizes[: self.samples % self.count] += 1
        without = torch.logaddexp(before, after) - torch.log(self.samples - sizes)
        whole = self.total() - math.log(self.samples)
        return whole + ((1 - sizes / self.samples) * (whole - without)).sum(0)


def _scan(values: Tensor) -> Tensor:
    """Return the logs of the sums of the first rows: down columns a GPU scans slowly."""
    return values.T.contiguous().logcumsumexp(1).T


def _plus(log_sum: Tensor | None, more: Tensor) -> Tensor:
    return more if log_sum is None else torch.logaddexp(log_sum, more)
