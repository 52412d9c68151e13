"""What gave a wrong curvature in PyTorch without a word is refused, or not used."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import onedge  # noqa: E402
import onedge.torch  # noqa: E402
from onedge.torch._derivatives import Point, trainable  # noqa: E402
from test_torch_check import BATCH, Attention, By, Checkpointed, Detached, Once, Partly, Tanh, network  # noqa: E402

X, Y = BATCH


def curvature(model, x=X, y=Y):
    torch.manual_seed(2)
    parameters = trainable(model.parameters())
    u = [torch.randn_like(parameter) for parameter in parameters]
    return Point(F.cross_entropy(model(x), y), parameters).curvature(u).item()


@pytest.mark.parametrize(
    "middle, part",
    [
        (lambda: By(Once.apply), "`Once`.*once_differentiable"),
        (lambda: By(Detached.apply), "`Detached`.*detach"),
        (lambda: By(Partly.apply), "`Partly`"),
        (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(16, 16)), "weight_norm"),
        (Attention, "SDPBackend.MATH"),
        (lambda: Checkpointed(True), "use_reentrant=False"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_refused(middle, part):
    with pytest.raises(onedge.UnsupportedError, match=part):
        curvature(network(middle()))


def test_a_compiled_model_is_refused_with_the_way_out():
    plain = network(nn.Tanh())
    with pytest.raises(onedge.UnsupportedError, match="before torch.compile, or compile with backend='eager'"):
        curvature(torch.compile(plain, backend="aot_eager"))
    assert abs(curvature(torch.compile(plain, backend="eager")) - curvature(plain)) < 1e-4


def test_functions_that_are_right_are_as_without():
    assert abs(curvature(network(By(Tanh.apply))) - curvature(network(nn.Tanh()))) < 1e-4
    checkpointed = Checkpointed(False)
    assert abs(curvature(network(checkpointed)) - curvature(network(checkpointed.inner, nn.Tanh()))) < 1e-4


class LayerNorm(nn.Module):
    def forward(self, x):
        x = x - x.mean(-1, keepdim=True)
        return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt()


class BatchNorm(nn.Module):
    def forward(self, x):
        x = x - x.mean(0, keepdim=True)
        return x / (x.square().mean(0, keepdim=True) + 1e-5).sqrt()


@pytest.mark.parametrize("theirs, plain", [(nn.LayerNorm(16), LayerNorm()), (nn.BatchNorm1d(16), BatchNorm())])
def test_normalisation_is_as_written_out(theirs, plain):
    """Forward mode nested in itself is wrong through the layers of PyTorch; it is not used."""
    x = X.double()
    written = curvature(network(plain, nn.Tanh()).double(), x)
    ours = network(theirs, nn.Tanh()).double()
    ours[1].requires_grad_(False)
    assert abs(curvature(ours, x) - written) < 1e-9 * abs(written)


def test_no_difference_is_taken_across_a_kink():
    """The curvature through ReLU is that of the linear pieces, which differences of the gradient over some distance are not."""
    model = network(nn.ReLU(), nn.Linear(16, 16), nn.ReLU()).double()
    parameters = trainable(model.parameters())
    torch.manual_seed(2)
    u = [torch.randn_like(parameter) for parameter in parameters]
    x = X.double()
    with torch.no_grad():
        first = model[0](x)
        masks = [(first > 0).double()]
        masks.append((model[2](first * masks[0]) > 0).double())
    pieces = lambda: F.cross_entropy(model[4](model[2](model[0](x) * masks[0]) * masks[1]), Y)
    smooth = Point(pieces(), parameters).curvature(u).item()
    ours = Point(F.cross_entropy(model(x), Y), parameters).curvature(u).item()
    assert abs(ours - smooth) < 1e-12 * abs(smooth)

    def slope(step):
        with torch.no_grad():
            for parameter, part in zip(parameters, u):
                parameter += step * part
        value = Point(F.cross_entropy(model(x), Y), parameters).slope(u).item()
        with torch.no_grad():
            for parameter, part in zip(parameters, u):
                parameter -= step * part
        return value

    across = (slope(0.05) - slope(-0.05)) / 0.1
    assert abs(across - smooth) > 0.01 * abs(smooth)
