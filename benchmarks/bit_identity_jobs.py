"""The jobs of bit_identity.py: what a user would run on a commit, by the commands alone."""

import importlib.util
import os
import shlex
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SMALL = (
    "logger=csv",
    "data.limit=400",
    "data.batch_size=64",
    "trainer.max_epochs=2",
    "evaluation.test_samples=5",
    "callbacks.pictures.num_examples=50",
)
TINY = "model=mlp_vae model.encoder.hidden=[64,32] model.decoder.hidden=[32,64]"
SIX = "gaussian,laplace,logistic,logistic_mixture,bernoulli,continuous_bernoulli"


def stop(trainer: Any, *_: object) -> None:
    """Ctrl-C while the eighth batch is trained on; what goes on begins with the ninth."""
    if trainer.global_step == 7:
        os.kill(os.getpid(), signal.SIGINT)


def wait(*_: object) -> None:
    """Leaves the worker of a search the time to prune a trial before its next epoch ends."""
    time.sleep(0.4)


def _hook(place: str, function: str) -> str:
    return (
        f"'+callbacks.extra.own={{_target_: pytorch_lightning.callbacks.LambdaCallback, "
        f"{place}: {{_target_: bit_identity_jobs.{function}, _partial_: true}}}}'"
    )


@dataclass(frozen=True)
class Job:
    """Commands in ``$out``; ``$trained`` is the run there, ``$run`` a copy of an earlier job's."""

    steps: tuple[str, ...]
    of: str = ""
    sweep: Mapping[str, Any] | None = None


def search(overrides: str, space: Mapping[str, str], **keys: Any) -> Job:
    """A sweep of one worker, whose trials are forks and so cheap; it tries every point."""
    fixed = [*SMALL, "report=false", *shlex.split(overrides)]
    return Job(
        (
            "vael sweep $out/sweep.yaml --workers 1 output_dir=$out",
            "vael sweep status $out/sweeps/search",
            "vael report $out/sweeps/search",
        ),
        sweep={
            "name": "search",
            "sampler": "grid",
            "pruner": None,
            "confirm": 0,
            "keep": 99,
            "space": space,
            "overrides": fixed,
            **keys,
        },
    )


JOBS = {
    "digits": Job(("train.py",)),
    "mnist": Job(("train.py data=mnist data.path=$mnist data.binarize=stochastic model=mlp_vae",)),
    "iwae_1l": Job(("train.py experiment=iwae_1l data.path=$mnist",)),
    "breast_cancer": Job((f"train.py {TINY} data=breast_cancer",)),
    "ppca": Job(("train.py experiment=ppca",)),
    "sprites": Job(
        (
            "train.py data=sprites data.color=true data.image_size=16 data.limit=200 "
            "model=resnet_vae likelihood=logistic_mixture",
        )
    ),
    "two_processes": Job(("train.py trainer.devices=2 trainer.accelerator=cpu",)),
    "warm": Job(("train.py init_from=$run trainer.precision=bf16",), "digits"),
    "stopped": Job(
        (
            f"train.py {TINY} scheduler=plateau scheduler.patience=0 objective/schedule=linear "
            "objective.schedule.steps=9 callbacks.ema.decay=0.9 "
            "callbacks.checkpoint.every_n_steps=2 " + _hook("on_train_batch_start", "stop"),
            "cp $trained/checkpoints/last.ckpt $out/stopped.ckpt",
            "vael train $trained",
        )
    ),
    "likelihoods": search(TINY, {"likelihood": f"{SIX},categorical,beta_binomial"}),
    "densities": search(f"{TINY} likelihood.fit=density", {"likelihood": f"{SIX},squared_error"}),
    "student_t": search(
        f"data=breast_cancer {TINY} likelihood=student_t",
        {"likelihood.scale": "fixed,shared,per_dim,predicted", "posterior": "normal,full_normal"},
        targets=["val/rate", "val/distortion"],
    ),
    "models": search(
        "trainer.max_epochs=1",
        {"model": "mlp_vae,conv_vae,resnet_vae", "posterior": "normal,full_normal"},
    ),
    "training": search(
        f"{TINY} trainer.max_epochs=3 callbacks.ema.decay=0.9 optimizer=adamw "
        "objective.beta=3 trainer.gradient_clip_val=10",
        {
            "objective/schedule": "constant,linear,cyclical",
            "scheduler": "cosine,plateau",
            "trainer.accumulate_grad_batches": "1,2",
        },
    ),
    "pruned": search(
        f"{TINY} trainer.max_epochs=12 {_hook('on_train_epoch_start', 'wait')}",
        {
            "model.latent_dim": "tag(log, int(interval(2, 64)))",
            "likelihood": "gaussian,bernoulli",
            "optimizer.lr": "tag(log, interval(3e-4, 1e-2))",
        },
        sampler="tpe",
        when={"likelihood=gaussian": {"likelihood.scale": "shared,predicted"}},
        trials=6,
        pruner="halving",
        confirm=1,
    ),
    "evaluate": Job(("vael evaluate $run --samples 20", "vael verify $run"), "digits"),
    "evaluate_by_two": Job(("vael evaluate $run --samples 20 --devices 2",), "digits"),
    "evaluate_table": Job(("vael evaluate $run --samples 20 --split val",), "breast_cancer"),
    "generate": Job(
        (
            *(
                f"vael generate $run {kind}"
                for kind in (
                    "samples",
                    "reconstructions",
                    "traversal",
                    "interpolation",
                    "encodings",
                )
            ),
            "vael generate $run samples --sampler mixture --output $out/mixture.npz",
        ),
        "digits",
    ),
    "export": Job(
        ("vael export $run", "vael export $run --format onnx")[
            : 2 if importlib.util.find_spec("onnxscript") else 1
        ],
        "digits",
    ),
    "compare": Job(
        (
            "train.py seed=1",
            "vael compare $run $trained",
            "vael report $run $trained",
            "vael report $run",
        ),
        "digits",
    ),
    "nondeterminism": Job(("vael nondeterminism --seeds 2 --folder $out/study debug=tiny",)),
}
