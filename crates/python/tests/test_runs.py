"""Runs that left a folder: found, read, gone on with, drawn."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from small import PARAMS, batch, constant, objective

import onedge
from onedge import _core

if not hasattr(_core, "train"):
    pytest.skip("a build without training", allow_module_level=True)


def train(folder, **options):
    options = {"tuner": constant(0.05), "steps": 30, "checkpoint_every": 10, **options}
    return onedge.train(objective(), PARAMS, run=folder, **options)


@pytest.fixture
def place(tmp_path):
    train(tmp_path / "slow", diagnostics=["sharpness", {"name": "trace", "every": 15}])
    train(tmp_path / "fast", optimizer="momentum", diagnostics=["sharpness"])
    return tmp_path


def test_a_run_leaves_what_the_program_reads(place):
    run = onedge.run("slow", folder=place)
    memory = onedge.train(objective(), PARAMS, tuner=constant(0.05), steps=30)
    tensors = run.parameters()
    assert {name: value.shape for name, value in tensors.items()} == {"b": (8,), "v": (8,), "w": (5, 8)}
    assert all(np.array_equal(tensors[name], memory.parameters[name]) for name in PARAMS)
    assert (run.status, run.stop, run["steps"], run["tuner.rate"], run["optimizer"]) == ("done", "steps done", 30, 0.05, "gd")
    assert run["final_loss"] == pytest.approx(memory.losses[-5:].mean(), rel=1e-12) and run["model.parameters"] == 56
    assert run["edge"] == 2.0 and run.findings == []
    steps = run.steps(as_="dict")
    assert np.array_equal(steps["loss"], memory.losses) and list(steps["step"]) == list(range(30))
    found = run.diagnostics(as_="dict")
    assert list(found["step"]) == [0, 10, 15, 20] and np.isnan(found["sharpness"][2]) and found["trace"][2] > 0
    assert {"spec.toml", "steps.jsonl", "summary.json", "params.safetensors"} <= set(os.listdir(run.folder))
    with pytest.raises(onedge.ArgumentError, match="try 'final_loss'"):
        run["final_los"]


def test_runs_are_found(place):
    assert [run.name for run in onedge.runs(folder=place, sort="-name")] == ["slow", "fast"]
    found = onedge.runs("optimizer=momentum and steps>=30", folder=place)
    assert len(found) == 1 and found[0].name == "fast" and found["fast"].folder == place / "fast"
    assert len(onedge.runs(folder=place, limit=1)) == 1
    frame = onedge.runs(folder=place, sort="name").frame(["name", "steps", "tuner.rate", "nothing"], as_="dict")
    assert frame == {"name": ["fast", "slow"], "steps": [30, 30], "tuner.rate": [0.05, 0.05], "nothing": [None, None]}


@pytest.mark.parametrize(
    "call, part",
    [
        (lambda place: onedge.runs(folder=place / "none"), "expected a folder with runs below it"),
        (lambda place: onedge.runs("tuner=", folder=place), "where: column"),
        (lambda place: onedge.runs("tunr=cdat", folder=place), "unknown key `tunr`"),
        (lambda place: onedge.runs(3, folder=place), "where: expected text"),
        (lambda place: onedge.runs(folder=3), "folder: expected a path"),
        (lambda place: onedge.runs(folder=place, limit=-1), "limit: expected a whole number"),
        (lambda place: onedge.run("slw", folder=place), "expected a folder, name or id of a run"),
        (lambda place: onedge.runs(folder=place)["slw"], "expected the name of one run"),
        (lambda place: onedge.run("slow", folder=place).steps(as_="csv"), 'as_: expected "pandas", "polars" or "dict"'),
        (lambda place: onedge.run("slow", folder=place).parameters(best=True), "best.safetensors: cannot read"),
        (lambda place: onedge.run("slow", folder=place).density(), "expected a run that measured densities"),
        (lambda place: onedge.run("slow", folder=place).resume(), "call onedge.train again as before, with resume=True"),
        (lambda place: onedge.Run(place / "none").facts, "none"),
        (lambda place: onedge.plot([]), "runs: expected at least one with records"),
        (lambda place: onedge.plot(3), "runs: expected runs or what onedge.train gave, got 3"),
        (lambda place: onedge.run("slow", folder=place).plot(panels="los"), "try 'loss'"),
    ],
)
def test_what_is_refused(place, call, part):
    with pytest.raises(onedge.Error) as raised:
        call(place)
    assert part in str(raised.value) and "\n" not in str(raised.value)


def test_frames(place):
    pandas = pytest.importorskip("pandas")
    run = onedge.run("slow", folder=place)
    assert isinstance(run.steps(), pandas.DataFrame) and len(run.steps()) == 30
    assert list(run.diagnostics()["step"]) == [0, 10, 15, 20]
    assert isinstance(onedge.runs(folder=place).frame(), pandas.DataFrame)


def test_frames_of_what_is_not_installed(place, monkeypatch):
    import importlib

    real = importlib.import_module

    def without(name, *rest):
        if name == "polars":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(onedge.ArgumentError, match="pip install polars"):
        onedge.run("slow", folder=place).steps(as_="polars")


def test_notebooks_get_tables(place):
    html = onedge.runs(folder=place)._repr_html_()
    assert html.count("<tr>") == 3 and "momentum" in html and "2 runs" in html
    assert "steps done" in onedge.run("slow", folder=place)._repr_html_()
    train(place / "<b>", steps=2)
    assert "<b>" not in onedge.run("<b>", folder=place)._repr_html_().replace("<p><b>", "").replace("</b></p>", "")


def test_going_on_has_the_bits_of_one_that_never_stopped(tmp_path):
    whole = train(tmp_path / "whole", steps=50)
    train(tmp_path / "parts", steps=30)
    again = train(tmp_path / "parts", steps=50, resume=True)
    assert np.array_equal(again.flat, whole.flat) and np.array_equal(again.losses, whole.losses)
    back = train(tmp_path / "parts", steps=50, resume=True)
    assert np.array_equal(back.flat, whole.flat) and back.steps == 50


def test_going_on_with_batches(tmp_path):
    batches = [batch(16, seed) for seed in range(3)]
    whole = train(tmp_path / "whole", steps=40, batches=batches, optimizer="adam")
    train(tmp_path / "parts", steps=20, batches=batches, optimizer="adam")
    again = train(tmp_path / "parts", steps=40, batches=batches, optimizer="adam", resume=True)
    assert np.array_equal(again.flat, whole.flat) and np.array_equal(again.losses, whole.losses)


def test_fewer_records_are_kept_of_the_same_steps(tmp_path):
    sharpness = [{"name": "sharpness", "every": 5}]
    whole = train(tmp_path / "whole", diagnostics=sharpness)
    seen = []
    thin = train(tmp_path / "thin", diagnostics=sharpness, record_every=8, on_step=lambda step: seen.append(step.number))
    kept = [0, 5, 8, 10, 15, 16, 20, 24, 25, 29]
    assert seen == list(range(30)) and list(thin.columns["step"]) == kept
    assert np.array_equal(thin.losses, whole.losses[kept]) and np.array_equal(thin.flat, whole.flat)
    assert thin.findings == whole.findings and thin.run["final_loss"] == whole.run["final_loss"]
    memory = onedge.train(objective(), PARAMS, tuner=constant(0.05), steps=30, diagnostics=sharpness, record_every=8)
    assert np.array_equal(memory.losses, thin.losses)
    # Its last record is none any more once it goes on, with more of them kept from there.
    longer = train(tmp_path / "thin", diagnostics=sharpness, record_every=4, steps=40, resume=True)
    assert list(longer.columns["step"]) == [*kept[:-1], 30, 32, 35, 36, 39]
    with pytest.raises(onedge.ArgumentError, match="record_every: expected 1 or more, got 0"):
        train(tmp_path / "none", record_every=0)


def test_a_run_in_the_way(tmp_path):
    train(tmp_path / "a")
    for options, part in [
        ({}, "expected a new or empty folder"),
        ({"resume": True, "tuner": constant(0.06), "steps": 40}, "tuner.rate was 0.05 and is 0.06"),
        ({"resume": True, "steps": 10}, "steps: expected 30 or more"),
    ]:
        with pytest.raises(onedge.ArgumentError) as raised:
            train(tmp_path / "a", **options)
        assert part in str(raised.value)
    with pytest.raises(onedge.ArgumentError, match="the examples are not those that the run was trained on"):
        onedge.train(
            objective(seed=7), PARAMS, run=tmp_path / "a", resume=True, tuner=constant(0.05), steps=40, checkpoint_every=10
        )
    (tmp_path / "file").write_text("")
    with pytest.raises(onedge.Error):
        train(tmp_path / "file")


def test_a_callback_that_fails_is_told_in_the_folder(tmp_path):
    with pytest.raises(ZeroDivisionError):
        train(tmp_path / "a", on_step=lambda step: 1 / (step.number - 4))
    run = onedge.Run(tmp_path / "a")
    assert run.status == "failed" and "ZeroDivisionError" in run.stop and run["steps"] == 5
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "b", on_step=lambda step: signal.raise_signal(signal.SIGINT) if step.number == 4 else None)
    assert onedge.Run(tmp_path / "b").status == "interrupted"
    again = train(tmp_path / "b", resume=True)
    assert np.array_equal(again.flat, train(tmp_path / "c").flat)


INTERRUPTED = """
import sys, numpy as np, jax.numpy as jnp, onedge, onedge.jax
draws = np.random.default_rng(0)
params = {"w": draws.normal(size=(600, 600)).astype(np.float32) / 25, "v": np.ones(600, np.float32) / 25}
x = draws.normal(size=(1024, 600)).astype(np.float32)
def loss(p, x):
    return jnp.mean((jnp.tanh(x @ p["w"]) @ p["v"] - 1) ** 2)
o = onedge.jax.objective(loss, params, x, threads=1)
def train(**options):
    return onedge.train(o, params, run=sys.argv[1], tuner=onedge.tuner("constant", rate=0.01), progress=False, **options)
try:
    print("begins", flush=True)
    train(steps=100000)
except KeyboardInterrupt:
    print("KeyboardInterrupt", np.isfinite(o.loss(params)), flush=True)
run = onedge.Run(sys.argv[1])
print(run.status, run["steps"] > 0, flush=True)
print(train(steps=run["steps"] + 2, resume=True).reason, flush=True)
"""


def test_ctrl_c_leaves_a_run_that_goes_on(tmp_path):
    script = subprocess.Popen([sys.executable, "-c", INTERRUPTED, tmp_path / "a"], stdout=subprocess.PIPE, text=True)
    assert script.stdout.readline() == "begins\n"
    records = tmp_path / "a/steps.jsonl"
    while not records.is_file() or records.stat().st_size == 0:
        assert script.poll() is None
        time.sleep(0.02)
    script.send_signal(signal.SIGINT)
    told = script.communicate(timeout=120)[0].splitlines()
    assert told == ["KeyboardInterrupt True", "interrupted True", "steps_done"]
    (before,) = (tmp_path / "a").glob("summary.before-*.json")
    assert json.loads(before.read_text())["stop"]["reason"] == "interrupted"


def test_pictures_show_the_runs(place):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axes = onedge.plot(onedge.runs(folder=place, sort="name"))
    titles = ["training loss", "learning rate", "sharpness, and edge / rate", "learning rate × sharpness (dashed: edges)"]
    assert [axis.get_title("left") for axis in axes] == titles
    loss, rate, sharpness, edge = axes
    run = onedge.run("fast", folder=place)
    line = loss.get_lines()[0]
    assert line.get_label() == "fast" and np.array_equal(line.get_ydata(), run.columns["loss"]) and line.get_color() == "#0072b2"
    lines = sharpness.get_lines()
    assert len(lines) == 4 and np.allclose(lines[1].get_ydata(), run["edge"] / 0.05) and list(lines[0].get_xdata()) == [0, 10, 20]
    across = [line for line in edge.get_lines() if line.get_linestyle() == "--"]
    assert sorted(line.get_ydata()[0] for line in across) == [2.0, run["edge"]]
    axes[0].figure.savefig(place / "picture.png")
    trained = onedge.train(objective(), PARAMS, steps=3)
    axes = onedge.plot({"mine": trained}, panels=["loss"], axes=matplotlib.pyplot.subplots()[1])
    assert axes[0].get_lines()[0].get_label() == "mine"
    with pytest.raises(onedge.ArgumentError, match="axes: expected 2"):
        trained.plot(panels=["loss", "rate"], axes=axes)
    with pytest.warns(onedge.TrainingWarning):
        lost = onedge.train(objective(), PARAMS, tuner=constant(50.0))
    assert [line.get_marker() for line in lost.plot(panels="loss")[0].get_lines()] == ["None", "x"]
    matplotlib.pyplot.close("all")


SPEC = {"steps": 12, "data": {"name": "mixture", "examples": 64}, "model": {"name": "mlp", "hidden": [8]}, "checkpoint_every": 4}


def test_specs_train_the_built_in_networks(tmp_path):
    spec = onedge.spec(SPEC, tuner=onedge.tuner("constant", rate=0.1), optimizer="momentum")
    assert "rate = 0.1" in spec.toml and 'name = "momentum"' in spec.toml
    run = spec.train(folder=tmp_path)
    assert (run.status, run["steps"], run.folder) == ("done", 12, tmp_path / "constant")
    assert spec.train(folder=tmp_path).folder.name == "constant-2"
    assert run.resume(20)["steps"] == 20
    text = onedge.spec(SPEC, tuner=onedge.tuner("constant", rate=0.1), optimizer="momentum", steps=20).toml
    whole = onedge.spec(text).train(run=tmp_path / "whole")
    assert np.array_equal(whole.columns["loss"], run.columns["loss"])
    (tmp_path / "spec.toml").write_text(text)
    assert onedge.spec(tmp_path / "spec.toml").toml == text
    plan = spec.plan()
    assert plan["examples"] > 0
    assert "parameters" in repr(plan) and plan["parameters"] > 0


@pytest.mark.parametrize(
    "spec, part",
    [
        ({"tuner": "cdta"}, "spec: unknown tuner `cdta`, expected one of the known names; try `cdat`"),
        ({"stesp": 3}, "unknown key `stesp`, expected one of its settings; try `steps`"),
        ({"sigma": 2}, "try `tuner.sigma`"),
        ({"model": {"name": "mlp", "hiden": [3]}}, "try `hidden`"),
        ({"steps": [1, 2]}, "a list spans a grid of runs"),
        ({3: 1}, "a key of a spec: expected text"),
        ("steps = ", "spec:1:9: "),
        ("none.toml", "none.toml: cannot read"),
        (3, "spec: expected a dictionary, TOML or a path"),
    ],
)
def test_specs_that_are_refused(spec, part):
    with pytest.raises(onedge.Error) as raised:
        onedge.spec(spec)
    assert part in str(raised.value)


def test_results_are_tables_too():
    o = objective()
    o.linearize(PARAMS)
    assert o.top_eigenvalues(2)._repr_html_().count("<tr>") == 3
    assert "standard error of" in o.trace()._repr_html_()


def test_frames_of_polars_and_parameters_as_a_tree(tmp_path):
    polars = pytest.importorskip("polars")
    o = objective()
    trained = onedge.train(o, PARAMS, steps=12, run=tmp_path / "a", progress=False, diagnostics=["sharpness"])
    run = onedge.run(tmp_path / "a")
    frames = [onedge.runs(folder=tmp_path).frame(as_="polars"), run.steps(as_="polars"), run.diagnostics(as_="polars"), trained.frame("polars")]
    assert all(isinstance(frame, polars.DataFrame) for frame in frames)
    assert [len(frame) for frame in frames] == [1, 12, 2, 12] and frames[1]["loss"].to_list() == trained.losses.tolist()
    w = run.parameters(o)
    assert all((w[name] == trained.parameters[name]).all() for name in PARAMS)
    with pytest.raises(onedge.ArgumentError, match="an objective"):
        run.parameters(3)
