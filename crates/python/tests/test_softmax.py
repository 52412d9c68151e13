"""Softmax and its kin are known in whatever way they are written, and stay exact for small numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import onedge.jax
import optax
import pytest
from onedge._builder import Builder
from onedge.jax._door import JaxDoor

LABELS = np.array([2, 0, 1])
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]
MASK = np.array([[1, 1, 1, 0]] * 3, bool)


def written_out(x):
    shifted = x - x.max(-1, keepdims=True)
    return -(ONE_HOT * (shifted - jnp.log(jnp.exp(shifted).sum(-1, keepdims=True)))).sum(-1)


def masked(x):
    return -(ONE_HOT[:, :3] * jax.nn.log_softmax(x, where=MASK)[:, :3]).sum(-1)


# All are the cross entropy of rows, the last one without the fourth class.
WAYS = {
    "optax, whole numbers": lambda x: optax.softmax_cross_entropy_with_integer_labels(x, LABELS),
    "optax, shares": lambda x: optax.softmax_cross_entropy(x, ONE_HOT),
    "log_softmax": lambda x: -(ONE_HOT * jax.nn.log_softmax(x)).sum(-1),
    "log_softmax of another axis": lambda x: -(ONE_HOT.T * jax.nn.log_softmax(x.T, axis=0)).sum(0),
    "logsumexp": lambda x: jax.nn.logsumexp(x, axis=-1) - (ONE_HOT * x).sum(-1),
    "without a maximum": lambda x: jnp.log(jnp.exp(x).sum(-1)) - (ONE_HOT * x).sum(-1),
    "log of softmax": lambda x: -(ONE_HOT * jnp.log(jax.nn.softmax(x))).sum(-1),
    "written out": written_out,
    "masked": masked,
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("size", [1.0, 30.0, 1e4])
def test_cross_entropy_is_exact_in_single_precision(name, size):
    x = np.float32(size * np.array([[1.0, -1.0, -0.5, 0.25], [-1.0, 1.0, 0.5, 0.0], [0.125, 0.25, -1.0, -0.75]]))
    classes = 3 if name == "masked" else 4
    inner = np.float64(x[:, :classes])
    grown = np.exp(inner - inner.max(1, keepdims=True))
    shares = np.pad(grown / grown.sum(1, keepdims=True), ((0, 0), (0, 4 - classes)))
    value = (inner.max(1) + np.log(grown.sum(1)) - inner[np.arange(3), LABELS]).sum()
    v = np.random.default_rng(0).normal(size=x.shape)
    bent = shares * (v - (shares * v).sum(1, keepdims=True))
    o = onedge.jax.objective(lambda p: WAYS[name](p["x"]).sum(), {"x": x})
    found, gradient = o.linearize({"x": x})
    np.testing.assert_allclose(found, value, rtol=2e-6)
    np.testing.assert_allclose(gradient["x"], shares - ONE_HOT, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(o.hessian_vector({"x": np.float32(v)})["x"], bent, rtol=1e-4, atol=1e-6)


def ops(loss, params):
    """The names of the ops that the loss needs."""
    builder = Builder(np.float32)
    lowered = JaxDoor(loss, params, dtype=None, has_batch=False).lower((), builder, None)
    made, needed, open_ = {entry[3]: entry for entry in builder.script if len(entry) == 4}, {}, [lowered.loss]
    while open_:
        value = open_.pop()
        entry = made.get(value)
        if value not in needed and entry is not None and entry[0] != "field":
            needed[value] = entry[0]
            open_.extend(entry[1])
    return sorted(needed.values())


@pytest.mark.parametrize("name", [name for name in WAYS if name != "masked"])
def test_it_runs_as_one_op(name):
    names = ops(lambda p: WAYS[name](p["x"]).sum(), {"x": np.ones((3, 4), np.float32)})
    assert names.count("logsumexp") == 1 and not {"exp", "log", "div", "softmax", "reduce_max"} & set(names), names
    assert len(names) < 14, names


def test_attention_has_softmax():
    names = ops(lambda p: (jax.nn.softmax(p["x"], where=MASK[:, :4]).sum() + jax.nn.softmax(p["x"])[0]).sum(), {"x": np.ones((3, 4), np.float32)})
    assert "softmax" in names
