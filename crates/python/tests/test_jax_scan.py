"""The curvature of losses with scans, by one sweep over their bodies, against JAX's own in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

import onedge.jax

DRAWS = np.random.default_rng(0)
X = DRAWS.normal(size=(7, 5, 3))
PARAMS = {"w": DRAWS.normal(size=(4, 4)) / 2, "u": DRAWS.normal(size=(3, 4)), "s": np.float64(0.7), "h": DRAWS.normal(size=(5, 4))}
ALONG = jax.tree.map(lambda p: DRAWS.normal(size=np.shape(p)), PARAMS)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def recurrent(p, x=X):
    """A whole number is carried, too, and results come of each turn."""

    def turn(carry, x):
        h, n = carry
        h = jnp.tanh(h @ p["w"] + x @ p["u"] * p["s"]) + (0.1 * n).astype(h.dtype)
        return (h, n + 1), (jnp.sin(h) * p["s"], n)

    (h, n), (y, _) = jax.lax.scan(turn, (p["h"], 0), x)
    return (y**2).sum() + (h**3).sum() * n


def backwards(p):
    y = jax.lax.scan(lambda c, x: (jnp.exp(-c @ p["w"] * x), c * x), p["h"], X[:, :, :1] + p["s"], reverse=True)[1]
    return jnp.log(y**2 + 1).mean()


def nested(p):
    def outer(c, x):
        c, y = jax.lax.scan(lambda c, k: (jnp.tanh(c @ p["w"] + k * p["s"]), c.sum() * k), c, jnp.arange(3.0) + c[0, 0])
        return c + x @ p["u"], y**2

    c, y = jax.lax.scan(outer, p["h"], X)
    return (c**2).sum() + y.sum()


def inputs_move_alone(p):
    return jax.lax.scan(lambda c, x: (c * jnp.cos(x), None), 1.0, (X * p["s"]).ravel())[0] + (p["h"] ** 2).sum()


def bent_behind_the_scan(p):
    return (jax.lax.scan(lambda c, x: (c + x, None), p["h"], jnp.broadcast_to(p["h"], (4, 5, 4)))[0] ** 2).sum()


def carry_that_stays(p):
    (_, c), y = jax.lax.scan(lambda c, _: ((c[0], c[1] * jnp.sin(c[0])), c[0]), (p["s"], p["h"]), None, length=3)
    return y.sum() ** 2 + (c**2).sum()


def checkpointed(p):
    return (jax.lax.scan(jax.checkpoint(lambda c, x: (jnp.tanh(c @ p["w"] + x @ p["u"]), None)), p["h"], X)[0] ** 2).sum()


@pytest.mark.parametrize("loss", [recurrent, backwards, nested, inputs_move_alone, bent_behind_the_scan, carry_that_stays, checkpointed], ids=lambda loss: loss.__name__)
def test_scans(loss):
    @jax.jit
    def both(p, u):
        value, gradient, curvature = onedge.jax.linearize(loss)(p)
        product = jax.jvp(jax.grad(loss), (p,), (u,))[1]
        return (value, gradient, curvature(u)), (loss(p), jax.grad(loss)(p), sum(jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(product), jax.tree.leaves(u))))

    found, exact = both(PARAMS, ALONG)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12), found, exact)


def test_scans_under_transformations_and_in_half_precision():
    exact = onedge.jax.curvature(recurrent)(PARAMS, ALONG)
    many = jax.vmap(lambda s: onedge.jax.curvature(recurrent)({**PARAMS, "s": s}, ALONG))(jnp.array([0.7, 0.9]))
    np.testing.assert_allclose(many[0], exact, rtol=1e-12)
    assert abs(many[1] / exact - 1) > 1e-3
    mesh = Mesh(np.array(jax.devices()[:1]), ("data",))
    for checked in (False, True):
        vary = (lambda x: jax.lax.pcast(x, "data", to="varying")) if checked else lambda x: x
        part = lambda p, u, vary=vary: jax.lax.pmean(onedge.jax.curvature(recurrent)(*jax.tree.map(vary, (p, u)), X), "data")
        spread = jax.jit(jax.shard_map(part, mesh=mesh, in_specs=(P(), P()), out_specs=P(), check_vma=checked))
        np.testing.assert_allclose(spread(PARAMS, ALONG), exact, rtol=1e-12)
    half = onedge.jax.curvature(recurrent)(*jax.tree.map(lambda x: jnp.asarray(x, jnp.bfloat16), (PARAMS, ALONG)), jnp.asarray(X, jnp.bfloat16))
    assert half.dtype == jnp.float32
    np.testing.assert_allclose(half, exact, rtol=0.1)
