"""Derivatives that JAX is told, by `custom_jvp` and `custom_vjp`, and those at ties: JAX's are followed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import onedge.jax
import pytest

jax.config.update("jax_enable_x64", True)
lax = jax.lax


@jax.custom_jvp
def scaled(x, y):
    return jnp.sin(x) * y


@scaled.defjvp
def _(points, steps):
    # Not the derivative of the function, and a rule that calls the function; its own derivative is symmetric.
    (x, y), (dx, dy) = points, steps
    return scaled(x, y), 3 * jnp.cos(x) * y * dx + 3 * jnp.sin(x) * dy + 0 * scaled(x, y) * dx


@jax.custom_vjp
def rounded(x):
    return jnp.round(x)


rounded.defvjp(lambda x: (rounded(x), None), lambda _, t: (t,))


@jax.custom_vjp
def reversed_slope(x):
    return jnp.exp(x)


reversed_slope.defvjp(lambda x: (reversed_slope(x), x), lambda x, t: (-t * jnp.exp(x),))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def leaky(slope, x):
    return jnp.where(x > 0, x, 0.0)


@leaky.defjvp
def _(slope, points, steps):
    return leaky(slope, *points), jnp.where(points[0] > 0, 1.0, slope) * steps[0]


RULES = {
    "a rule of two arguments": lambda w: (scaled(w, w[::-1]) ** 2).sum() + scaled(w[0], 2.0),
    "straight through": lambda w: (rounded(3 * w) * w).sum() + (rounded(w) ** 2).sum(),
    "a reversed gradient": lambda w: (jnp.sin(reversed_slope(w)) * w).sum(),
    "a leak": lambda w: (leaky(0.1, w) * w**2).sum(),
    "in a scan": lambda w: lax.scan(lambda c, x: (rounded(c * x) + x, c), w[0], w)[0] ** 2,
    "in a rule of a rule": lambda w: jax.jvp(lambda x: scaled(x, x), (w,), (w[::-1],))[1].sum(),
    "relu6": lambda w: (jax.nn.relu6(8 * w) * w).sum(),
    "safe norm": lambda w: jnp.where(w.sum() == 0, 0.0, jnp.linalg.norm(w)) * w[0],
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_what_counts(name):
    f = RULES[name]
    draws = np.random.default_rng(3)
    w, v = draws.normal(size=5), draws.normal(size=5)
    o = onedge.jax.objective(f, w)
    value, gradient = o.linearize(w)
    # Backwards twice, as `custom_vjp` has no other way.
    product = jax.jit(jax.grad(lambda w: jax.grad(f)(w) @ v))(w)
    np.testing.assert_allclose(value, f(w), rtol=1e-12)
    np.testing.assert_allclose(gradient, jax.grad(f)(w), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(o.hessian_vector(v), product, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(o.curvature(v), v @ product, rtol=1e-10, atol=1e-11)


TIES = {
    "maximum": lambda w: (jnp.maximum(w, w[::-1]) * ARM).sum(),
    "minimum": lambda w: (jnp.minimum(w, w[::-1]) * ARM).sum(),
    "maximum of 0": lambda w: (jnp.maximum(w, 0.0) * w * ARM + jnp.minimum(0.0, w)).sum(),
    "relu": lambda w: (jax.nn.relu(w) * ARM).sum(),
    "relu6 at both ends": lambda w: (jax.nn.relu6(6 * w) * ARM).sum(),
    "leaky_relu elu": lambda w: ((jax.nn.leaky_relu(w) + jax.nn.elu(w) + jax.nn.selu(w)) * ARM).sum(),
    "abs": lambda w: (jnp.abs(w) * ARM).sum(),
    "clip": lambda w: (jnp.clip(w, 0.0, 1.0) * ARM).sum(),
    "clamp": lambda w: (lax.clamp(0.0, w, 1.0) * ARM).sum(),
    "clamp between parameters": lambda w: (lax.clamp(w - 1, w[::-1] + 0.0 * w, jnp.maximum(w, 1.0)) * ARM).sum(),
    "max of all": lambda w: w.max() + 3 * w.min(),
    "max of rows": lambda w: (w.reshape(2, 4).max(1) * ARM[:2]).sum(),
    "hard_tanh and the like": lambda w: ((jax.nn.hard_tanh(w) + jax.nn.hard_sigmoid(w) + jax.nn.squareplus(w)) * ARM).sum(),
    "softplus logaddexp": lambda w: ((jax.nn.softplus(w) + jnp.logaddexp(w, w[::-1])) * ARM).sum(),
    "log_sigmoid gelu silu": lambda w: ((jax.nn.log_sigmoid(w) + jax.nn.gelu(w) + jax.nn.silu(w)) * ARM).sum(),
    "max pooling": lambda w: (lax.reduce_window(w.reshape(2, 4) * w[0], -jnp.inf, lax.max, (2, 2), (1, 1), "SAME") * ARM.reshape(2, 4)).sum(),
    "min pooling": lambda w: (lax.reduce_window(w.reshape(2, 4), jnp.inf, lax.min, (2, 3), (1, 1), "SAME") * ARM.reshape(2, 4)).sum(),
    "max pooling over three axes": lambda w: (lax.reduce_window(w.reshape(2, 2, 2), -jnp.inf, lax.max, (2, 2, 2), (1, 1, 1), "SAME") * ARM.reshape(2, 2, 2)).sum(),
    "cummax": lambda w: (lax.cummax(w) * ARM).sum(),
    "segment_max": lambda w: (jax.ops.segment_max(w, np.array([0, 1, 0, 1, 0, 0, 2, 2]), 3) * ARM[:3]).sum(),
    "scatter max": lambda w: (w[:3].at[np.array([0, 1, 1])].max(w[5:]) * ARM[:3]).sum(),
    "reduce_prod of zeros": lambda w: w[:4].prod() + w[1:3].prod(),
    "logsumexp": lambda w: jax.nn.logsumexp(w),
    "odd functions at 0": lambda w: ((jnp.sinh(w) + jnp.arcsinh(w) + jnp.arctan(w) + jnp.arcsin(0.3 * w) + jnp.sinc(w)) * ARM).sum(),
}
ARM = np.random.default_rng(0).normal(size=8)
AT = np.array([0.0, 1.0, 0.0, -0.5, -0.5, 0.0, 1.0, 0.0])


@pytest.mark.parametrize("name", TIES)
def test_ties_are_as_in_jax(name):
    f = TIES[name]
    v = np.random.default_rng(1).normal(size=8)
    o = onedge.jax.objective(f, AT)
    value, gradient = o.linearize(AT)
    expected, slopes = jax.jit(jax.value_and_grad(f))(AT)
    product = jax.jit(lambda w, v: jax.jvp(jax.grad(f), (w,), (v,))[1])(AT, v)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(o.hessian_vector(v), product, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(o.curvature(v), v @ product, rtol=1e-11, atol=1e-12)
