#!/usr/bin/env python3
"""The paper's claim on real data, by JAX in float32: which learning-rate rule trains a small network on CIFAR-10 best.

    python3 claim.py DATA_BATCH_1.BIN [--seeds 1] [--steps 800]

First 1024 records, area-downsampled to 16x16, [0, 1]; MLP 768-256-256-256-10 relu, cross-entropy, full-batch gradient
descent. Prints for every rule the final loss (mean of the last 5 steps), the best, the last rate and the sharpness.
Needs bench/requirements.txt.
"""

import argparse

import jax

jax.config.update("jax_platforms", "cpu")

import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

WIDTHS, EXAMPLES = (768, 256, 256, 256, 10), 1024
RULES = [
    *({"rule": "constant", "rate": 2.0**i} for i in range(-8, 0)),
    {"rule": "armijo", "c": 1e-4, "c_plus": 4.0, "c_minus": 0.8},
    {"rule": "greedy", "sigma": 1.0},
    {"rule": "cdat", "sigma": 2.0},
    {"rule": "cdat", "sigma": 2.0625},
]


def load(path):
    """x [1024, 768] (channel, row, column) and one-hot labels."""
    records = np.fromfile(path, np.uint8, EXAMPLES * 3073).reshape(EXAMPLES, 3073)
    x = records[:, 1:].reshape(EXAMPLES, 3, 16, 2, 16, 2).astype(np.float32).mean(axis=(3, 5)) / np.float32(255)
    return jnp.array(x.reshape(EXAMPLES, -1)), jnp.eye(10)[records[:, 0]]


def weights(seed):
    rng = np.random.default_rng(seed)
    last = len(WIDTHS) - 2
    return [
        (jnp.array(rng.normal(size=(i, o)) * np.sqrt((1 if k == last else 2) / i), jnp.float32), jnp.zeros(o))
        for k, (i, o) in enumerate(zip(WIDTHS, WIDTHS[1:]))
    ]


def train(rule, seed, steps, x, target):
    start, unravel = ravel_pytree(weights(seed))

    def loss(w):
        h = x
        for layer, (weight, bias) in enumerate(unravel(w)):
            h = (jax.nn.relu(h) if layer else h) @ weight + bias
        return jnp.mean(jax.nn.logsumexp(h, axis=1) - jnp.sum(h * target, axis=1))

    @jax.jit
    def step(w, previous):
        f, g = jax.value_and_grad(loss)(w)
        slope = -jnp.sum((g * g).reshape(-1, 2), axis=0).sum()
        if rule["rule"] == "constant":
            rate = jnp.float32(rule["rate"])
        elif rule["rule"] == "armijo":
            fails = lambda r: ~(loss(w - r * g) <= f + rule["c"] * r * slope) & (r > 1e-12)
            rate = jax.lax.while_loop(fails, lambda r: rule["c_minus"] * r, jnp.minimum(rule["c_plus"] * previous, 1.0))
        else:
            along = lambda w: jax.jvp(loss, (w,), (g,))[1]
            rate = rule["sigma"] * -slope / jnp.abs(jax.jvp(along, (w,), (g,))[1])
        return w - rate * g, f, rate

    @jax.jit
    def sharpness(w, v):
        """Largest eigenvalue by 60 power iterations on H + 20 I."""

        def body(_, state):
            v, _ = state
            hv = jax.jvp(jax.grad(loss), (w,), (v,))[1]
            value, shifted = v @ hv, hv + 20 * v
            return shifted / jnp.linalg.norm(shifted), value

        return jax.lax.fori_loop(0, 60, body, (v, jnp.float32(0)))

    w, rate, losses, rates = start, jnp.float32(jnp.inf), [], []
    v = jnp.array(np.random.default_rng(0).normal(size=start.size), jnp.float32)
    v, products, first = v / jnp.linalg.norm(v), [], None
    for k in range(steps):
        if k % 100 == 99 or k == 0:
            v, lam = sharpness(w, v)
            first = float(lam) if first is None else first
        w, f, rate = step(w, rate)
        losses.append(float(f))
        rates.append(float(rate))
        if k % 100 == 99:
            products.append(float(lam) * rates[-1])
    print(
        f"seed {seed}  {' '.join(f'{k}={p:g}' if k != 'rule' else f'{p:9s}' for k, p in rule.items()):46s}"
        f" final {np.mean(losses[-5:]):.3f} best {min(losses):.3f} rate {rates[0]:.3g} -> {np.median(rates[-20:]):.3g}"
        f" sharpness {first:.0f} -> {float(lam):.0f}"
        f" rate x sharpness (median of every 100th) {np.median(products) if products else float('nan'):.2f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="CIFAR-10's data_batch_1.bin")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=800)
    options = parser.parse_args()
    x, target = load(options.data)
    for seed in range(options.seeds):
        for rule in RULES:
            train(rule, seed, options.steps, x, target)


if __name__ == "__main__":
    main()
