"""Draw discrete codes: their maps, what each one looks like, how often each is used."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vael.metrics.code_use import measure_codes
from vael.models.latents.codes import Codes
from vael.models.vae import VAE
from vael.report import figures, pictures
from vael.report.latent_maps import colour_places, enlarge
from vael.report.pictures import Picture, Show
from vael.report.tiles import TileRow, draw_sheet, make_tiles
from vael.types import Shape

EXAMPLES = 10  # with their maps of codes
SHOWN = 40  # codes of a map, the most used
AROUND = 200  # examples in which they are looked for
PLACES, CHOICES = 8, 10  # of a vector: pieces, and the most used codes of each


def draw_code_pictures(
    vae: VAE, mu: Tensor, x: Tensor, decoded: Tensor, show: Show, range_: str
) -> dict[str, Picture]:
    """Draw the pictures of discrete codes, by name.

    Args:
        vae: the model.
        mu: what the codes of the held-out examples stand for, ``(B, d)``.
        x: those examples, ``(B, *E)``.
        decoded: what is decoded from the codes of the first of them, ``(N, *E)``.
        show: of images, from their values to [0, 1].
        range_: what that means, for the captions.
    """
    z = mu.reshape(-1, *vae.latent_shape)
    codes, made = _latents(vae).family.find(z), {}
    if x.ndim == 4:
        if z.ndim == 4:
            made["codes"] = _draw_maps(show(x), show(decoded), z, range_)
        made["codebook"] = _draw_codebook(vae, x, codes, show, range_)
    return {**made, "code_usage": _draw_usage(vae, codes)}


def _draw_maps(x: Tensor, decoded: Tensor, z: Tensor, range_: str) -> Picture:
    """Draw examples ``(N, C, H, W)``, the maps of their codes, and what is decoded from them."""
    maps = enlarge(colour_places(z[:EXAMPLES]), tuple(x.shape[2:]))
    rows = ((x[:EXAMPLES], "original"), (maps, "codes"), (decoded[:EXAMPLES], "decoded"))
    return Picture(
        draw_sheet([[TileRow(make_tiles(images), name) for images, name in rows]]),
        "Held-out examples, the map of their codes, and what is decoded from it. Codes whose "
        "vectors are alike have colours that are alike." + range_,
    )


def _draw_codebook(vae: VAE, x: Tensor, codes: Tensor, show: Show, range_: str) -> Picture:
    """Draw what codes look like: where those of a map occur, those of a vector as decoded.

    Args:
        vae: the model.
        x: the held-out examples, ``(N, C, H, W)``.
        codes: of them, ``(N, M)``.
        show: from the values of images to [0, 1].
        range_: what that means, for the caption.
    """
    if len(vae.latent_shape) > 1:
        used = count_codes(codes.flatten())[0][:SHOWN]
        return Picture(
            pictures.draw_samples(show(average_patches(x, codes, used, vae.latent_shape[1:]))),
            f"The {len(used)} most used codes, the most used first: the mean of the pixels around "
            f"the places where each occurs in {min(AROUND, len(x)):,} held-out examples.{range_}",
        )
    pieces = [count_codes(piece) for piece in codes.unbind(1)]
    spread = [measure_codes(counts)["code_perplexity"] for _, counts in pieces]
    rows = []
    for place in sorted(range(len(pieces)), key=lambda place: -spread[place])[:PLACES]:
        used = pieces[place][0][:CHOICES]
        changed = codes[:1].repeat(len(used), 1)
        changed[:, place] = used
        label = f"code {place}\n{spread[place]:.1f} of {len(pieces[place][0])}"
        rows.append(TileRow(make_tiles(show(_decode_codes(vae, changed))), label))
    return Picture(
        draw_sheet([rows]),
        f"The first held-out example with one of its {codes.shape[1]} codes changed: a row for "
        f"each of those that vary most, with its perplexity and how many values occur, the most "
        f"used first." + range_,
    )


def _draw_usage(vae: VAE, codes: Tensor) -> Picture:
    """Draw how often each code occurs among codes ``(N, M)``."""
    size = vae.latents.num_codes
    counts = torch.bincount(codes.flatten().cpu(), minlength=size)
    found = measure_codes(counts)
    return Picture(
        figures.draw_usage(counts),
        f"How often each of the {size:,} codes occurs in {len(codes):,} held-out examples, the "
        f"most used first: {found['code_usage']:.1%} of them do. Their perplexity is "
        f"{found['code_perplexity']:,.1f}; used alike, each would be at the dashed line.",
    )


def average_patches(x: Tensor, codes: Tensor, wanted: Tensor, grid: Shape) -> Tensor:
    """Return the mean of the pixels around the places of each wanted code, ``(n, C, 2p, 2q)``.

    p and q are the height and width in pixels of a place, rounded up: a patch is twice as wide.

    Args:
        x: images, ``(N, C, H, W)``; the first 200 are looked at.
        codes: of them, ``(N, M)``.
        wanted: codes, ``(n,)``; of one that does not occur in those images the mean is 0.
        grid: rows and columns of the map of codes.
    """
    x = x[:AROUND]
    sides = [-(-size // count) for size, count in zip(x.shape[2:], grid, strict=True)]
    padded = functional.pad(x, (sides[1], sides[1], sides[0], sides[0]), mode="replicate")
    rows, columns = (
        (((torch.arange(count) + 0.5) * size / count).round().long()[:, None])
        + torch.arange(2 * side)
        for size, count, side in zip(x.shape[2:], grid, sides, strict=True)
    )
    patches = padded[:, :, rows.flatten()][..., columns.flatten()]
    patches = patches.reshape(*x.shape[:2], *rows.shape, *columns.shape)
    flat = patches.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)  # (N h w, C, 2p, 2q)
    at_place = codes[: len(x)].reshape(len(flat), -1)
    return torch.stack([flat[(at_place == code).any(1)].mean(0) for code in wanted]).nan_to_num()


def count_codes(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values of codes ``(N,)``, the most frequent first, and how often each occurs."""
    values, counts = np.unique(codes.cpu().numpy(), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return torch.from_numpy(values[order]).to(codes.device), torch.from_numpy(counts[order])


def _decode_codes(vae: VAE, codes: Tensor) -> Tensor:
    """Return the mean of p(x|c), ``(N, *E)`` for codes ``(N, M)``."""
    mean: Tensor = vae.decode(_latents(vae).family.look_up(codes)[None]).mean[0]
    return mean


def _latents(vae: VAE) -> Codes:
    assert isinstance(vae.latents, Codes)
    return vae.latents
