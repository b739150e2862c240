"""Generators of bad pictures: cut, spoilt, bombs, and files that are none."""

import io
import os
import struct
import zlib

import numpy as np
from faults.hostile import trained_step
from helpers.runs import config_of
from omegaconf import OmegaConf
from PIL import Image

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "TGA", "ICO")
SMALL = (
    "data=folder",
    "data.path=x",
    "data.batch_size=2",
    "logger=csv",
    "trainer.threads=1",
    "evaluation.samples=1",
    "model=linear_vae",
    "model.latent_dim=2",
    "data.image_size=4",
    "likelihood=gaussian",
)


class Album:
    """A folder of good pictures with one place for a bad one."""

    def __init__(self, folder):
        self.folder, self.pictures = folder, folder / "pictures"
        self.pictures.mkdir(exist_ok=True)
        self.config = config_of(*SMALL)
        self.config.data.source.path = str(self.pictures)
        rng = np.random.default_rng(0)
        for number in range(6):
            Image.fromarray(rng.integers(0, 256, (4, 4), np.uint8)).save(
                self.pictures / f"{number}.png"
            )

    def step(self, content=None, name="bad.png"):
        """A trained step with one more file, which is taken away again."""
        path = self.pictures / name
        if content is not None:
            path.write_bytes(content)
        try:
            (self.folder / "config.yaml").write_text(OmegaConf.to_yaml(self.config))
            trained_step(self.folder)
        finally:
            if path.is_symlink() or not path.is_dir():
                path.unlink(missing_ok=True)
            else:
                path.rmdir()


def encoded(kind, size=(24, 24)):
    """A good picture in a format."""
    rng = np.random.default_rng(1)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def damage(tally, folder, flips, every=5):
    """Each format cut at every 5 % of its length, and with other bytes here and there."""
    album = Album(folder)
    rng = np.random.default_rng(2)
    for kind in FORMATS:
        good, ending = encoded(kind), kind.lower()
        for percent in range(0, 100, every):
            cut = good[: len(good) * percent // 100]
            tally.attempt("pictures, truncated", lambda c=cut, e=ending: album.step(c, f"bad.{e}"))
        for _ in range(flips):
            spoilt = bytearray(good)
            first = min(len(good), 200)  # mostly in the header
            for place in rng.integers(0, first, 4):
                spoilt[place] = rng.integers(0, 256)
            tally.attempt(
                "pictures, other bytes",
                lambda c=bytes(spoilt), e=ending: album.step(c, f"bad.{e}"),
            )


def chunk(kind, content):
    """One of a PNG."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(width, height, depth=8, colour=0, content=b"", extra=b""):
    """A PNG that says what it likes."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + extra
        + chunk(b"IDAT", content)
        + chunk(b"IEND", b"")
    )


def bombs():
    """Small files that say, or become, a lot."""
    zeros = zlib.compress(b"\x00" * 100_000_000, 9)
    for size in (
        (60_000, 60_000),
        (2**31 - 1, 1),
        (1, 2**31 - 1),
        (2**31 - 1, 2**31 - 1),
        (0, 0),
        (20_000, 20_000),
        (9_000, 9_000),
        (2**32 - 1, 2),
    ):
        yield png(*size, content=zeros[:1000])
    yield png(9_000, 9_000, content=zeros)
    yield png(4, 4, content=zeros)
    yield png(4, 4, extra=chunk(b"zTXt", b"a\x00\x00" + zeros))
    yield png(4, 4, extra=chunk(b"iTXt", b"a\x00\x01\x00\x00\x00" + zeros))
    yield png(4, 4, extra=chunk(b"iCCP", b"a\x00\x00" + zeros))
    for depth in (0, 3, 16, 255):
        for colour in (0, 1, 2, 3, 4, 6, 255):
            yield png(4, 4, depth, colour, zlib.compress(b"\x00" * 200))
    yield b"GIF89a" + b"\xff\xff" * 2 + b"\x80" + b"\x00" * 100
    yield b"BM" + b"\xff" * 60
    yield b"P6 99999999 99999999 255\n"
    yield b"P3 4 4 255\n" + b"1 " * 20 + b"x"
    yield b"II*\x00" + b"\xff" * 60
    yield b"RIFF\xff\xff\xff\xffWEBPVP8X" + b"\xff" * 60
    yield b"\xff\xd8" + b"\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03" + b"\x00" * 50
    yield b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n(canary) (w) file closefile\n"
    yield b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"
    yield b"MZ" + b"\x00" * 100
    yield b"#!/bin/sh\ntouch canary\n"


def tricks(tally, folder, endings=("png", "jpg", "eps", "gif")):
    """Bombs under several endings, and what is no file of pixels."""
    album = Album(folder)
    for content in bombs():
        for ending in endings:
            tally.attempt("picture bombs", lambda c=content, e=ending: album.step(c, f"bad.{e}"))
    made = {
        "folder": lambda p: p.mkdir(),
        "fifo": os.mkfifo,
        "loop": lambda p: p.symlink_to(p),
        "null": lambda p: p.symlink_to("/dev/null"),
        "zero": lambda p: p.symlink_to("/dev/zero"),
        "nowhere": lambda p: p.symlink_to("/nowhere/at/all"),
    }
    for name, make in made.items():
        make(album.pictures / f"{name}.png")
        tally.attempt("pictures that are no files", lambda n=name: album.step(None, f"{n}.png"))
    good = encoded("PNG")
    for name in (
        "ä ö.png",
        "漢字.png",
        "a'b\".png",
        "new\nline.png",
        "\x1b[31m.png",
        "-rf.png",
        "$(x).png",
        "x.PNG",
        "bad.jpg",
    ):
        result = tally.attempt("odd paths", lambda n=name: album.step(good, n))
        assert result == "accepted", name
