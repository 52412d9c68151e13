"""Monitors of loops of one's own: what they record, and that it is a run."""

import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onedge.torch  # noqa: E402

torch.set_num_threads(1)
CRITERION = torch.nn.MSELoss()


def problem():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1)).double()
    x = torch.randn(24, 3).double()
    return model, (x, x[:, :1].sin())


def hessian(model, batch):
    parameters = list(model.parameters())
    flat = torch.cat([g.reshape(-1) for g in torch.autograd.grad(CRITERION(model(batch[0]), batch[1]), parameters, create_graph=True)])
    rows = [torch.cat([part.reshape(-1) for part in torch.autograd.grad(g, parameters, retain_graph=True)]) for g in flat]
    return torch.stack(rows).numpy(), flat.detach().numpy()


def loop(model, batch, optimizer, monitor, steps):
    """Takes steps; the loss and the exact sharpness and alignment before each."""
    exact = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = CRITERION(model(batch[0]), batch[1])
        loss.backward()
        h, g = hessian(model, batch)
        values, vectors = np.linalg.eigh(h)
        exact.append((loss.item(), values[-1], values[-2], (g @ vectors[:, -1]) ** 2 / (g @ g)))
        monitor.step(optimizer, loss=loss)
        optimizer.step()
    return np.array(exact)


def test_gradient_descent_is_recorded_as_a_run(tmp_path):
    model, batch = problem()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with onedge.torch.Monitor(model, CRITERION, batch, every=3, folder=tmp_path / "runs" / "mine", count=2, tolerance=1e-6, steps=8) as monitor:
        exact = loop(model, batch, optimizer, monitor, 8)
        # While the loop goes on it is a run.
        assert onedge.runs(folder=tmp_path / "runs").frame(["name", "status"], as_="dict")["status"][0] == "running"
    columns = monitor.run.steps(as_="dict")
    np.testing.assert_allclose(columns["loss"], exact[:, 0], rtol=1e-12)
    assert list(columns["step"]) == list(range(8)) and set(columns["learning_rate"]) == {0.1}
    measured = monitor.run.diagnostics(as_="dict")
    assert list(measured["step"]) == [0, 3, 6]
    np.testing.assert_allclose(measured["sharpness"], exact[::3, 1], rtol=1e-6)
    np.testing.assert_allclose(measured["alignment"], exact[::3, 3], rtol=1e-2, atol=1e-5)
    history = monitor.history
    assert [entry["step"] for entry in history] == [0, 3, 6]
    assert history[1]["rate_x_sharpness"] == pytest.approx(0.1 * exact[3, 1], rel=1e-6)
    np.testing.assert_allclose(history[1]["eigenvalues"], exact[3, 1:3], rtol=1e-5)
    run = onedge.run("mine", folder=tmp_path / "runs")
    assert run["steps"] == 8 and run["parameters"] == 31 and run["optimizer"] == "gd"
    assert "done" in str(run["stop"]) or run["status"] in ("done", "finished")


def test_adam_has_a_preconditioned_sharpness(tmp_path):
    model, batch = problem()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    monitor = onedge.torch.Monitor(model, CRITERION, batch, every=2, folder=tmp_path / "adam", tolerance=1e-6)
    loop(model, batch, optimizer, monitor, 2)
    p = torch.cat([((optimizer.state[q]["exp_avg_sq"] / (1 - 0.999**2)).sqrt() + 1e-8).reshape(-1) for q in model.parameters()]).numpy()
    expected = np.linalg.eigvalsh(hessian(model, batch)[0] / np.sqrt(np.outer(p, p)))[-1]
    loop(model, batch, optimizer, monitor, 2)
    monitor.close()
    first, second = monitor.history
    assert "preconditioned_sharpness" not in first
    assert second["preconditioned_sharpness"] == pytest.approx(expected, rel=1e-5)
    assert second["rate_x_sharpness"] == pytest.approx(1e-2 * expected, rel=1e-5)


def test_batch_sharpness(tmp_path):
    model, (x, y) = problem()
    batches = [(x[:8], y[:8]), (x[8:16], y[8:16]), (x[16:], y[16:])]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    numbers = [hessian(model, batch) for batch in batches]
    expected = sum(g @ h @ g for h, g in numbers) / sum(g @ g for _, g in numbers)
    monitor = onedge.torch.Monitor(model, CRITERION, batches, every=1, batch_sharpness=True)
    loop(model, (x, y), optimizer, monitor, 2)
    monitor.close()
    assert monitor.history[0]["batch_sharpness"] == pytest.approx(expected, rel=1e-9)


def test_the_loop_takes_the_steps_that_it_took_without(tmp_path):
    results = []
    for watched in (False, True):
        torch.manual_seed(5)
        model = torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.BatchNorm1d(6), torch.nn.Dropout(0.5), torch.nn.Linear(6, 1))
        x = torch.randn(16, 3)
        optimizer = torch.optim.Adam(model.parameters())
        monitor = onedge.torch.Monitor(model, CRITERION, (x, x[:, :1]), every=2)
        for _ in range(5):
            optimizer.zero_grad()
            loss = CRITERION(model(x), x[:, :1])
            if watched:
                monitor.step(optimizer, loss=loss)
            loss.backward()
            optimizer.step()
        results.append([*model.state_dict().values(), loss.detach()])
    assert all(torch.equal(a, b) for a, b in zip(*results))


CRASH = """
import sys, torch, onedge.torch
torch.manual_seed(0)
model = torch.nn.Linear(3, 1)
x = torch.randn(8, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
monitor = onedge.torch.Monitor(model, torch.nn.MSELoss(), (x, x[:, :1]), every=1, folder=sys.argv[1], steps=100)
for step in range(5):
    monitor.step(optimizer, loss=1.0 + step)
    if step == 3 and sys.argv[2] == "raise":
        raise ValueError("no more data")
    if step == 3:
        import os
        os._exit(9)
"""


def test_a_loop_that_breaks_leaves_a_run(tmp_path):
    known = {}
    for how in ("raise", "exit"):
        subprocess.run([sys.executable, "-c", CRASH, tmp_path / how, how], capture_output=True, timeout=300)
        run = onedge.run(how, folder=tmp_path)
        known[how] = run["status"], list(run.steps(as_="dict")["loss"])
    assert known["raise"][1] == [1.0, 2.0, 3.0, 4.0] and "failed" in str(known["raise"][0])
    # Of a process that is gone the last step was still held.
    assert known["exit"][1] == [1.0, 2.0, 3.0] and known["exit"][0] not in ("running", "done", "finished")
    assert "no more data" in str(onedge.run("raise", folder=tmp_path)["stop"]) + (tmp_path / "raise" / "summary.json").read_text()


class Sink:
    def __init__(self):
        self.seen = []

    def add_scalar(self, name, value, step):
        self.seen.append((name, value, step))

    def log(self, values):
        self.seen.append(values)


def test_other_places_get_the_same_numbers():
    model, batch = problem()
    optimizer, board, run = torch.optim.SGD(model.parameters(), lr=0.1), Sink(), Sink()
    with onedge.torch.Monitor(model, CRITERION, batch, every=2, tensorboard=board, wandb=run) as monitor:
        loop(model, batch, optimizer, monitor, 3)
    sharpness = [(value, step) for name, value, step in board.seen if name == "onedge/sharpness"]
    assert sharpness == [(entry["sharpness"], entry["step"]) for entry in monitor.history] and len(sharpness) == 2
    assert len(run.seen) == 3 and "onedge/rate_x_sharpness" in run.seen[0]


def test_tensorboard_folder(tmp_path):
    pytest.importorskip("tensorboard")
    model, batch = problem()
    with onedge.torch.Monitor(model, CRITERION, batch, tensorboard=tmp_path / "board") as monitor:
        loop(model, batch, torch.optim.SGD(model.parameters(), lr=0.1), monitor, 1)
    assert any((tmp_path / "board").iterdir())


def test_mistakes_are_told(tmp_path):
    model, batch = problem()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    for options, part in [
        ({"every": 0}, "every"), ({"folder": 3}, "folder"), ({"folder": tmp_path / "full"}, "empty folder"), ({"count": 0}, "count"), ({"steps": -1}, "steps"),
        ({"batch_sharpness": True}, "several"), ({"wandb": True}, "wandb"), ({"tensorboard": 3}, "tensorboard"), ({"wandb": 3}, "wandb"), ({"tolerance": "x"}, "tolerance"),
    ]:  # fmt: skip
        with pytest.raises(onedge.ArgumentError, match=part):
            onedge.torch.Monitor(model, CRITERION, batch, **options)
    monitor = onedge.torch.Monitor(model, CRITERION, batch)
    with pytest.raises(onedge.ArgumentError, match="optimizer"):
        monitor.step(3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(onedge.ArgumentError, match="loss"):
        monitor.step(optimizer, loss="low")
    monitor.step(optimizer, loss=1.0, step=7)
    with pytest.raises(onedge.ArgumentError, match="8 or more"):
        monitor.step(optimizer, loss=1.0, step=7)
    with pytest.raises(onedge.StateError, match="folder"):
        monitor.run
    monitor.close()
    with pytest.raises(onedge.StateError, match="closed"):
        monitor.step(optimizer, loss=1.0)


def test_tuned_optimizers_are_known(tmp_path):
    model, batch = problem()
    optimizer = onedge.torch.CDAT(model.parameters(), base="adam", sigma=1.0)
    rates, losses = [], []
    with onedge.torch.Monitor(model, CRITERION, batch, every=2, folder=tmp_path / "tuned", tolerance=1e-6) as monitor:
        for step in range(4):
            if step == 2:
                # Known by now is what the second step left.
                states = [optimizer.state[q] for q in model.parameters()]
                p = torch.cat([((s["square"] / (1 - 0.999**2)).sqrt() + 1e-8).reshape(-1) for s in states]).numpy()
                expected = np.linalg.eigvalsh(hessian(model, batch)[0] / np.sqrt(np.outer(p, p)))[-1]
            monitor.step(optimizer)
            loss = optimizer.step(lambda: CRITERION(model(batch[0]), batch[1]))
            monitor.tell(loss)
            rates.append(optimizer.learning_rate), losses.append(loss.item())
    records = monitor.run.steps(as_="dict")
    np.testing.assert_allclose(records["learning_rate"], rates, rtol=1e-12)
    np.testing.assert_allclose(records["loss"], losses, rtol=1e-12)
    assert monitor.history[1]["preconditioned_sharpness"] == pytest.approx(expected, rel=1e-5)
    assert monitor.run["optimizer"] == "adam" and monitor.run["tuner"] == "cdat"
