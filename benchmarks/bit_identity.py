"""The same work on two commits, and what they leave compared to the bit.

    python benchmarks/bit_identity.py COMMIT COMMIT|FOLDER [--store FOLDER] [--only JOB ...]

A refactoring changes no number: this shows it. vael is known by its commands and by the files that
they leave, so modules and classes may move and get other names. Compared are tensors and arrays by
their bits, tables, JSON, YAML; last pictures by their pixels and the numbers in pages and in what
is printed, in any order: where the first difference is there, the numbers behind are the same. Not
compared: times, versions, commits, commands, folders, ``_target_``. What is new is told, too.
"""

import argparse
import csv
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import torch
import yaml
from bit_identity_jobs import JOBS, SMALL
from PIL import Image, ImageSequence
from safetensors.torch import load_file

HERE = Path(__file__).resolve().parent
SKIPPED = re.compile(
    r"(^|[./])(seconds|examples_per_second|versions|git_sha|command|_target_|"
    r"started|ended|checkpoint_digest|study\.(id|digest|code))$"
)
SKIPPED_TEXT = re.compile(
    r"(?s)<(style|script)\b.*?</\1>|\s*(?=<t[dh])|<[^>]*>|(?<!\w)/\S+|"
    r"\b[\d.]+ (s|min|h)\b|(?m-s:^command:.*(\n  .*)*)"
)
SKIPPED_LINE = re.compile(r"\b(seconds?|time|git|versions|_target_|train\.py|vael)\b")
NUMBER = re.compile(r"[-\u2212+]?\d[\d.,]*(?:e[-+]?\d+)?")
FOLDER = re.compile(r"(?<!\w)/[^\s'\"]*/")


@dataclass(frozen=True)
class Side:
    """A checkout, and the folder of what it leaves."""

    tree: Path
    out: Path
    mnist: Path

    def make(self, name: str) -> str | None:
        """Does a job, unless it is done already; returns what has failed."""
        job, folder, done = JOBS[name], self.out / name, self.out / name / "done"
        mark = f"{job} {torch.__version__}".replace("$mnist", str(self.mnist))
        if done.exists() and done.read_text() == mark:
            return None
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "sweep.yaml").write_text(yaml.safe_dump(job.sweep))
        if job.of:
            shutil.copytree(self.out / job.of / "trained", folder / "run")
        programs = {
            "vael": [sys.executable, "-m", "vael.cli"],
            "train.py": [
                "env",
                f"VAEL_RUN={folder / 'trained'}",
                sys.executable,
                "train.py",
                *SMALL,
            ],
        }
        environ = {
            **os.environ,
            "PYTHONPATH": f"{self.tree / 'src'}{os.pathsep}{HERE}",
            "VAEL_CACHE": str(self.out / "cache"),
            "OMP_NUM_THREADS": "1",
            "WANDB_MODE": "disabled",
            "HF_HUB_OFFLINE": "1",
            "VAEL_STORAGE": "journal",
        }
        for number, step in enumerate(job.steps):
            said = folder / f"{number}.txt"
            words = shlex.split(
                Template(step).substitute(
                    out=folder, run=folder / "run", trained=folder / "trained", mnist=self.mnist
                )
            )
            with said.open("w") as out, said.with_suffix(".err").open("w") as err:
                code = subprocess.run(
                    [*programs.get(words[0], words[:1]), *words[1:]],
                    cwd=self.tree,
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    check=False,
                ).returncode
            if code != (130 if "bit_identity_jobs.stop" in step else 0):
                return f"exit code {code} of {step}, see {said.with_suffix('.err')}"
        done.write_text(mark)
        return None

    def left(self, name: str) -> dict[str, Any]:
        """What is in the files of a job; what is shown of it stands at the end."""
        return {
            str(f.relative_to(self.out / name)): read(f)
            for suffix, read in READERS.items()
            for f in sorted(self.out.glob(f"{name}/**/*{suffix}"))
        }


def checkpoint(path: Path) -> dict[str, Any]:
    """With its callbacks in the order of their fields: their classes may get other names."""
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    return {**loaded, "callbacks": sorted(loaded["callbacks"].values(), key=sorted)}


def page(path: Path) -> dict[str, Any]:
    """The pictures, and the numbers of the plots and the text, in no order: rows may move."""
    text = path.read_text()
    plots = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
    lines = [*plots, *SKIPPED_TEXT.sub(" ", text).splitlines()]
    found = sorted(
        n
        for line in lines
        if line in plots or not SKIPPED_LINE.search(line)
        for n in NUMBER.findall(line)
    )
    return {
        "pictures": re.findall(r"data:image/png;base64,([\w+/=]+)", text),
        "numbers": {f"{n} ({at - found.index(n)})": n for at, n in enumerate(found)},
    }


def pixels(path: Path) -> list[Any]:
    """Of each frame."""
    return [np.asarray(f.convert("RGBA")) for f in ImageSequence.Iterator(Image.open(path))]


READERS: dict[str, Callable[[Path], Any]] = {
    ".ckpt": checkpoint, ".safetensors": load_file, ".npz": lambda path: dict(np.load(path)),
    ".onnx": lambda path: [[*constant.dims, constant.raw_data] for constant in
                           importlib.import_module("onnx").load(path).graph.initializer],
    ".csv": lambda path: list(csv.DictReader(path.read_text().splitlines())),
    ".json": lambda path: json.loads(path.read_text()),
    ".yaml": lambda path: yaml.safe_load(path.read_text()), ".png": pixels, ".gif": pixels,
    ".html": page, ".md": page, ".txt": page,
}  # fmt: skip


def differences(a: Any, b: Any, where: str, notes: set[str]) -> Iterator[str]:
    """Where two read files differ, in their order."""
    if SKIPPED.search(where):
        return
    a, b = (x.numpy() if isinstance(x, torch.Tensor) else x for x in (a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        a, b = ({FOLDER.sub("", str(name)): item for name, item in x.items()} for x in (a, b))
        if not where.endswith(".numbers"):
            notes |= {re.sub(r"\d+(?=[]/])", "*", f"{where}.{n}") for n in b.keys() - a.keys()}
        for name in a:
            yield from differences(a[name], b.get(name, "nothing"), f"{where}.{name}", notes)
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple):
        if len(a) != len(b):
            yield f"{where}: {len(a)} and {len(b)} items"
        for place, (left, right) in enumerate(zip(a, b, strict=False)):
            yield from differences(left, right, f"{where}[{place}]", notes)
    elif isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            yield f"{where}: {a.dtype}{a.shape} and {b.dtype}{b.shape}"
        elif a.tobytes() != b.tobytes():  # by their bits: NaN is itself, and 0 is not -0
            n = next(n for n in range(a.size) if a.flat[n].tobytes() != b.flat[n].tobytes())
            yield f"{where}, value {n} of {a.size}: {a.flat[n]} and {b.flat[n]}"
    elif FOLDER.sub("", repr(a)) != FOLDER.sub("", repr(b)):
        yield f"{where}: {str(a)[:80]} and {str(b)[:80]}"


def open_side(revision: str, place: str, store: Path, mnist: Path, stack: ExitStack) -> Side:
    """A folder as it is, worked on anew; or a worktree of a commit."""
    if Path(revision).is_dir():
        shutil.rmtree(store / place, ignore_errors=True)
        return Side(Path(revision).resolve(), store / place, mnist)
    git, tree = ["git", "-C", str(HERE)], stack.enter_context(tempfile.TemporaryDirectory())
    commit = subprocess.check_output([*git, "rev-parse", f"{revision}^{{commit}}"], text=True)[:12]
    subprocess.run([*git, "worktree", "add", "--quiet", "--detach", tree, commit], check=True)
    stack.callback(subprocess.run, [*git, "worktree", "remove", "--force", tree])
    return Side(Path(tree), store / commit, mnist)


def main() -> None:
    """Prints a line for each job."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("revisions", nargs=2, help="commits, or folders of checkouts")
    parser.add_argument("--only", nargs="+", choices=JOBS, metavar="JOB", help=", ".join(JOBS))
    parser.add_argument("--store", "--keep", type=Path, help="what they leave; of commits, reused")
    parser.add_argument("--mnist", type=Path, default=HERE.parents[1] / "shared/data/mnist")
    options = parser.parse_args()
    names = {n for name in options.only or JOBS for n in (JOBS[name].of, name)}
    worst = False
    with ExitStack() as stack:
        store = options.store or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sides = [
            open_side(revision, place, store.resolve(), options.mnist.resolve(), stack)
            for revision, place in zip(options.revisions, ("first", "second"), strict=True)
        ]
        if sides[0].out == sides[1].out:
            parser.error("a commit with itself: give one of the two as a folder")
        pool = stack.enter_context(ThreadPoolExecutor(2))
        for name in [name for name in JOBS if name in names]:
            said, notes = "same", set[str]()
            if "$mnist" in JOBS[name].steps[0] and not options.mnist.is_dir():
                said = f"skipped: {options.mnist} is no folder (--mnist)"
            elif failed := [*filter(None, pool.map(Side.make, sides, (name, name)))]:
                said = f"failed: {failed[0]}"
            elif found := [*differences(sides[0].left(name), sides[1].left(name), name, notes)]:
                said = f"different: {found[0]}, the first of {len(found)}"
            worst |= said.startswith(("failed", "different"))
            print(
                f"{name:<16}{said}",
                *(f"more: {note}" for note in sorted(notes)),
                sep=f"\n{'':<16}",
                flush=True,
            )
    raise SystemExit(worst)


if __name__ == "__main__":
    main()
