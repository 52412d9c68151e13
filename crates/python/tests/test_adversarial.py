"""Losses as people write them that once went wrong, or nearly: each agrees with JAX, or is refused in a sentence with its line and a way out."""

import jax
import jax.numpy as jnp
import numpy as np
import onedge.jax
import pytest
from jax.flatten_util import ravel_pytree

jax.config.update("jax_enable_x64", True)
DRAWS = np.random.default_rng(0)
X, Y = DRAWS.normal(size=(12, 5)), DRAWS.integers(0, 4, 12)
PARAMS = {"w": 0.5 * DRAWS.normal(size=(5, 4)), "b": 0.1 * DRAWS.normal(size=4)}
SEGMENTS = np.r_[0, 1, 2, DRAWS.integers(0, 3, 9)]
MASK = np.where(DRAWS.normal(size=(12, 4)) > 0.5, -np.inf, 0.0)
MASK[:, 0] = 0


def linear(p, x):
    return x @ p["w"] + p["b"]


def guarded(p, x):
    z = linear(p, x)[:, 0]
    return jnp.mean(jnp.where(z > 0, jnp.log(jnp.where(z > 0, z, 1.0)), 0.0))


def over_segments(p, batch):
    z, s = linear(p, batch[0])[:, 0], batch[1]
    e = jnp.exp(z - jax.lax.stop_gradient(jax.ops.segment_max(z, s, num_segments=3))[s])
    return -jnp.mean(jnp.log(e / jax.ops.segment_sum(e, s, num_segments=3)[s]))


def hardest(p, batch):
    z = linear(p, batch[0])
    d, same = ((z[:, None] - z[None]) ** 2).sum(-1), batch[1][:, None] == batch[1][None]
    return jnp.mean(jax.nn.relu(jnp.where(same, d, -jnp.inf).max(1) - jnp.where(same, jnp.inf, d).min(1) + 1))


def straight_through(p, x):
    z = jax.nn.softmax(linear(p, x))
    return jnp.mean(((jax.nn.one_hot(jnp.argmax(z, -1), 4) + z - jax.lax.stop_gradient(z)) @ p["w"].T) ** 2)


def penalty(p, x):
    g = jax.vmap(jax.grad(lambda x: jnp.tanh(x @ p["w"]).sum()))(x)
    return jnp.mean((jnp.sqrt((g**2).sum(-1) + 1e-12) - 1) ** 2)


LOSSES = {
    "a branch that is NaN": (guarded, X),
    "softmax over segments": (over_segments, (X, SEGMENTS)),
    "hardest triplets": (hardest, (X, Y)),
    "straight through": (straight_through, X),
    "a gradient penalty": (penalty, X),
    "a mask of minus infinity": (lambda p, b: jnp.mean(jax.nn.logsumexp(linear(p, b[0]) + b[1], -1)), (X, MASK)),
    "a mask that is counted": (lambda p, b: jnp.sum(jnp.where(b[1], (linear(p, b[0]) ** 2).sum(-1), 0)) / jnp.maximum(b[1].sum(), 1), (X, Y > 1)),
    "a batch of one": (lambda p, x: jnp.mean(linear(p, x) ** 2), X[:1]),
    "a number in the batch": (lambda p, b: jnp.mean(linear(p, b[0]) ** 2) * b[1], (X, 2.0)),
    "places written twice": (lambda p, b: (linear(p, b[0]).at[b[1]].set(0.0) ** 2).mean(), (X, np.array([1, 1, 3]))),
    "places of a mask": (lambda p, b: (linear(p, b[0])[jnp.nonzero(b[1], size=3)[0]] ** 2).mean(), (X, Y > 1)),
    "einsum with an ellipsis": (lambda p, x: jnp.mean(jnp.einsum("...i,ij->...j", x.reshape(3, 4, 5), p["w"]) ** 2), X),
    "focal": (lambda p, b: -jnp.mean(((1 - jnp.exp(jax.nn.log_softmax(linear(p, b[0])))) ** 2 * jax.nn.log_softmax(linear(p, b[0])))[jnp.arange(12), b[1]]), (X, Y)),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_it_is_jax_s(name):
    loss, batch = LOSSES[name]
    w, tree = ravel_pytree(PARAMS)
    v = DRAWS.normal(size=w.shape)
    (value, slopes), (_, product) = jax.jvp(jax.value_and_grad(lambda w: loss(tree(w), batch)), (w,), (v,))
    o = onedge.jax.objective(loss, PARAMS, batch)
    found, gradient = o.linearize(np.asarray(w))
    for ours, theirs in [(found, value), (gradient, slopes), (o.hessian_vector(v), product)]:
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10 * max(float(np.abs(theirs).max()), 1e-30))


REFUSED = {
    "an index out of range": (lambda p, b: jnp.mean(p["w"][b] ** 2), np.array([0, 5, 2]), "check the indices"),
    "at least one example": (lambda p, x: jnp.mean(linear(p, x) ** 2), X[:0], "batch: expected"),
    "TracerBoolConversionError": (lambda p, x: linear(p, x).mean() if p["b"].sum() > 0 else 0.0, X, "; choose by jnp.where"),
    "NonConcreteBooleanIndexError": (lambda p, b: (linear(p, b[0])[b[1]] ** 2).mean(), (X, Y > 1), "; weigh by the mask"),
    "ConcretizationTypeError": (lambda p, x: float(linear(p, x).mean()), X, "; keep it an array"),
    "TracerArrayConversionError": (lambda p, x: np.mean(np.asarray(linear(p, x))), X, "; call the function of jax.numpy"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_with_a_way_out(what):
    loss, batch, way = REFUSED[what]
    with pytest.raises(onedge.Error) as raised:
        onedge.jax.objective(loss, PARAMS, batch)
    message = str(raised.value)
    assert what in message and way in message and "\n" not in message, message
    assert "test_adversarial.py:" in message or what == "at least one example", message
