"""Make frames: single examples as the page draws them.

A frame is RGBA bytes of an image ``(H, W, 4)``, or of a table the float32 values ``(D,)`` in its
own units, little-endian.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vael.data.preprocess import Preprocess
from vael.report.tiles import show_real
from vael.types import DataSpec


def draw_frames(x: Tensor, spec: DataSpec, preprocess: Preprocess) -> bytes:
    """Return the frames of x ``(N, *E)`` as the likelihood sees it; non-finite numbers as 0."""
    x = x.float().nan_to_num(0.0, 0.0, 0.0)
    if len(spec.event_shape) != 3:
        return preprocess.restore(x).numpy().astype("<f4").tobytes()
    if spec.support == "real":
        x = show_real(x)
    pixels = (x.clamp(0, 1) * 255).round().to(torch.uint8)
    if pixels.shape[1] not in (3, 4):  # as in the report: others are shown by their first
        pixels = pixels[:, :1].expand(-1, 3, -1, -1)
    if pixels.shape[1] == 3:
        pixels = torch.cat([pixels, torch.full_like(pixels[:, :1], 255)], 1)
    return pixels.permute(0, 2, 3, 1).contiguous().numpy().tobytes()


def describe_columns(spec: DataSpec, preprocess: Preprocess) -> list[dict[str, Any]]:
    """Return name, mean and standard deviation of each column in training; of images none."""
    shape = spec.event_shape
    if len(shape) == 3:
        return []
    names: Sequence[str] = spec.columns
    if len(shape) > 1:
        names = [f"{c}[{t}]" for c in range(shape[0]) for t in range(shape[1])]
    names = names or [f"column {i}" for i in range(spec.num_dims)]
    shift = torch.zeros(()) if preprocess.shift is None else preprocess.shift
    scale = torch.ones(()) if preprocess.scale is None else preprocess.scale
    shift, scale = (t.expand(shape).flatten() for t in (shift, scale))
    return [
        {"name": str(name), "mean": mean, "std": std}
        for name, mean, std in zip(names, shift.tolist(), scale.tolist(), strict=True)
    ]
