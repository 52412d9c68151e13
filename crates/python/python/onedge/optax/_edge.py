"""The edge of stability of a transformation, read off its answer to gradients that alternate."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

# Squares with decay 0.999 that start at zero, as `optax.scale_by_rms` keeps them, are then off by 5e-5.
STEPS = 10_000


def edge_of(base, params) -> float:
    """c in "edge of stability at sharpness c / rate"; NaN where the transformation has none, or does not say.

    At the edge parameters and gradients change sign at every step. A transformation that answers gradients of size 1 that do so by updates of size k is at the edge where
    rate times k times sharpness is 2: `c = 2 / k`. That is 2 for gradient descent and RMSProp, `2 (1 + beta)` for heavy-ball momentum and `2 (1 + beta1) / (1 - beta1)` for
    Adam, of the sharpness that its preconditioner leaves. One whose answer does not depend on the size of a gradient, as a sign, has no edge, and neither has one whose
    answers keep shrinking, as with the growing sums of AdaGrad.

    Cost: 10,000 updates of a tree of one number for each array, on the CPU, without a look at the values of `params`.
    """
    try:
        with jax.ensure_compile_time_eval(), jax.default_device(jax.local_devices(backend="cpu")[0]):
            return _probed(base, jax.tree.map(lambda p: np.zeros((1,) * jnp.ndim(p), np.float32), params))
    except Exception:  # noqa: BLE001
        # A base may ask for what cannot be made up here, such as shapes or a loss; then nothing is known of it.
        return math.nan


def _probed(base, params) -> float:
    filled = lambda size: jax.tree.map(lambda p: jnp.full_like(p, size), params)
    answer = lambda size, state: base.update(filled(size), state, params)[0]

    def two(_, state):
        for sign in (1.0, -1.0):
            _, state = base.update(filled(sign), state, params)
        return state

    @jax.jit
    def answers(state):
        midway = jax.lax.fori_loop(0, STEPS // 4, two, state)
        last = jax.lax.fori_loop(0, STEPS // 4, two, midway)
        return answer(1.0, last), answer(0.5, last), answer(1.0, midway)

    found = ([float(np.ravel(leaf)[0]) for leaf in jax.tree.leaves(tree)] for tree in answers(base.init(params)))
    edges = [2 / x if x > 0 and abs(x - half) > 1e-6 * x and abs(x - midway) < 0.01 * x else math.nan for x, half, midway in zip(*found) if x != 0]
    return max(edges) if edges and not any(map(math.isnan, edges)) else math.nan
