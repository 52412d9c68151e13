"""What cannot be done is said in one sentence, with the line of the model; and nothing but onedge's own exceptions comes out of wrong calls."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import onedge  # noqa: E402
import onedge.torch  # noqa: E402

X = torch.linspace(-1, 1, 12).reshape(4, 3)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))


class Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def branch(m, x):
    y = m(x).sum()
    if y > 0:
        return y
    return -y


def in_place(m, x):
    with torch.no_grad():
        m.a.weight.mul_(2)
    return m(x).sum()


def in_place_by_a_view(m, x):
    with torch.no_grad():
        m.b.bias[1:].view(2, 1)[0] = 0.5
    return m(x).sum()


def writes_into_detached(m, x):
    y = m(x)
    y.detach()[0] = 1.0
    return y.square().sum()


def sets_data(m, x):
    m.a.weight.data = 2 * m.a.weight.data
    return m(x).sum()


def writes_without_gradients(m, x):
    y = m(x)
    with torch.no_grad():
        y[0] = 1.0
    return y.square().sum()


UNSUPPORTED = {
    "under torch.no_grad": writes_without_gradients,
    "sorting": lambda m, x: torch.sort(m(x), 1)[0].sum(),
    "sorting by": lambda m, x: torch.topk(m(x), 2)[0].sum(),
    "sorting by values": lambda m, x: m(x).median(),
    "places of maxima": lambda m, x: (m(x) * m(x).argmax(1, keepdim=True)).sum(),
    "places of maxima of": lambda m, x: m(x).max(1)[1].sum() * m(x).sum(),
    "a branch": branch,
    "a branch or a size": lambda m, x: m(x)[: int(m(x).sum())].sum(),
    "_linalg_eigh": lambda m, x: torch.linalg.eigh(m(x).T @ m(x))[0].sum(),
    "cholesky": lambda m, x: torch.linalg.cholesky(m(x).T @ m(x) + torch.eye(3)).sum(),
    "_linalg_solve": lambda m, x: torch.linalg.solve(m(x).T @ m(x) + torch.eye(3), torch.ones(3)).sum(),
    "fft": lambda m, x: torch.fft.rfft(m(x)).abs().sum(),
    "complex": lambda m, x: torch.view_as_complex(m(x)[:, :2].contiguous()).abs().sum(),
    "complex number": lambda m, x: (m(x).to(torch.complex64)).abs().sum(),
    "atan2": lambda m, x: torch.atan2(m(x), m(x)).sum(),
    "lgamma": lambda m, x: torch.lgamma(m(x) ** 2 + 1).sum(),
    "erfinv": lambda m, x: torch.erfinv(m(x) * 0.1).sum(),
    "cumulative maximum": lambda m, x: torch.cumprod(m(x), 1).sum(),
    "derivative inside": lambda m, x: torch.autograd.grad(m(x).sum(), m.a.weight, create_graph=True)[0].sum(),
    "places that depend on parameters": lambda m, x: X[:, 0][m(x).abs().long().clamp(0, 3)].sum() * m(x).sum(),
    "scatter_reduce by": lambda m, x: torch.zeros(4, 3).scatter_reduce(0, torch.zeros(4, 3).long(), m(x), "amax").sum(),
    "writing twice": lambda m, x: m(x).index_put((torch.tensor([0, 0]),), torch.ones(2, 3) * m(x)[0]).sum(),
    "product over": lambda m, x: m(x).repeat(30, 1).prod(0).sum(),
    "the parameter `a.weight` in place": in_place,
    "writing into a detached": writes_into_detached,
    "setting `.data`": sets_data,
    "the parameter `b.bias` in place": in_place_by_a_view,
}


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_what_is_not_supported_is_said_with_its_line(what):
    model = Model()
    with pytest.raises(onedge.UnsupportedError) as raised:
        onedge.torch.objective(model, UNSUPPORTED[what], X)
    message = str(raised.value)
    assert what in message and "; " in message and "\n" not in message, message
    assert "test_torch_errors.py:" in message, message


def test_all_that_is_not_supported_is_told_at_once():
    told = onedge.explain(Model(), lambda m, x: torch.lgamma(m(x) ** 2 + 1).sum() + torch.erfinv(m(x) * 0.1).sum(), X)
    assert not told.supported and len(told.unsupported) == 2
    told = onedge.explain(Model(), lambda m, x: m(x).square().mean(), X)
    assert told.supported and told.parameters == 24 and not told.unsupported


@torch.no_grad()
def decorated(m, x):
    return m(x).exp()


def off(m, x):
    with torch.no_grad():
        one = m(x).exp()
        with torch.enable_grad():
            two = m(x).sin()
        three = two * 2
    with torch.inference_mode():
        four = m(x).cos()
    five = m(x).clone().detach_()
    torch.set_grad_enabled(False)
    six = m(x).tanh()
    torch.set_grad_enabled(True)
    seven = m(x).detach()
    seven[0] = 0.5
    eight = m(x).data.clone().mul_(m.a.bias.data)
    return sum((m(x) * part).sum() for part in (one, two, three, four, five, six, seven, eight, decorated(m, x))) + m(x).sum() * m(x).sum().item()


def off_in_pytorch(m, x):
    y = m(x).detach()
    seven = torch.cat([torch.full_like(y[:1], 0.5), y[1:]]) + y * m.a.bias.detach()
    return (m(x) * (seven + y.exp() + m(x).sin() + 2 * y.sin() + y.cos() + y + y.tanh() + y.exp() + y.sum())).sum()


def test_where_gradients_are_off_nothing_has_a_derivative():
    model = Model().double()
    x = X.double()
    o = onedge.torch.objective(model, off, x)
    w = o.parameters()
    v = np.linspace(-1, 1, w.size)
    ours = o.linearize(w)[1], o.hessian_vector(v)
    parameters = list(model.parameters())
    flat = lambda parts: torch.cat([part.reshape(-1) for part in parts])
    gradient = flat(torch.autograd.grad(off_in_pytorch(model, x), parameters, create_graph=True))
    product = flat(torch.autograd.grad(gradient @ torch.from_numpy(v), parameters))
    np.testing.assert_allclose(ours[0], gradient.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours[1], product.numpy(), rtol=1e-10, atol=1e-12)


def test_rules_of_the_user_are_noted():
    o = onedge.torch.objective(Model(), lambda m, x: Rounded.apply(m(x)).sum(), X)
    assert len(o.notes) == 1 and "`Rounded`" in o.notes[0] and "test_torch_errors.py:" in o.notes[0]


def hooked():
    model = Model()
    model.a.register_full_backward_hook(lambda *_: None)
    return model


def hooked_parameter():
    model = Model()
    model.a.weight.register_hook(lambda g: 2 * g)
    return model


loss = lambda m, x: m(x).square().mean()
mse = nn.MSELoss()


@pytest.mark.parametrize(
    "error, part, call",
    [
        (onedge.ArgumentError, "nn.Module", lambda: onedge.torch.objective(lambda x: x, loss, X)),
        (onedge.ArgumentError, "trainable", lambda: onedge.torch.objective(Model().requires_grad_(False), loss, X)),
        (onedge.ArgumentError, "trainable", lambda: onedge.torch.objective(nn.Flatten(), loss, X)),
        (onedge.ArgumentError, "bfloat16", lambda: onedge.torch.objective(Model().bfloat16(), loss, X)),
        (onedge.ArgumentError, "float16", lambda: onedge.torch.objective(Model().half(), loss, X)),
        (onedge.ArgumentError, "meta", lambda: onedge.torch.objective(Model().to("meta"), loss, X)),
        (onedge.ArgumentError, "meta", lambda: onedge.torch.objective(Model(), loss, X.to("meta"))),
        (onedge.ArgumentError, "dense", lambda: onedge.torch.objective(Model(), loss, X.to_sparse())),
        (onedge.ArgumentError, "no shape yet", lambda: onedge.torch.objective(nn.LazyLinear(3), loss, X)),
        (onedge.ArgumentError, "one number", lambda: onedge.torch.objective(Model(), lambda m, x: m(x), X)),
        (onedge.ArgumentError, "one number", lambda: onedge.torch.objective(Model(), lambda m, x: 3.0, X)),
        (onedge.ArgumentError, "one number", lambda: onedge.torch.objective(Model(), lambda m, x: (m(x).sum(), m(x).sum()), X)),
        (onedge.ArgumentError, "depends on trainable", lambda: onedge.torch.objective(Model(), lambda m, x: x.sum(), X)),
        (onedge.ArgumentError, "inputs, targets", lambda: onedge.torch.objective(Model(), mse, X)),
        (onedge.ArgumentError, "function", lambda: onedge.torch.objective(Model(), None, X)),
        (onedge.ArgumentError, "dtype", lambda: onedge.torch.objective(Model(), loss, X, dtype="bf16")),
        (onedge.ArgumentError, "dtype", lambda: onedge.torch.objective(Model(), loss, X, dtype=torch.float64)),
        (onedge.ArgumentError, "finite", lambda: onedge.torch.objective(Model(), loss, X * np.nan)),
        (onedge.ArgumentError, "l2", lambda: onedge.torch.objective(Model(), loss, X, l2=-1)),
        (onedge.ArgumentError, "mode", lambda: onedge.torch.objective(Model(), loss, X, mode="chunks")),
        (onedge.ArgumentError, "criterion has trainable", lambda: onedge.torch.objective(Model(), Model(), (X, X))),
        (onedge.ArgumentError, "numbers", lambda: onedge.torch.objective(Model(), loss, np.array(["a", "b"]))),
        (onedge.ArgumentError, "indices below 3, got 3", lambda: onedge.torch.objective(Model(), nn.CrossEntropyLoss(), (X, torch.tensor([0, 1, 2, 3])))),
        (onedge.UnsupportedError, "backward hook of `a`", lambda: onedge.torch.objective(hooked(), loss, X)),
        (onedge.UnsupportedError, "hook of the parameter `a.weight`", lambda: onedge.torch.objective(hooked_parameter(), loss, X)),
        (onedge.UnsupportedError, "TorchScript", lambda: onedge.torch.objective(torch.jit.trace(Model(), X), loss, X)),
        (onedge.UnsupportedError, "cannot trace", lambda: onedge.torch.objective(Model(), loss, torch.ones(4, 5))),
        (onedge.UnsupportedError, "cannot trace", lambda: onedge.torch.objective(Model(), lambda m, x: m(x).numpy().sum(), X)),
    ],
)
def test_wrong_losses_are_named(error, part, call):
    with pytest.raises(error, match=part) as raised:
        call()
    assert "\n" not in str(raised.value)


def test_the_model_stays_as_it_is():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2)).train()
    model[0].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    generator, modes = torch.get_rng_state(), [module.training for module in model.modules()]
    o = onedge.torch.objective(model, mse, (X, torch.zeros(4, 2)))
    o.linearize(o.parameters())
    assert torch.equal(generator, torch.get_rng_state()) and modes == [module.training for module in model.modules()]
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())


def test_vectors_come_back_in_the_form_given():
    model = Model()
    model.b.weight = model.a.weight  # tied: once
    o = onedge.torch.objective(model, loss, X)
    assert o.dim == 15 and o.dtype == "f32"
    w = o.parameters()
    value, flat = o.linearize(w)
    named, tensor, listed = dict(model.named_parameters()), torch.from_numpy(w), list(model.parameters())
    for form in (named, tensor, listed, tuple(listed), model.parameters(), w.astype(np.float64), tensor.double(), w[::-1][::-1]):
        again, gradient = o.linearize(form)
        parts = list(gradient.values()) if isinstance(gradient, dict) else gradient if isinstance(gradient, (list, tuple)) else [gradient]
        assert again == value and np.array_equal(np.concatenate([np.asarray(part).reshape(-1) for part in parts]), flat)
    assert set(o.hessian_vector(named)) == {"a.weight", "a.bias", "b.bias"} and isinstance(o.hessian_vector(tensor), torch.Tensor)
    assert o.unflatten(w)["a.bias"].shape == (3,)
    expected = torch.autograd.grad(loss(model, X), list(model.parameters()))
    np.testing.assert_allclose(flat, torch.cat([part.reshape(-1) for part in expected]), rtol=1e-5, atol=1e-7)
    o.load(0.5 * w)
    np.testing.assert_array_equal(o.parameters(), 0.5 * w)


def test_wrong_calls_raise_only_our_own():
    o = onedge.torch.objective(Model(), loss, X)
    good = o.parameters()
    tensor = torch.from_numpy(good)
    strange = [
        None, 3, "w", [], {}, {"w": 1.0}, {"a.weight": tensor}, good[:5], np.zeros(25), np.zeros((2, 12)), tensor[:5], tensor.reshape(4, 6), tensor.to("meta"),
        tensor.bfloat16(), tensor.half(), tensor.long(), tensor.bool(), tensor.to(torch.complex64), tensor.to_sparse(), tensor * np.nan, tensor * np.inf,
        torch.zeros(0), torch.zeros(48)[::2], tensor.clone().requires_grad_(), np.array(["a"] * 24), np.array([None] * 24), np.zeros(24, complex),
        [tensor] * 4, list(Model().parameters())[:3], {1: tensor}, object(), (tensor,), list(good), memoryview(good), iter([tensor]), dict(Model().state_dict()),
        {**dict(Model().named_parameters()), "a.bias": None}, {**dict(Model().named_parameters()), "a.bias": torch.zeros(4)}, np.full(24, 1e300), float("nan"),
    ]  # fmt: skip
    for method in (o.loss, o.linearize, o.curvature, o.hessian_vector, o.gauss_newton_vector, o.flatten, o.unflatten, o.load, o.replace):
        for value in strange:
            try:
                o.linearize(good)
                method(value)
            except onedge.Error as error:
                assert "\n" not in str(error)
    assert np.isfinite(o.loss(good))
    o.close()
    with pytest.raises(onedge.StateError):
        o.loss(good)


def gauss_newton(outputs, loss, parameters, v):
    """`J' B J v` by PyTorch."""
    flat = lambda parts: torch.cat([part.reshape(-1) for part in parts])
    z = outputs()
    dummy = torch.zeros_like(z, requires_grad=True)
    pulled = flat(torch.autograd.grad(z, parameters, dummy, create_graph=True))
    moved = torch.autograd.grad(pulled @ v, dummy, retain_graph=True)[0]
    free = z.detach().requires_grad_()
    slope = torch.autograd.grad(loss(free), free, create_graph=True)[0]
    bent = torch.autograd.grad((slope * moved.detach()).sum(), free)[0]
    return flat(torch.autograd.grad(z, parameters, bent))


@pytest.mark.parametrize("told", [False, True])
def test_gauss_newton_products(told):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(16, 3)).double()
    x, y = torch.randn(6, 2, 4, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2])
    if told:
        o = onedge.torch.objective(model, lambda z, batch: F.cross_entropy(z, batch[1]), (x, y), outputs=lambda model, batch: model(batch[0]))
    else:
        o = onedge.torch.objective(model, nn.CrossEntropyLoss(), (x, y))
    v = torch.randn(o.dim, dtype=torch.float64)
    o.linearize(o.parameters())
    expected = gauss_newton(lambda: model(x), lambda z: F.cross_entropy(z, y), list(model.parameters()), v)
    np.testing.assert_allclose(o.gauss_newton_vector(v), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("mode", ["auto", "mean", "whole"])
def test_other_batches_without_planning_anew(mode):
    torch.manual_seed(2)
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 64, 3))
    batches = [(torch.randn(2880, 1, 16, 16), torch.randint(0, 3, (2880,))) for _ in range(2)]
    o = onedge.torch.objective(model, nn.CrossEntropyLoss(), batches[0], mode=mode, threads=2)
    assert (o.parts > 1) == (mode != "whole"), o.why
    for x, y in [*batches, batches[0]]:
        o.replace((x, y))
        expected = F.cross_entropy(model(x), y)
        value, gradient = o.linearize(o.parameters())
        theirs = torch.autograd.grad(expected, list(model.parameters()))
        assert abs(value - expected.item()) < 1e-6
        np.testing.assert_allclose(gradient, torch.cat([part.reshape(-1) for part in theirs]), rtol=1e-3, atol=1e-6)
    with pytest.raises(onedge.ArgumentError, match="batch"):
        o.replace((x[:3], y[:3]))


def test_masks_are_those_that_the_model_would_draw():
    model = nn.Sequential(nn.Linear(3, 50), nn.Dropout(0.5), nn.Linear(50, 3))
    torch.manual_seed(5)
    o = onedge.torch.objective(model, mse, (X, X))
    w = o.parameters()
    first = o.loss(w)
    assert o.parts == 1 and "random" in o.why and abs(first - mse(model(X), X).item()) < 1e-6
    state = torch.get_rng_state()
    o.replace((X, X))
    second = o.loss(w)
    assert second != first
    torch.set_rng_state(state)
    assert abs(second - mse(model(X), X).item()) < 1e-6


def test_batch_norm_in_training_is_a_whole():
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    x = torch.randn(64, 3)
    assert "batch norm" in onedge.torch.objective(model, mse, (x, x)).why
