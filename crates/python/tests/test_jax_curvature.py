"""The curvature of JAX functions as a transformation, against JAX's own."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from zoo import ZOO

import onedge
import onedge.jax


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def cast(tree):
    double = lambda x: jnp.asarray(x, jnp.float64) if jnp.issubdtype(jnp.asarray(x).dtype, jnp.floating) else jnp.asarray(x)
    return jax.tree.map(double, tree)


# Of each kind one: compiling is what takes time.
NAMES = [name for place, name in enumerate(ZOO) if place % 3 == 0 and "llama" not in name]


@pytest.mark.parametrize("name", NAMES)
def test_curvature_is_jax_s(name):
    loss, params, batch = ZOO[name]()
    params, batch = cast(params), cast(batch)
    flat, unravel = ravel_pytree(params)
    draws = np.random.default_rng(1)
    params = unravel(flat + 0.05 * draws.normal(size=flat.shape))
    u = unravel(jnp.asarray(draws.normal(size=flat.shape)))

    @jax.jit
    def ours(params, u):
        value, gradient, curvature = onedge.jax.linearize(loss)(params, batch)
        return value, gradient, curvature(u)

    @jax.jit
    def theirs(params, u):
        f = lambda p: loss(p, batch)
        product = jax.jvp(jax.grad(f), (params,), (u,))[1]
        return f(params), jax.grad(f)(params), jnp.vdot(ravel_pytree(product)[0], ravel_pytree(u)[0])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (value, gradient, curvature), (exact, exact_gradient, exact_curvature) = ours(params, u), theirs(params, u)
    assert abs(value - exact) <= 1e-12 * abs(exact)
    assert abs(curvature - exact_curvature) <= 1e-10 * abs(exact_curvature), (curvature, exact_curvature)
    one, other = ravel_pytree(gradient)[0], ravel_pytree(exact_gradient)[0]
    assert np.max(np.abs(one - other)) <= 1e-12 * np.max(np.abs(other))
