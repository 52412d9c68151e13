"""What a tuned step costs beside its derivatives: how often the host waits for the device, and how much memory beyond a double backward pass."""

import gc

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.overrides import TorchFunctionMode  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from onedge.torch import Tuned  # noqa: E402

torch.set_num_threads(1)

# Methods by which numbers come to the host, and operators by which PyTorch asks for them itself.
METHODS = {"tolist", "item", "numpy", "cpu", "equal", "allclose", "nonzero", "__bool__", "__float__", "__int__", "__index__", "__array__"}
OPERATORS = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default, torch.ops.aten.nonzero.default, torch.ops.aten.masked_select.default}


class Waits(TorchFunctionMode):
    """Counts the calls within that wait for a device, if tensors were on one."""

    def __init__(self):
        super().__init__()
        self.count, self.within, self.below = 0, False, Below(self)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if getattr(function, "__name__", "") not in METHODS or self.within:
            return function(*args, **(kwargs or {}))
        self.count, self.within = self.count + 1, True
        try:
            return function(*args, **(kwargs or {}))
        finally:
            self.within = False

    def __enter__(self):
        self.below.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self.below.__exit__(*error)


class Below(TorchDispatchMode):
    def __init__(self, waits):
        super().__init__()
        self.waits = waits

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        by_mask = function is torch.ops.aten.index.Tensor and any(index is not None and index.dtype is torch.bool for index in args[1])
        self.waits.count += (function in OPERATORS or by_mask) and not self.waits.within
        return function(*args, **(kwargs or {}))


def test_the_instrument_sees_what_waits():
    x = torch.tensor([1.0, 2.0])
    for waits in (x.tolist, lambda: x[0].item(), lambda: bool(x[0] > 0), lambda: float(x[1]), lambda: x.numpy(), lambda: torch.equal(x, x), lambda: x[x > 1], lambda: x.cpu()):
        with Waits() as counted:
            waits()
        assert counted.count == 1
    with Waits() as counted:
        torch._foreach_norm([x * 2])
    assert counted.count == 0


def small():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.1), nn.Tanh(), nn.Linear(8, 3)).double()
    x, y = torch.randn(32, 6).double(), torch.randint(0, 3, (32,))
    return model, lambda: F.cross_entropy(model(x), y)


CASES = {
    "cdat": {}, "every step": {"every": 1}, "the paper's": {"tuner": "cdat", "preset": "paper"}, "clipped": {"max_grad_norm": 0.1}, "greedy": {"tuner": "greedy"}, "full batch": {"full_batch": True},
    "barzilai-borwein": {"tuner": "barzilai-borwein"}, "hypergradient": {"tuner": {"name": "hypergradient", "rate": 0.01}}, "constant": {"tuner": {"name": "constant", "rate": 0.01}},
}  # fmt: skip


@pytest.mark.parametrize("base", ["gd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("case", CASES)
def test_the_host_waits_twice_a_step(base, case):
    model, loss = small()
    optimizer, evaluated = Tuned(model.parameters(), base, **CASES[case]), []
    closure = lambda: evaluated.append(1) or loss()
    for step in range(0, 40, 2):
        evaluated.clear()
        with Waits() as waits:
            optimizer.step(closure)
        # A loss that is tried out, as in the first steps of `cdat`, is one more, and so is a curvature out of turn.
        sudden = optimizer.report.curvature is not None and not optimizer.rule.expects_curvature(step)
        assert waits.count <= 1 + len(evaluated) + sudden
        assert len(evaluated) == 1 or step < 32
        with Waits() as waits:
            optimizer.step(loss())
        assert waits.count <= 2


@pytest.mark.parametrize("full_batch", [False, True])
def test_linesearches_wait_for_each_loss(full_batch):
    model, loss = small()
    optimizer, evaluated = Tuned(model.parameters(), "momentum", "armijo", full_batch=full_batch), []
    for _ in range(8):
        evaluated.clear()
        with Waits() as waits:
            optimizer.step(lambda: evaluated.append(1) or loss())
        # In full batch, also for whether the update leads downhill, before and after the momentum is forgotten.
        assert waits.count <= 1 + len(evaluated) + 2 * full_batch


def dense():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(128, 256), nn.GELU(), nn.Linear(256, 256), nn.GELU(), nn.Linear(256, 10))
    x, y = torch.randn(8, 128), torch.randint(0, 10, (8,))
    return model, lambda: F.cross_entropy(model(x), y)


def convolutions():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 128, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)
    model = nn.Sequential(*layers)
    x, y = torch.randn(4, 3, 6, 6), torch.randint(0, 10, (4,))
    return model, lambda: F.cross_entropy(model(x), y)


def peak(work) -> int:
    """The most bytes that are there at once during `work`, over what was there before, as PyTorch's allocator has it."""
    gc.collect()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        work()
    events = sorted((event.start_ns(), event.nbytes()) for event in profile.profiler.kineto_results.events() if event.name() == "[memory]")
    now = most = 0
    for _, change in events:
        now += change
        most = max(most, now)
    return most


@pytest.mark.parametrize("problem", [dense, convolutions])
def test_memory_is_that_of_a_double_backward_pass_and_two_vectors(problem):
    model, loss = problem()
    parameters = list(model.parameters())
    vector = sum(parameter.numel() * parameter.element_size() for parameter in parameters)
    along = [torch.randn_like(parameter) for parameter in parameters]

    def plain():
        gradients = torch.autograd.grad(loss(), parameters, create_graph=True)
        torch.autograd.grad(gradients, parameters, along)

    plain()
    double = peak(plain)
    assert double > 2 * vector
    cases = {"adam": {"every": 1}, "gd": {"tuner": "greedy"}, "adamw": {"every": 1, "max_grad_norm": 1e-3}, "momentum": {"tuner": "cdat", "preset": "paper"}}
    for base, settings in cases.items():
        optimizer = Tuned(parameters, base, **settings)
        for _ in range(2):
            optimizer.step(loss)
        assert peak(lambda: optimizer.step(loss)) - double < 2.05 * vector, base
        # The gradient of the step before is one of the two, if it was not clipped.
        optimizer.zero_grad()
        assert peak(lambda: optimizer.step(loss)) - double < (2.05 if "max_grad_norm" in settings else 1.05) * vector, base
