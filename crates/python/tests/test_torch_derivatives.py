"""Derivatives by double backward from one forward pass, against the dense Hessian, and what is refused instead of being wrong."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn
from torch.nn import functional as F

import onedge
from onedge.torch._derivatives import Point, dot, scalars, square, trainable

torch.set_num_threads(1)


class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.tanh()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (1 - x.tanh() ** 2)


class OfOutput(Tanh):
    @staticmethod
    def forward(ctx, x):
        y = x.tanh()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (1 - y**2)


class Once(Tanh):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (1 - x.tanh() ** 2)


class Detached(Tanh):
    @staticmethod
    def forward(ctx, x):
        ctx.y = x.tanh().detach()
        return x.tanh()

    @staticmethod
    def backward(ctx, g):
        return g * (1 - ctx.y**2)


class Doubled(torch.autograd.Function):
    """Linear, and keeps no tensor."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g


class Masked(torch.autograd.Function):
    """Linear, and keeps a tensor."""

    @staticmethod
    def forward(ctx, x, mask):
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0], None


class Apply(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def problem(*middle, dtype=torch.float64, inputs=None):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), *middle, nn.Linear(4, 2)).to(dtype)
    x, y = torch.randn(5, 3, dtype=torch.float64).to(dtype), torch.tensor([0, 1, 1, 0, 1])
    return model, lambda: F.cross_entropy(model(x), y)


def dense(model, loss):
    """The Hessian by differences of the gradient, in double precision: to about 1e-9."""
    parameters = list(model.parameters())
    sizes = [p.numel() for p in parameters]

    def gradient():
        return torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss(), parameters)])

    w = torch.cat([p.detach().reshape(-1) for p in parameters])

    def move(to):
        with torch.no_grad():
            for p, part in zip(parameters, to.split(sizes)):
                p.copy_(part.view_as(p))

    columns, h = [], 3e-4
    for i in range(len(w)):
        parts = []
        for k in (-2, -1, 1, 2):
            away = w.clone()
            away[i] += k * h
            move(away)
            parts.append(gradient())
        columns.append((parts[0] - 8 * parts[1] + 8 * parts[2] - parts[3]) / (12 * h))
    move(w)
    return torch.stack(columns)


def draws(parameters, seed=1):
    torch.manual_seed(seed)
    return [torch.randn_like(p) for p in parameters]


def flat(tensors):
    return torch.cat([t.reshape(-1) for t in tensors])


@pytest.mark.parametrize("middle", [[nn.Tanh()], [nn.LayerNorm(4), nn.GELU()], [nn.BatchNorm1d(4), nn.Tanh()], [Apply(Tanh.apply)], [Apply(OfOutput.apply)]], ids=str)
@pytest.mark.parametrize("ahead", [True, False])
def test_everything_agrees_with_the_dense_hessian(middle, ahead):
    model, loss = problem(*middle)
    parameters = trainable(model.parameters())
    hessian = dense(model, loss)
    u, v = draws(parameters), draws(parameters, 2)
    point = Point(loss(), parameters, ahead=ahead)
    g = torch.autograd.grad(loss(), parameters)
    assert torch.allclose(flat(point.gradients), flat(g), rtol=0, atol=1e-15)
    slope, square_, curvature = scalars(point.slope(u), square(u), point.curvature(u))
    assert slope == pytest.approx(float(flat(g) @ flat(u)), rel=1e-13)
    assert square_ == pytest.approx(float(flat(u) @ flat(u)), rel=1e-13)
    assert curvature == pytest.approx(float(flat(u) @ hessian @ flat(u)), rel=1e-8)
    assert torch.allclose(flat(point.hessian_vector(v, last=True)), hessian @ flat(v), rtol=0, atol=1e-8)
    with pytest.raises(onedge.StateError, match="freed"):
        point.hessian_vector(v)


def test_gauss_newton_products():
    model, _ = problem(nn.Tanh())
    x, y = torch.randn(5, 3, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 1])
    parameters = trainable(model.parameters())
    v = draws(parameters)
    outputs = model(x)
    product = flat(Point(F.cross_entropy(outputs, y), parameters, outputs=outputs).gauss_newton_vector(v))
    jacobian = torch.autograd.functional.jacobian(lambda *w: torch.func.functional_call(model, dict(zip(dict(model.named_parameters()), w)), x).reshape(-1), tuple(parameters))
    jacobian = torch.cat([j.reshape(10, -1) for j in jacobian], 1)
    inner = torch.autograd.functional.hessian(lambda z: F.cross_entropy(z.view(5, 2), y), outputs.detach().reshape(-1))
    assert torch.allclose(product, jacobian.T @ inner @ jacobian @ flat(v), rtol=0, atol=1e-13)
    with pytest.raises(onedge.ArgumentError, match="outputs="):
        Point(F.cross_entropy(model(x), y), parameters).gauss_newton_vector(v)


@pytest.mark.parametrize("function", [Once, Detached])
def test_rules_without_a_graph_are_refused(function):
    model, loss = problem(Apply(function.apply))
    parameters = trainable(model.parameters())
    with pytest.raises(onedge.UnsupportedError, match=f"`{function.__name__}`.*without a graph"):
        Point(loss(), parameters)
    point = Point(loss(), parameters, ahead=False)
    assert torch.isfinite(point.slope(draws(parameters)))
    with pytest.raises(onedge.UnsupportedError, match="without a graph"):
        point.curvature(draws(parameters))


def test_functions_named_as_linear_are_taken_as_such():
    mask = torch.tensor([1.0, 0.0, 2.0, 1.0], dtype=torch.float64)
    model, loss = problem(Apply(lambda x: Masked.apply(x, mask)), nn.Tanh())
    parameters = trainable(model.parameters())
    with pytest.raises(onedge.UnsupportedError, match="linear="):
        Point(loss(), parameters)
    u = draws(parameters)
    for linear in ([Masked], ["Masked"]):
        curvature = Point(loss(), parameters, linear=linear).curvature(u)
        assert float(curvature) == pytest.approx(float(flat(u) @ dense(model, loss) @ flat(u)), rel=1e-8)
    # Whoever keeps nothing is linear.
    model, loss = problem(Apply(Doubled.apply), nn.Tanh())
    parameters = trainable(model.parameters())
    assert float(Point(loss(), parameters).curvature(u)) == pytest.approx(float(flat(u) @ dense(model, loss) @ flat(u)), rel=1e-8)


def test_unused_and_linear_parameters():
    a, b, c = (torch.randn(3, dtype=torch.float64, requires_grad=True) for _ in range(3))
    point = Point((a**3).sum() + 2 * b.sum(), [a, b, c])
    u = draws([a, b, c])
    assert point.gradients[2] is None and torch.equal(point.gradients[1], torch.full((3,), 2.0, dtype=torch.float64))
    assert float(point.curvature(u)) == pytest.approx((6 * a * u[0] ** 2).sum().item())
    assert torch.equal(point.hessian_vector(u)[2], torch.zeros(3, dtype=torch.float64))
    assert float(Point(2 * b.sum(), [a, b, c]).curvature(u)) == 0.0


def test_sparse_gradients():
    torch.manual_seed(0)
    places, y = torch.randint(0, 7, (9, 3)), torch.randint(0, 4, (9,))
    values = []
    for sparse in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Embedding(7, 2, sparse=sparse), nn.Flatten(), nn.Tanh(), nn.Linear(6, 4)).double()
        parameters = trainable(model.parameters())
        u = draws(parameters)
        point = Point(F.cross_entropy(model(places), y), parameters)
        assert (point.gradients[0].layout is torch.sparse_coo) == sparse
        values.append([*scalars(point.slope(u), square(point.gradients), point.curvature(u)), square(point.hessian_vector(u)).item()])
    assert values[1] == pytest.approx(values[0], rel=1e-12)


def test_half_precision_is_added_up_in_single():
    a = [torch.full((100_000,), 0.1, dtype=torch.bfloat16)]
    assert float(square(a)) == pytest.approx(100_000 * float(a[0][0]) ** 2, rel=1e-4)
    model, loss = problem(nn.Tanh())
    parameters = trainable(model.parameters())
    u = draws(parameters)
    exact = float(Point(loss(), parameters).curvature(u))
    half, loss = problem(nn.Tanh(), dtype=torch.bfloat16)
    assert float(Point(loss().float(), list(half.parameters())).curvature([t.bfloat16() for t in u])) == pytest.approx(exact, rel=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        model, loss = problem(nn.Tanh(), dtype=torch.float32)
        value = loss()
    assert float(Point(value, list(model.parameters())).curvature([t.float() for t in u])) == pytest.approx(exact, rel=0.1)


def test_mixed_precision_of_parameters():
    a, b = torch.randn(3, dtype=torch.float64, requires_grad=True), torch.randn(3, requires_grad=True)
    point = Point((a * b).prod(), [a, b])
    u = draws([a, b])
    t = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    along = ((a.detach() + t * u[0]) * (b.detach().double() + t * u[1].double())).prod()
    (first,) = torch.autograd.grad(along, t, create_graph=True)
    assert float(point.curvature(u)) == pytest.approx(float(torch.autograd.grad(first, t)[0]), rel=1e-5)
    assert dot([a], [None]).item() == 0.0


def test_what_is_wrong_with_a_loss_is_said():
    model, loss = problem(nn.Tanh())
    parameters = trainable(model.parameters())
    for given, message in ((3.0, "got float; return the loss itself"), (loss().detach(), "without"), (model(torch.zeros(2, 3, dtype=torch.float64)), "shape \\(2, 2\\)")):
        with pytest.raises(onedge.ArgumentError, match=message):
            Point(given, parameters)
    used = loss()
    used.backward()
    with pytest.raises(onedge.StateError, match=r"leave out loss.backward\(\)"):
        Point(used, parameters)
    with pytest.raises(onedge.ArgumentError, match="at least one"):
        Point(loss(), [])
    with pytest.raises(onedge.UnsupportedError, match="view_as_real"):
        trainable([torch.zeros(2, dtype=torch.complex64, requires_grad=True)])


def test_what_pytorch_refuses_is_told_with_the_way_out():
    x = torch.randn(2, 4, 5, 3)
    layer = nn.Linear(3, 3)
    fused = lambda: F.scaled_dot_product_attention(layer(x), x, x).square().sum()
    with pytest.raises(onedge.UnsupportedError, match="SDPBackend.MATH"):
        Point(fused(), trainable(layer.parameters())).curvature(draws(layer.parameters()))
    again = lambda: torch.utils.checkpoint.checkpoint(lambda z: layer(z).tanh(), x.clone().requires_grad_(), use_reentrant=True).sum()
    # Where nothing trainable comes before, PyTorch itself would leave the gradient out without a word.
    for loss in (again(), torch.utils.checkpoint.checkpoint(layer, layer(x), use_reentrant=True).sum()):
        for ahead in (True, False):
            with pytest.raises(onedge.UnsupportedError, match="use_reentrant=False"):
                Point(loss, trainable(layer.parameters()), ahead=ahead)
