"""The rules for Optax against the trainer of onedge: the parameters set equal before each step, the state saved and restored in the middle."""

import pickle

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
STEPS = 60


def loss(p, batch):
    x, y = batch
    h = jnp.tanh(x @ p[0][0] + p[0][1])
    return optax.softmax_cross_entropy_with_integer_labels(h @ p[1][0] + p[1][1], y).mean()


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


BASES = {
    "gd": (lambda: optax.identity(), onedge.optimizer("gd")),
    "momentum": (lambda: optax.trace(0.9), onedge.optimizer("momentum", beta=0.9)),
    "nesterov": (lambda: optax.trace(0.9, nesterov=True), onedge.optimizer("nesterov", beta=0.9)),
    "rmsprop": (lambda: optax.scale_by_rms(decay=0.999, eps=1e-8), onedge.optimizer("rmsprop")),
    "adam": (lambda: optax.scale_by_adam(), onedge.optimizer("adam")),
    "adamw": (lambda: optax.chain(optax.scale_by_adam(), optax.add_decayed_weights(1e-2)), onedge.optimizer("adamw")),
}
EDGES = {"gd": 2.0, "momentum": 3.8, "nesterov": 3.8 / 2.8, "rmsprop": 2.0, "adam": 38.0, "adamw": 38.0}
RULES = {
    "cdat": (lambda base: onedge.optax.cdat(base, 2.0, 0.9, preset="paper"), onedge.tuner("cdat", preset="paper", sigma=2.0, beta=0.9)),
    "cdat every 8": (lambda base: onedge.optax.cdat(base, 1.5, 0.9, 1e-3, 3.0, preset="paper", every=8), onedge.tuner("cdat", preset="paper", sigma=1.5, beta=0.9, eps=1e-3, cap=3.0, every=8)),
    "recommended, full batch": (lambda base: onedge.optax.cdat(base, 1.6, every=8, full_batch=True, steps=STEPS), onedge.tuner("cdat", sigma=1.6)),
    "recommended, batches": (
        lambda base: onedge.optax.cdat(base, 1.4, 0.9, 1e-3, 2.0, every=5, growth=1.3, cooldown=0.7, steps=STEPS),
        onedge.tuner("cdat", sigma=1.4, beta=0.9, eps=1e-3, cap=2.0, every=5, growth=1.3, cooldown=0.7),
    ),
    "greedy": (lambda base: onedge.optax.greedy(base), onedge.tuner("greedy")),
    "on-edge": (lambda base: onedge.optax.on_edge(base), onedge.tuner("on-edge")),
    "on-edge, capped": (lambda base: onedge.optax.on_edge(base, cap=0.3), onedge.tuner("cdat", preset="paper", sigma=2.0, beta=0.0, cap=0.3)),
    "armijo": (lambda base: onedge.optax.armijo(base), onedge.tuner("armijo")),
}
# Where Armijo's search meets a direction that leads uphill, the trainer starts momentum and Adam anew, which Optax's states know nothing of. On the edge without a cap
# momentum diverges.
CASES = [(rule, base) for rule in RULES for base in BASES if rule not in ("armijo", "on-edge") or base in ("gd", "rmsprop")]


def taught(optimizer, tuner, **options):
    """The parameters before each step of the trainer, its losses and rates."""
    points = [PARAMS]
    o = onedge.jax.objective(loss, PARAMS, (X, Y))
    keep = lambda step: points.append(step.parameters)
    trained = onedge.train(o, PARAMS, optimizer=optimizer, tuner=tuner, steps=STEPS, on_step=keep, progress=False, **options)
    columns = trained.frame("dict")
    return points, columns["loss"], columns["learning_rate"]


@pytest.mark.filterwarnings("ignore::onedge.TrainingWarning")
@pytest.mark.parametrize(("rule", "base"), CASES, ids=[f"{rule}, {base}" for rule, base in CASES])
def test_rates_and_losses_are_the_trainer_s(rule, base):
    (make_rule, tuner), (make_base, optimizer) = RULES[rule], BASES[base]
    points, losses, rates = taught(optimizer, tuner, **({"batches": [(X, Y)]} if rule.endswith("batches") else {}))
    tx = make_rule(make_base())
    f = lambda p: loss(p, (X, Y))

    @jax.jit
    def step(params, state):
        value, gradient = jax.value_and_grad(f)(params)
        return value, tx.update(gradient, state, params, value_fn=f)[1]

    state, found = tx.init(PARAMS), []
    if rule.startswith("recommended"):
        np.testing.assert_allclose(state.edge, EDGES[base], rtol=1e-4)
        state = state._replace(edge=jnp.asarray(EDGES[base]))
    for number in range(len(losses)):
        if number == STEPS // 2:
            leaves, structure = jax.tree.flatten(state)
            leaves = pickle.loads(pickle.dumps([np.asarray(leaf) for leaf in leaves]))
            assert structure == jax.tree.structure(tx.init(PARAMS))
            state = jax.tree.unflatten(structure, leaves)
        value, state = step(points[number], state)
        found.append((float(value), float(state.learning_rate)))
    found = np.array(found)
    assert len(found) == STEPS
    np.testing.assert_allclose(found[:, 0], losses, rtol=1e-9)
    np.testing.assert_allclose(found[:, 1], rates, rtol=1e-9)


def test_state_goes_through_flax():
    serialization = pytest.importorskip("flax.serialization", reason="flax is not installed")
    tx = onedge.optax.cdat(optax.scale_by_adam())
    f = lambda p: loss(p, (X, Y))
    params = jax.tree.map(jnp.asarray, PARAMS)
    state = tx.update(jax.grad(f)(params), tx.init(params), params, value_fn=f)[1]
    restored = serialization.from_bytes(tx.init(params), serialization.to_bytes(state))
    jax.tree.map(np.testing.assert_array_equal, restored, state)
