"""`onedge.torch.check` names what PyTorch differentiates twice wrongly, or not at all, and the module that it is in."""

import re
import warnings

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.autograd.function import once_differentiable  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

import onedge  # noqa: E402
import onedge.torch  # noqa: E402
from onedge.torch import _check  # noqa: E402


class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.tanh()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (1 - x.tanh() ** 2)


class Once(Tanh):
    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (1 - x.tanh() ** 2)


class Detached(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.tanh()
        ctx.y = y.detach()
        return y

    @staticmethod
    def backward(ctx, gradient):
        return gradient * (1 - ctx.y**2)


class Partly(torch.autograd.Function):
    """`x sigmoid(x)`, whose backward knows one of two ways to x."""

    @staticmethod
    def forward(ctx, x):
        ctx.s = torch.sigmoid(x)
        ctx.save_for_backward(x)
        return x * ctx.s

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (ctx.s + x * ctx.s * (1 - ctx.s))


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Setup(torch.autograd.Function):
    """With `setup_context`, and right."""

    @staticmethod
    def forward(x, scale):
        return scale * x.exp()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.scale = inputs[1]

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.scale * ctx.saved_tensors[0].exp(), None


class By(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(16, 48)

    def forward(self, x):
        q, k, v = self.qkv(x).reshape(8, 4, 3, 16).permute(2, 0, 1, 3)
        return F.scaled_dot_product_attention(q, k, v).reshape(32, 16)


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.inner, self.reentrant = nn.Linear(16, 16), reentrant

    def forward(self, x):
        return checkpoint(lambda x: self.inner(x).tanh(), x, use_reentrant=self.reentrant)


def network(*middle):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 16), *middle, nn.Linear(16, 4))


torch.manual_seed(1)
BATCH = torch.randn(32, 12), torch.randint(0, 4, (32,))
CRITERION = nn.CrossEntropyLoss()


def hooked():
    model = network(nn.Tanh())
    model[2].weight.register_hook(lambda gradient: 2 * gradient)
    return model


FIT = {
    "tanh": lambda: network(nn.Tanh()),
    "relu in place": lambda: network(nn.ReLU(inplace=True), nn.Linear(16, 16), nn.ReLU(inplace=True)),
    "batch norm": lambda: network(nn.BatchNorm1d(16), nn.Tanh()),
    "batch norm in evaluation": lambda: network(nn.BatchNorm1d(16), nn.Tanh()).eval(),
    "layer norm": lambda: network(nn.LayerNorm(16), nn.GELU()),
    "a function": lambda: network(By(Tanh.apply)),
    "a function with setup_context": lambda: network(By(lambda x: Setup.apply(x, 0.5))),
    "checkpoint": lambda: network(Checkpointed(False)),
    "hook that looks": lambda: _with(network(nn.Tanh()), lambda model: model[0].register_full_backward_hook(lambda *_: None)),
}


def _with(model, change):
    change(model)
    return model


@pytest.mark.filterwarnings("ignore:Full backward hook")
@pytest.mark.parametrize("name", FIT)
def test_models_that_are_fit(name):
    found = onedge.torch.check(FIT[name](), CRITERION, BATCH)
    assert found.fits and not found.modules, str(found)
    assert all(finding.verdict in ("holds", "note") for finding in found.findings)
    assert all(finding.error is None or finding.error < 1e-5 for finding in found.findings)
    assert str(found).startswith("fit for curvature; loss 1.")


# The model, what fails, the module at fault, and what is said.
UNFIT = {
    "once_differentiable": (lambda: network(By(Once.apply)), "functions", "1", "`Once`"),
    "saved detached": (lambda: network(nn.Linear(16, 16), By(Detached.apply)), "functions", "2", "detached"),
    "detached in part": (lambda: network(nn.ReLU(), nn.Sequential(nn.Identity(), By(Partly.apply))), "functions", "2.1", "`Partly`"),
    "detach in a module": (lambda: network(nn.ReLU(), nn.Sequential(nn.Tanh(), By(lambda x: x * x.sigmoid().detach()))), "differences", "2.1", "not the derivative"),
    "straight through": (lambda: network(By(lambda x: Straight.apply(3 * x))), "functions", "1", "not the derivative of its forward"),
    "a hook that changes": (hooked, "slope", "2", "not that of the loss"),
    "weight norm": (lambda: network(nn.utils.parametrizations.weight_norm(nn.Linear(16, 16))), "second derivatives", "1.parametrizations.weight.0", "weight_norm: .* is wrong"),
    "fused attention": (lambda: network(Attention()), "second derivatives", "1", "SDPBackend.MATH"),
    "re-entrant checkpoint": (lambda: network(Checkpointed(True)), "second derivatives", "1", "use_reentrant=False"),
    "hardsigmoid": (lambda: network(nn.Hardsigmoid()), "second derivatives", "1", "hardsigmoid"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_the_module_at_fault_is_named(name):
    model, what, module, text = UNFIT[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = onedge.torch.check(model(), CRITERION, BATCH)
    assert not found.fits and found.modules[0] == module, str(found)
    failing = [finding for finding in found.findings if finding.verdict == "fails"]
    assert what in [finding.what for finding in failing]
    assert re.search(text, str(found))
    assert "not fit for curvature, because of" in str(found) and "FAILS" in found._repr_html_()


def test_plain_weight_norm_is_fit():
    class Norm(nn.Module):
        def forward(self, g, v):
            return v * (g / v.norm(dim=1, keepdim=True))

        def right_inverse(self, w):
            return w.norm(dim=1, keepdim=True), w

    model = network(nn.Linear(16, 16))
    nn.utils.parametrize.register_parametrization(model[1], "weight", Norm())
    assert onedge.torch.check(model, CRITERION, BATCH).fits


def test_attention_is_fit_without_its_fused_kernels():
    assert onedge.torch.check(network(Attention()), CRITERION, BATCH, math_attention=True).fits


def test_a_compiled_model_is_checked_as_the_module_that_it_was():
    found = onedge.torch.check(torch.compile(network(nn.Tanh())), CRITERION, BATCH)
    assert found.fits and "compute the loss with that" in str(found)


def test_random_numbers_and_buffers_are_named():
    found = onedge.torch.check(network(nn.Tanh(), nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(16))), CRITERION, BATCH)
    assert found.fits and "random numbers are drawn in `2.0`" in str(found) and "`2.1.running_mean`" in str(found)


def test_losses_as_functions_and_single_precision_inside():
    class Single(nn.Module):
        def forward(self, x):
            return (x.float() @ torch.ones(16, 16)).tanh()

    found = onedge.torch.check(network(Single()), lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]), BATCH)
    assert found.fits and "in single precision, as the model cannot be computed in double" in str(found)
    found = onedge.torch.check(network(Single(), By(Partly.apply)), lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]), BATCH)
    assert not found.fits and found.modules == ["2"]


def test_a_loss_at_fault_is_told_from_the_model():
    found = onedge.torch.check(network(nn.Tanh()), lambda model, batch: (model(batch[0]) * model(batch[0]).sigmoid().detach()).sum(), BATCH)
    assert not found.fits and found.modules == [] and "what the loss does with them" in str(found)


def test_differences_across_kinks_are_not_taken_for_the_truth():
    """Kinks at every step: the second derivative is zero almost everywhere, as autograd has it, and no difference shows it."""

    class Zigzag(nn.Module):
        def forward(self, x):
            return sum((x * 10.0**power % 2 - 1).abs() / 10.0**power for power in range(10)) + x.tanh()

    found = onedge.torch.check(network(Zigzag()), CRITERION, BATCH)
    last = found.findings[-1]
    assert last.what == "differences" and last.verdict == "unknown" and "nothing can be said" in last.text, str(found)


def test_nothing_of_the_model_changes():
    model = network(nn.BatchNorm1d(16), nn.Dropout(0.5))
    model[0].weight.grad = torch.ones(16, 12)
    before, generator = {name: value.clone() for name, value in model.state_dict().items()}, torch.get_rng_state()
    onedge.torch.check(model, CRITERION, BATCH)
    assert torch.equal(generator, torch.get_rng_state()) and torch.equal(model[0].weight.grad, torch.ones(16, 12))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model[0].weight.dtype == torch.float32 and not model[0]._forward_hooks and "forward" in Once.__mro__[1].__dict__


@pytest.mark.parametrize(
    "part, call",
    [
        ("torch.nn.Module", lambda: onedge.torch.check(3, CRITERION, BATCH)),
        ("expected a function", lambda: onedge.torch.check(network(), None, BATCH)),
        ("inputs, targets", lambda: onedge.torch.check(network(), CRITERION, BATCH[0])),
        ("one number", lambda: onedge.torch.check(network(), lambda m, b: m(b[0]), BATCH)),
        ("one number", lambda: onedge.torch.check(network(), lambda m, b: 3.0, BATCH)),
        ("depends on the parameters", lambda: onedge.torch.check(network(), lambda m, b: m(b[0]).sum().detach(), BATCH)),
        ("trainable", lambda: onedge.torch.check(network().requires_grad_(False), CRITERION, BATCH)),
        ("math_attention", lambda: onedge.torch.check(network(), CRITERION, BATCH, math_attention="flash")),
        ("finite", lambda: onedge.torch.check(network(), lambda m, b: m(b[0]).sum() * float("nan"), BATCH)),
        ("raised RuntimeError", lambda: onedge.torch.check(network(), CRITERION, (torch.ones(3, 7), BATCH[1]))),
    ],
)
def test_misuse(part, call):
    with pytest.raises(onedge.ArgumentError, match=part) as raised:
        call()
    assert "\n" not in str(raised.value)


def test_each_operation_of_a_model_belongs_to_a_module():
    model = network(nn.Sequential(nn.Tanh(), nn.Linear(16, 16)))
    with _check.Makers(model) as makers:
        value = CRITERION(model(BATCH[0]), BATCH[1])
    owners = {node.name().rstrip("0").removesuffix("Backward"): makers.of(node) for node in _check.operations(value)}
    assert owners["Tanh"] == "1.0" and owners["NllLoss"] is None
