"""Arithmetic without denormal numbers, which CPUs are slow at."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def flush_denormals() -> Iterator[None]:
    """Take numbers closer to 0 than 2^-126 (float64: 2^-1022) as 0 on the CPU, as XLA does.

    Where a gradient has become exactly 0, as that of a pixel which is seldom lit, Adam's first
    moment shrinks by 0.9 a step until it is denormal, and stays so: 0.9 of the smallest number
    rounds to itself. Some CPUs are slow at it: after six epochs of MNIST the update of an MLP took
    four times as long.

    A thread inherits this when it is born. Those of torch's pool are born at its first large
    operator, and live on: in a process that has used torch before, only its main thread flushes.
    """
    for kind in (np.float32, np.float64):
        np.finfo(kind)  # NumPy keeps it; one made below would be wrong, and before 2.3 it warns
    flushed = sys.float_info.min / 2 == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed)
