"""Every model of the zoo against PyTorch's own derivatives."""

import pytest

torch = pytest.importorskip("torch")

from torch_reference import distances  # noqa: E402
from torch_zoo import ZOO  # noqa: E402

torch.set_num_threads(1)


def made(name):
    torch.manual_seed(0)
    return ZOO[name]()


@pytest.mark.parametrize("name", ZOO)
def test_loss_and_derivatives_are_pytorch_s(name):
    assert max(distances(*made(name))) < 1e-10


@pytest.mark.parametrize("name", ["resnet18_in_eval_mode", "gpt2", "lstm", "unet", "graph_network", "vision_transformer"])
def test_in_single_precision(name):
    assert max(distances(*made(name), dtype="f32")) < 1e-5
