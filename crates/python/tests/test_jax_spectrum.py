"""The spectrum of JAX functions by JAX's own derivatives: against dense Hessians in double precision and against the engine."""

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

import onedge
import onedge.jax

DRAWS = np.random.default_rng(4)
PARAMS = {"w": 0.5 * DRAWS.normal(size=(4, 5)), "b": 0.1 * DRAWS.normal(size=5), "v": 0.5 * DRAWS.normal(size=(5, 3))}
X, Y = DRAWS.normal(size=(30, 4)), DRAWS.integers(0, 3, 30)


def model(p, x, y):
    return jnp.tanh(x @ p["w"] + p["b"]) @ p["v"]


def entropy(outputs, x, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(outputs), y[:, None], 1).mean()


def loss(p, x, y):
    return entropy(model(p, x, y), x, y)


@pytest.fixture
def dense():
    with jax.enable_x64(True):
        flat, unravel = jax.flatten_util.ravel_pytree(jax.tree.map(jnp.asarray, PARAMS))
        yield np.asarray(jax.jit(jax.hessian(lambda w: loss(unravel(w), X, Y)))(flat))


def flat(tree):
    return np.asarray(jax.flatten_util.ravel_pytree(tree)[0])


def test_values_vectors_and_warm_starts(dense):
    values = np.linalg.eigvalsh(dense)
    found = onedge.jax.sharpness(loss, PARAMS, X, Y, k=3, tolerance=1e-8)
    assert found.converged
    np.testing.assert_allclose(found.values, values[::-1][:3], rtol=1e-8)
    for value, bound, vector in zip(found.values, found.bounds, map(flat, found.vectors)):
        assert np.linalg.norm(dense @ vector - value * vector) <= bound + 1e-12
    again = onedge.jax.sharpness(loss, PARAMS, X, Y, k=3, tolerance=1e-8, warm_start=found)
    np.testing.assert_allclose(again.values, found.values, rtol=1e-8)
    assert again.products < found.products
    ends = onedge.jax.top(loss, PARAMS, X, Y, k=2, which="magnitude", tolerance=1e-6)
    np.testing.assert_allclose(sorted(ends.values, key=abs), sorted(values, key=abs)[-2:], rtol=1e-6)


def test_single_precision_agrees_with_the_engine():
    params = jax.tree.map(np.float32, PARAMS)
    found = onedge.jax.sharpness(loss, params, jnp.float32(X), Y)
    o = onedge.jax.objective(lambda p, batch: loss(p, *batch), params, (np.float32(X), Y))
    o.linearize(params)
    assert found.converged and found.value == pytest.approx(o.sharpness(), rel=2e-3)
    assert found.vectors[0]["w"].dtype == jnp.float32 and found.vectors[0]["w"].shape == (4, 5)


def test_preconditioned_and_gauss_newton(dense):
    p = jax.tree.map(np.exp, PARAMS)
    expected = np.linalg.eigvalsh(dense / np.sqrt(np.outer(flat(p), flat(p))))[-1]
    assert onedge.jax.sharpness(loss, PARAMS, X, Y, preconditioner=p, tolerance=1e-8).value == pytest.approx(expected, rel=1e-7)
    point, unravel = jax.flatten_util.ravel_pytree(PARAMS)
    jacobian = np.asarray(jax.jacobian(lambda w: model(unravel(w), X, Y).ravel())(point))
    bent = np.asarray(jax.hessian(lambda z: entropy(z.reshape(30, 3), X, Y))(model(PARAMS, X, Y).ravel()))
    found = onedge.jax.gauss_newton(entropy, PARAMS, X, Y, outputs=model, tolerance=1e-8)
    assert found.value == pytest.approx(np.linalg.eigvalsh(jacobian.T @ bent @ jacobian)[-1], rel=1e-7)


def test_trace_density_and_batches(dense):
    for method in ("hutchinson", "hutch++"):
        found = onedge.jax.trace(loss, PARAMS, X, Y, samples=60, relative_error=0.0, method=method)
        assert found.samples == 60 and abs(found.value - np.trace(dense)) < 4 * found.standard_error
    nodes = onedge.jax.density(loss, PARAMS, X, Y, steps=12, vectors=20)
    assert nodes[:, 1].sum() == pytest.approx(1) and (nodes[:, 0] ** 2 @ nodes[:, 1]) * len(dense) == pytest.approx((dense**2).sum(), rel=0.4)
    parts = [(X[:7], Y[:7]), (X[7:], Y[7:])]
    found = onedge.jax.sharpness(lambda p, batch: loss(p, *batch), PARAMS, batches=iter(parts), tolerance=1e-8)
    assert found.value == pytest.approx(np.linalg.eigvalsh(dense)[-1], rel=1e-8)


def test_many_parameters_are_sketched():
    x = jnp.asarray(DRAWS.normal(size=(30, 1500)), jnp.float32)
    found = onedge.jax.trace(lambda w, x: jnp.mean((x @ w) ** 2), jnp.zeros((1500, 4), jnp.float32), x, samples=64, relative_error=0.0)
    # Of a mean over 30 rows and 4 columns.
    exact = 2 * float((x**2).sum()) / 30
    assert abs(found.value - exact) < 4 * found.standard_error and found.standard_error < 0.1 * exact


def test_what_was_compiled_is_kept_for_a_loss():
    traced = []

    def counted(p, x, y):
        traced.append(1)
        return loss(p, x, y)

    onedge.jax.sharpness(counted, PARAMS, X, Y)
    before = len(traced)
    onedge.jax.sharpness(counted, PARAMS, X, Y, seed=1)
    assert before and len(traced) == before

    class Owner:
        def loss(self, p, x, y):
            return loss(p, x, y)

    assert onedge.jax.sharpness(Owner().loss, PARAMS, X, Y).converged


def test_mistakes_are_told():
    for arguments, options, part in [
        ((3, PARAMS, X, Y), {}, "function"),
        ((loss, {}, X, Y), {}, "empty"),
        ((loss, {"w": np.arange(3)}, X, Y), {}, "floating-point"),
        ((loss, PARAMS, X, "labels"), {}, "args"),
        ((model, PARAMS, X, Y), {}, "one number"),
        ((loss, PARAMS, X, Y), {"k": 0}, "k: "),
        ((loss, PARAMS, X, Y), {"gauss_newton": True}, "outputs"),
        ((loss, PARAMS, X, Y), {"preconditioner": jax.tree.map(np.zeros_like, PARAMS)}, "positive"),
        ((loss, PARAMS, X, Y), {"preconditioner": 3.0}, "shapes"),
        ((loss, PARAMS), {"batches": []}, "none"),
        ((loss, PARAMS, X, Y), {"warm_start": 1}, "warm_start"),
    ]:
        with pytest.raises(onedge.ArgumentError, match=part):
            onedge.jax.sharpness(*arguments, **options)
    with pytest.raises(onedge.ArgumentError, match="outside of jax.jit"):
        jax.jit(lambda p: onedge.jax.sharpness(loss, p, X, Y).value)(PARAMS)
    with pytest.raises(onedge.NonFiniteError):
        onedge.jax.sharpness(loss, jax.tree.map(lambda leaf: leaf * np.nan, PARAMS), X, Y)
