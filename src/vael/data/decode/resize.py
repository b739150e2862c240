"""Resize whole arrays of images with Pillow's bilinear filter, antialiased."""

import numpy as np

from vael.data.source import BYTE_LEVELS, Array


def resize_images(x: Array, size: tuple[int, int]) -> Array:
    """Resize ``(N, C, H, W)`` uint8 or float32 to ``(N, C, *size)``, channel by channel."""
    from PIL import Image

    out = np.empty((*x.shape[:2], *size), dtype=x.dtype)
    for target, planes in zip(out, x, strict=True):
        for plane, channel in zip(target, planes, strict=True):
            picture = Image.fromarray(np.ascontiguousarray(channel))
            plane[:] = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))
    return out


def resize_levels(x: Array, levels: int | None, size: tuple[int, int]) -> tuple[Array, int | None]:
    """Resize images; up to 256 levels become 256, images without levels stay in [0, 1]."""
    if levels is None:
        return resize_images(x, size).clip(0, 1), None
    if levels > BYTE_LEVELS:  # Pillow resizes no 16 bits
        return resize_images(x.astype(np.float32), size).round().astype(np.uint16), levels
    grey = np.round(x * (255 / (levels - 1))).astype(np.uint8)
    return resize_images(grey, size), BYTE_LEVELS


def describe_resize(given: tuple[int, ...], size: tuple[int, int], levels: int | None) -> str:
    """Say that images of one (height, width) become another."""
    kept = given[0] * size[1] == given[1] * size[0]
    aspect = "" if kept else ", which changes their aspect ratio"
    grid = "" if levels is None else f", with {levels:,} levels"
    return (
        f"images of {given[0]} x {given[1]} (height x width) are resized to {size[0]} x {size[1]} "
        f"(data.image_size){aspect}{grid}"
    )
