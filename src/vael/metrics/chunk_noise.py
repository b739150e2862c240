"""Draw the noise of a chunk of examples, a key for each of its samples or for many."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from vael.randomness import Noise
from vael.types import Shape

GPU_SAMPLES_PER_KEY = 512  # at most: seeding and launching take longer than drawing
GPU_NUMBERS_PER_KEY = 2**22  # at most, 16 MiB


class ChunkNoise:
    """Noise of the examples of a chunk, ``(B, *Z)`` of (sample number, Z, layer).

    It is keyed by (split, chunk, sample // per_key), and below the top layer by the number of the
    layer, never by what was drawn before. On a GPU per_key follows from the size of a latent and
    the number of examples that are drawn for, on a CPU it is 1.

    Args:
        noise: the stream.
        x: the examples, ``(B, *E)``, on the device that the noise is drawn on.
        split: name of the key, mostly that of a split.
        chunk: number of the chunk within its split.
        drawn: examples to draw for, of which the first B are taken: B does not change them then.
        tick: told how many (example, sample) pairs were drawn for, once for each sample on a CPU.
        per_key: samples of one key; None: 1 on a CPU, up to `GPU_SAMPLES_PER_KEY` on a GPU.
    """

    def __init__(
        self,
        noise: Noise,
        x: Tensor,
        split: str,
        chunk: int,
        drawn: int | None = None,
        tick: Callable[[int], object] | None = None,
        per_key: int | None = None,
    ) -> None:
        self._noise, self._place, self._tick = noise, (split, chunk), tick
        self._device, self._examples = x.device, len(x)
        self._drawn = drawn or len(x)
        self._given = per_key or (None if x.is_cuda else 1)
        self._kept: dict[tuple[Shape, int], tuple[int, Tensor]] = {}

    def __call__(self, number: int, shape: Shape, layer: int = 0) -> Tensor:
        """Return the noise of one sample, ``(B, *Z)``."""
        self._tell(1, layer)
        key, place = divmod(number, self._per_key(shape))
        return self._of_key(key, shape, layer)[place]

    def block(self, numbers: range, shape: Shape, layer: int = 0) -> Tensor:
        """Return the noise of samples one after another, ``(S, B, *Z)``."""
        each = self._per_key(shape)
        if each == 1:
            return torch.stack([self(number, shape, layer) for number in numbers])
        first = numbers.start // each
        keys = range(first, (numbers.stop - 1) // each + 1)
        every = torch.cat([self._of_key(key, shape, layer) for key in keys])
        begin = numbers.start - first * each
        self._tell(len(numbers), layer)
        return every[begin : begin + len(numbers)]

    def _per_key(self, shape: Shape) -> int:
        if self._given is not None:
            return self._given
        room = GPU_NUMBERS_PER_KEY // (self._drawn * math.prod(shape))
        return max(1, min(room, GPU_SAMPLES_PER_KEY))

    def _of_key(self, key: int, shape: Shape, layer: int) -> Tensor:
        """Return the samples of a key, ``(per_key, B, *Z)``; the last one of a layer is kept."""
        kept = self._kept.get((shape, layer))
        if kept is None or kept[0] != key:
            of_layer = (layer,) if layer else ()
            source = self._noise.at(self._device, *self._place, key, *of_layer)
            size = (self._per_key(shape), self._drawn, *shape)
            kept = key, torch.randn(size, generator=source, device=self._device)
            self._kept[shape, layer] = kept
        return kept[1][:, : self._examples]

    def _tell(self, samples: int, layer: int) -> None:
        if self._tick is not None and not layer:
            self._tick(samples * self._examples)
