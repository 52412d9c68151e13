"""Every loss of the zoo against JAX's own derivatives, in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from zoo import ZOO

import onedge
import onedge.jax

jax.config.update("jax_enable_x64", True)


def double(tree):
    cast = lambda x: jnp.asarray(x, jnp.float64) if jnp.issubdtype(jnp.asarray(x).dtype, jnp.floating) else jnp.asarray(x)
    return jax.tree.map(cast, tree)


def apart(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    return np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs))


# JAX computes the logits of this attention in single precision, onedge all in the precision that was asked for.
ROUNDED = {"llama_in_nnx": 1e-6}


@pytest.mark.parametrize("name", ZOO)
def test_loss_and_derivatives_are_jax_s(name):
    loss, params, batch = ZOO[name]()
    params, batch = double(params), double(batch)
    flat, unravel = ravel_pytree(params)
    draws = np.random.default_rng(1)
    flat = flat + 0.05 * draws.normal(size=flat.shape)
    params = unravel(flat)
    o = onedge.jax.objective(loss, params, batch)
    w = o.flatten(params)
    np.testing.assert_array_equal(w, flat)
    u, v = draws.normal(size=w.shape), draws.normal(size=w.shape)
    value, gradient = o.linearize(w)

    @jax.jit
    def jax_s(w, u, v):
        f = lambda w: loss(unravel(w), batch)
        slopes, back = jax.linearize(jax.grad(f), w)
        of_u, of_v = jax.vmap(back)(jnp.stack([u, v]))
        return f(w), slopes, u @ of_u, of_v

    value_there, slopes, bend, product = jax_s(w, u, v)
    near = ROUNDED.get(name, 1e-10)
    assert apart(value, value_there) < near
    assert apart(o.loss(w), value_there) < near
    assert apart(gradient, slopes) < near
    assert apart(o.curvature(u), bend) < near
    assert apart(o.hessian_vector(v), product) < near
