"""The rules for Optax in the loops that people have: flax, equinox, haiku, several devices; and the cases by which Optax tests all its optimizers."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

optax = pytest.importorskip("optax")

import onedge  # noqa: E402
import onedge.optax  # noqa: E402

DRAWS = np.random.default_rng(5)
X, Y = DRAWS.normal(size=(32, 6)).astype(np.float32), DRAWS.integers(0, 3, 32)
cross_entropy = optax.softmax_cross_entropy_with_integer_labels
RULES = {
    "cdat": lambda base: onedge.optax.cdat(base, 1.0, full_batch=True),
    "paper": lambda base: onedge.optax.cdat(base, 1.5, 0.9, preset="paper"),
    "greedy": onedge.optax.greedy,
    "on_edge": lambda base: onedge.optax.on_edge(base, cap=5.0),
    "armijo": onedge.optax.armijo,
    "wolfe": onedge.optax.wolfe,
}


def descend(tx, f, params, steps, jit=True):
    def step(params, state):
        updates, state = tx.update(jax.grad(f)(params), state, params, value_fn=f)
        return optax.apply_updates(params, updates), state

    step, state = jax.jit(step) if jit else step, tx.init(params)
    for _ in range(steps):
        params, state = step(params, state)
    return params, state


def test_nnx_optimizer():
    nnx = pytest.importorskip("flax.nnx", reason="flax is not installed")
    model = nnx.Linear(6, 3, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, onedge.optax.cdat(optax.scale_by_adam()), wrt=nnx.Param)
    losses = []

    @nnx.jit
    def step(model, optimizer, x, y):
        graph, params, rest = nnx.split(model, nnx.Param, ...)
        f = lambda params: cross_entropy(nnx.merge(graph, params, rest)(x), y).mean()
        value, gradient = jax.value_and_grad(f)(params)
        optimizer.update(model, gradient, value_fn=f)
        return value

    for _ in range(20):
        losses.append(float(step(model, optimizer, X, Y)))
    assert losses[-1] < 0.95 * losses[0]


def test_equinox():
    eqx = pytest.importorskip("equinox", reason="equinox is not installed")
    model = eqx.nn.MLP(6, 3, 8, 1, key=jax.random.key(0))
    tx = onedge.optax.cdat(optax.scale_by_adam())
    params, static = eqx.partition(model, eqx.is_inexact_array)
    f = lambda params: cross_entropy(jax.vmap(eqx.combine(params, static))(X), Y).mean()
    trained, _ = descend(tx, f, params, 20)
    assert f(trained) < 0.95 * f(params)


def test_haiku():
    hk = pytest.importorskip("haiku", reason="haiku is not installed")
    network = hk.without_apply_rng(hk.transform(lambda x: hk.nets.MLP([8, 3])(x)))
    params = network.init(jax.random.key(0), X)
    f = lambda params: cross_entropy(network.apply(params, X), Y).mean()
    trained, _ = descend(onedge.optax.cdat(optax.scale_by_adam()), f, params, 20)
    assert f(trained) < 0.95 * f(params)


def test_train_state_that_drops_the_loss_is_told():
    train_state = pytest.importorskip("flax.training.train_state", reason="flax is not installed")
    f = lambda params: (params["w"] ** 2).sum()
    params = {"w": jnp.arange(3.0)}
    state = train_state.TrainState.create(apply_fn=None, params=params, tx=onedge.optax.cdat(optax.identity(), preset="paper"))
    for more in ({}, {"value_fn": f}):
        with pytest.raises((onedge.ArgumentError, TypeError), match="TrainState.apply_gradients drops it|value_fn"):
            state.apply_gradients(grads=jax.grad(f)(params), **more)
    updates, opt_state = state.tx.update(jax.grad(f)(params), state.opt_state, params, value_fn=f)
    state = state.replace(step=state.step + 1, params=optax.apply_updates(params, updates), opt_state=opt_state)
    np.testing.assert_allclose(state.params["w"], -params["w"])


def test_pmap_with_the_mean_over_devices():
    f = lambda params: cross_entropy(X @ params, Y).mean()
    tx = onedge.optax.cdat(optax.identity(), 1.0, axis_name="devices")

    def step(params, state):
        return tx.update(jax.lax.pmean(jax.grad(f)(params), "devices"), state, params, value_fn=f)[1].learning_rate

    params = jnp.zeros((1, 6, 3))
    state = jax.tree.map(lambda x: x[None], tx.init(params[0]))
    np.testing.assert_allclose(jax.pmap(step, axis_name="devices")(params, state)[0], descend(tx_of_one(), f, params[0], 1)[1].learning_rate, rtol=1e-6)


def tx_of_one():
    return onedge.optax.cdat(optax.identity(), 1.0)


DEVICES = r"""
import functools, jax, jax.numpy as jnp, numpy as np, optax, onedge.optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
jax.config.update("jax_enable_x64", True)
assert jax.device_count() == 2
mesh = Mesh(np.array(jax.devices()), ("data",))
draws = np.random.default_rng(0)
x, y = draws.normal(size=(16, 5)), draws.normal(size=16)
x[:8] *= 3  # The halves differ.
w = {"a": draws.normal(size=(5, 4)) / 2, "b": draws.normal(size=4)}
loss = lambda w, x, y: ((jnp.tanh(x @ w["a"]) @ w["b"] - y) ** 2).mean()

def step(tx, mean, loss, w, state, x, y):
    f = lambda w: loss(w, x, y)
    value, gradient = jax.value_and_grad(f)(w)
    updates, state = tx.update(mean(gradient), state, w, value_fn=f)
    return optax.apply_updates(w, updates), state

def run(step, tx, place=lambda batch: batch):
    step, params, state, rates = jax.jit(step), jax.tree.map(jnp.asarray, w), tx.init(w), []
    for _ in range(12):
        params, state = step(params, state, *place((x, y)))
        rates.append(float(state.learning_rate))
    return np.array(rates), np.asarray(params["a"])

def gap(found, alone):
    return max(np.abs(one / other - 1).max() for one, other in zip(found, alone))

for every in (1, 3):
    make = functools.partial(onedge.optax.cdat, optax.scale_by_adam(), 1.0, 0.5, every=every)
    tx, mapped = make(), make(axis_name="data")
    alone = run(functools.partial(step, tx, lambda g: g, loss), tx)
    # The compiler divides the work as the batch lies.
    spread = lambda batch: jax.device_put(batch, NamedSharding(mesh, P("data")))
    assert gap(run(functools.partial(step, tx, lambda g: g, loss), tx, spread), alone) < 1e-6, "sharded"
    # By hand: the gradient is the mean of the ranks', and so are slope and curvature.
    shard = functools.partial(jax.shard_map, mesh=mesh, in_specs=(P(), P(), P("data"), P("data")), out_specs=(P(), P()))
    mean = lambda tree: jax.tree.map(lambda g: jax.lax.pmean(g, "data"), tree)
    unchecked = functools.partial(shard, check_vma=False)
    assert gap(run(unchecked(functools.partial(step, mapped, mean, loss)), tx), alone) < 1e-6, "shard_map"
    # Where JAX knows what differs between ranks, the gradient of what does not is summed already; the mean is of losses.
    joint = lambda w, x, y: jax.lax.pmean(loss(w, x, y), "data")
    assert gap(run(shard(functools.partial(step, mapped, lambda g: g, joint)), tx), alone) < 1e-6, "shard_map, checked"
    # Without an axis each rank has the curvature of its own part.
    assert gap(run(unchecked(functools.partial(step, tx, mean, loss)), tx), alone) > 1e-3, "no axis"
print("same")
"""


def test_several_devices():
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", DEVICES], env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0 and "same" in done.stdout, done.stderr[-2000:]


def parabola(w):
    return ((w["x"] - 1.5) ** 2).sum() * 3 + (w["y"] - 0.5) ** 2


def banana(w):
    x, y = w["x"]
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2 + (w["y"] - 1) ** 2


@pytest.mark.parametrize("rule", ["cdat", "paper", "armijo", "wolfe"])
def test_minima_are_found(rule):
    start = {"x": jnp.array([-1.0, 2.0]), "y": jnp.array(0.0)}
    found, _ = descend(RULES[rule](optax.identity()), parabola, start, 120)
    np.testing.assert_allclose(found["x"], 1.5, atol=5e-2)
    found, _ = descend(RULES[rule](optax.scale_by_adam(b1=0.5)), banana, start, 400)
    assert banana(found) < 0.05 * banana(start)


@pytest.mark.parametrize("rule", RULES)
def test_states_keep_their_form(rule):
    tx = RULES[rule](optax.scale_by_adam())
    trees = [
        {"x": jnp.ones((2, 3)), "none": None, "empty": (), "deep": [(jnp.float32(0.3),)]},
        jnp.ones(4, jnp.bfloat16),
        (jnp.ones(2, jnp.float32), jnp.ones(3, jnp.bfloat16)),
    ]
    f = lambda p: sum((leaf.astype(jnp.float32) ** 2).sum() for leaf in jax.tree.leaves(p))
    for params in trees:
        state = tx.init(params)
        updates, after = jax.eval_shape(lambda g, s, p: tx.update(g, s, p, value_fn=f), params, state, params)
        shapes = lambda tree: jax.tree.map(lambda x: (jnp.shape(x), jnp.result_type(x)), tree)
        assert shapes(updates) == shapes(params) and shapes(after) == shapes(state)


def test_jit_and_injected_settings_change_nothing():
    start = {"x": jnp.array([-1.0, 2.0]), "y": jnp.array(0.3)}
    plain = descend(onedge.optax.cdat(optax.scale_by_adam(), 1.25, 0.5, every=2), banana, start, 4)[0]
    eager = descend(onedge.optax.cdat(optax.scale_by_adam(), 1.25, 0.5, every=2), banana, start, 4, jit=False)[0]
    injected = optax.inject_hyperparams(onedge.optax.cdat, static_args=("every",))(optax.scale_by_adam(), sigma=1.25, beta=0.5, every=2)
    for other in (eager, descend(injected, banana, start, 4)[0]):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), plain, other)


def test_accumulated_gradients_take_one_step():
    start = {"x": jnp.array([-1.0, 2.0]), "y": jnp.array(0.3)}
    once = descend(onedge.optax.cdat(optax.identity(), 1.0), banana, start, 3)[0]
    thrice = descend(optax.MultiSteps(onedge.optax.cdat(optax.identity(), 1.0), 3), banana, start, 9)[0]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), once, thrice)


def test_linesearches_stand_still_where_they_must():
    f = lambda p: (p**2).sum()
    p = jnp.ones(3)
    for rule in (onedge.optax.armijo, onedge.optax.wolfe):
        moved, state = descend(rule(optax.scale(-1.0)), f, p, 2)
        assert (moved == p).all() and int(state.non_descent) == 2 and float(state.learning_rate) == 0
        # The search that failed leaves the next one where the last step was.
        one_try = rule(optax.identity(), max_tries=1)
        steep = lambda p: (1e4 * p**4).sum()
        moved, state = descend(one_try, steep, p, 2)
        assert jnp.isfinite(moved).all() and int(state.gave_up) >= 0 and float(state.search.learning_rate) > 0
        tx = rule(optax.identity())
        with pytest.raises(onedge.ArgumentError, match="value_fn"):
            tx.update(p, tx.init(p), p)
    moved, state = descend(onedge.optax.armijo(optax.identity(), max_tries=1), lambda p: (1e4 * p**4).sum(), p, 2)
    assert (moved == p).all() and int(state.gave_up) == 2
    for wrong in ({"c": 1.0}, {"c_plus": 0.5}, {"c_minus": 1.0}, {"delta": -1.0}, {"max_tries": 0}):
        with pytest.raises(onedge.ArgumentError, match=next(iter(wrong))):
            onedge.optax.armijo(optax.identity(), **wrong)
    for wrong in ({"c1": 0.0}, {"c2": 1.0}, {"cap": -1.0}, {"max_tries": 0}):
        with pytest.raises(onedge.ArgumentError, match=next(iter(wrong))):
            onedge.optax.wolfe(optax.identity(), **wrong)
