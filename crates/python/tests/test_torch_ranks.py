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
    multiprocessing.set_forkserver_preload(["torch", "onedge.torch", __name__, getattr(work, "func", work).__module__])
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


SETTINGS = {
    "tuned": {},
    "edge": {"base": "gd", "tuner": "cdat", "preset": "paper", "sigma": 1.0},
    "armijo": {"base": "momentum", "tuner": "armijo", "full_batch": True},
    "clipped": {"base": "adamw", "max_grad_norm": 0.05, "every": 2},
}


def trajectory(model, settings, x, y, parts=1):
    """Rates and mean losses of some steps, and the parameters afterwards."""
    optimizer = onedge.torch.Tuned(model.parameters(), **settings)
    numbers = []
    for _ in range(12):
        chunks = list(zip(x.chunk(parts), y.chunk(parts)))
        for part_x, part_y in chunks[:-1]:
            optimizer.accumulate(F.cross_entropy(model(part_x), part_y))
        last_x, last_y = chunks[-1]
        optimizer.step(lambda: F.cross_entropy(model(last_x), last_y))
        numbers += [optimizer.report.loss, optimizer.learning_rate]
    return torch.tensor(numbers, dtype=torch.float64), flat(list(model.parameters()))


def trained(rank, processes):
    found = {}
    x, y = part(batch(), rank, processes)
    for name, settings in SETTINGS.items():
        found[name] = trajectory(nn.parallel.DistributedDataParallel(network()), settings, x, y)
    found["in parts"] = trajectory(nn.parallel.DistributedDataParallel(network()), {"every": 1, "base": "gd"}, x, y, parts=2)
    found["unused"] = trajectory(nn.parallel.DistributedDataParallel(Unused(), find_unused_parameters=True), {}, x, y)
    # One process sees what is not finite: all of them say so, and none waits for another.
    model = nn.parallel.DistributedDataParallel(network())
    optimizer = onedge.torch.Tuned(model.parameters())
    before = flat(list(model.parameters()))
    try:
        optimizer.step(lambda: F.cross_entropy(model(x * (float("inf") if rank else 1.0)), y))
    except onedge.NonFiniteError as error:
        found["not finite"] = str(error), torch.equal(before, flat(list(model.parameters())))
    alone = network()
    with torch.no_grad():
        alone[0].bias += rank
    try:
        onedge.torch.Tuned(alone.parameters()).step(lambda: F.cross_entropy(alone(x), y))
    except onedge.StateError as error:
        found["others"] = str(error)
    onedge.torch.Tuned(alone.parameters(), group=False).step(lambda: F.cross_entropy(alone(x), y))
    return found


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.other = network(), nn.Linear(2, 2).double()

    def forward(self, x):
        return self.used(x)


@pytest.mark.parametrize("processes", [2, 3])
def test_training_goes_the_way_of_one_process(processes, tmp_path):
    found = run(trained, processes, tmp_path)
    for name, settings in SETTINGS.items():
        numbers, parameters = trajectory(network(), settings, *batch())
        for theirs in found:
            torch.testing.assert_close(theirs[name][0], numbers, rtol=1e-6, atol=1e-9)
            torch.testing.assert_close(theirs[name][1], parameters, rtol=1e-6, atol=1e-9)
            assert torch.equal(theirs[name][1], found[0][name][1])
    assert all(torch.equal(theirs["in parts"][1], found[0]["in parts"][1]) for theirs in found)
    used, _ = trajectory(network(), {}, *batch())
    for theirs in found:
        torch.testing.assert_close(theirs["unused"][0], used, rtol=1e-6, atol=1e-9)
        told, same = theirs["not finite"]
        assert "expected a finite number" in told and same
        assert "expected the same in all processes" in theirs["others"]
