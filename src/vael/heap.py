"""Floor 0: memory that is freed stays with the process, for the next tensor."""

import ctypes
import sys
from contextlib import suppress

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # malloc.h
KEPT = 2**28  # bytes at the top of the heap
LARGEST = 2**25  # bytes of a block: the most that glibc lets a heap hold


def keep_freed_memory() -> None:
    """Tells glibc's malloc not to give freed blocks back to the kernel at once (Linux).

    By default each activation of some hundred kB is mapped, zeroed page by page and unmapped
    again. Decoding MNIST in passes of 500 images, that took as long as all arithmetic (measured:
    25 us an image, and 14 without); so did the training step of an MLP.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(MMAP_THRESHOLD, LARGEST)
            mallopt(TRIM_THRESHOLD, KEPT)
