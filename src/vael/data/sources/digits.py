"""The embedded default: real handwritten digits that need no network."""

from collections.abc import Sequence

import numpy as np

from vael.data.source import Arrays, Decoded, Source, parse_image_size
from vael.data.sources.scikit_learn import hash_file


class Digits(Source):
    """The 1,797 8x8 grey digits inside scikit-learn: 17 levels (0..16), 10 classes.

    Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI 1998 (its test part).
    It has no official split.

    Args:
        image_size: N or [H, W] to resize to (`vael.data.decode.images.resize`); then 256 levels.
    """

    def __init__(self, image_size: int | Sequence[int] | None = None) -> None:
        self.image_size = parse_image_size(image_size)

    def fingerprint(self) -> str:
        """Hash of scikit-learn's file, and the size."""
        file = hash_file("digits.csv.gz", "digits", "digits")
        return f"{file} {self.image_size}"

    def decode(self) -> Decoded:
        """Return level numbers, (1797, 1, 8, 8), and labels."""
        from sklearn.datasets import load_digits

        bunch = load_digits()
        x = bunch.images.astype(np.uint8)[:, None]
        y = bunch.target.astype(np.int64)
        if self.image_size is None:
            return Decoded(Arrays(x, y), levels=17)
        from vael.data.decode.images import resize

        grey = np.round(x * (255 / 16)).astype(np.uint8)
        return Decoded(Arrays(resize(grey, self.image_size), y), levels=256)
