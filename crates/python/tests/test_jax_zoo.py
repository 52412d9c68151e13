"""Every loss of the zoo against JAX's own derivatives: in double precision to 1e-10, in single precision to 1e-5."""

import jax
import jax.numpy as jnp
import numpy as np
import onedge
import onedge.jax
import pytest
import zoo_more  # noqa: F401  (it adds to the zoo)
from jax.flatten_util import ravel_pytree
from zoo import ZOO

jax.config.update("jax_enable_x64", True)


def cast(tree, precision):
    def one(x):
        x = jnp.asarray(x)
        return x.astype(precision) if jnp.issubdtype(x.dtype, jnp.floating) else x

    return jax.tree.map(one, tree)


def apart(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    return np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs))


# JAX computes the logits of this attention in single precision, onedge all in the precision that was asked for.
ROUNDED = {"llama_in_nnx": 1e-6}
# Flax asks for parameters in the precision that these were made in.
OF_ONE_PRECISION = {"llama_in_nnx"}
# Of values that are rounded in single precision: how far apart the true ones may be for the rounding of others.
SINGLE = 1e-5


@pytest.mark.parametrize("name", ZOO)
def test_loss_and_derivatives_are_jax_s(name):
    loss, params, batch = ZOO[name]()
    # Numbers that single precision has, so that both precisions are at the same point.
    params, batch = cast(cast(params, np.float32), np.float64), cast(cast(batch, np.float32), np.float64)
    flat, unravel = ravel_pytree(params)
    draws = np.random.default_rng(1)
    flat = jnp.asarray(np.float64(np.float32(flat + 0.05 * draws.normal(size=flat.shape))))
    params = unravel(flat)
    v = np.float64(np.float32(draws.normal(size=flat.shape)))

    @jax.jit
    def jax_s(w, v):
        return jax.jvp(jax.value_and_grad(lambda w: loss(unravel(w), batch)), (w,), (v,))

    (value, slopes), (_, product) = jax_s(flat, v)
    o = onedge.jax.objective(loss, params, batch)
    w = o.flatten(params)
    np.testing.assert_array_equal(w, flat)
    tried = [(o, ROUNDED.get(name, 1e-10), w, v)]
    if name not in OF_ONE_PRECISION:
        tried.append((onedge.jax.objective(loss, params, batch, dtype="f32"), SINGLE, np.float32(w), np.float32(v)))
    for o, near, w, v in tried:
        found, gradient = o.linearize(w)
        assert apart(found, value) < near
        assert apart(o.loss(w), value) < near
        assert apart(gradient, slopes) < near
        # A sum that may be small beside its terms.
        assert abs(o.curvature(v) - v @ product) < near * np.abs(np.float64(v) * product).sum()
        assert apart(o.hessian_vector(v), product) < near
