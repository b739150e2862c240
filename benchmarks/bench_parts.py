"""What the benchmark runs: vael and its contenders, cost against each size, start, data."""

import importlib.util
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from measure import COMMON, ROOT, Bench, Found, measured, peak

MLP = (
    "model=mlp_vae",
    "model.latent_dim=20",
    "model.encoder.hidden=[400]",
    "model.decoder.hidden=[400]",
)
CONV = ("model=conv_vae", "model.latent_dim=16")


@dataclass(frozen=True)
class Contender:
    """A row of the comparison: a file of contenders/ and its options; vael has none."""

    name: str
    file: str = ""
    options: tuple[str, ...] = ()
    needs: str = ""


CONTENDERS = (
    Contender("vael"),
    Contender("plain PyTorch loop, fast binarisation", "plain.py", ("bytes",)),
    Contender("plain PyTorch loop", "plain.py"),
    Contender("stock Lightning", "stock_lightning.py"),
    Contender("pythae", "pythae_trainer.py", needs="pythae"),
    Contender("plain PyTorch loop, fast binarisation, fused Adam", "plain.py", ("bytes", "fused")),
    Contender("plain PyTorch loop, fused Adam", "plain.py", ("fused",)),
    Contender("stock Lightning, fused Adam", "stock_lightning.py", ("fused",)),
    Contender("pythae, fused Adam", "pythae_trainer.py", ("fused",), needs="pythae"),
    Contender("JAX, epoch in one scan", "jax_scan.py", needs="jax"),
    Contender("arithmetic alone", "limit.py"),
)
SHORT = {
    "mlp": ("data.limit=20000", "trainer.max_epochs=3"),
    "conv": ("data.limit=3000", "trainer.max_epochs=3"),
}
SIZES = {"mlp": (18_000, 4), "conv": (3_600, 3)}  # training examples, epochs


def contender(bench: Bench, who: Contender, model: str) -> Found:
    """One run of one of them."""
    examples, epochs = SIZES[model]
    if not who.file:
        nets = MLP if model == "mlp" else CONV
        return bench.vael(
            *nets, f"data.limit={examples * 10 // 9}", f"trainer.max_epochs={epochs}"
        )
    if who.needs == "jax" and model == "conv":
        examples, epochs = 512, 2  # a hundredth of the others' speed
    folder = Path(tempfile.mkdtemp(dir=bench.work))
    printed, _ = bench.run(
        [
            *measured(folder),
            sys.executable,
            who.file,
            model,
            str(bench.images()),
            str(examples),
            str(epochs),
            "128",
            *who.options,
        ]
    )
    rates = json.loads(printed.splitlines()[-1])["rates"]
    return {"rate": statistics.median(rates), "memory": peak(folder)}


Measure = Callable[[], Found]


def comparisons(bench: Bench) -> Iterator[tuple[str, str, Measure]]:
    """The training of both models by everybody."""
    for model in SIZES:
        for who in CONTENDERS:
            if not who.needs or importlib.util.find_spec(who.needs):
                yield model, who.name, lambda who=who, model=model: contender(bench, who, model)


def growth(bench: Bench) -> Iterator[tuple[str, str, Measure]]:
    """Cost against each size, around mlp_vae 784-400-20 and conv_vae 32-64."""

    def row(name: str, *overrides: str, cores: int = 1) -> tuple[str, str, Measure]:
        return "growth", name, lambda: bench.vael(*overrides, cores=cores)

    few, conv = SHORT["mlp"], (*CONV, *SHORT["conv"])
    for d in (2, 20, 200):
        yield row(f"mlp, latent dimension {d}", *MLP, *few, f"model.latent_dim={d}")
    for w in (100, 400, 1600):
        yield row(
            f"mlp, width {w}",
            *MLP,
            *few,
            f"model.encoder.hidden=[{w}]",
            f"model.decoder.hidden=[{w}]",
        )
    for n in (32, 128, 512, 2048):
        yield row(f"mlp, batch {n}", *MLP, *few, f"data.batch_size={n}")
    for n in (10_000, 60_000):
        yield row(f"mlp, data {n}", *MLP, f"data.limit={n}", "trainer.max_epochs=2")
    for w in (16, 32, 64):
        yield row(
            f"conv, width {w}", *conv, f"model.encoder.width={w}", f"model.decoder.width={w}"
        )
    for size in (16, 28, 56):
        name, *given = (
            f"conv, image {size} x {size}",
            *conv,
            f"data.image_size={size}",
            "data.limit=1500",
        )
        # the first run resizes all images, which takes memory of its own
        yield "growth", name, lambda given=given: (bench.vael(*given), bench.vael(*given))[1]


def means(bench: Bench) -> Iterator[tuple[str, str, Measure]]:
    """What a second thread, a second device and the compiler gain."""

    def row(name: str, *overrides: str, cores: int = 1) -> tuple[str, str, Measure]:
        return "means", name, lambda: bench.vael(*overrides, cores=cores)

    mlp, conv = (*MLP, *SHORT["mlp"]), (*CONV, *SHORT["conv"])
    yield row("conv, 1 thread", *conv, cores=2)
    yield row("conv, 2 threads", *conv, "trainer.threads=2", cores=2)
    yield row("conv, 2 devices", *conv, "trainer.devices=2", cores=2)
    yield "means", "conv, 2 runs of half the batch", lambda: pair(bench, conv)
    yield row("conv, compiled", *conv, "trainer.compile=true")
    yield row("mlp, 1 thread", *mlp, cores=2)
    yield row("mlp, compiled", *mlp, "trainer.compile=true")


def pair(bench: Bench, conv: Sequence[str]) -> Found:
    """Two that say nothing to each other: as much as two devices could reach here."""
    with ThreadPoolExecutor(2) as both:
        runs = [both.submit(bench.vael, *conv, "data.batch_size=64", cores=2) for _ in range(2)]
        found = [run.result() for run in runs]
    return {key: sum(one[key] for one in found) for key in found[0]}


def others(bench: Bench) -> Iterator[tuple[str, str, Measure]]:
    """Start, data, validation."""

    def start() -> Found:
        command = [
            sys.executable,
            str(ROOT / "train.py"),
            f"output_dir={bench.work}/first",
            "+callbacks.extra.first={_target_: _watch.FirstStep}",
        ]
        return bench.run(command, cores=2)[1]

    def imports() -> Found:
        return bench.run([sys.executable, "-c", "import torch, pytorch_lightning"], cores=2)[1]

    def data(fresh: bool) -> Found:
        bench.images()  # fills the cache of the later use
        cache = tempfile.mkdtemp(dir=bench.work) if fresh else str(bench.work / "cache")
        printed, _ = bench.run(
            [sys.executable, "data_start.py", *([bench.data] if bench.data else [])],
            VAEL_CACHE=cache,
        )
        found: Found = json.loads(printed.splitlines()[-1])
        return found

    def shares(*model: str) -> Found:
        told = bench.work / "shares.json"
        given = [
            *COMMON,
            *model,
            "trainer.max_epochs=3",
            f"output_dir={bench.work}/shares",
            "+callbacks.extra.shares={_target_: _watch.Shares}",
        ]
        if bench.data:
            given.append(f"data.path={bench.data}")
        bench.run([sys.executable, str(ROOT / "train.py"), *given], SHARES=str(told))
        found = json.loads(told.read_text())
        train, val = (statistics.median(found[name][1:]) for name in ("train", "validation"))
        return {"share": val / (train + val), "train_seconds": train, "val_seconds": val}

    yield "start", "python train.py to the first step", start
    yield "start", "import torch, pytorch_lightning", imports
    yield "data", "first use of MNIST's parquet", lambda: data(True)
    yield "data", "later", lambda: data(False)
    yield "validation", "mlp, MNIST", lambda: shares(*MLP)
    yield "validation", "conv, 4,500 of MNIST", lambda: shares(*CONV, "data.limit=4500")


PARTS: dict[str, Callable[[Bench], Iterator[tuple[str, str, Measure]]]] = {
    "mlp": comparisons,
    "conv": comparisons,
    "means": means,
    "growth": growth,
    "start": others,
    "data": others,
    "validation": others,
}
