"""Draw latents that have places: maps of what each channel says, colours of the vectors there."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from vael.report.tiles import TileRow, draw_sheet, make_tiles

CHANNELS = 8  # the most that are drawn, those that carry most
SPREAD, AMOUNT = "PuOr_r", "viridis"  # colours of numbers around 0, and of numbers from 0


def draw_channel_maps(x: Tensor, mu: Tensor, rates: Tensor | None) -> tuple[Image.Image, str]:
    """Draw each example beside its latent by channel: posterior means, below them their KL.

    Args:
        x: the examples, ``(N, C, H, W)`` in [0, 1].
        mu: posterior means, ``(N, c, h, w)``.
        rates: KL to the prior of each number, nats, of the same shape; None: there is none.

    Returns:
        the picture, and what its colours mean.
    """
    carried = (mu.var(0, correction=0) if rates is None else rates.mean(0)).sum((1, 2))
    order = carried.argsort(descending=True, stable=True)[:CHANNELS]
    size, originals = tuple(x.shape[2:]), make_tiles(x)
    far = max(float(mu[:, order].abs().max()), 1e-9)
    means = _colour(mu[:, order] / (2 * far) + 0.5, SPREAD, size)
    header = ["x", *(f"z{int(channel)}" for channel in order)]
    said = f" Means from {-far:.2g} (violet) over 0 (white) to {far:.2g} (orange)"
    empty = np.zeros_like(originals[:1])
    costs = None
    if rates is not None:
        most = max(float(rates[:, order].max()), 1e-9)
        costs = _colour(rates[:, order] / most, AMOUNT, size)
        header[1:] = [f"z{int(n)}: {float(carried[n]):.1f}" for n in order]
        said += f", KL from 0 (dark) to {most:.2g} nats (yellow)"
    blocks = []
    for n, original in enumerate(originals):
        block = [TileRow(np.concatenate([original[None], make_tiles(means[n])]), "mean")]
        if costs is not None:
            block.append(TileRow(np.concatenate([empty, make_tiles(costs[n])]), "KL"))
        blocks.append(block)
    return draw_sheet(blocks, header), f"{said}."


def colour_places(vectors: Tensor) -> Tensor:
    """Colour the vectors at the places of maps ``(N, c, h, w)``: ``(N, 3, h, w)`` in [0, 1].

    Red, green and blue are their three principal components over all places, so that equal
    vectors have one colour, and vectors that are alike have colours that are alike.
    """
    rows = vectors.detach().float().cpu().movedim(1, -1)
    flat = rows.flatten(0, -2) - rows.flatten(0, -2).mean(0)
    axes = torch.linalg.eigh(flat.double().mT @ flat.double()).eigenvectors.flip(1)[:, :3].mT
    # of the two directions of an eigenvector the one whose largest entry is positive
    axes = axes * axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
    found = flat.double() @ axes.mT
    low, high = found.amin(0), found.amax(0)
    found = torch.where(high - low > 1e-6, (found - low) / (high - low).clamp_min(1e-6), 0.5)
    if found.shape[1] < 3:  # of one component grey, of two no blue of its own
        found = torch.cat([found, found[:, -1:].expand(-1, 3 - found.shape[1])], 1)
    return found.float().reshape(*rows.shape[:-1], 3).movedim(-1, 1)


def enlarge(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Enlarge maps ``(N, C, h, w)`` to the size ``(H, W)`` of images, without smoothing."""
    return functional.interpolate(maps, size, mode="nearest-exact")


def _colour(values: Tensor, name: str, size: tuple[int, ...]) -> Tensor:
    """Colour numbers in [0, 1], ``(N, c, h, w)``, as images ``(N, c, 3, H, W)``."""
    from matplotlib import colormaps

    painted = colormaps[name](values.detach().float().cpu().nan_to_num(0.0).numpy())
    images = torch.from_numpy(painted[..., :3]).movedim(-1, 2).float()
    return enlarge(images.flatten(0, 1), size).reshape(*images.shape[:3], *size)
