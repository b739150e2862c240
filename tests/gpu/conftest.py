"""Before the first use of the GPU: workspaces of cuBLAS that deterministic runs need."""

import os

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import pytest
import torch


@pytest.fixture(autouse=True)
def nondeterministic_again():
    """A run with trainer.deterministic=true leaves torch so; the next test decides for itself."""
    yield
    torch.use_deterministic_algorithms(False)
