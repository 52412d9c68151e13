"""The spectrum of PyTorch models by their own derivatives: against dense Hessians in double precision and against the engine."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onedge.torch  # noqa: E402

torch.set_num_threads(1)
CRITERION = torch.nn.CrossEntropyLoss()


@pytest.fixture
def known():
    """A model, its batch, and its dense Hessian."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Tanh(), torch.nn.Linear(7, 3)).double()
    batch = torch.randn(40, 5).double(), torch.randint(0, 3, (40,))
    return model, batch, dense(model, lambda: CRITERION(model(batch[0]), batch[1]))


def dense(model, loss):
    parameters = [p for p in model.parameters() if p.requires_grad]
    flat = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss(), parameters, create_graph=True)])
    rows = [torch.autograd.grad(g, parameters, retain_graph=True, allow_unused=True, materialize_grads=True) for g in flat]
    return torch.stack([torch.cat([part.reshape(-1) for part in row]) for row in rows]).numpy()


def flat(tree):
    return torch.cat([part.reshape(-1) for part in tree.values()]).numpy()


def test_values_and_vectors_are_those_of_the_dense_hessian(known):
    model, batch, h = known
    values = np.linalg.eigvalsh(h)
    found = onedge.torch.sharpness(model, CRITERION, batch, k=3, tolerance=1e-8)
    assert found.converged and found.products <= 60
    np.testing.assert_allclose(found.values, values[::-1][:3], rtol=1e-8)
    assert float(found) == found.value == found.values[0]
    for value, bound, vector in zip(found.values, found.bounds, found.vectors):
        assert list(vector) == [name for name, _ in model.named_parameters()] and vector["0.weight"].shape == (7, 5)
        v = flat(vector)
        assert np.linalg.norm(v) == pytest.approx(1) and np.linalg.norm(h @ v - value * v) <= bound + 1e-12
    ends = onedge.torch.top(model, CRITERION, batch, k=2, which="both", tolerance=1e-6)
    largest, magnitude = values[::-1][:2], sorted(values, key=abs)[::-1][:2]
    np.testing.assert_allclose(ends.values, sorted({*largest, *magnitude})[::-1], rtol=1e-6)
    assert "products" in repr(found) and "<table" in found._repr_html_()


def test_the_engine_says_the_same(known):
    model, batch, _ = known
    o = onedge.torch.objective(model, CRITERION, batch)
    o.linearize(o.parameters())
    assert onedge.torch.sharpness(model, CRITERION, batch, tolerance=1e-6).value == pytest.approx(o.sharpness(tolerance=1e-6), rel=1e-6)
    g = onedge.torch.gauss_newton(model, CRITERION, batch, tolerance=1e-8)
    x, p = flat(g.vectors[0]), g.value
    np.testing.assert_allclose(o.gauss_newton_vector(x), p * x, atol=1e-6)
    by_function = onedge.torch.sharpness(model, lambda z, b: CRITERION(z, b[1]), batch, outputs=lambda m, b: m(b[0]), gauss_newton=True, tolerance=1e-8)
    assert by_function.value == pytest.approx(p, rel=1e-7)


def test_trace_and_density(known):
    model, batch, h = known
    for method in ("hutchinson", "hutch++"):
        found = onedge.torch.trace(model, CRITERION, batch, samples=60, relative_error=0.0, method=method)
        assert found.samples == 60 and abs(found.value - np.trace(h)) < 4 * found.standard_error
        assert found.standard_error < 0.4 * np.trace(h)
    # As many steps as dimensions: the density holds the moments of its random vectors, and so of the matrix in the mean.
    nodes = onedge.torch.density(model, CRITERION, batch, steps=20, vectors=30)
    assert nodes.shape == (600, 2) and nodes[:, 1].sum() == pytest.approx(1)
    second = (nodes[:, 0] ** 2 @ nodes[:, 1]) * len(h)
    assert second == pytest.approx((h**2).sum(), rel=0.3)
    assert nodes[-1, 0] <= np.linalg.eigvalsh(h)[-1] * (1 + 1e-9)


def test_many_parameters_are_sketched():
    """Beyond 4096 elements products are compared by sketches."""
    torch.manual_seed(1)
    model = torch.nn.Linear(1500, 4)
    x, y = torch.randn(30, 1500), torch.randn(30, 4)
    loss = torch.nn.MSELoss()
    exact = 2 * float((x**2).sum()) / 30 + 2
    found = onedge.torch.trace(model, loss, (x, y), samples=64, relative_error=0.0)
    assert abs(found.value - exact) < 4 * found.standard_error and found.standard_error < 0.1 * exact


def test_batches_are_weighted_by_their_examples(known):
    model, (x, y), h = known
    exact = np.linalg.eigvalsh(h)[-1]
    parts = [(x[:7], y[:7]), (x[7:28], y[7:28]), (x[28:], y[28:])]
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=16, shuffle=True)
    for batches in (parts, iter(parts), loader, [list(part) for part in parts]):
        assert onedge.torch.sharpness(model, CRITERION, batches, tolerance=1e-8).value == pytest.approx(exact, rel=1e-8)
    assert onedge.torch.sharpness(model, CRITERION, [x, y], tolerance=1e-8).value == pytest.approx(exact, rel=1e-8)
    by_name = onedge.torch.sharpness(model, lambda m, b: CRITERION(m(b["x"]), b["y"]), {"x": x, "y": y}, tolerance=1e-8)
    assert by_name.value == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize("optimizer", ["Adam", "AdamW", "NAdam", "RMSprop", "Adagrad", "Adamax", "SGD"])
def test_optimizers_are_preconditioners(known, optimizer):
    model, (x, y), _ = known
    steps = getattr(torch.optim, optimizer)(model.parameters(), lr=1e-3)
    for _ in range(3):
        steps.zero_grad()
        CRITERION(model(x), y).backward()
        before = [p.detach().clone() for p in model.parameters()]
        steps.step()
    h = dense(model, lambda: CRITERION(model(x), y))
    found = onedge.torch.sharpness(model, CRITERION, (x, y), preconditioner=steps, tolerance=1e-8)
    state, group = [steps.state[p] for p in model.parameters()], steps.param_groups[0]
    root = {
        "RMSprop": lambda s: s["square_avg"].sqrt() + group["eps"],
        "Adagrad": lambda s: s["sum"].sqrt() + group["eps"],
        "Adamax": lambda s: s["exp_inf"],
        "SGD": None,
    }.get(optimizer, lambda s: (s["exp_avg_sq"] / (1 - group["betas"][1] ** 3)).sqrt() + group["eps"])
    p = np.ones(len(h)) if root is None else torch.cat([root(s).reshape(-1) for s in state]).numpy()
    expected = np.linalg.eigvalsh(h / np.sqrt(np.outer(p, p)))[-1]
    assert found.value == pytest.approx(expected, rel=1e-7)
    # As it is, flat, by name and as a list.
    diagonal = torch.from_numpy(p)
    assert onedge.torch.sharpness(model, CRITERION, (x, y), preconditioner=diagonal, tolerance=1e-8).value == pytest.approx(expected, rel=1e-7)
    assert before[0].shape == (7, 5)


def test_warm_starts_find_the_same(known):
    model, batch, _ = known
    found = {k: onedge.torch.sharpness(model, CRITERION, batch, k=k) for k in (1, 3)}
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1e-2)
    h = dense(model, lambda: CRITERION(model(batch[0]), batch[1]))
    for k, warm in found.items():
        again = onedge.torch.sharpness(model, CRITERION, batch, k=k, warm_start=warm)
        np.testing.assert_allclose(again.values, np.linalg.eigvalsh(h)[::-1][:k], rtol=2e-3)
        assert again.converged


def test_nothing_of_the_model_is_changed():
    torch.manual_seed(3)
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.BatchNorm1d(6), torch.nn.Dropout(0.3), torch.nn.Linear(6, 2))
    x, y = torch.randn(32, 4), torch.randint(0, 2, (32,))
    pending = CRITERION(model(x), y)
    pending.backward(retain_graph=True)
    state, grads, generator = copy.deepcopy(model.state_dict()), [p.grad.clone() for p in model.parameters()], torch.get_rng_state()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=16, shuffle=True)
    values = [onedge.torch.sharpness(model, CRITERION, batch, max_products=100).values for batch in ((x, y), loader, (x, y))]
    assert values[0] == values[2]
    assert all(torch.equal(a, b) for a, b in zip(state.values(), model.state_dict().values()))
    assert all(torch.equal(a, p.grad) for a, p in zip(grads, model.parameters()))
    assert torch.equal(generator, torch.get_rng_state()) and model.training
    pending.backward()


def test_attention_and_frozen_parts():
    torch.manual_seed(4)
    model = torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    model.linear1.requires_grad_(False)
    x = torch.randn(3, 5, 8)
    loss = lambda m, batch: m(batch).square().mean() + m(batch)[0, 0, 0]
    found = onedge.torch.sharpness(model, loss, x)
    assert found.converged and "linear1.weight" not in found.vectors[0]
    double = model.double()
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        h = dense(double, lambda: loss(double, x.double()))
    assert found.value == pytest.approx(np.linalg.eigvalsh(h)[-1], rel=2e-3)


def test_half_precision_says_what_it_is_worth():
    torch.manual_seed(5)
    model = torch.nn.Linear(6, 1).bfloat16()
    x, y = torch.randn(64, 6).bfloat16(), torch.randn(64, 1).bfloat16()
    with pytest.warns(RuntimeWarning, match="precision"):
        found = onedge.torch.sharpness(model, torch.nn.MSELoss(), (x, y), tolerance=1e-6, max_products=20)
    exact = np.linalg.eigvalsh(2 * np.cov(x.float().T.numpy(), bias=True) + 2 * np.outer(*[x.float().mean(0).numpy()] * 2))[-1]
    assert not found.converged and abs(found.value - exact) < 0.1 * exact


def test_mistakes_are_told(known):
    model, batch, _ = known
    error = onedge.ArgumentError
    for arguments, options, kind, part in [
        ((lambda x: x, CRITERION, batch), {}, error, "Module"),
        ((model, 3, batch), {}, error, "criterion"),
        ((model, CRITERION, batch[0]), {}, error, "inputs, targets"),
        ((model, CRITERION, []), {}, error, "inputs, targets"),
        ((model, CRITERION, iter([])), {}, error, "none"),
        ((model, lambda m, b: m(b[0]), batch), {}, error, "one number"),
        ((model, torch.nn.Linear(3, 1), batch), {}, error, "criterion has trainable"),
        ((model, CRITERION, batch), {"k": 0}, error, "k: "),
        ((model, CRITERION, batch), {"tolerance": 2.0}, error, "tolerance"),
        ((model, CRITERION, batch), {"tolerance": "x"}, error, "tolerance"),
        ((model, CRITERION, batch), {"max_products": 0}, error, "max_products"),
        ((model, CRITERION, batch), {"warm_start": 3}, error, "warm_start"),
        ((model, CRITERION, batch), {"preconditioner": 3}, error, "preconditioner"),
        ((model, CRITERION, batch), {"preconditioner": -torch.ones(66)}, error, "positive"),
        ((model, CRITERION, batch), {"preconditioner": torch.optim.Adam(model.parameters())}, onedge.StateError, "take a step"),
        ((model, CRITERION, batch), {"preconditioner": torch.optim.LBFGS(model.parameters())}, onedge.UnsupportedError, "LBFGS"),
        ((model, CRITERION, batch), {"outputs": lambda m, b: m(b[0])}, error, "criterion"),
        ((model, lambda m, b: CRITERION(m(b[0]), b[1]), batch), {"gauss_newton": True}, error, "outputs"),
        ((model, CRITERION, batch), {"gauss_newton": 1}, error, "gauss_newton"),
        ((torch.nn.Linear(5, 3).requires_grad_(False), CRITERION, batch), {}, error, "trainable"),
        ((torch.nn.Linear(5, 3, device="meta"), CRITERION, batch), {}, error, "meta"),
    ]:  # fmt: skip
        with pytest.raises(kind, match=part):
            onedge.torch.sharpness(*arguments, **options)
    with pytest.raises(error, match="which"):
        onedge.torch.top(model, CRITERION, batch, which="smallest")
    with pytest.raises(error, match="warm_start"):
        onedge.torch.top(model, CRITERION, batch, which="both", warm_start=onedge.torch.sharpness(model, CRITERION, batch))
    with pytest.raises(error, match="another model"):
        onedge.torch.sharpness(torch.nn.Linear(5, 3).double(), CRITERION, batch, warm_start=onedge.torch.sharpness(model, CRITERION, batch))
    with pytest.raises(error, match="method"):
        onedge.torch.trace(model, CRITERION, batch, method="exact")
    with pytest.raises(onedge.NonFiniteError), torch.no_grad():
        model[0].weight.fill_(float("nan"))
        onedge.torch.sharpness(model, CRITERION, batch)
    # What the user's own functions raise passes through.
    with pytest.raises(ZeroDivisionError):
        onedge.torch.sharpness(torch.nn.Linear(2, 2), lambda m, b: 1 / 0, batch)
