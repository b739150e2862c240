"""What general codecs make of the MNIST test images, in bits per pixel.

    python benchmarks/studies/other_codecs.py data.path=FOLDER [--out results/codecs.json]

PNG and lossless WebP write a file for each image; zlib, bz2 and lzma pack the bytes of all images
in one stream, each at its highest setting. The order is that of the test split.
"""

import argparse
import bz2
import io
import lzma
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from runs import RESULTS

from vael.config.build import build_data, build_seeds
from vael.config.compose import compose_config
from vael.files import write_json

STREAMS = {
    "zlib": lambda raw: zlib.compress(raw, 9),
    "bz2": lambda raw: bz2.compress(raw, 9),
    "lzma": lambda raw: lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME),
}
FILES = {
    "PNG": {"format": "PNG", "optimize": True},
    "WebP": {"format": "WEBP", "lossless": True, "quality": 100, "method": 6},
}


def measure_codecs(images: npt.NDArray[np.uint8]) -> dict[str, float]:
    """Return the bits per pixel of images ``(N, H, W)`` by codec."""
    found = {}
    for name, options in FILES.items():
        total = 0
        for image in images:
            file = io.BytesIO()
            Image.fromarray(image).save(file, **options)
            total += file.tell()
        found[name] = 8 * total / images.size
    for name, compress in STREAMS.items():
        found[name] = 8 * len(compress(images.tobytes())) / images.size
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("settings", nargs="*", help="of MNIST: data.path=FOLDER")
    parser.add_argument("--out", type=Path, default=RESULTS / "codecs.json")
    given = parser.parse_args()
    config = compose_config(["data=mnist", "model=mlp_vae", *given.settings])
    data = build_data(config, build_seeds(config), Path())
    data.prepare()
    images = data.head("test", data.spec.num_test).x.numpy().astype(np.uint8).squeeze(1)
    found = measure_codecs(images)
    print(found)
    write_json(given.out, {"images": len(images), "bits_per_pixel": found})


if __name__ == "__main__":
    main()
