"""Make frames, single examples as the page draws them, and tell what columns are."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vael.data.preprocess import Preprocess
from vael.pretrained.trained import Trained
from vael.report.tiles import show_real
from vael.types import DataSpec

SEEN = 10_000  # training examples behind the mean and standard deviation of a column


def draw_frames(x: Tensor, spec: DataSpec, preprocess: Preprocess) -> bytes:
    """Return the frames of x ``(N, *E)`` as the likelihood sees it, one after another.

    RGBA bytes of an image ``(H, W, 4)``; of a table or series its float32 values ``(D,)`` in
    their own units, little-endian. A missing pixel has alpha 0, a missing value is NaN, where the
    data has any; what else is not finite is shown as 0.
    """
    x = x.float()
    missing = x.isnan() & spec.holes
    x = x.nan_to_num(0.0, 0.0, 0.0)
    if len(spec.event_shape) != 3:
        values = preprocess.restore(x).masked_fill(missing, torch.nan)
        return values.numpy().astype("<f4").tobytes()
    if spec.support == "real":
        x = show_real(x)
    pixels = (x.clamp(0, 1) * 255).round().to(torch.uint8)
    if pixels.shape[1] not in (3, 4):  # as in the report: others are shown by their first
        pixels = pixels[:, :1].expand(-1, 3, -1, -1)
    if pixels.shape[1] == 3:
        pixels = torch.cat([pixels, torch.full_like(pixels[:, :1], 255)], 1)
    alpha = pixels[:, 3:].masked_fill(missing.any(1, keepdim=True), 0)
    pixels = torch.cat([pixels[:, :3], alpha], 1)
    return pixels.permute(0, 2, 3, 1).contiguous().numpy().tobytes()


def describe_columns(trained: Trained) -> list[dict[str, Any]]:
    """Return name, mean and standard deviation of each column in the training data.

    Of series each value is a column, with the mean of its channel.
    """
    spec, preprocess = trained.spec, trained.preprocess
    shape = spec.event_shape
    names: Sequence[str] = spec.columns
    if len(shape) > 1:
        names = [f"{c}[{t}]" for c in range(shape[0]) for t in range(shape[1])]
    names = names or [f"column {i}" for i in range(spec.num_dims)]
    shift = torch.zeros(()) if preprocess.shift is None else preprocess.shift
    scale = torch.ones(()) if preprocess.scale is None else preprocess.scale
    if spec.families:  # of which not all are standardised
        arrays, index = trained.data.select("train")
        seen = torch.from_numpy(arrays.x[index[:SEEN]]).double()
        shift = seen.nanmean(0)
        scale = (seen - shift).square().nanmean(0).sqrt()
        scale = torch.where(scale > 0, scale, 1)
    shift, scale = (t.expand(shape).flatten() for t in (shift, scale))
    return [
        {"name": str(name), "mean": mean, "std": std}
        for name, mean, std in zip(names, shift.tolist(), scale.tolist(), strict=True)
    ]
