"""JAX losses on the engine of onedge: exact curvature of a function that you have already.

    o = onedge.jax.objective(loss, params, batch)
    loss, gradient = o.linearize(params)
    o.curvature(update), o.hessian_vector(v), o.sharpness()

`loss(params, batch)` is any function that JAX can trace to one number. What does not depend on the parameters, random masks and positions among it, is
computed by JAX once and enters as data.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ArgumentError
from .._objective import Objective
from . import _control, _elementwise, _movement, _products, _reductions  # noqa: F401  (they fill the table)
from ._lowering import Known, Lowering, Node, _Refused
from ._table import TABLE

__all__ = ["objective", "primitives"]


def objective(loss, params, batch=None, *, dtype=None, l2: float = 0.0) -> Objective:
    """The loss on this batch, with its derivatives by `params`.

    Args:
        loss: `loss(params, batch)`, or `loss(params)` where `batch` is None; gives one number.
        params: a tree of floating-point arrays. Their values are free to change; their shapes are not.
        batch: a tree of arrays, all of them data.
        dtype: `"f32"` or `"f64"`; by default that of the parameters.
        l2: adds `l2 / 2 |params|^2`.

    Raises:
        UnsupportedError: a primitive that onedge has not, with the line of the loss.
        ArgumentError: parameters that are not floating-point, a loss that is not one number.
    """
    leaves, structure = jax.tree.flatten(params)
    leaves = [np.asarray(leaf) for leaf in leaves]
    if not leaves:
        raise ArgumentError("params: expected at least one array, got none")
    for leaf in leaves:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ArgumentError(f"params: expected floating-point arrays, got one of {leaf.dtype}; put it into the batch")
    precision = _precision(dtype, leaves)
    with _double(precision == np.float64):
        arguments = [params] if batch is None else [params, batch]
        arguments = jax.tree.map(lambda leaf: _cast(leaf, precision), arguments)
        traced = jax.make_jaxpr(loss)(*arguments)
        if [out.aval.shape for out in traced.jaxpr.outvars] != [()]:
            shapes = ", ".join(str(list(out.aval.shape)) for out in traced.jaxpr.outvars)
            raise ArgumentError(f"loss: expected one number, got {shapes}; return the mean, and metrics elsewhere")
        lowering = Lowering(precision)
        build = lowering.builder
        inputs = [build.input(leaf.shape) for leaf in leaves]
        data = [Known(leaf) for leaf in jax.tree.leaves(arguments[1:])]
        consts = [Known(const) for const in traced.consts]
        try:
            (result,) = lowering.run(traced.jaxpr, consts, [*map(Node, inputs), *data])
        except _Refused as refused:
            raise refused.error() from None
    if isinstance(result, Known):
        raise ArgumentError("loss: expected a loss that depends on the parameters, got one that does not")
    losses = build.reshape(result.value, (1,))
    return Objective._whole(build, inputs, losses, _tree(structure, leaves, precision), lowering.notes, l2)


def primitives() -> list[str]:
    """The names of the primitives of JAX that onedge knows."""
    return sorted(TABLE)


def _precision(dtype, leaves) -> np.dtype:
    names = {"f32": np.float32, "f64": np.float64, None: None}
    if dtype not in names:
        raise ArgumentError(f'dtype: expected "f32" or "f64", got {dtype!r}')
    if dtype is not None:
        return np.dtype(names[dtype])
    return np.dtype(np.float64 if any(leaf.dtype == np.float64 for leaf in leaves) else np.float32)


def _cast(leaf, precision):
    array = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
    if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
        return array
    return jnp.asarray(array, precision) if jnp.issubdtype(array.dtype, jnp.floating) else jnp.asarray(array)


def _double(on: bool):
    """JAX with double precision, as long as it is traced."""
    return jax.enable_x64(True) if on else jax.enable_x64(jax.config.jax_enable_x64)


def _tree(structure, leaves, precision):
    """How a tree of parameters becomes a flat array, and back."""
    shapes = [leaf.shape for leaf in leaves]
    ends = np.cumsum([leaf.size for leaf in leaves])

    def flatten(tree):
        if isinstance(tree, np.ndarray) and tree.ndim == 1 and structure.num_leaves > 1:
            return tree
        parts, other = jax.tree.flatten(tree)
        if other != structure:
            raise ArgumentError(f"expected a tree like that of the parameters, {structure}, got {other}")
        for part, shape in zip(parts, shapes):
            if np.shape(part) != shape:
                raise ArgumentError(f"expected arrays shaped as the parameters, got {np.shape(part)} for {shape}")
        try:
            return np.concatenate([np.asarray(part, precision).reshape(-1) for part in parts])
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"expected arrays of numbers, got others: {error}") from None

    def unflatten(flat):
        parts = np.split(flat, ends[:-1])
        return jax.tree.unflatten(structure, [part.reshape(shape) for part, shape in zip(parts, shapes)])

    return flatten, unflatten
