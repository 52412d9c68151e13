"""What the rules have in common: dot products, and what is said of arguments."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import optax

from .._arguments import is_number, is_whole, shown
from .._errors import ArgumentError
from ..jax._curvature import linearize


class Asked:
    """What a rule may ask about a step: the loss, its curvature along u, and its value at `params + rate u`; on several devices, means over the axis."""

    def __init__(self, params, value_fn, value, curvature, axis_name):
        expected(params, value_fn, value, curvature)
        self.params, self.value_fn, self.given, self.measured, self.axis_name = params, value_fn, value, curvature, axis_name

    def mean(self, x):
        return x if self.axis_name is None else jax.lax.pmean(x, self.axis_name)

    def loss(self):
        return self.mean(jnp.asarray(self.value_fn(self.params) if self.given is None else self.given))

    def curvature(self, u):
        along = linearize(self.value_fn)(self.params)[2] if self.measured is None else self.measured
        return self.mean(jnp.asarray(along(u)))

    def halved(self, begins, length, u, norm, loss, slope, curvature, most):
        """A length, halved until the loss where it leads is not above this one, `most` times at most; and how often. Where it does not begin, nothing is computed."""

        def value(rate):
            if self.value_fn is None:
                return loss + rate * slope + rate**2 / 2 * jnp.abs(curvature)
            to = jax.tree.map(lambda p, x: (p + rate * x).astype(jnp.result_type(p)), self.params, u)
            return self.mean(jnp.asarray(self.value_fn(to))).astype(loss.dtype)

        def halve(state):
            length, halvings, _ = state
            fits = value(length / norm) <= loss
            return jnp.where(fits, length, 0.5 * length), halvings + ~fits, fits | (halvings + 1 >= most)

        start = (length, jnp.zeros((), jnp.int32), ~begins)
        return jax.lax.while_loop(lambda state: ~state[2], halve, start)[:2]


def dot(a, b, precision):
    """The dot product of two trees, in this precision."""
    products = (jnp.sum(x.astype(precision) * y.astype(precision)) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b)))
    return sum(products, jnp.zeros((), precision))


def precision_of(params):
    """Scalars are in single precision at least."""
    return jnp.result_type(jnp.float32, *(kind for kind in map(jnp.result_type, jax.tree.leaves(params)) if jnp.issubdtype(kind, jnp.floating)))


def expected(params, value_fn, value=None, curvature=None):
    """The arguments of `update` that Optax leaves out by default."""
    if params is None:
        raise ArgumentError("update: expected params, as the curvature is taken there; call update(gradient, state, params, value_fn=...)")
    if curvature is not None and not callable(curvature):
        raise ArgumentError(f"update: expected curvature, the third of what onedge.jax.linearize(f)(params) gives, got {shown(curvature)}")
    if value_fn is None and curvature is not None:
        if value is None:
            raise ArgumentError("update: expected value beside curvature, the loss, got None; call update(gradient, state, params, value=value, curvature=curvature)")
        return
    if not callable(value_fn):
        raise ArgumentError(
            f"update: expected value_fn, the loss as a function of the parameters, got {shown(value_fn)}; call update(gradient, state, params, value_fn=f). "
            "flax's TrainState.apply_gradients drops it: call state.tx.update yourself, and state.replace(step=state.step + 1, params=..., opt_state=...)"
        )


def check_base(base):
    if not (hasattr(base, "init") and hasattr(base, "update")):
        raise ArgumentError(f"base: expected a transformation of Optax, such as optax.scale_by_adam(), got {shown(base)}")
    return optax.with_extra_args_support(base)


def check_number(name, value, holds, expected, infinite=False):
    """Arrays, as `optax.inject_hyperparams` makes them, are taken as they are."""
    if isinstance(value, jax.Array):
        return
    if not ((is_number(value) or (infinite and value == math.inf)) and holds(value)):
        raise ArgumentError(f"{name}: expected {expected}, got {shown(value)}")


def check_whole(name, value):
    if not is_whole(value) or value < 1:
        raise ArgumentError(f"{name}: expected a whole number, 1 or more, got {shown(value)}")
