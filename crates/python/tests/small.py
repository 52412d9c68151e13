"""A small model to train: fast, smooth, in double precision."""

import jax.numpy as jnp
import numpy as np

import onedge.jax

_DRAWS = np.random.default_rng(3)
PARAMS = {"w": 0.5 * _DRAWS.normal(size=(5, 8)), "b": np.zeros(8), "v": 0.5 * _DRAWS.normal(size=8)}


def batch(examples: int, seed: int = 0):
    """Inputs and targets."""
    x = np.random.default_rng(seed).normal(size=(examples, 5))
    return x, np.sin(x[:, 0])


def loss(params, batch):
    x, y = batch
    return jnp.mean((jnp.tanh(x @ params["w"] + params["b"]) @ params["v"] - y) ** 2)


def objective(examples: int = 16, seed: int = 0, **options):
    return onedge.jax.objective(loss, PARAMS, batch(examples, seed), **options)


def constant(rate: float):
    return onedge.tuner("constant", rate=rate)
