"""Measure how many of the codes of discrete latents are used, and how evenly."""

import torch
from torch import Tensor


def measure_codes(counts: Tensor) -> dict[str, float]:
    """Return the usage and the perplexity of codes that occurred so often, ``(K,)``.

    ``code_usage = #{k: n_k > 0} / K`` and ``code_perplexity = exp(-sum_k p_k log p_k)`` with
    ``p_k = n_k / N``: K where all are used alike, 1 where one is.
    """
    shares = counts.double() / counts.sum()
    entropy = torch.special.entr(shares).sum()
    return {
        "code_usage": float((counts > 0).double().mean()),
        "code_perplexity": float(entropy.exp()),
    }
