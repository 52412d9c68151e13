#!/usr/bin/env python3
"""Reference steps of optimizers by Optax in float64, for crates/tune/tests.

    pip install jax optax
    python3 optimizers.py ../../crates/tune/tests/reference/optimizers.csv

Made with jax 0.10.2 and optax 0.2.8. Five tensors; the gradient of element i of the flat vector at step t is
sin(1 + 0.7 i + 1.3 t) + 0.3 w_i, the first w_i is cos(0.9 i), and the rate is 0.05. A row holds, for one optimizer and
one step, the parameters after it as sums over each tensor of w_i cos(i), i counted in the flat vector.
"""

import sys

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")

import jax.numpy as jnp
import numpy as np
import optax
from optax import contrib

SHAPES = {"a": (3, 4), "b": (4,), "c": (4, 5), "d": (6, 3), "e": (3, 2)}
HIDDEN = ("c", "d")
STEPS, RATE = 12, 0.05

starts = np.cumsum([0] + [int(np.prod(s)) for s in SHAPES.values()])
places = {k: np.arange(a, b).reshape(SHAPES[k]) for k, a, b in zip(SHAPES, starts, starts[1:])}
matrices = {k: len(s) >= 2 for k, s in SHAPES.items()}


def muon():
    """Optax gives the rest to Adam with Nesterov's momentum; the author's code, and so this, to plain AdamW."""
    hidden = contrib.muon(RATE, beta=0.95, eps=1e-7, weight_decay=0.1)
    rest = optax.adamw(0.015 * RATE, b1=0.9, b2=0.95, eps=1e-10, weight_decay=0.1)
    return optax.partition({"hidden": hidden, "rest": rest}, {k: "hidden" if k in HIDDEN else "rest" for k in SHAPES})


OPTIMIZERS = {
    "lion": optax.lion(RATE, b1=0.9, b2=0.99, weight_decay=0.2),
    "lion matrices": optax.lion(RATE, b1=0.9, b2=0.99, weight_decay=0.2, mask=matrices),
    "lamb": optax.lamb(RATE, b1=0.9, b2=0.999, eps=1e-6, weight_decay=0.1),
    "lamb matrices": optax.lamb(RATE, b1=0.9, b2=0.999, eps=1e-6, weight_decay=0.1, mask=matrices),
    "adagrad": optax.adagrad(RATE, initial_accumulator_value=0.1, eps=1e-7),
    "muon": muon(),
    "adamw": optax.adamw(RATE, b1=0.9, b2=0.999, eps=1e-8, weight_decay=0.3),
    "adamw matrices": optax.adamw(RATE, b1=0.9, b2=0.999, eps=1e-8, weight_decay=0.3, mask=matrices),
}


def main(path):
    with open(path, "w") as out:
        out.write("# Made by tools/reference/optimizers.py (Optax, float64); do not edit.\n")
        out.write("optimizer,step," + ",".join(SHAPES) + "\n")
        for name, optimizer in OPTIMIZERS.items():
            w = {k: jnp.cos(0.9 * places[k]) for k in SHAPES}
            state = optimizer.init(w)
            for t in range(STEPS):
                g = {k: jnp.sin(1 + 0.7 * places[k] + 1.3 * t) + 0.3 * w[k] for k in SHAPES}
                u, state = optimizer.update(g, state, w)
                w = optax.apply_updates(w, u)
                sums = [float(jnp.sum(w[k] * jnp.cos(places[k]))) for k in SHAPES]
                out.write(f"{name},{t}," + ",".join(f"{s:.13g}" for s in sums) + "\n")


main(sys.argv[1])
