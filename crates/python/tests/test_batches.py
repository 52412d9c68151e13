"""Losses in parts and as a whole, other batches, Gauss-Newton products, and what `explain` says."""

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

import onedge
import onedge.jax

N = 512
DRAWS = np.random.default_rng(3)
PARAMS = {
    "w": (0.3 * DRAWS.normal(size=(6, 32))).astype(np.float64),
    "b": 0.1 * DRAWS.normal(size=32),
    "v": 0.3 * DRAWS.normal(size=(32, 4)),
}


def data(seed, n=N):
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(n, 6))
    return x, draws.integers(0, 4, n), np.ones(n, np.int32)


def model(p, batch):
    return jnp.tanh(batch[0] @ p["w"] + p["b"]) @ p["v"]


def entropies(outputs, batch):
    return -jnp.take_along_axis(jax.nn.log_softmax(outputs), batch[1][:, None], 1)[:, 0]


def mean(p, batch):
    return entropies(model(p, batch), batch).mean()


def masked(p, batch):
    return (entropies(model(p, batch), batch) * batch[2]).sum() / batch[2].sum()


def total(p, batch):
    return entropies(model(p, batch), batch).sum()


def normed(p, batch):
    h = batch[0] @ p["w"] + p["b"]
    h = jnp.tanh((h - h.mean(0)) / jnp.sqrt(h.var(0) + 1e-3)) @ p["v"]
    return entropies(h, batch).mean()


def centred(p, batch):
    return mean(p, (batch[0] - batch[0].mean(0), *batch[1:]))


def noisy(p, batch):
    keep = jax.random.bernoulli(jax.random.key(0), 0.5, (len(batch[0]), 1))
    return mean(p, (batch[0] * keep, *batch[1:]))


def positions(p, batch):
    table = jnp.sin(jnp.arange(6.0)) * jnp.linspace(0.5, 1.5, 6)
    return mean(p, (batch[0] * table, *batch[1:]))


def exact(loss, batch):
    params = jax.tree.map(jnp.asarray, PARAMS)
    flat, unravel = jax.flatten_util.ravel_pytree(params)
    f = lambda w: loss(unravel(w), batch)
    v = jnp.asarray(np.random.default_rng(5).normal(size=flat.size))
    value, gradient = jax.value_and_grad(f)(flat)
    product = jax.jvp(jax.grad(f), (flat,), (v,))[1]
    return np.concatenate([[value, v @ product], gradient, product]), np.asarray(v)


def ours(o, v):
    value, gradient = o.linearize(o.flatten(PARAMS))
    return np.concatenate([[value, o.curvature(v)], gradient, o.hessian_vector(v)])


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("loss, why", [
    (mean, "a mean over examples"),
    (positions, "a mean over examples"),
    (masked, "ties examples together"),
    (total, "a sum over examples"),
    (normed, "ties examples together"),
    (centred, "ties examples together"),
    (noisy, "ties examples together"),
])  # fmt: skip
@pytest.mark.parametrize("threads", [1, 2])
def test_parts_are_taken_where_the_loss_is_their_mean(loss, why, threads):
    # All the weights of the mask are one, so that this batch alone would not show that it is not a mean.
    # Parts are taken only of what does not fit the cache.
    n = 256 * N
    o = onedge.jax.objective(loss, PARAMS, data(0, n), threads=threads, memory_bytes=1 << 20)
    assert why in o.why and (o.parts > 1) == ("a mean" in why), o.why
    for seed in (0, 1):
        batch = data(seed, n)
        if seed:
            batch = (*batch[:2], np.random.default_rng(9).integers(0, 2, n).astype(np.int32))
            o.replace(batch)
        expected, v = exact(loss, batch)
        np.testing.assert_allclose(ours(o, v), expected, rtol=0, atol=1e-11 * np.abs(expected).max())


def test_modes_that_are_asked_for():
    batch = data(0)
    assert onedge.jax.objective(mean, PARAMS, batch, mode="whole").parts == 1
    assert onedge.jax.objective(mean, PARAMS, data(0, 256 * N), mode="mean", threads=2).parts > 1
    with pytest.raises(onedge.ArgumentError, match="first axis"):
        onedge.jax.objective(lambda p, b: mean(p, b[:3]), PARAMS, (*batch, np.float64(1.0)), mode="mean")
    for wrong in ({"mode": "parts"}, {"threads": 0}, {"l2": -1.0}, {"l2": np.nan}, {"memory_bytes": 2.5}, {"mode": None}):
        with pytest.raises(onedge.ArgumentError):
            onedge.jax.objective(mean, PARAMS, batch, **wrong)


def test_another_batch_must_be_like_the_first():
    o = onedge.jax.objective(mean, PARAMS, data(0))
    for other in (data(0, N + 1), data(0)[:2], None, (data(0)[0].astype(np.float32), *data(0)[1:])):
        with pytest.raises(onedge.ArgumentError, match="batch: expected"):
            o.replace(other)
    with pytest.raises(onedge.ArgumentError, match="finite"):
        o.replace((np.full((N, 6), np.nan), *data(0)[1:]))
    # What was there still is.
    expected, v = exact(mean, data(0))
    np.testing.assert_allclose(ours(o, v), expected, atol=1e-12)


def test_a_batch_that_leads_to_another_graph_is_planned_anew():
    # Rows that happen to lie in order are moved as one.
    def picked(p, batch):
        return (p["w"][batch] ** 2).sum()

    o = onedge.jax.objective(picked, PARAMS, np.array([0, 1, 2, 3]))
    for rows in ([3, 1, 0, 0], [2, 3, 4, 5], [0, 1, 2, 3], [5, 4, 3, 3]):
        o.replace(np.array(rows))
        w = o.flatten(PARAMS)
        assert o.loss(w) == pytest.approx(float((PARAMS["w"][rows] ** 2).sum()), rel=1e-12)
        assert o.linearize(w)[0] == pytest.approx(o.loss(w))


def test_gauss_newton_products_are_those_of_the_outputs():
    batch = data(0)
    o = onedge.jax.objective(lambda y, batch: entropies(y, batch).mean(), PARAMS, batch, outputs=model)
    flat, unravel = jax.flatten_util.ravel_pytree(jax.tree.map(jnp.asarray, PARAMS))
    v = jnp.asarray(np.random.default_rng(5).normal(size=flat.size))
    f = lambda w: model(unravel(w), batch)
    y, pushed = jax.jvp(f, (flat,), (v,))
    bent = jax.jvp(jax.grad(lambda y: entropies(y, batch).mean()), (y,), (pushed,))[1]
    expected = np.asarray(jax.vjp(f, flat)[1](bent)[0])
    o.linearize(PARAMS)
    np.testing.assert_allclose(o.gauss_newton_vector(np.asarray(v)), expected, atol=1e-13)
    # A tree in, a tree out.
    tree = o.gauss_newton_vector(o.unflatten(np.asarray(v)))
    np.testing.assert_allclose(o.flatten(tree), expected, atol=1e-13)
    with pytest.raises(onedge.UnsupportedError, match="outputs"):
        o = onedge.jax.objective(mean, PARAMS, batch)
        o.linearize(PARAMS)
        o.gauss_newton_vector(PARAMS)
    with pytest.raises(onedge.ArgumentError, match="l2"):
        kept = []

        def penalised(y, batch):
            return entropies(y, batch).mean() + (kept[-1]["w"] ** 2).sum()

        def remembering(p, batch):
            kept.append(p)
            return model(p, batch)

        onedge.jax.objective(penalised, PARAMS, batch, outputs=remembering)


def test_outputs_that_the_loss_arranges_otherwise():
    batch = data(0)
    plain = onedge.jax.objective(lambda y, batch: entropies(y, batch).mean(), PARAMS, batch, outputs=model)
    turned = onedge.jax.objective(lambda y, b: entropies(y.T, b).mean(), PARAMS, batch, outputs=lambda p, b: model(p, b).T)
    flat = onedge.jax.objective(lambda y, b: entropies(-y.reshape(-1, 4), b).mean(), PARAMS, batch, outputs=lambda p, b: -model(p, b).reshape(-1))
    products = []
    for o in (plain, turned, flat):
        o.linearize(PARAMS)
        products.append(o.gauss_newton_vector(o.flatten(PARAMS)))
    assert np.abs(products[0]).max() > 1e-3
    np.testing.assert_allclose(products[1], products[0], atol=1e-14)
    np.testing.assert_allclose(products[2], products[0], atol=1e-14)


def test_what_explain_says():
    told = onedge.jax.explain(mean, PARAMS, data(0))
    assert told.supported and told.parameters == 6 * 32 + 32 + 128 and told.nodes > 5 and told.fields[0] == 2
    assert str(told).startswith("computed ")
    assert onedge.explain(mean, PARAMS, data(0)) == told

    def both(p, batch):
        a = jnp.sort(p["w"], axis=0)
        b = jnp.linalg.cholesky(p["w"] @ p["w"].T + jnp.eye(6))
        return mean(p, batch) + a[0].sum() + b.sum()

    told = onedge.jax.explain(both, PARAMS, data(0))
    assert not told.supported and len(told.unsupported) == 2
    lines = str(told).splitlines()
    assert lines[0] == "not supported, for 2 things:" and all("test_batches.py:" in line for line in lines[1:]), lines


def test_what_is_closed_says_so():
    with onedge.jax.objective(mean, PARAMS, data(0)) as o:
        o.linearize(PARAMS)
    o.close()
    for call in (lambda: o.loss(PARAMS), lambda: o.linearize(PARAMS), lambda: o.curvature(PARAMS), lambda: o.replace(data(1)), o.sharpness):
        with pytest.raises(onedge.StateError, match="closed"):
            call()
    assert o.dim == 352
