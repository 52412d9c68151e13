"""The spectrum of the Hessian of a JAX function where its parameters are: on their devices, by JAX's own derivatives."""

from __future__ import annotations

import types
import weakref

import jax
import jax.numpy as jnp
import numpy as np

from .. import _spectra
from .._arguments import shown
from .._errors import ArgumentError
from .._objective import Estimate
from .._spectra import Asked, Eigenpairs
from ._space import Form, Vectors


def sharpness(
    loss,
    params,
    *args,
    k: int = 1,
    batches=None,
    tolerance: float = 1e-3,
    max_products: int = 200,
    preconditioner=None,
    gauss_newton: bool = False,
    outputs=None,
    warm_start: Eigenpairs | None = None,
    seed: int = 0,
) -> Eigenpairs:
    """The `k` largest eigenvalues of the Hessian of `loss(params, *args)` by `params`, with their vectors, on the devices of the
    parameters.

    Args:
        loss: a function that JAX can trace to one number, twice differentiable in reverse and forward mode. What was compiled for it is
            kept for as long as it lives: hand in the same function again and again.
        params: a tree of floating-point arrays.
        args: what else the loss takes, a batch say.
        batches: several batches, a list or an iterator, each of them the last argument: the mean of `loss(params, *args, batch)` is taken,
            weighted by examples, which lie along the first axis of its first array.
        tolerance: a value has converged once its error is estimated at this share of it, and it is shown that no larger one is missing by
            more.
        max_products: matrix-vector products to spend at most.
        preconditioner: a positive diagonal P, a tree like `params`: the values are then those of `P^-1/2 H P^-1/2`, which bound the rates
            of a method that steps along `-P^-1 g`. For Adam it is `sqrt(nu / (1 - b2**count)) + eps` of its state.
        gauss_newton: of the Gauss-Newton matrix `J' B J`, J the derivative of the outputs, B the Hessian of the loss by them, in place of
            H.
        outputs: `outputs(params, *args)`, what the model says, one array; the loss is then `loss(outputs, *args)`.
        warm_start: what an earlier call returned, of the same parameters: the search goes on from its vectors.
        seed: of random vectors.

    Returns:
        Eigenpairs: `values`, `bounds`, `errors`, `converged`, `products`, `vectors`; `float(found)` is the largest. A `RuntimeWarning` says
        where they are not as good as asked for.

    Raises:
        ArgumentError: what does not fit; NonFiniteError: a product that is not finite.

    Cost: about two gradients a product (jvp of grad, compiled once). Memory: a vector of single or double precision for each product, up to
    64 (or 4 k + 4). One synchronisation with the device a product, two to four where several vectors are followed at once.
    """
    asked = Asked.of(k, "largest", tolerance, max_products, seed, warm_start)
    return _spectra.top(space_of(loss, params, args, batches, preconditioner, gauss_newton, outputs), asked, "sharpness")


def top(
    loss,
    params,
    *args,
    k: int = 5,
    which: str = "largest",
    batches=None,
    tolerance: float = 1e-3,
    max_products: int = 400,
    preconditioner=None,
    gauss_newton: bool = False,
    outputs=None,
    warm_start: Eigenpairs | None = None,
    seed: int = 0,
) -> Eigenpairs:
    """The `k` eigenvalues at an end of the spectrum, as `sharpness` has them: the `"largest"`, those of largest `"magnitude"`, or `"both"`
    (up to `2 k`, each once)."""
    asked = Asked.of(k, which, tolerance, max_products, seed, warm_start)
    return _spectra.top(space_of(loss, params, args, batches, preconditioner, gauss_newton, outputs), asked, "top")


def gauss_newton(loss, params, *args, outputs, **options) -> Eigenpairs:
    """The `k` largest eigenvalues of the Gauss-Newton matrix `J' B J`, as `sharpness(gauss_newton=True)` has them."""
    return sharpness(loss, params, *args, outputs=outputs, gauss_newton=True, **options)


def trace(
    loss,
    params,
    *args,
    batches=None,
    samples: int = 32,
    relative_error: float = 0.1,
    method: str = "hutchinson",
    preconditioner=None,
    gauss_newton: bool = False,
    outputs=None,
    seed: int = 0,
) -> Estimate:
    """The trace of the Hessian with its standard error. What a loss, params and batches are, `sharpness` says.

    Args:
        samples: products at most (`hutchinson`), or in all (`hutch++`, 6 or more).
        relative_error: `hutchinson` ends once the standard error is this share of the value.
        method: `"hutchinson"`, the mean of `z . H z` over random signs z; or `"hutch++"`, which takes what a third of the products span
            exactly: better where few eigenvalues dominate.
    """
    return _spectra.trace(space_of(loss, params, args, batches, preconditioner, gauss_newton, outputs), samples, relative_error, method, seed)


def density(
    loss, params, *args, batches=None, steps: int = 64, vectors: int = 4, preconditioner=None, gauss_newton: bool = False, outputs=None, seed: int = 0
) -> np.ndarray:
    """The density of all eigenvalues of the Hessian: rows of a value and its weight, which sum to 1, by stochastic Lanczos quadrature from
    `vectors` random vectors."""
    return _spectra.density(space_of(loss, params, args, batches, preconditioner, gauss_newton, outputs), steps, vectors, seed)


def space_of(loss, params, args, batches, preconditioner, gauss_newton, outputs) -> Vectors:
    """The vectors of a loss with its Hessian at `params`."""
    for name, function in (("loss", loss), ("outputs", outputs)):
        if not callable(function) and (name == "loss" or function is not None):
            raise ArgumentError(f"{name}: expected a function, got {shown(function)}")
    if not isinstance(gauss_newton, bool):
        raise ArgumentError(f"gauss_newton: expected True or False, got {shown(gauss_newton)}")
    if gauss_newton and outputs is None:
        raise ArgumentError("gauss_newton: expected the outputs of the model; give them as outputs=, with loss(outputs, *args)")
    form = Form(params)
    params = jax.tree.map(jnp.asarray, params)
    for leaf in jax.tree.leaves(args):
        if not isinstance(leaf, (jax.Array, np.ndarray, np.generic, bool, int, float, complex)):
            raise ArgumentError(f"args: expected arrays and numbers, got {shown(leaf)}; make a function of the arrays alone that has it inside, and keep that function")
    kinds = (outputs, gauss_newton, form.structure, tuple(form.shapes), tuple(form.dtypes))
    product = _product(loss, kinds, form)
    if batches is None:
        weighted = [(1.0, args)]
    else:
        kept = [(*args, batch) for batch in batches]
        if not kept:
            raise ArgumentError("batches: expected a batch or several, got none")
        sizes = [_examples(batch[-1]) for batch in kept]
        weighted = [(size / sum(sizes), batch) for size, batch in zip(sizes, kept)]
    diagonal = None if preconditioner is None else form.flat(preconditioner)
    if diagonal is not None and not bool(jnp.all((diagonal > 0) & jnp.isfinite(diagonal))):
        raise ArgumentError("preconditioner: expected positive finite numbers; try a larger eps")

    def apply(flat):
        total = None
        for weight, batch in weighted:
            part = product(params, flat, batch)
            part = part if len(weighted) == 1 else weight * part
            total = part if total is None else total + part
        return total

    return Vectors(apply, form, diagonal)


_PRODUCTS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def _product(loss, kinds, form):
    """The compiled product of a loss, which is kept for as long as the loss lives."""
    try:
        # A bound method is a new object each time.
        known = None if isinstance(loss, types.MethodType) else _PRODUCTS.setdefault(loss, {})
    except TypeError:
        known = None
    if known is None:
        return _compiled(loss, kinds, form)
    if len(known) > 8:
        known.clear()
    if kinds not in known:
        # What is kept must not keep its key.
        known[kinds] = _compiled(_proxy(loss), kinds, form)
    return known[kinds]


def _proxy(function):
    held = weakref.ref(function)
    return lambda *arguments: held()(*arguments)


def _compiled(loss, kinds, form):
    outputs, gauss_newton, *_ = kinds

    def value(params, args):
        found = loss(params, *args) if outputs is None else loss(outputs(params, *args), *args)
        return _one(found)

    def hessian(params, flat, args):
        gradient = lambda point: jax.grad(value)(point, args)
        return form.flat(jax.jvp(gradient, (params,), (form.tree(flat),))[1])

    def of_outputs(params, flat, args):
        said, back = jax.vjp(lambda point: outputs(point, *args), params)
        along = jax.jvp(lambda point: outputs(point, *args), (params,), (form.tree(flat),))[1]
        by_outputs = jax.grad(lambda z: _one(loss(z, *args)))
        return form.flat(back(jax.jvp(by_outputs, (said,), (along,))[1])[0])

    return jax.jit(of_outputs if gauss_newton else hessian)


def _one(found):
    if jnp.shape(found) != ():
        raise ArgumentError(f"loss: expected one number, got an array of shape {jnp.shape(found)}; try .mean()")
    return found


def _examples(batch) -> int:
    sized = (np.shape(leaf)[0] for leaf in jax.tree.leaves(batch) if np.ndim(leaf))
    return next(sized, 1) or 1
