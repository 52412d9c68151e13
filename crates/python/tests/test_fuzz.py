"""A thousand calls with whatever comes to hand: only exceptions of onedge's own come out, and what was good before still is."""

import threading
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import onedge
import onedge.jax

W = {"a": np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3), "b": np.zeros(3, np.float32)}
X = np.linspace(0, 1, 16, dtype=np.float32).reshape(8, 2)
FLAT = np.zeros(9, np.float32)


class Odd:
    """An object that answers nothing."""

    def __array__(self, *_, **__):
        raise RuntimeError("no array")


def loss(params, batch):
    return (jnp.tanh(batch @ params["a"] + params["b"]) ** 2).mean()


def raising(*_):
    raise onedge.ArgumentError("the loss itself")


STRANGE = [
    None, True, 0, 1, 3, -1, 2.5, 10**30, np.nan, np.inf, -np.inf, 1j, "text", "", b"bytes", [], {}, (), [1, 2], [[1], [2, 3]], {"a": None}, {"a": 1.0}, object(), Odd(),
    slice(3), range(4), Ellipsis, int, loss, raising, np.float32(1.5), np.int64(2), np.bool_(True), np.str_("s"), np.datetime64("2020-01-01"),
    FLAT, FLAT[:8], FLAT.astype(np.float64), FLAT.astype(np.float16), FLAT.astype(int), FLAT.astype(bool), FLAT.astype(complex), FLAT.astype(str), FLAT.astype(object),
    FLAT[::-1], np.zeros(18, np.float32)[::2], np.asfortranarray(np.zeros((3, 3), np.float32)), np.zeros((9, 1), np.float32), np.zeros((1, 9), np.float32),
    np.zeros((0,), np.float32), np.zeros((0, 9), np.float32), np.zeros((), np.float32), np.full(9, np.nan, np.float32), np.full(9, np.inf, np.float32), np.full(9, 3e38, np.float32),
    np.full(9, 1e300), np.ma.masked_array(FLAT, [1] + 8 * [0]), np.broadcast_to(np.float32(1), (9,)), FLAT.view(np.recarray), memoryview(FLAT), FLAT.astype(">f4"),
    np.zeros(9, [("x", np.float32)]), W, {**W, "c": FLAT}, {"a": W["a"]}, {"a": W["a"].T, "b": W["b"]}, {"a": W["a"].astype(np.float64), "b": W["b"]},
    {"a": W["a"] * np.nan, "b": W["b"]}, [W["a"], W["b"]], X, X.T, X[:4], X[::2], X.astype(np.float64), X * np.nan, X.astype(int), np.zeros((0, 2), np.float32),
    jnp.zeros(9), jnp.zeros(9, jnp.bfloat16), jnp.zeros((8, 2), jnp.bfloat16), (X,), {"x": X}, iter([1]), np.array([[1, 2], [3, 4]], dtype=object),
]  # fmt: skip


def objectives():
    o = onedge.jax.objective(loss, W, X)
    o.linearize(W)
    closed = onedge.jax.objective(loss, W, X)
    closed.close()
    g = onedge.Graph()
    w = g.parameter("a", (2, 3))
    graph = g.objective(((g.data("x", X) @ w).tanh() ** 2).mean())
    graph.linearize({"a": W["a"]})
    return {"open": o, "closed": closed, "graph": graph}, (g, w)


def calls(draws):
    """One call of anything, with arguments of any kind."""
    made, (g, w) = objectives()
    any_ = lambda: STRANGE[draws.integers(len(STRANGE))]
    few = lambda: any_() if draws.random() < 0.5 else int(draws.integers(1, 4))
    while True:
        o = made[("open", "open", "closed", "graph")[draws.integers(4)]]
        yield o, [
            lambda: o.loss(any_()), lambda: o.linearize(any_()), lambda: o.curvature(any_()), lambda: o.hessian_vector(any_()), lambda: o.gauss_newton_vector(any_()),
            lambda: o.flatten(any_()), lambda: o.unflatten(any_()), lambda: o.replace(any_()), lambda: o.top_eigenvalues(few(), max_products=few()),
            lambda: o.top_eigenvalues(1, tolerance=any_(), seed=any_()), lambda: o.sharpness(few()), lambda: o.trace(samples=few(), relative_error=any_()),
            lambda: o.density(steps=few(), vectors=few(), seed=any_()), lambda: o.as_scipy(any_()), lambda: o.as_jax()(any_()),
            lambda: onedge.jax.objective(any_(), any_(), any_()), lambda: onedge.jax.objective(loss, any_(), X), lambda: onedge.jax.objective(loss, W, any_()),
            lambda: onedge.jax.objective(loss, W, X, mode=any_()), lambda: onedge.jax.objective(loss, W, X, dtype=any_()), lambda: onedge.jax.objective(loss, W, X, l2=any_()),
            lambda: onedge.jax.objective(loss, W, X, threads=few()), lambda: onedge.jax.objective(loss, W, X, outputs=any_()),
            lambda: onedge.explain(any_(), any_(), any_()), lambda: onedge.Graph(any_()), lambda: g.constant(any_()), lambda: g.parameter(any_(), any_()), lambda: g.data(any_(), any_()),
            lambda: w + any_(), lambda: w @ any_(), lambda: w ** any_(), lambda: w > any_(), lambda: w[any_()], lambda: w.reshape(any_()), lambda: w.transpose(any_()),
            lambda: w.sum(any_()), lambda: w.max(any_()), lambda: w.var(any_()), lambda: w.where(any_(), any_()), lambda: w.take(any_()), lambda: w.cross_entropy(any_()),
            lambda: w.conv2d(any_()), lambda: w.conv2d(w, any_(), any_()), lambda: g.concatenate(any_()), lambda: g.objective(any_()), lambda: g.objective(w.mean(), l2=any_()),
        ][draws.integers(46)]  # fmt: skip


def test_a_thousand_calls():
    draws = np.random.default_rng(18)
    raised = quiet = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place, (_, call) in zip(range(1000), calls(draws)):
            state = draws.bit_generator.state
            try:
                call()
                quiet += 1
            except onedge.Error as error:
                raised += 1
                assert "\n" not in str(error).strip() or "explain" in str(error), error
            except Exception as error:
                pytest.fail(f"call {place}: {type(error).__name__}: {error} (draws {state['state']})")
    assert raised > 500 and quiet > 50
    o = onedge.jax.objective(loss, W, X)
    assert o.linearize(W)[0] == pytest.approx(float(loss(W, X)), rel=1e-6)


def test_strange_calls_from_many_threads():
    o = onedge.jax.objective(loss, W, X)
    right, found = o.linearize(W)[0], []

    def work(seed):
        draws = np.random.default_rng(seed)
        for _ in range(40):
            for call in (o.loss, o.linearize, o.curvature, o.hessian_vector, o.replace):
                try:
                    call(STRANGE[draws.integers(len(STRANGE))])
                except onedge.Error:
                    pass
                except Exception as error:
                    found.append(repr(error))
                    return

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    assert not found, found
    o.replace(X)
    assert o.loss(W) == right
