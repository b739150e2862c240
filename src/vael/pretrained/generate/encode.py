"""Encode arrays and animations as bytes: the same input, the same bytes."""

import io
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

FRAME_MILLISECONDS = 80
PAUSE_MILLISECONDS = 600  # of the first frame and the last one


def encode_npz(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """Encode arrays as numpy.savez does; its entries carry no time."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def encode_gif(frames: Iterable[Image.Image]) -> bytes:
    """Encode sheets there and back again, endlessly, on white, in up to 256 colours each."""
    pictures = [_flat(frame) for frame in frames]
    order = [*pictures, *pictures[-2:0:-1]]
    durations = [FRAME_MILLISECONDS] * len(order)
    durations[0] = durations[len(pictures) - 1] = PAUSE_MILLISECONDS
    buffer = io.BytesIO()
    rest = {"save_all": True, "append_images": order[1:], "duration": durations}
    order[0].save(buffer, "GIF", **rest, loop=0, disposal=1)
    return buffer.getvalue()


def _flat(frame: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", frame.size, "white")
    ground.alpha_composite(frame)
    # no dithering: its dots would flicker
    return ground.convert("RGB").quantize(256, dither=Image.Dither.NONE)
