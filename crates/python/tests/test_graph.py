"""Losses written value by value, against NumPy and JAX."""

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

import onedge

DRAWS = np.random.default_rng(0)
X, LABELS = DRAWS.normal(size=(8, 5)), DRAWS.integers(0, 3, 8)
W = {"w": DRAWS.normal(size=(5, 3)), "b": DRAWS.normal(size=3)}

# The same expression of our values and of JAX's, from `w [5, 3]`, `b [3]` and `x [8, 5]`.
EXPRESSIONS = {
    "arithmetic": lambda w, b, x, f: ((2.0 - x @ w) * b / 3.0 + 1.0 / (b * b + 1.0) - b + (-b) ** 2 + (b * b + 0.1) ** 1.5).sum(),
    "powers": lambda w, b, x, f: (f.abs(b) ** f.sigmoid(b)).sum() if f is JAX else (b.abs() ** b.sigmoid()).sum(),
    "functions": lambda w, b, x, f: sum(g(w).sum() for g in f.functions),
    "reductions": lambda w, b, x, f: (w.mean(axis=0) * w.sum(axis=1, keepdims=True) + w.var(axis=0) + w.max(axis=1)[:, None]).sum() + w.var() + w.mean(),
    "slices": lambda w, b, x, f: (w[1:4, ::-1] * b + w[-1] - w[..., 0][:, None][np.array([0, 4, 4])]).sum() ** 2,
    "products": lambda w, b, x, f: (x @ w @ b).sum() ** 2 + (b @ w.transpose()).sum() + ((x @ w).reshape(2, 4, 3) @ w.reshape(3, 5)).sum(),
    "batches of products": lambda w, b, x, f: ((x @ w).reshape(2, 4, 3) @ (w[:4] * b).transpose(1, 0).reshape(1, 3, 4)).sum() ** 2,
    "comparisons": lambda w, b, x, f: sum((f.where(mask, w, w * w)).sum() for mask in (w > b, w < b, w >= 0.1, w <= b)),
    "kinks": lambda w, b, x, f: (f.maximum(w, b) * f.minimum(w, 0.2)).sum(),
    "softmax": lambda w, b, x, f: (f.softmax(x @ w) * f.logsumexp(x @ w)[:, None]).sum(),
}  # fmt: skip


class JAX:
    where, maximum, minimum = jnp.where, jnp.maximum, jnp.minimum
    abs, sigmoid = jnp.abs, jax.nn.sigmoid
    softmax = lambda x: jax.nn.softmax(x, axis=-1)
    logsumexp = lambda x: jax.scipy.special.logsumexp(x, axis=-1)
    functions = [
        jnp.exp, lambda x: jnp.log(x * x + 1), lambda x: jnp.log1p(x * x), jnp.expm1, lambda x: jnp.sqrt(x * x + 1), jnp.tanh, jax.nn.sigmoid,
        jax.nn.softplus, jax.nn.relu, lambda x: jax.nn.gelu(x, approximate=False), jnp.sin, jnp.cos, jnp.abs, lambda x: jnp.sign(x) * x,
        lambda x: jax.lax.stop_gradient(x) * x,
    ]  # fmt: skip


class Ours:
    where = lambda mask, one, other: mask.where(one, other)
    maximum, minimum = (lambda a, b: a.maximum(b)), (lambda a, b: a.minimum(b))
    softmax, logsumexp = (lambda x: x.softmax()), (lambda x: x.logsumexp())
    functions = [
        lambda x: x.exp(), lambda x: (x * x + 1).log(), lambda x: (x * x).log1p(), lambda x: x.expm1(), lambda x: (x * x + 1).sqrt(), lambda x: x.tanh(),
        lambda x: x.sigmoid(), lambda x: x.softplus(), lambda x: x.relu(), lambda x: x.gelu(), lambda x: x.sin(), lambda x: x.cos(), lambda x: x.abs(),
        lambda x: x.sign() * x, lambda x: x.detach() * x,
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_are_jax_s(name):
    g = onedge.Graph("f64")
    w, b, x = g.parameter("w", (5, 3)), g.parameter("b", (3,)), g.data("x", X)
    o = g.objective(EXPRESSIONS[name](w, b, x, Ours), threads=1)
    flat, unravel = jax.flatten_util.ravel_pytree(dict(sorted(W.items(), reverse=True)))
    f = lambda flat: EXPRESSIONS[name](unravel_like(flat), unravel_b(flat), jnp.asarray(X), JAX)
    unravel_like, unravel_b = (lambda flat: flat[:15].reshape(5, 3)), (lambda flat: flat[15:])
    flat = jnp.concatenate([W["w"].reshape(-1), W["b"]])
    loss, gradient = o.linearize(W)
    assert loss == pytest.approx(float(f(flat)), rel=1e-12)
    np.testing.assert_allclose(o.flatten(gradient), jax.grad(f)(flat), atol=1e-11 * np.abs(gradient["w"]).max() + 1e-12)
    v = DRAWS.normal(size=18)
    expected = jax.jvp(jax.grad(f), (flat,), (jnp.asarray(v),))[1]
    np.testing.assert_allclose(o.hessian_vector(v), expected, atol=1e-10 * max(1.0, np.abs(expected).max()))


def classifier(x=X, labels=LABELS):
    g = onedge.Graph("f64")
    w, b = g.parameter("w", (5, 3)), g.parameter("b", (3,))
    logits = g.data("x", x) @ w + b
    return g.objective(logits.cross_entropy(g.data("labels", labels)).mean(), outputs=logits, l2=0.1)


def test_data_are_replaced_and_gauss_newton_is_the_hessian_of_a_linear_model():
    o = classifier()
    other = DRAWS.normal(size=(8, 5)), DRAWS.integers(0, 3, 8)
    o.replace({"x": other[0], "labels": other[1]})
    fresh = classifier(*other)
    assert o.linearize(W)[0] == fresh.linearize(W)[0]
    v = DRAWS.normal(size=18)
    np.testing.assert_allclose(o.gauss_newton_vector(v), o.hessian_vector(v), atol=1e-14)
    with pytest.raises(onedge.ArgumentError, match="labels"):
        o.replace({"x": X})
    with pytest.raises(onedge.ArgumentError, match="shape"):
        o.replace({"x": X[:3], "labels": LABELS[:3]})
    with pytest.raises(onedge.ArgumentError, match="whole number below 3"):
        o.replace({"x": X, "labels": LABELS + 1})


def test_rows_of_a_table():
    g = onedge.Graph("f64")
    rows = np.array([[1, 1], [4, 0]])
    o = g.objective((g.parameter("w", (5, 3)).take(g.data("rows", rows)) ** 3).sum())
    assert o.loss({"w": W["w"]}) == pytest.approx((W["w"][rows] ** 3).sum())


def test_convolutions_and_joined_values_are_jax_s():
    images, kernel = DRAWS.normal(size=(2, 6, 7, 4)), DRAWS.normal(size=(3, 2, 2, 6))
    g = onedge.Graph("f64")
    k = g.parameter("k", kernel.shape)
    made = g.data("x", images).conv2d(k, stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2)
    o = g.objective((g.concatenate([made, made * made], axis=3).tanh() ** 2).sum())

    def f(k):
        made = jax.lax.conv_general_dilated(
            images, k, (2, 1), ((1, 1), (0, 0)), rhs_dilation=(1, 2), dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=2
        )
        return (jnp.tanh(jnp.concatenate([made, made * made], 3)) ** 2).sum()

    loss, gradient = o.linearize({"k": kernel})
    assert loss == pytest.approx(float(f(kernel)), rel=1e-13)
    np.testing.assert_allclose(gradient["k"], jax.grad(f)(jnp.asarray(kernel)), atol=1e-11)
    with pytest.raises(onedge.ArgumentError):
        made.conv2d(k)
    with pytest.raises(onedge.ArgumentError):
        g.concatenate([made, k])


def test_scipy_sees_the_hessian():
    linalg = pytest.importorskip("scipy.sparse.linalg")
    o = classifier()
    with pytest.raises(onedge.StateError, match="linearize"):
        o.as_scipy()
    o.linearize(W)
    h = o.as_scipy()
    dense = h @ np.eye(18)
    np.testing.assert_allclose(dense, dense.T, atol=1e-14)
    largest = linalg.eigsh(h, k=2, which="LA", return_eigenvectors=False)
    np.testing.assert_allclose(np.sort(largest)[::-1], o.sharpness(k=2, tolerance=1e-8), rtol=1e-6)
    np.testing.assert_allclose(o.as_scipy("gauss-newton") @ np.ones(18), h @ np.ones(18), atol=1e-13)
    o.linearize(W)
    with pytest.raises(onedge.StateError, match="another"):
        h @ np.ones(18)
    with pytest.raises(onedge.ArgumentError, match="hessian, gauss-newton"):
        o.as_scipy("fisher")


def test_jax_differentiates_through_callbacks():
    o = classifier()
    f = o.as_jax()
    params = dict(W)

    def plain(p):
        logits = X @ p["w"] + p["b"]
        picked = jnp.take_along_axis(jax.nn.log_softmax(logits), LABELS[:, None], 1)
        return -picked.mean() + 0.05 * sum((v**2).sum() for v in p.values())

    # The parameters of this tree come in the order of their names.
    order = lambda p: jnp.concatenate([p["w"].reshape(-1), p["b"]])
    ours = lambda p: f(order(p))
    v = jax.tree.map(jnp.ones_like, params)
    for wrapped in (lambda g: g, jax.jit):
        assert float(wrapped(ours)(params)) == pytest.approx(float(plain(params)), rel=1e-12)
        one, other = wrapped(jax.grad(ours))(params), jax.grad(plain)(params)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), one, other)
        product = lambda f: jax.jvp(jax.grad(f), (params,), (v,))[1]
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), wrapped(lambda: product(ours))(), product(plain))
    many = jax.tree.map(lambda a: jnp.stack([a, 2 * a]), params)
    np.testing.assert_allclose(jax.vmap(ours)(many), jax.vmap(plain)(many), rtol=1e-12)
    with pytest.raises(onedge.ArgumentError, match="18 numbers"):
        f(jnp.zeros(7))
    with pytest.raises(onedge.ArgumentError, match="float64"):
        f(jnp.zeros(18, jnp.float32))


def test_wrong_graphs_are_named():
    g, other = onedge.Graph(), onedge.Graph()
    w = g.parameter("w", (2, 3))
    calls = [
        lambda: onedge.Graph("f16"), lambda: g.parameter("w", (2,)), lambda: g.parameter("v", (0,)), lambda: g.parameter("", (1,)), lambda: g.data("x", "text"),
        lambda: g.data("x", np.zeros((0, 3))), lambda: g.data("x", 1j), lambda: w + np.ones((2, 2)), lambda: w @ np.ones((2, 2)), lambda: w[5],
        lambda: w[:, :, 0], lambda: w.reshape(7), lambda: w.transpose(0, 0), lambda: w.sum(axis=4), lambda: w + other.parameter("w", (2, 3)), lambda: bool(w > 0),
        lambda: g.objective(w), lambda: g.objective(3.0), lambda: other.objective(w.mean()), lambda: onedge.Graph().objective(onedge.Graph().constant(1.0)),
        lambda: w.cross_entropy(np.zeros(3)), lambda: w.take(1.5 * np.ones(2)) and g.objective(w.take(1.5 * np.ones(2)).sum()), lambda: w ** "2",
        lambda: w + "text", lambda: w + None, lambda: w.where(np.ones(7), 2.0), lambda: g.objective(w.mean(), outputs=w.sum(), l2="much"),
    ]  # fmt: skip
    for place, call in enumerate(calls):
        with pytest.raises(onedge.Error):
            call()
            pytest.fail(f"call {place}")
