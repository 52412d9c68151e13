"""Objectives as SciPy and JAX see them."""

from __future__ import annotations

import numpy as np

from ._arguments import choice
from ._errors import ArgumentError, NonFiniteError, StateError


def scipy_operator(objective, matrix: str):
    """A matrix at the objective's point as a linear operator."""
    from scipy.sparse.linalg import LinearOperator

    products = {"hessian": objective._core.hessian_vector, "gauss-newton": objective._core.gauss_newton_vector}
    choice("matrix", matrix, products)
    precision = np.float64 if objective.dtype == "f64" else np.float32
    product, point = products[matrix], objective._points
    if not point:
        raise StateError("as_scipy: expected a point; call linearize(w) first")

    def times(v):
        if objective._points != point:
            raise StateError("expected the point of this operator, got another; make an operator after linearize")
        return product(np.ascontiguousarray(np.asarray(v, precision).reshape(-1)))

    return LinearOperator((objective.dim, objective.dim), matvec=times, rmatvec=times, dtype=precision)


def jax_function(objective):
    """The loss as a function that JAX can differentiate twice."""
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    precision = np.float64 if objective.dtype == "f64" else np.float32
    core, dim = objective._core, objective.dim

    def vector(w):
        return np.ascontiguousarray(np.asarray(w, precision).reshape(-1))

    def linearized(w):
        objective._moved()
        return core.linearize(vector(w))

    def finite(function, shape):
        """What is not finite is NaN, as in JAX."""

        def checked(*arguments):
            try:
                return np.asarray(function(*arguments), precision)
            except NonFiniteError:
                return np.full(shape, np.nan, precision)

        return checked

    def call(function, shape, *arguments):
        return jax.pure_callback(finite(function, shape), jax.ShapeDtypeStruct(shape, precision), *arguments, vmap_method="sequential")

    def product(w, v):
        linearized(w)
        return core.hessian_vector(vector(v))

    @jax.custom_jvp
    def gradient(w):
        return call(lambda w: linearized(w)[1], (dim,), w)

    @gradient.defjvp
    def _(primals, tangents):
        (w,), (v,) = primals, tangents
        return gradient(w), call(product, (dim,), w, v)

    @jax.custom_jvp
    def loss(w):
        return call(lambda w: core.loss(vector(w)), (), w)

    @loss.defjvp
    def _(primals, tangents):
        (w,), (v,) = primals, tangents
        return loss(w), jnp.vdot(gradient(w), v)

    def of_parameters(params):
        """The loss at these parameters."""
        if core.is_closed:
            raise StateError("expected an objective that is open, got one that was closed; make another one")
        try:
            flat, _ = ravel_pytree(params)
        except Exception as error:
            raise ArgumentError(f"params: expected a tree of arrays: {error}") from None
        if flat.shape != (dim,):
            raise ArgumentError(f"params: expected {dim} numbers in all, got {flat.size}")
        if flat.dtype != precision:
            hint = "; in double precision JAX needs jax_enable_x64" if precision == np.float64 else ""
            raise ArgumentError(f"params: expected arrays of {np.dtype(precision)}, got {flat.dtype}{hint}")
        return loss(flat)

    return of_parameters
