"""Every tuner with every base in PyTorch takes the rates of the same tuner and optimizer in the engine: at the same parameters, over 60 steps, saved and loaded in the middle."""

import io
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onedge
import onedge.torch

torch.set_num_threads(1)

STEPS = 60
BASES = ["gd", {"name": "momentum", "beta": 0.8}, "nesterov", {"name": "rmsprop", "beta2": 0.9}, "adam", {"name": "adamw", "decay": 0.02, "decay_on": "matrices"}]
TUNERS = {
    "constant": {"rate": 0.01},
    "warmup-constant": {"rate": 0.01, "horizon": 50, "warmup": 0.2},
    "warmup-linear": {"rate": 0.01, "horizon": 60},
    "warmup-cosine": {"rate": 0.01, "horizon": 60},
    "exponential": {"rate": 0.01, "factor": 0.9, "period": 5},
    "step": {"rate": 0.01, "period": 20},
    "armijo": {},
    "wolfe": {},
    "sls": {"batches": 1},
    "pal": {},
    "greedy": {},
    "on-edge": {},
    "cdat": {"sigma": 1.1, "every": 8},
    "controlled": {},
    "polyak": {},
    "hypergradient": {"rate": 0.01},
    "adgd": {},
    "barzilai-borwein": {},
    "dog": {},
    "dowg": {},
    "sharpness": {"sigma": 1.2},
}
# They ask for what a loss of one's own does not tell.
REFUSED = ("gauss-newton", "trace", "frobenius", "batch-sharpness")
# The random vectors from which an eigenvalue is found are others in PyTorch.
RELATIVE = {"sharpness": 1e-3}
MORE = {
    "cdat, the paper's": ("cdat", {"preset": "paper", "sigma": 2.0, "beta": 0.9}),
    "cdat, every 4": ("cdat", {"preset": "paper", "sigma": 2.0, "beta": 0.9, "every": 4}),
}
CASES = {name: (name, settings) for name, settings in TUNERS.items()} | MORE


@pytest.fixture(scope="module")
def problem():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).double()
    x, y = torch.randn(8, 3).double(), torch.randn(8, 2).double()
    o = onedge.torch.objective(model, torch.nn.MSELoss(), (x, y), threads=1)
    return model, x, y, o, o.parameters()


def test_no_tuner_is_left_out():
    assert set(TUNERS) | set(REFUSED) == set(onedge.entries("tuner"))


@pytest.mark.parametrize("name", REFUSED)
def test_tuners_that_need_more_are_refused(problem, name):
    model, x, y, o, start = problem
    with pytest.raises(onedge.UnsupportedError, match=f"tuner: `{name}` asks for .*; take `cdat` or `sharpness`"):
        onedge.torch.Tuned(model.parameters(), "gd", name)
    if name != "gauss-newton":
        trained = onedge.train(o, start, optimizer="gd", tuner=onedge.tuner(name, sigma=1.0), steps=20, progress=False)
        assert trained.losses[-1] < trained.losses[0]


@pytest.mark.parametrize("base", BASES, ids=lambda base: base if isinstance(base, str) else base["name"])
@pytest.mark.parametrize("case", CASES)
def test_rates_are_those_of_the_engine(problem, case, base):
    model, x, y, o, start = problem
    name, settings = CASES[case]
    close = RELATIVE.get(name, 1e-9)
    points, records = [start], []

    def on_step(step):
        points.append(np.concatenate([np.asarray(values).reshape(-1) for values in step.parameters.values()]))
        records.append((step.loss, step.learning_rate))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", onedge.TrainingWarning)
        onedge.train(o, start, optimizer=base, tuner={"name": name, **settings}, steps=STEPS, on_step=on_step, progress=False, diverge_factor=1e300)
    parameters = list(model.parameters())
    sizes = [p.numel() for p in parameters]
    criterion = torch.nn.MSELoss()
    make = lambda: onedge.torch.Tuned(parameters, base, {"name": name, **settings}, full_batch=True, steps=STEPS, tried=0)
    optimizer = make()
    for step, (loss, rate) in enumerate(records):
        if step == len(records) // 2:
            saved = io.BytesIO()
            torch.save(optimizer.state_dict(), saved)
            saved.seek(0)
            optimizer = make()
            optimizer.load_state_dict(torch.load(saved, weights_only=True))
        with torch.no_grad():
            for p, values in zip(parameters, np.split(points[step], np.cumsum(sizes)[:-1])):
                p.copy_(torch.from_numpy(values).view_as(p))
        measured = optimizer.step(lambda: criterion(model(x), y)).item()
        assert measured == pytest.approx(loss, rel=1e-9, abs=1e-300)
        assert optimizer.learning_rate == pytest.approx(rate, rel=close, abs=1e-300), f"step {step}"
        assert optimizer.param_groups[0]["lr"] == optimizer.learning_rate
        moved = np.concatenate([p.detach().numpy().reshape(-1) for p in parameters])
        assert np.allclose(moved, points[step + 1], rtol=1e-9, atol=close * np.abs(points[step + 1] - points[step]).max())
    assert len(records) == STEPS
