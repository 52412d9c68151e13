"""Learning rates from curvature for Optax: rules around any transformation, in pure JAX.

    tx = onedge.optax.cdat(optax.scale_by_adam())
    state = tx.init(params)

    @jax.jit
    def step(params, state, batch):
        f = lambda params: loss(params, batch)
        value, gradient = jax.value_and_grad(f)(params)
        updates, state = tx.update(gradient, state, params, value_fn=f, value=value)
        return optax.apply_updates(params, updates), state, value

No learning rate is asked for. `base` gives the step at rate 1, as Optax's `scale_by_*` do, uphill; `cdat` finds the rate along it from its slope `g . u` and its curvature `u . H u`, as the
program and `onedge.torch` do; `cdat(base, preset="paper")`, `greedy` and `on_edge` are the rules of the paper. Source: Roulet et al. 2024, arXiv 2407.06183, equations 6 to 8.

`armijo` and `wolfe` are Optax's own linesearches in the same form: they look at values and slopes, not at curvature.
"""

from ._cdat import cdat, greedy, on_edge
from ._linesearch import SearchState, armijo, wolfe
from ._paper import CdatState
from ._recommended import RecommendedState

__all__ = ["CdatState", "RecommendedState", "SearchState", "armijo", "cdat", "greedy", "on_edge", "wolfe"]
