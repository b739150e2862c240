"""Floor 6: pictures to arrays with Pillow: bytes to pixels, and other sizes.

Resizing is Pillow's bilinear filter. It is antialiased: where a picture shrinks, the triangle
covers all the pixels that become one. No picture is cropped; the aspect ratio follows the target.
"""

import numpy as np

from vael.data.source import Array


def resize(x: Array, size: tuple[int, int]) -> Array:
    """``(N, C, H, W)`` uint8 or float32 to ``(N, C, *size)``, each channel by itself."""
    from PIL import Image

    height, width = size
    out = np.empty((*x.shape[:2], height, width), dtype=x.dtype)
    for target, picture in zip(out, x, strict=True):
        for plane, channel in zip(target, picture, strict=True):
            plane[:] = np.asarray(Image.fromarray(np.ascontiguousarray(channel)).resize(
                (width, height), Image.Resampling.BILINEAR))
    return out
