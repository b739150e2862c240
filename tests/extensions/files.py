"""The package and YAMLs of docs/extending.md, and what calls vael beside them."""

import os
import re
import subprocess
import sys
from pathlib import Path

from helpers.runs import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text()
BLOCKS = {
    re.search(r"^# (\w+/\S+)$", block, re.MULTILINE)[1]: block
    for block in re.findall(r"```(?:python|yaml)\n(.*?)```", PAGE, re.DOTALL)
}
"""The examples of docs/extending.md by the path that they begin with."""

COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
FILES = {
    "package/mylab/__init__.py": "",
    "package/mylab/wrong.py": """
from torch import nn

from mylab.laplace import Laplace
from vael.objectives import Elbo


class Transposed(nn.Module):
    def __init__(self, in_shape, out_shape, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, h):
        return self.layer(h.flatten(1))


class Unsummed(Laplace):
    def log_likelihood(self, px, x):
        return px.cells(x)


class Bare(Elbo):
    def forward(self, trace, step, beta):
        return -trace.log_px.mean()
""",
    **{
        path.replace("mylab/", "package/mylab/", 1): text
        for path, text in BLOCKS.items()
        if not path.startswith("src/")
    },
}
CHOICES = ("model=my_vae", "likelihood=my_laplace", "data=my_data")
SHORT = (
    "logger=csv",
    "trainer.max_epochs=3",
    "data.batch_size=64",
    "optimizer.lr=0.01",
    "evaluation.test_samples=5",
    "callbacks.pictures.num_examples=50",
)


def call(work, *command, path="package"):
    """A command in the user's folder, with the user's package importable."""
    environment = {**os.environ, "PYTHONPATH": str(work / path)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def train(work, *overrides, path="package"):
    return call(work, str(ROOT / "train.py"), *overrides, path=path)


def only(work) -> Path:
    (folder,) = work.glob("outputs/*/*")
    return folder


def search(work):
    return f"hydra.searchpath=[file://{work / 'conf'}]"
