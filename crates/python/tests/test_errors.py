"""What cannot be done is said in one sentence, with the line of the loss; and nothing but onedge's own exceptions comes out of wrong calls."""

import os
import signal
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import onedge
import onedge.jax

W = {"w": np.linspace(-1.0, 1.0, 6, dtype=np.float32).reshape(2, 3)}
X = np.ones((4, 2), np.float32)

SQUARE = lambda p: p["w"] @ p["w"].T + jnp.eye(2)  # noqa: E731
SPREAD = lambda p, x: jnp.exp(-((jnp.arange(9.0)[:, None] - x) ** 2))  # noqa: E731


@jax.custom_vjp
def looped(x):
    return 2.0 * x


looped.defvjp(lambda x: (looped(x), None), lambda _, t: (jax.pure_callback(np.asarray, jax.ShapeDtypeStruct(t.shape, t.dtype), t),))

# What is refused, and what its message advises instead.
UNSUPPORTED = {
    "sort": (lambda p: jnp.sort(p["w"]).sum() + jnp.median(p["w"]), lambda p: (p["w"].ravel() * jnp.sort(X.ravel())[:6]).sum()),
    "top_k": (lambda p: jax.lax.top_k(p["w"], 2)[0].sum(), lambda p: (jax.nn.softmax(p["w"]) * p["w"]).sum()),
    "places that depend on": (
        lambda p: p["w"][jnp.argmax(p["w"][:, 0])].sum(),
        lambda p: (jax.nn.one_hot(jnp.argmax(p["w"][:, 0]), 2) @ p["w"]).sum(),
    ),
    "an update at places": (lambda p: p["w"].at[jnp.argmax(p["w"][:, 0])].set(0.0).sum(), lambda p: p["w"].at[jnp.argmax(X[:, 0])].set(0.0).sum()),
    "a slice at places": (
        lambda p: jax.lax.dynamic_slice(p["w"], (jnp.argmax(p["w"][:, 0]), 0), (1, 2)).sum(),
        lambda p: jax.lax.dynamic_slice(p["w"], (jnp.argmax(X[:, 0]), 0), (1, 2)).sum(),
    ),
    "while": (
        lambda p: jax.lax.while_loop(lambda s: s.sum() < 9.0, lambda s: s * 2, jnp.abs(p["w"])).sum(),
        lambda p: jax.lax.fori_loop(0, 4, lambda i, s: s * 2, jnp.abs(p["w"])).sum(),
    ),
    "a loop without end": (
        lambda p: jax.lax.while_loop(lambda s: s[0] >= 0, lambda s: (s[0] + 1, s[1] * 0.5), (jnp.array(0), p["w"]))[1].sum(),
        lambda p: jax.lax.while_loop(lambda s: s[0] < 9, lambda s: (s[0] + 1, s[1] * 0.5), (jnp.array(0), p["w"]))[1].sum(),
    ),
    "a branch": (
        lambda p: jax.lax.cond(p["w"].sum() > 0, lambda w: w.sum(), lambda w: w.max(), p["w"]),
        lambda p: jnp.where(p["w"].sum() > 0, p["w"].sum(), p["w"].max()),
    ),
    "eigh": (lambda p: jnp.linalg.eigvalsh(SQUARE(p)).max(), lambda p: jax.lax.fori_loop(0, 5, lambda _, v: SQUARE(p) @ v / 3, jnp.ones(2)).sum()),
    "svd": (lambda p: jnp.linalg.norm(p["w"], 2), lambda p: jnp.linalg.norm(p["w"])),
    "cholesky": (lambda p: jnp.linalg.cholesky(SQUARE(p)).sum(), lambda p: (jnp.tril(p["w"][:, :2]) @ jnp.tril(p["w"][:, :2]).T).sum()),
    "qr": (lambda p: jnp.linalg.qr(p["w"])[1].sum(), lambda p: (jnp.linalg.qr(X[:2])[1] @ p["w"]).sum()),
    "solve": (lambda p: jnp.linalg.solve(SQUARE(p), jnp.ones(2)).sum(), lambda p: (jnp.linalg.inv(X.T @ X + jnp.eye(2)) @ p["w"]).sum()),
    "slogdet": (lambda p: jnp.linalg.slogdet(jnp.kron(SQUARE(p), jnp.eye(2)))[1], lambda p: jnp.log(jnp.abs(jnp.diagonal(p["w"]))).sum()),
    "fft": (lambda p: jnp.abs(jnp.fft.fft(p["w"])).sum(), lambda p: ((p["w"] @ jnp.cos(X[:3])) ** 2 + (p["w"] @ jnp.sin(X[:3])) ** 2).sum()),
    "complex": (lambda p: jnp.abs(jax.lax.complex(p["w"], p["w"])).sum(), lambda p: jnp.sqrt(2 * p["w"] ** 2 + 1e-9).sum()),
    "erf_inv": (lambda p: jax.scipy.special.erfinv(0.5 * p["w"]).sum(), lambda p: (jax.scipy.special.erfinv(0.5 * X[:2, :1]) * p["w"]).sum()),
    "out of range": (
        lambda p: p["w"].at[jnp.array([7])].get(mode="fill").sum() + p["w"].sum(),
        lambda p: p["w"].at[jnp.array([7])].get(mode="fill", fill_value=0).sum() + p["w"].sum(),
    ),
    "nextafter": (lambda p: jnp.nextafter(p["w"], 2.0).sum(), lambda p: (p["w"] + jnp.nextafter(1.0, 2.0)).sum()),
    "scan of": (
        lambda p: jax.lax.scan(lambda c, _: (c * 0.5 + p["w"].sum(), None), p["w"].sum(), None, length=5000)[0],
        lambda p: jax.lax.scan(lambda c, _: (c * 0.5 + p["w"].sum(), None), p["w"].sum(), None, length=50)[0],
    ),
    "callback": (
        lambda p: jax.pure_callback(np.sum, jax.ShapeDtypeStruct((), np.float32), p["w"]),
        lambda p: jax.pure_callback(np.sum, jax.ShapeDtypeStruct((), np.float32), X) * p["w"].sum(),
    ),
    "bits": (lambda p: (p["w"] * (p["w"].astype(int) << 1)).sum(), lambda p: (p["w"] * (p["w"].astype(int) * 2)).sum()),
    "a rule that JAX cannot": (lambda p: looped(p["w"]).sum(), lambda p: (2.0 * p["w"]).sum()),
    "a reduction": (
        lambda p: jax.lax.reduce_window(p["w"], np.float32(1), jax.lax.mul, (1, 2), (1, 1), "VALID").sum(),
        lambda p: (p["w"][:, 1:] * p["w"][:, :-1]).sum(),
    ),
    "several devices": (
        lambda p: jax.vmap(lambda w: jax.lax.psum(w, "i") * w, axis_name="i")(p["w"]).sum() + jax.pmap(jnp.sin)(p["w"][None]).sum(),
        lambda p: (p["w"].sum(0) * p["w"]).sum() + jnp.sin(p["w"]).sum(),
    ),
}


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_what_is_not_supported_is_said_with_its_line(what):
    refused, advised = UNSUPPORTED[what]
    with pytest.raises(onedge.UnsupportedError) as raised:
        onedge.jax.objective(refused, W)
    message = str(raised.value)
    assert "test_errors.py:" in message and "; " in message and "\n" not in message, message
    assert np.isfinite(onedge.jax.objective(advised, W).linearize(W)[0])


def loss(params, batch):
    return jnp.tanh(batch @ params["w"]).mean()


@pytest.mark.parametrize(
    "call, part",
    [
        (lambda: onedge.jax.objective(loss, {}, X), "params"),
        (lambda: onedge.jax.objective(loss, {"w": np.arange(6).reshape(2, 3)}, X), "floating-point"),
        (lambda: onedge.jax.objective(lambda p, b: b @ p["w"], W, X), "one number"),
        (lambda: onedge.jax.objective(lambda p, b: b.sum(), W, X), "depends on the parameters"),
        (lambda: onedge.jax.objective(loss, W, X, dtype="bf16"), "dtype"),
        (lambda: onedge.jax.objective(loss, W, X * np.nan), "finite"),
    ],
)
def test_wrong_losses_are_named(call, part):
    with pytest.raises(onedge.ArgumentError, match=part):
        call()


def test_a_point_is_needed_first():
    o = onedge.jax.objective(loss, W, X)
    with pytest.raises(onedge.StateError, match="linearize"):
        o.curvature(W)
    with pytest.raises(onedge.NonFiniteError):
        o.linearize({"w": np.full((2, 3), np.nan, np.float32)})


def test_wrong_calls_raise_only_our_own():
    o = onedge.jax.objective(loss, W, X)
    o.linearize(W)
    draws = np.random.default_rng(0)
    good = np.zeros(6, np.float32)
    strange = [
        None, 3, "w", [], {}, {"w": 1.0}, {"v": good}, good[:5], np.zeros(7), np.zeros((2, 3)), np.zeros((6, 6))[:, 0],
        good.astype(np.float64), good.astype(int), np.array(["a"] * 6), np.array([None] * 6), np.full(6, np.nan), np.full(6, np.inf),
        np.full(6, 1e300), np.zeros(0), np.zeros((0, 6)), np.zeros(6, complex), good[::-1], np.zeros(12, np.float32)[::2],
        jnp.zeros(6, jnp.bfloat16), jnp.zeros((2, 3)), object(), {"w": None}, {"w": np.zeros((3, 2))}, {"w": "x"},
        np.ma.masked_array(good, [1, 0, 0, 0, 0, 0]), memoryview(good), (good,), {1: good},
    ]  # fmt: skip
    counts = [None, 0, -1, 2.5, "3", True, 10**30, [1], np.int64(2), 1]
    calls = 0
    for method in (o.loss, o.linearize, o.curvature, o.hessian_vector, o.flatten, o.unflatten):
        for value in strange:
            calls += 1
            try:
                method(value)
            except onedge.Error:
                pass
    for value in counts:
        for call in (
            lambda: o.top_eigenvalues(value),
            lambda: o.top_eigenvalues(1, max_products=value),
            lambda: o.trace(samples=value),
            lambda: o.density(steps=value, vectors=1),
            lambda: o.top_eigenvalues(1, seed=value),
            lambda: o.top_eigenvalues(1, tolerance=value),
            lambda: o.trace(relative_error=value),
        ):
            calls += 1
            try:
                o.linearize(W)
                call()
            except onedge.Error:
                pass
    assert calls > 250
    # And it still works.
    assert np.isfinite(o.linearize(draws.normal(size=6).astype(np.float32))[0])


def test_threads_take_turns():
    o = onedge.jax.objective(loss, W, X)
    expected = o.loss(W)
    found = []
    threads = [threading.Thread(target=lambda: found.extend(o.loss(W) for _ in range(50))) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(found) == 200 and set(found) == {expected}


def test_ctrl_c_ends_long_work():
    x = np.random.default_rng(0).normal(size=(400, 300)).astype(np.float32)
    params = {"a": 0.05 * x[:300, :300], "b": 0.05 * x[:300, :300]}
    o = onedge.jax.objective(lambda p, x: (jnp.tanh(jnp.tanh(x @ p["a"]) @ p["b"]) ** 2).mean(), params, x)
    o.linearize(params)
    # Whoever starts the tests in the background may have Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            o.density(steps=1000, vectors=20)
    finally:
        signal.signal(signal.SIGINT, before)
    # Nothing of it is taken for a point, and it can be used again.
    with pytest.raises(onedge.StateError):
        o.curvature(params)
    o.linearize(params)
    assert np.isfinite(o.curvature(params))
