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
        one, other = run(rule(optax.identity()), 5)[1], run(onedge.optax.cdat(optax.identity(), sigma, preset="paper"), 5)[1]
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


@pytest.mark.parametrize("settings", [{"preset": "paper", "sigma": 1.0, "beta": 0.5}, {"sigma": 1.0, "every": 4}, {"sigma": 1.0, "every": 1}], ids=str)
def test_a_curvature_that_is_handed_over_gives_the_same_rates(settings):
    tx = onedge.optax.cdat(optax.scale_by_adam(), **settings)
    f = lambda p: loss(p, (X, Y))

    @jax.jit
    def step(params, state, alone):
        value, gradient, curvature = onedge.jax.linearize(f)(params)
        ways = {"alone": {"value": value, "curvature": curvature}, "with the loss": {"value": value, "curvature": curvature, "value_fn": f}, "by the loss": {"value_fn": f}}
        done = {way: tx.update(gradient, state, params, **given) for way, given in ways.items()}
        updates, state = done["by the loss"]
        return optax.apply_updates(params, updates), state, {way: state.learning_rate for way, (_, state) in done.items()}

    params, state, measured = jax.tree.map(jnp.asarray, PARAMS), tx.init(PARAMS), []
    for _ in range(14):
        params, state, rates = step(params, state, 0)
        for way in rates:
            np.testing.assert_allclose(rates[way], rates["by the loss"], rtol=1e-12, err_msg=way)
    if settings.get("every") == 4:
        # Each of the first eight, then steps 8 and 12.
        assert int(state.measurements) >= 10


def test_a_curvature_goes_through_what_optax_makes():
    f = lambda p: loss(p, (X, Y))
    params = jax.tree.map(jnp.asarray, PARAMS)
    value, gradient, curvature = onedge.jax.linearize(f)(params)
    tx = onedge.optax.cdat(optax.identity(), 1.0, preset="paper")
    for wrap in (lambda tx: optax.chain(tx, optax.clip(100.0)), lambda tx: optax.apply_if_finite(tx, 2), lambda tx: optax.MultiSteps(tx, 1)):
        wrapped = wrap(tx)
        state = wrapped.update(gradient, wrapped.init(params), params, value=value, curvature=curvature)[1]
        rate = optax.tree.get(state, "learning_rate")
        np.testing.assert_allclose(rate, tx.update(gradient, tx.init(params), params, value_fn=f)[1].learning_rate, rtol=1e-12)
    for wrong, words in (({"curvature": 1.0}, "curvature"), ({"curvature": curvature}, "value beside curvature"), ({"value": value}, "value_fn")):
        with pytest.raises(onedge.ArgumentError, match=words):
            tx.update(gradient, tx.init(params), params, **wrong)


def test_steps_bring_nothing_to_the_host():
    f = lambda p, batch: loss(p, batch)
    params, batch = jax.device_put((PARAMS, (X, Y)))
    for tx in (onedge.optax.cdat(optax.scale_by_adam(), every=2), onedge.optax.cdat(optax.identity(), 1.0, preset="paper"), onedge.optax.armijo(optax.identity())):

        @jax.jit
        def step(params, state, batch, tx=tx):
            value, gradient = jax.value_and_grad(f)(params, batch)
            updates, state = tx.update(gradient, state, params, value_fn=lambda p: f(p, batch), value=value)
            return optax.apply_updates(params, updates), state

        moved, state = step(params, tx.init(params), batch)
        with jax.transfer_guard("disallow"):
            for _ in range(4):
                moved, state = step(moved, state, batch)
        assert np.isfinite(float(state.learning_rate))


def test_the_recommended_rule_by_its_conditions():
    init = lambda base, **more: onedge.optax.cdat(base, **more).init(PARAMS)
    # What no edge can be read off, a sign and growing sums, is as Adam; one that is given counts.
    assert np.isnan(init(optax.scale_by_sign()).edge) and np.isnan(init(optax.scale_by_rss()).edge) and float(init(optax.scale_by_sign(), edge=4.0).edge) == 4.0
    # `init` may be traced.
    assert abs(float(jax.jit(onedge.optax.cdat(optax.trace(0.5)).init)(PARAMS).edge) - 3.0) < 1e-3
    f = lambda p: loss(p, (X, Y))
    gradient = jax.grad(f)(PARAMS)
    for base, edge in ((optax.identity(), 2.0), (optax.trace(0.9), 3.8)):
        for full_batch, power in ((False, -0.5), (True, -0.25)):
            one, other = onedge.optax.cdat(base, full_batch=full_batch), onedge.optax.cdat(base, 2 * (edge / 2) ** power, full_batch=full_batch)
            rates = [tx.update(gradient, tx.init(PARAMS), PARAMS, value_fn=f)[1].learning_rate for tx in (one, other)]
            np.testing.assert_allclose(rates[0], rates[1], rtol=1e-5)
    for wrong in ({"growth": 1.0}, {"cooldown": 2.0}, {"steps": 0}, {"edge": 0.0}, {"full_batch": 1}, {"preset": "other"}):
        with pytest.raises(onedge.ArgumentError, match=next(iter(wrong))):
            onedge.optax.cdat(optax.identity(), **wrong)
    for foreign in ({"growth": 2.0}, {"cooldown": 0.5}, {"steps": 9}, {"edge": 2.0}, {"full_batch": True}):
        with pytest.raises(onedge.ArgumentError, match=next(iter(foreign))):
            onedge.optax.cdat(optax.identity(), preset="paper", **foreign)


def test_a_first_step_that_is_too_long_is_halved():
    """A loss that is next to flat where the run begins, and a wall right behind."""
    f = lambda p: (-p + jnp.exp(200 * (p - 0.1)) + 1e-9 * p**2).sum()
    p = jnp.zeros(1)
    tx = onedge.optax.cdat(optax.identity(), 1.0)
    updates, state = tx.update(jax.grad(f)(p), tx.init(p), p, value_fn=f)
    assert int(state.held_back) > 0 and f(p + updates) <= f(p) < f(p + 2 * updates)


def test_a_zero_update_keeps_the_rate():
    f = lambda p: (p**2).sum()
    tx, p = onedge.optax.cdat(optax.identity(), 1.0), jnp.ones(2)
    state = tx.update(jax.grad(f)(p), tx.init(p), p, value_fn=f)[1]
    zero, after = tx.update(jnp.zeros(2), state, jnp.zeros(2), value_fn=f)
    assert (zero == 0).all() and float(after.learning_rate) == float(state.learning_rate) > 0 and int(after.non_descent) == 1
