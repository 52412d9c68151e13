"""The rules around Optax's transformations, against the trainer of onedge and in all that Optax does with transformations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

optax = pytest.importorskip("optax")

import onedge  # noqa: E402
import onedge.jax  # noqa: E402
import onedge.optax  # noqa: E402

DRAWS = np.random.default_rng(0)
X, Y = DRAWS.normal(size=(48, 6)), DRAWS.integers(0, 3, 48)
PARAMS = [(DRAWS.normal(size=(6, 8)) / 6**0.5, np.zeros(8)), (DRAWS.normal(size=(8, 3)) / 8**0.5, np.zeros(3))]


def loss(p, batch):
    x, y = batch
    h = jnp.tanh(x @ p[0][0] + p[0][1])
    return optax.softmax_cross_entropy_with_integer_labels(h @ p[1][0] + p[1][1], y).mean()


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def run(tx, steps, params=PARAMS, batch=(X, Y)):
    f = lambda p: loss(p, batch)

    @jax.jit
    def step(params, state):
        value, gradient = jax.value_and_grad(f)(params)
        updates, state = tx.update(gradient, state, params, value_fn=f)
        return optax.apply_updates(params, updates), state, value

    params, rates, losses = jax.tree.map(jnp.asarray, params), [], []
    state = tx.init(params)
    for _ in range(steps):
        params, state, value = step(params, state)
        rates.append(float(optax.tree.get(state, "learning_rate")))
        losses.append(float(value))
    return params, np.array(rates), np.array(losses), state


def test_named_rules():
    for rule, sigma in ((onedge.optax.greedy, 1.0), (onedge.optax.on_edge, 2.0)):
        one, other = run(rule(optax.identity()), 5)[1], run(onedge.optax.cdat(optax.identity(), sigma, 0.0, every=1), 5)[1]
        np.testing.assert_array_equal(one, other)


COMPOSED = {
    "chain before": lambda tx: optax.chain(optax.clip_by_global_norm(0.01), tx),
    "chain after": lambda tx: optax.chain(tx, optax.clip_by_global_norm(0.01)),
    "inject_hyperparams": lambda tx: optax.inject_hyperparams(lambda sigma: onedge.optax.cdat(optax.scale_by_adam(), sigma))(sigma=optax.linear_schedule(0.5, 1.0, 10)),
    "MultiSteps": lambda tx: optax.MultiSteps(tx, 2),
    "apply_if_finite": lambda tx: optax.apply_if_finite(tx, 3),
    "masked inside": lambda tx: onedge.optax.cdat(optax.masked(optax.scale_by_adam(), [(True, True), (True, False)]), 1.0),
    "partition inside": lambda tx: onedge.optax.cdat(optax.partition({"a": optax.scale_by_adam(), "b": optax.set_to_zero()}, [("a", "a"), ("b", "b")]), 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPOSED)
def test_what_optax_makes_of_transformations(name):
    tx = COMPOSED[name](onedge.optax.cdat(optax.scale_by_adam(), 1.0))
    params, rates, losses, _ = run(tx, 12)
    assert np.isfinite(rates).all() and losses[-1] < losses[0]
    if name == "partition inside":
        np.testing.assert_array_equal(params[1][0], PARAMS[1][0])


def test_scan_vmap_and_half_precision():
    tx = onedge.optax.cdat(optax.scale_by_adam(), 1.0)

    def steps(seed):
        params = jax.tree.map(lambda p: jnp.asarray(p) * (1 + 0.1 * seed), PARAMS)

        def one(carry, _):
            params, state = carry
            f = lambda p: loss(p, (X, Y))
            updates, state = tx.update(jax.grad(f)(params), state, params, value_fn=f)
            return (optax.apply_updates(params, updates), state), state.learning_rate

        return jax.lax.scan(one, (params, tx.init(params)), None, 5)[1]

    np.testing.assert_allclose(steps(0.0), run(tx, 5)[1], rtol=1e-9)
    many = jax.jit(jax.vmap(steps))(jnp.arange(3.0))
    np.testing.assert_allclose(many[0], steps(0.0), rtol=1e-9)
    assert many.shape == (3, 5) and len(set(np.asarray(many[:, -1]))) == 3
    half = jax.tree.map(lambda p: jnp.asarray(p, jnp.bfloat16), PARAMS)
    params, rates, losses, state = run(tx, 12, half, (jnp.asarray(X, jnp.bfloat16), Y))
    assert params[0][0].dtype == jnp.bfloat16 and state.learning_rate.dtype == jnp.float32 and losses[-1] < losses[0]


def test_counts_and_refusals():
    uphill = onedge.optax.cdat(optax.scale(-1.0), 1.0, 0.0)
    _, rates, _, state = run(uphill, 3)
    assert (rates == 0).all() and int(state.non_descent) == 3
    _, rates, _, state = run(onedge.optax.cdat(optax.identity(), cap=1e-3), 3)
    assert (rates == 1e-3).all() and int(state.capped) == 3
    tx = onedge.optax.cdat(optax.identity())
    state = tx.init(PARAMS)
    with pytest.raises(onedge.ArgumentError, match="value_fn"):
        tx.update(PARAMS, state, PARAMS)
    with pytest.raises(onedge.ArgumentError, match="params"):
        tx.update(PARAMS, state, value_fn=lambda p: 0.0)
    for wrong in ({"sigma": 0.0}, {"beta": 1.0}, {"eps": -1.0}, {"cap": 0.0}, {"every": 0}, {"sigma": "2"}, {"cap": np.nan}):
        with pytest.raises(onedge.ArgumentError, match=next(iter(wrong))):
            onedge.optax.cdat(optax.identity(), **wrong)
    with pytest.raises(onedge.ArgumentError, match="base"):
        onedge.optax.cdat("adam")
    # A loss that is NaN gives a rate that is NaN, which apply_if_finite sees.
    tx = optax.apply_if_finite(onedge.optax.cdat(optax.identity()), 5)
    f = lambda p: (p * jnp.nan).sum()
    p = jnp.ones(3)
    updates, state = tx.update(jax.grad(f)(p), tx.init(p), p, value_fn=f)
    assert (updates == 0).all() and int(state.total_notfinite) == 1
