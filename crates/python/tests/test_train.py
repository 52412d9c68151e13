"""Training: the right steps, callbacks, batches, what is refused."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small import PARAMS, batch, constant, loss, objective

import onedge
from onedge import _core

if not hasattr(_core, "train"):
    pytest.skip("a build without training", allow_module_level=True)

OPTAX = {
    "gd": lambda optax: optax.sgd(1e-2),
    "momentum": lambda optax: optax.sgd(1e-2, momentum=0.9),
    "adam": lambda optax: optax.adam(1e-2),
    "adamw": lambda optax: optax.adamw(1e-2, weight_decay=0.01),
    "rmsprop": lambda optax: optax.rmsprop(1e-2, decay=0.999, eps=1e-8),
}
SETTINGS = {"momentum": {"beta": 0.9}}


def far(one, other) -> float:
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other))
    return max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in leaves)


@pytest.mark.parametrize("name", OPTAX)
def test_steps_are_those_of_optax(name):
    optax = pytest.importorskip("optax")
    trained = onedge.train(objective(), PARAMS, optimizer=onedge.optimizer(name, **SETTINGS.get(name, {})), tuner=constant(1e-2), steps=20)
    with jax.enable_x64(True):
        rule, w = OPTAX[name](optax), jax.tree.map(jax.numpy.asarray, PARAMS)
        state, gradient = rule.init(w), jax.jit(jax.grad(loss))
        for _ in range(20):
            update, state = rule.update(gradient(w, batch(16)), state, w)
            w = optax.apply_updates(w, update)
        assert far(trained.parameters, w) < 1e-10
    assert trained.is_success and trained.steps == 20 and trained.reason == "steps_done"


def test_gradient_descent_has_the_bits_of_its_own_gradients():
    o = objective()
    trained = onedge.train(o, PARAMS, tuner=constant(0.125), steps=5)
    w = o.flatten(PARAMS)
    for step in range(5):
        value, gradient = o.linearize(w)
        assert value == trained.losses[step]
        # A power of two: rounded once, however it is computed.
        w = w - 0.125 * gradient
    assert np.array_equal(trained.flat, w)
    assert trained.loss == o.loss(w)


def test_a_tree_comes_back_and_the_first_one_stays():
    before = jax.tree.map(np.copy, PARAMS)
    trained = onedge.train(objective(), PARAMS, steps=10)
    assert far(before, PARAMS) == 0 and far(trained.parameters, PARAMS) > 0
    assert {name: value.shape for name, value in trained.parameters.items()} == {"b": (8,), "v": (8,), "w": (5, 8)}
    assert trained.losses[0] > trained.loss


def test_what_is_measured_is_that_of_the_objective():
    o = objective()
    seen = []
    trained = onedge.train(
        o, PARAMS, tuner=constant(0.1), steps=5, on_step=seen.append,
        diagnostics=[{"name": "sharpness", "every": 2, "top_k": 2, "tolerance": 1e-8}, onedge.diagnostic("trace", every=4), {"name": "density", "every": 4}],
    )  # fmt: skip
    rows = trained.diagnostics(as_="dict")
    assert list(rows["step"]) == [0, 2, 4]
    for step, value in zip(rows["step"], rows["sharpness"]):
        point = PARAMS if step == 0 else seen[step - 1].parameters
        o.linearize(point)
        assert value == pytest.approx(o.sharpness(tolerance=1e-8), rel=1e-6)
        pair = dict(trained.columns["eigenvalues"])[step]
        np.testing.assert_allclose(pair, o.top_eigenvalues(2, tolerance=1e-8).values, rtol=1e-6)
    assert np.isnan(rows["trace"][1]) and not np.isnan(rows["trace"][[0, 2]]).any()
    assert trained.density().shape[1] == 2 and trained.density(0)[:, 1].sum() == pytest.approx(1)
    assert seen[0].sharpness == rows["sharpness"][0] and seen[1].get("sharpness") is None
    with pytest.raises(onedge.ArgumentError, match="0, 4, got 3"):
        trained.density(3)
    with pytest.raises(onedge.ArgumentError, match="step 1: expected something that was measured"):
        seen[1]["sharpness"]


@pytest.mark.parametrize("name", sorted(onedge.entries("optimizer")))
def test_every_optimizer_trains(name):
    # By itself muon leaves the first and the last weight to Adam, and here are no others.
    settings = {"matrices": "all"} if name == "muon" else {}
    trained = onedge.train(objective(), PARAMS, optimizer={"name": name, **settings}, steps=4)
    assert trained.steps == 4 and np.isfinite(trained.flat).all()


@pytest.mark.parametrize("name", sorted(onedge.entries("tuner")))
def test_every_tuner_trains(name):
    needed = {key: {"horizon": 4, "period": 2}.get(key, 0.01) for key, rest in onedge.entries("tuner")[name].settings.items() if rest[1] == "required"}
    trained = onedge.train(objective(), PARAMS, tuner={"name": name, **needed}, steps=4)
    assert trained.steps == 4 and np.isfinite(trained.flat).all()


@pytest.mark.parametrize(
    "options, part",
    [
        ({"optimizer": "adm"}, "unknown optimizer `adm`, expected one of the known names; try `adam`"),
        ({"tuner": "cdta"}, "unknown tuner `cdta`, expected one of the known names; try `cdat`"),
        ({"tuner": "adam"}, "try `optimizer = adam`"),
        ({"optimizer": {"name": "adam", "bet1": 0.9}}, "unknown key `bet1`, expected one of its settings; try `beta1`"),
        ({"tuner": {"name": "constant"}}, "rate"),
        ({"tuner": constant(-1.0)}, "tuner.rate: expected a finite number, zero or more, got -1.0"),
        ({"tuner": constant("fast")}, 'tuner.rate: expected a number, got "fast"'),
        ({"tuner": onedge.optimizer("adam")}, "tuner: expected a tuner, got the optimizer `adam`"),
        ({"optimizer": 3}, "optimizer: expected a name"),
        ({"optimizer": {"name": "adam", "beta1": object()}}, "optimizer.beta1: expected a number, text"),
        ({"steps": 0}, "steps: expected 1 or more, got 0"),
        ({"steps": 2.5}, "steps: expected a whole number"),
        ({"steps": 10**30}, "steps: expected a number"),
        ({"seed": -1}, "seed: expected a whole number"),
        ({"target_loss": float("nan")}, "target_loss"),
        ({"diverge_factor": 0.5}, "diverge_factor: expected a number above 1"),
        ({"diagnostics": ["sharpnes"]}, "unknown diagnostic `sharpnes`, expected one of the known names; try `sharpness`"),
        ({"diagnostics": [{"every": 3}]}, "diagnostics: expected a name"),
        ({"diagnostics": [{"name": "trace", "evry": 3}]}, "unknown key `trace_evry`"),
        ({"diagnostics": 3}, "diagnostics: expected names"),
        ({"diagnostics": ["noise-scale"]}, "noise_scale_batch: expected a number of examples"),
        ({"batches": 3}, "batches: expected a list or loader"),
        ({"on_step": 3}, "on_step: expected a function"),
        ({"patience": 3}, "expected an objective to evaluate"),
        ({"test": 3}, "test: expected an objective, got int"),
        ({"resume": True}, "resume: expected the folder of a run"),
        ({"resume": np.zeros(3)}, "resume: expected True or False, got an array"),
        ({"progress": "no"}, "progress: expected True or False"),
        ({"run": 3}, "run: expected a path"),
    ],
)
def test_what_is_refused(options, part):
    with pytest.raises(onedge.Error) as raised:
        onedge.train(objective(), PARAMS, **options)
    assert part in str(raised.value) and "\n" not in str(raised.value)


def test_wrong_objectives_and_parameters():
    with pytest.raises(onedge.ArgumentError, match="o: expected an objective"):
        onedge.train(loss, PARAMS)
    with pytest.raises(onedge.ArgumentError, match="tree like that of the parameters"):
        onedge.train(objective(), {"w": PARAMS["w"]})
    o, single = objective(), objective(dtype="f32")
    with pytest.raises(onedge.ArgumentError, match="test: expected an objective of the precision"):
        onedge.train(o, PARAMS, test=single)
    with pytest.raises(onedge.ArgumentError, match="test: expected an objective of the precision"):
        onedge.train(o, PARAMS, test=o)
    o.loss(PARAMS), single.loss(PARAMS)
    o.close()
    with pytest.raises(onedge.StateError, match="closed"):
        onedge.train(o, PARAMS)


def test_a_callback_ends_training():
    for stop in (lambda step: step.number < 3, _stop_at(3)):
        trained = onedge.train(objective(), PARAMS, on_step=stop, steps=20)
        assert (trained.steps, trained.reason) == (4, "interrupted")
    trained = onedge.train(objective(), PARAMS, on_step=lambda step: None, steps=6)
    assert trained.steps == 6


def _stop_at(number):
    def stop(step):
        if step.number == number:
            raise onedge.StopTraining

    return stop


def test_callbacks_run_where_they_were_given_and_what_they_raise_passes():
    o, threads = objective(), set()

    def fail(step):
        threads.add(threading.get_ident())
        if step.number == 2:
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        onedge.train(o, PARAMS, on_step=fail)
    assert threads == {threading.get_ident()}
    with pytest.raises(onedge.StateError, match="the objective is being trained"):
        onedge.train(o, PARAMS, on_step=lambda step: o.loss(PARAMS))
    with pytest.raises(onedge.StateError, match="the objective is being trained"):
        onedge.train(o, PARAMS, on_step=lambda step: onedge.train(o, PARAMS))
    assert np.isfinite(o.loss(PARAMS))
    other = objective(seed=5)
    seen = []
    onedge.train(o, PARAMS, steps=3, on_step=lambda step: seen.append(other.loss(step.parameters)))
    assert len(seen) == 3


def test_batches_are_those_of_the_steps():
    batches = [batch(16, seed) for seed in range(3)]
    o = objective()
    trained = onedge.train(o, PARAMS, tuner=constant(0.125), batches=batches, steps=7)
    by_step = onedge.train(objective(), PARAMS, tuner=constant(0.125), batches=lambda step: batches[step % 3], steps=7)
    w, other = o.flatten(PARAMS), objective()
    for step in range(7):
        other.replace(batches[step % 3])
        value, gradient = other.linearize(w)
        assert value == trained.losses[step]
        w = w - 0.125 * gradient
    assert np.array_equal(trained.flat, w) and np.array_equal(by_step.flat, w)
    assert trained.train == {}


def test_batches_that_end_or_do_not_fit():
    o = objective()
    with pytest.raises(onedge.ArgumentError, match="ended after 2, expected one for each step"):
        onedge.train(o, PARAMS, batches=(batch(16, seed) for seed in range(2)), steps=5)
    with pytest.raises(onedge.ArgumentError, match="ended after 0"):
        onedge.train(o, PARAMS, batches=[], steps=5)
    with pytest.raises(onedge.ArgumentError, match="batch: expected one like that"):
        onedge.train(o, PARAMS, batches=[batch(16), batch(15)], steps=5)
    with pytest.raises(ZeroDivisionError):
        onedge.train(o, PARAMS, batches=lambda step: 1 / 0, steps=5)
    assert np.isfinite(o.loss(PARAMS))


def test_the_best_of_a_test_objective_is_kept():
    o, test = objective(8), objective(32, seed=9)
    trained = onedge.train(o, PARAMS, optimizer="adam", tuner=constant(0.05), steps=400, test=test, test_every=5, patience=4)
    assert trained.reason == "no_improvement" and trained.steps < 400
    measured = trained.columns["test_loss"]
    best = test.loss(trained.best)
    assert best == np.nanmin(measured) and trained.best_step == trained.columns["step"][np.nanargmin(measured)]
    assert trained.test["loss"] == test.loss(trained.parameters) > best


def test_runs_that_fail_are_told():
    with pytest.warns(onedge.TrainingWarning, match="diverged at step"):
        trained = onedge.train(objective(), PARAMS, tuner=constant(50.0), steps=50)
    assert trained.reason == "diverged" and not trained.is_success and "diverged" in repr(trained)
    with pytest.warns(onedge.TrainingWarning, match="no step was taken"):
        trained = onedge.train(objective(), PARAMS, tuner=constant(0.0), steps=50)
    assert trained.reason == "steps_done" and not trained.is_success
    with pytest.warns(onedge.TrainingWarning, match="tuner.horizon"):
        onedge.train(objective(), PARAMS, tuner={"name": "warmup-cosine", "rate": 0.1, "horizon": 5}, steps=20)
    reached = onedge.train(objective(), PARAMS, steps=100, target_loss=0.5)
    assert reached.reason == "target_reached" and reached.is_success


def test_single_precision_and_flat_parameters():
    o = objective(dtype="f32")
    flat = o.flatten(PARAMS)
    trained = onedge.train(o, flat, steps=10)
    assert trained.flat.dtype == np.float32 and trained.parameters["w"].dtype == np.float32
    assert trained.losses[0] > trained.loss


def test_what_a_result_shows():
    trained = onedge.train(objective(), PARAMS, steps=5)
    assert repr(trained).startswith("Trained(steps done, 5 steps, loss 0.")
    assert "steps done" in trained._repr_html_()
    frame = trained.frame(as_="dict")
    assert len(frame["loss"]) == 5 and "learning_rate" in frame
    assert repr(onedge.optimizer("adam", beta1=0.9)) == "optimizer('adam', beta1=0.9)"
    assert onedge.entries("tuner")["cdat"].settings["preset"][1] == "recommended"
    with pytest.raises(onedge.ArgumentError, match="kind: expected"):
        onedge.entries("tuners")


def test_a_bar_of_steps(capsys, monkeypatch):
    tqdm = pytest.importorskip("tqdm.auto")
    shown = []

    class Bar(tqdm.tqdm):
        def set_postfix_str(self, text, refresh):
            shown.append(text)

    monkeypatch.setattr(tqdm, "tqdm", lambda **options: Bar(**{**options, "disable": False}))
    onedge.train(objective(), PARAMS, steps=5)
    assert shown and shown[-1].startswith("loss 0.") and "5/5" in capsys.readouterr().err
    onedge.train(objective(), PARAMS, steps=5, progress=False)
    assert capsys.readouterr().err == ""


def test_objectives_of_graphs_train_too(tmp_path):
    g = onedge.Graph("f64")
    w, b = g.parameter("w", (5, 1)), g.parameter("b", (1,))
    x, y = batch(16)
    error = g.data("x", x) @ w + b - g.data("y", y[:, None])
    start = {"w": np.full((5, 1), 0.1), "b": np.zeros(1)}
    trained = onedge.train(g.objective((error * error).mean()), start, tuner=constant(0.2), steps=500, run=tmp_path / "line")
    fitted, *_ = np.linalg.lstsq(np.c_[x, np.ones(16)], y, rcond=None)
    np.testing.assert_allclose(np.r_[trained.parameters["w"][:, 0], trained.parameters["b"]], fitted, atol=1e-8)
    assert trained.run.parameters()["w"].shape == (5, 1)


def test_models_of_torch_train_too(tmp_path):
    torch = pytest.importorskip("torch")
    import onedge.torch

    torch.manual_seed(0)
    x = torch.randn(32, 5, dtype=torch.float64)
    model = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
    o = onedge.torch.objective(model, torch.nn.MSELoss(), (x, torch.sin(x[:, :1])))
    trained = onedge.train(o, model.state_dict(), optimizer="adam", tuner=constant(0.02), steps=20, run=tmp_path / "torch")
    rule = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(20):
        rule.zero_grad()
        torch.nn.functional.mse_loss(model(x), torch.sin(x[:, :1])).backward()
        rule.step()
    assert far({k: v.detach().numpy() for k, v in trained.parameters.items()}, {k: v.numpy() for k, v in model.state_dict().items()}) < 1e-10
    model.load_state_dict(trained.parameters)
    assert trained.run.parameters()["0.weight"].shape == (4, 5)


def test_a_softmax_that_is_led_far_comes_back():
    """Its curvature vanishes there: the recommended rule once ended at three times the first loss."""
    draws = np.random.default_rng(6)
    x, y = draws.normal(size=(32, 3)), draws.integers(0, 3, 32)
    entropy = lambda p, b: -jnp.mean(jax.nn.log_softmax(b[0] @ p["w"] + p["b"])[jnp.arange(32), b[1]])
    params = {"w": np.zeros((3, 3)), "b": np.zeros(3)}
    trained = onedge.train(onedge.jax.objective(entropy, params, (x, y)), params, steps=20, progress=False)
    assert trained.is_success and trained.loss < 0.95 and trained.losses.max() < 2
