"""Every model of the zoo against PyTorch's own derivatives."""

import pytest

torch = pytest.importorskip("torch")

import onedge.torch  # noqa: E402
from torch_reference import distances  # noqa: E402
from torch_zoo import ZOO  # noqa: E402

torch.set_num_threads(1)


# Batch norm of 3 or 4 values a channel, as deep stages of small images have, divides by deviations that may be near 0, layer after layer. Single
# precision is that much worse there in PyTorch, too: its own H v is 2e-5 to 3e-4 from that in double precision.
SINGLE = {"resnet18_in_train_mode": 5e-4, "resnet50": 1e-3, "shufflenet": 2e-4}


@pytest.mark.parametrize("name", ZOO)
def test_loss_and_derivatives_are_pytorch_s(name):
    torch.manual_seed(0)
    double, single = distances(*ZOO[name](), dtypes=(None, "f32"))
    assert double < 1e-10
    assert single < SINGLE.get(name, 1e-5)


def test_a_batch_norm_that_is_called_twice():
    torch.manual_seed(0)

    class Twins(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.norm = torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4)

        def forward(self, x):
            return self.norm(self.a(x)), self.norm(self.a(x.flip(1)))

    model, x = Twins().double(), torch.randn(8, 4, dtype=torch.float64)
    loss = lambda model, x: torch.nn.functional.cosine_similarity(*model(x)).mean()
    o = onedge.torch.objective(model, loss, x, dtype="f64")
    value, gradient = o.linearize(o.parameters())
    expected = loss(model, x)
    assert value == pytest.approx(expected.item(), rel=1e-12)
    expected = torch.cat([part.flatten() for part in torch.autograd.grad(expected, list(model.parameters()))])
    assert torch.allclose(torch.as_tensor(gradient), expected, rtol=1e-10, atol=1e-12)
