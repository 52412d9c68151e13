"""The curvature of JAX functions in every form that control flow, rules of one's own and transformations give them, against a jvp of a jvp."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import onedge
import onedge.jax

DRAWS = np.random.default_rng(3)
X = DRAWS.normal(size=(7, 5))
W = {"a": DRAWS.normal(size=(5, 6)) / 2, "b": DRAWS.normal(size=(6, 5)) / 2, "c": DRAWS.normal(size=5)}
U = {name: DRAWS.normal(size=w.shape) for name, w in W.items()}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def block(p, x):
    return jnp.tanh(x @ p["a"]) @ p["b"] + p["c"] * x


def checkpointed(p):
    return (jax.checkpoint(block)(p, jax.checkpoint(block)(p, X)) ** 2).mean()


def scanned(p):
    return (jax.lax.scan(lambda x, _: (block(p, x), x.sum() ** 2), X, None, 3)[0] ** 3).mean()


def looped(p):
    return (jax.lax.fori_loop(0, 3, lambda _, x: block(p, x), X) ** 2).mean()


def chosen(p):
    return jax.lax.cond(p["c"][0] < 100, lambda x: (block(p, x) ** 2).mean(), lambda x: x.sum(), X)


@jax.custom_jvp
def cubed(x):
    return x**3


@cubed.defjvp
def _(primals, tangents):
    # Not the derivative: the rule counts.
    return cubed(primals[0]), 2 * primals[0] ** 2 * tangents[0]


def ruled(p):
    return cubed(block(p, X)).mean()


def elementary(p):
    x = block(p, X)
    y = jax.nn.sigmoid(x) / (1 + jnp.exp(-x)) + jnp.log(2 + x**2) * jnp.sqrt(1 + x**2) - jnp.sin(x) * jnp.cos(x) + jax.lax.rsqrt(3 + x**4)
    return (y + jnp.expm1(0.1 * x) * jnp.log1p(x**2) + jax.lax.erf(x) + jnp.exp2(x / 5) + 1 / (4 + x**2) + (x**2 + 1) ** 1.5 + x**-2).mean() + jnp.max(x) ** 2


def kinked(p):
    x = jnp.where(block(p, X) > 0.1, block(p, X), 0.2) + jnp.abs(X @ p["a"] @ p["b"])
    return (jnp.sort(x, axis=0)[1:] * jnp.cumsum(jnp.maximum(x, 0.3), axis=0)[:-1] * jnp.floor(x[1:])).sum() + (jnp.cumprod(1 + 0.1 * x, axis=1) ** 2).mean()


def attention(p):
    x = block(p, X)
    scores = jnp.where(jnp.tril(jnp.ones((7, 7))) > 0, x @ x.T, -jnp.inf)
    return (jax.nn.logsumexp(jax.nn.softmax(scores, -1) @ x, axis=-1)).mean()


def large(p):
    """Products large enough for being polarised, with factors of very different sizes."""
    x = jnp.tile(X, (40, 30)) @ jnp.tile(p["a"], (30, 40))
    return (jnp.tanh(1e-3 * x) @ jnp.tile(1e4 * p["b"], (40, 30))).std()


def convolved(p):
    x = jnp.tile(X, (4, 8))[None, :, :, None] * p["c"]
    kernel = jnp.tile(p["a"][:3, :3, None, None], (1, 1, 5, 6))
    y = jax.lax.conv_general_dilated(jnp.tanh(x), kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return (jax.lax.reduce_window(y, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") ** 2).mean()


def unused(p):
    _ = jnp.tanh(p["b"]).sum()
    return (p["a"] ** 2 * jax.lax.stop_gradient(p["a"])).sum()


def straight(p):
    return sum(w.sum() for w in p.values())


def nothing(p):
    return jnp.float64(2.0)


FORMS = [checkpointed, scanned, looped, chosen, ruled, elementary, kinked, attention, large, convolved, unused, straight, nothing]


def exact(loss, p, u):
    along = lambda p: jax.jvp(loss, (p,), (u,))[1]
    return jax.jvp(along, (p,), (u,))[1]


@pytest.mark.parametrize("loss", FORMS, ids=lambda loss: loss.__name__)
def test_forms(loss):
    def ours(p, u):
        value, gradient, curvature = onedge.jax.linearize(loss)(p)
        return value, gradient, curvature(u)

    value, gradient, curvature = jax.jit(ours)(W, U)
    np.testing.assert_allclose(value, loss(W), rtol=1e-14)
    for name, slope in jax.grad(loss)(jax.tree.map(jnp.asarray, W)).items():
        np.testing.assert_allclose(gradient[name], slope, rtol=1e-12, atol=1e-13)
    expected = jax.jit(lambda p, u: exact(loss, p, u))(W, U)
    np.testing.assert_allclose(curvature, expected, rtol=1e-12, atol=1e-12)


def test_directions_of_any_length():
    ours, expected = jax.jit(onedge.jax.curvature(large)), jax.jit(lambda p, u: exact(large, p, u))(W, U)
    for length in (1e-30, 1e-8, 1e8):
        np.testing.assert_allclose(ours(W, {name: length * x for name, x in U.items()}), expected * length**2, rtol=1e-12)
    assert float(ours(W, {name: 0 * x for name, x in U.items()})) == 0.0
    zero = {name: 0 * x for name, x in W.items()}
    found = jax.jit(lambda p, u: (onedge.jax.curvature(attention)(p, u), exact(attention, p, u)))(zero, U)
    np.testing.assert_allclose(*found, rtol=1e-11, atol=1e-13)


def test_while_is_as_jax_has_it():
    def loss(p):
        return (jax.lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, c[1]), (0, X))[1] @ p["a"] ** 2).sum()

    np.testing.assert_allclose(onedge.jax.curvature(loss)(W, U), exact(loss, W, U), rtol=1e-12)
    with pytest.raises(ValueError, match="while_loop"):
        onedge.jax.linearize(lambda p: jax.lax.while_loop(lambda x: x < 9, lambda x: 2 * x, (p["a"] ** 2).sum()))(W)


def test_custom_vjp_is_said_once():
    @jax.custom_vjp
    def f(x):
        return jnp.tanh(x)

    f.defvjp(lambda x: (jnp.tanh(x), x), lambda x, g: (g * (1 - jnp.tanh(x) ** 2),))
    smooth = lambda p: (jnp.tanh(X @ p["a"]) ** 2 @ p["b"]).mean()
    forms = {
        "plain": lambda p: (f(X @ p["a"]) ** 2 @ p["b"]).mean(),
        "in scan": lambda p: (jax.lax.scan(lambda c, _: (c, f(c @ p["a"]) ** 2), X, None, 1)[1][0] @ p["b"]).mean(),
        "checkpointed": lambda p: (jax.checkpoint(f)(X @ p["a"]) ** 2 @ p["b"]).mean(),
    }
    onedge.jax._curvature._SAID.clear()
    with pytest.warns(RuntimeWarning, match="custom_vjp") as said:
        found = {name: jax.jit(onedge.jax.curvature(loss))(W, U) for name, loss in forms.items()}
    assert len([one for one in said if "custom_vjp" in str(one.message)]) == 1
    for name, curvature in found.items():
        np.testing.assert_allclose(curvature, exact(smooth, W, U), rtol=1e-12, err_msg=name)
    with warnings.catch_warnings():
        # Where it does not move, it is no obstacle.
        warnings.simplefilter("error")
        onedge.jax._curvature._SAID.clear()
        onedge.jax.curvature(lambda p: (f(X) * p["c"] ** 2).sum())(W, U)


def test_transformed():
    many = {name: jnp.stack([w, 2 * w]) for name, w in W.items()}
    found = jax.jit(jax.vmap(onedge.jax.curvature(large), (0, None)))(many, U)
    alone = jax.jit(lambda p: exact(large, p, U))
    np.testing.assert_allclose(found, [alone(W), alone(jax.tree.map(lambda w: 2 * w, W))], rtol=1e-12)
    mapped = jax.pmap(onedge.jax.curvature(attention), in_axes=(0, None))(jax.tree.map(lambda w: w[:1], many), U)
    np.testing.assert_allclose(mapped[0], jax.jit(lambda p: exact(attention, p, U))(W), rtol=1e-12)
    along = lambda curvature: jax.jit(lambda p: jax.jvp(lambda p: curvature(p, U), (p,), (U,))[1])(W)
    np.testing.assert_allclose(along(onedge.jax.curvature(attention)), along(lambda p, u: exact(attention, p, u)), rtol=1e-11)


def test_half_precision():
    half = lambda tree: jax.tree.map(lambda x: jnp.asarray(x, jnp.bfloat16), tree)
    loss = lambda p: (jnp.tanh(jnp.asarray(X, p["a"].dtype) @ p["a"]) @ p["b"]).astype(jnp.float32).std()
    curvature = jax.jit(onedge.jax.curvature(loss))(half(W), half(U))
    assert curvature.dtype == jnp.float32
    np.testing.assert_allclose(curvature, exact(loss, W, U), rtol=0.05)


def test_refusals():
    with pytest.raises(onedge.ArgumentError, match="one number"):
        onedge.jax.linearize(lambda p: p["c"])(W)
    with pytest.raises(onedge.ArgumentError, match="loss"):
        onedge.jax.linearize("loss")
    with pytest.raises(onedge.ArgumentError, match="tree"):
        onedge.jax.curvature(straight)(W, {"a": U["a"]})
    with pytest.raises(onedge.ArgumentError, match="shaped"):
        onedge.jax.curvature(straight)(W, {**U, "a": U["b"]})
    with pytest.raises(onedge.ArgumentError, match="floating"):
        onedge.jax.linearize(straight)({**W, "a": np.arange(3)})
