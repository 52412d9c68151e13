"""Processes that train one model together go the way of one process with the mean of their losses."""

import multiprocessing

import pytest

torch = pytest.importorskip("torch")

import torch.distributed as dist  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import onedge  # noqa: E402
import onedge.torch  # noqa: E402
from onedge.torch._derivatives import Point, trainable  # noqa: E402
from onedge.torch._distributed import Ranks, ranks  # noqa: E402

pytestmark = pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="a build of PyTorch without gloo")


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()


def batch(rows=24):
    draws = torch.Generator().manual_seed(1)
    return torch.randn(rows, 6, generator=draws, dtype=torch.float64), torch.randint(0, 3, (rows,), generator=draws)


def run(work, processes, folder):
    """Runs `work(rank, processes)` in processes with a group, and gives what each returned."""
    # Imported once; processes are forked of that.
    multiprocessing.set_forkserver_preload(["torch", "onedge.torch", __name__])
    torch.multiprocessing.start_processes(_begin, (work, processes, str(folder)), processes, start_method="forkserver")
    return [torch.load(folder / f"{rank}.pt") for rank in range(processes)]


def _begin(rank, work, processes, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/group", rank=rank, world_size=processes)
    torch.save(work(rank, processes), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def part(tensors, rank, processes):
    return [tensor.chunk(processes)[rank] for tensor in tensors]


def products(model, x, y, group=None):
    """Loss, gradient, `u . H u`, `H v` and a Gauss-Newton product at a point."""
    torch.manual_seed(3)
    parameters = trainable(model.parameters())
    u = [torch.randn_like(parameter) for parameter in parameters]
    outputs = model(x)
    point = Point(F.cross_entropy(outputs, y), parameters, outputs=outputs, ranks=group)
    return point.value, point.gradients, point.slope(u), point.curvature(u), point.hessian_vector(u), point.gauss_newton_vector(u)


def flat(found):
    return torch.cat([tensor.detach().double().reshape(-1) for part in found for tensor in (part if isinstance(part, list) else [part])])


class Half(nn.Module):
    """Of two layers each process uses one, and of a third none does."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(nn.Linear(6, 3).double() for _ in range(3))

    def forward(self, x, which):
        return self.layers[which](x)


def derivatives(rank, processes):
    """All that is tried with two processes, as each starts PyTorch anew."""
    found = {}
    model = nn.parallel.DistributedDataParallel(network())
    group = ranks("auto", model.parameters())
    group.check_same(list(model.parameters()))
    x, y = part(batch(), rank, processes)
    found["equal parts"] = flat(products(model, x, y, group))
    found["alone"] = flat(products(model, x, y))
    with model.no_sync():
        found["no_sync"] = flat(products(model, x, y, group))
    cut = slice(0, 5) if rank else slice(5, None)
    found["other sizes"] = flat(products(model, *(tensor[cut] for tensor in batch()), group))

    half = Half()
    parameters = trainable(half.parameters())
    point = Point(F.cross_entropy(half(x, rank), y), parameters, ranks=group)
    found["unused"] = [gradient is None for gradient in point.gradients], flat([gradient for gradient in point.gradients if gradient is not None])

    bad = Point(F.cross_entropy(model(x * (float("nan") if rank else 1.0)), y), trainable(model.parameters()), ranks=group)
    found["nan"] = bad.value, bad.curvature([torch.ones_like(parameter) for parameter in model.parameters()])
    for name, work in (("differing", differing), ("sparse", sparse)):
        try:
            work(rank, group)
        except onedge.Error as error:
            found[name] = type(error).__name__, str(error)
    return found


def differing(rank, group):
    group.check_same([torch.full((3,), float(rank))])


def sparse(rank, group):
    model = nn.Embedding(5, 2, sparse=True)
    Point(model(torch.tensor([1, 2])).square().sum(), trainable(model.parameters()), ranks=group)


def test_derivatives_are_those_of_the_mean_loss(tmp_path):
    first, second = run(derivatives, 2, tmp_path)
    whole = flat(products(network(), *batch()))
    for name in ("equal parts", "no_sync"):
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], whole, rtol=1e-12, atol=1e-12)
    # By autograd.grad alone each process would have had its own.
    assert (first["alone"] - whole).abs().max() > 1e-2

    cuts = [flat(products(network(), *(tensor[cut] for tensor in batch()))) for cut in (slice(0, 5), slice(5, None))]
    torch.testing.assert_close(first["other sizes"], (cuts[0] + cuts[1]) / 2, rtol=1e-12, atol=1e-12)

    half, expected = Half(), []
    for rank in range(2):
        x, y = part(batch(), rank, 2)
        expected += torch.autograd.grad(F.cross_entropy(half(x, rank), y) / 2, list(half.layers[rank].parameters()))
    for found in (first, second):
        none, gradients = found["unused"]
        assert none == [False] * 4 + [True] * 2
        torch.testing.assert_close(gradients, flat(expected), rtol=1e-12, atol=1e-12)
        assert all(number.isnan() for number in found["nan"])
        assert found["differing"][0] == "StateError" and "expected the same in all processes" in found["differing"][1]
        assert found["sparse"][0] == "UnsupportedError" and "sparse=False" in found["sparse"][1]
