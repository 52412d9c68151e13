"""Learning rates from curvature for Optax: the paper's rules around any transformation, in pure JAX.

    tx = onedge.optax.cdat(optax.scale_by_adam())
    state = tx.init(params)

    @jax.jit
    def step(params, state, batch):
        f = lambda params: loss(params, batch)
        value, gradient = jax.value_and_grad(f)(params)
        updates, state = tx.update(gradient, state, params, value_fn=f)
        return optax.apply_updates(params, updates), state, value

No learning rate is asked for. `base` gives the step at rate 1, as Optax's `scale_by_*` do, uphill; the rate along it is `eta = sigma n / d` with `n = max(-g . u, 0)`
and `d = |u . H u| + eps`, each replaced by its average with decay beta. Source: Roulet et al. 2024, arXiv 2407.06183, equations 6 to 8.

`armijo` and `wolfe` are Optax's own linesearches in the same form: they look at values and slopes, not at curvature.
"""

from ._cdat import CdatState, cdat, greedy, on_edge
from ._linesearch import SearchState, armijo, wolfe

__all__ = ["CdatState", "SearchState", "armijo", "cdat", "greedy", "on_edge", "wolfe"]
