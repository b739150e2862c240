"""JAX: the whole epoch is one compiled program, a ``lax.scan`` over its steps; Adam by hand.

Option ``gpu``: there, or the end with a reason. Dense layers are multiplied in float32, as torch
does, unless ``tf32`` is given; convolutions take what cuDNN takes, TF32, in both.
"""

import os
import sys

if "gpu" not in sys.argv:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # others are on the card, too

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from _common import answer, rates, task

given = task()
if "gpu" in given.options and jax.default_backend() != "gpu":
    sys.exit("jax sees no GPU: pip install 'jax[cuda13]'")
PRECISION = "default" if "tf32" in given.options else "highest"
BATCH, STEPS = given.batch, len(given.x) // given.batch
CONV = partial(jax.lax.conv_general_dilated, dimension_numbers=("NHWC", "HWIO", "NHWC"))
Params = Any


def init(key: Any) -> Params:
    """Weights as PyTorch has them, near enough for a clock."""
    shapes = {
        "mlp": [(784, 400), (400, 40), (20, 400), (400, 784)],
        "conv": [
            (4, 4, 1, 32),
            (4, 4, 32, 64),
            (3136, 256),
            (256, 32),
            (16, 256),
            (256, 3136),
            (4, 4, 64, 32),
            (4, 4, 32, 1),
        ],
    }[given.model]
    keys = jax.random.split(key, len(shapes))
    return [
        (jax.random.normal(k, s) / jnp.sqrt(jnp.prod(jnp.array(s[:-1]))), jnp.zeros(s[-1]))
        for k, s in zip(keys, shapes, strict=True)
    ]


def dense(layer: Params, h: Any) -> Any:
    """``h W + b``."""
    return jnp.matmul(h, layer[0], precision=PRECISION) + layer[1]


def down(layer: Params, h: Any) -> Any:
    """A convolution of stride 2."""
    return CONV(h, layer[0], (2, 2), ((1, 1), (1, 1))) + layer[1]


def up(layer: Params, h: Any) -> Any:
    """Its transpose."""
    return CONV(h, layer[0], (1, 1), ((2, 2), (2, 2)), lhs_dilation=(2, 2)) + layer[1]


def encode(p: Params, x: Any) -> Any:
    """Mean and log variance."""
    if given.model == "mlp":
        return jnp.split(dense(p[1], jax.nn.relu(dense(p[0], x))), 2, 1)
    h = jax.nn.relu(down(p[1], jax.nn.relu(down(p[0], x.reshape(-1, 28, 28, 1)))))
    return jnp.split(dense(p[3], jax.nn.relu(dense(p[2], h.reshape(len(x), -1)))), 2, 1)


def decode(p: Params, z: Any) -> Any:
    """Logits."""
    if given.model == "mlp":
        return dense(p[3], jax.nn.relu(dense(p[2], z)))
    h = jax.nn.relu(dense(p[5], jax.nn.relu(dense(p[4], z)))).reshape(-1, 7, 7, 64)
    return up(p[7], jax.nn.relu(up(p[6], h))).reshape(len(z), -1)


def loss(p: Params, x: Any, key: Any) -> Any:
    """The negative ELBO."""
    mu, log_var = encode(p, x)
    z = mu + jnp.exp(0.5 * log_var) * jax.random.normal(key, mu.shape)
    logits = decode(p, z)
    distortion = jnp.sum(jax.nn.softplus(logits) - x * logits)
    rate = -0.5 * jnp.sum(1 + log_var - mu**2 - jnp.exp(log_var))
    return (distortion + rate) / BATCH


def step(state: Params, inputs: Any) -> Any:
    """One step of Adam."""
    p, m, v, t = state
    grey, key = inputs
    bits, noise = jax.random.split(key)
    x = (jax.random.bits(bits, grey.shape, jnp.uint8) < grey).astype(jnp.float32)
    value, g = jax.value_and_grad(loss)(p, x, noise)
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    scale, root = 1e-3 / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
    p = jax.tree.map(lambda p, m, v: p - scale * m / (jnp.sqrt(v) / root + 1e-8), p, m, v)
    return (p, m, v, t), value


@partial(jax.jit, donate_argnums=(0,))
def run_epoch(state: Params, x: Any, key: Any) -> Any:
    """Shuffles, and all steps."""
    order_key, step_key = jax.random.split(key)
    order = jax.random.permutation(order_key, len(x))[: STEPS * BATCH].reshape(STEPS, BATCH)
    keys = jax.random.split(step_key, STEPS)
    return jax.lax.scan(lambda s, i: step(s, (x[i[0]], i[1])), state, (order, keys))


params = init(jax.random.key(0))
zeros = jax.tree.map(jnp.zeros_like, params)
state = (params, zeros, jax.tree.map(jnp.zeros_like, params), jnp.zeros(()))
data = jnp.asarray(given.x)
number = 0


def epoch() -> None:
    """One pass over the data."""
    global state, number
    number += 1
    state, losses = run_epoch(state, data, jax.random.key(number))
    jax.block_until_ready(losses)


answer(rates=rates(epoch, given), threads=1, jax=jax.__version__)
