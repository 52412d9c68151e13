"""Every model of the zoo against PyTorch's own derivatives."""

import pytest

torch = pytest.importorskip("torch")

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
