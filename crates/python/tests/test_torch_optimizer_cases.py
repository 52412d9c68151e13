"""What collections of optimizers for PyTorch ask of each of theirs, of tuned ones: that they minimise, take parameters in every form, and keep and give back their state."""

import copy
import gc
import pickle
import weakref

import pytest

torch = pytest.importorskip("torch")

from torch import nn
from torch.nn import functional as F

import onedge
from onedge.torch import CDAT, Tuned

torch.set_num_threads(1)

BASES = ["gd", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lion", torch.optim.NAdam, torch.optim.RAdam]


def rosenbrock(w):
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


@pytest.mark.parametrize("base", BASES, ids=str)
def test_a_valley_is_descended(base):
    w = torch.tensor([-1.5, 2.0], dtype=torch.float64, requires_grad=True)
    optimizer = Tuned([w], base, full_batch=True, steps=300)
    first = rosenbrock(w.detach()).item()
    for _ in range(300):
        optimizer.step(lambda: rosenbrock(w))
    assert rosenbrock(w.detach()).item() < 0.5 * first


@pytest.mark.parametrize("base", BASES, ids=str)
def test_two_classes_are_told_apart(base):
    torch.manual_seed(1)
    x = torch.cat([torch.randn(60, 2) - 1.5, torch.randn(60, 2) + 1.5])
    y = torch.cat([torch.zeros(60), torch.ones(60)])
    model = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 1))
    loss = lambda: F.binary_cross_entropy_with_logits(model(x)[:, 0], y)
    optimizer = Tuned(model.parameters(), base, steps=80)
    first = loss().item()
    for _ in range(80):
        optimizer.step(loss)
    assert loss().item() < 0.4 * first


@pytest.mark.parametrize("make", [CDAT, Tuned, lambda params: Tuned(params, tuner="greedy"), lambda params: Tuned(params, tuner={"name": "constant", "rate": 0.01})], ids=["cdat", "tuned", "greedy", "constant"])  # fmt: skip
def test_parameters_come_in_every_form(make):
    torch.manual_seed(0)
    for shapes in ([()], [(1,)], [(0,), (2,)], [(3, 2, 2, 2), (4,)]):
        tensors = [torch.randn(shape, requires_grad=True) for shape in shapes]
        for given in (tensors, iter(tensors), [{"params": tensors}], [{"params": tensors[0]}, {"params": tensors[1:]}] if tensors[1:] else tensors, [(f"w{k}", t) for k, t in enumerate(tensors)]):
            optimizer = make(given)
            optimizer.step(lambda: sum((t**2).sum() + t.sum() for t in tensors))
            assert all(torch.isfinite(t).all() for t in tensors)
    last = torch.randn(4, 3, 5, 5).to(memory_format=torch.channels_last).requires_grad_()
    make([last]).step(lambda: (F.conv2d(torch.ones(1, 3, 6, 6), last) ** 2).sum())
    assert last.is_contiguous(memory_format=torch.channels_last)
    turned = torch.randn(3, 4).t().detach().requires_grad_()
    before = turned.detach().clone()
    make([turned]).step(lambda: (turned**4).sum())
    assert not torch.equal(turned, before)


def test_nothing_to_train_is_said():
    with pytest.raises(ValueError, match="empty parameter list"):
        Tuned([])
    frozen = torch.zeros(3)
    optimizer = Tuned([frozen])
    other = torch.zeros(3, requires_grad=True)
    with pytest.raises(onedge.ArgumentError, match="unfreeze"):
        optimizer.step(lambda: (other**2).sum())
    w = torch.zeros(3, requires_grad=True)
    # A loss that has nothing to do with the parameters moves nothing.
    optimizer = Tuned([w])
    optimizer.step(lambda: ((other - 1) ** 2).sum())
    assert torch.equal(w, torch.zeros(3)) and w.grad is None


def test_a_minimum_is_left_where_it_is():
    for base in BASES:
        w = torch.zeros(3, requires_grad=True)
        optimizer = Tuned([w], base if base != "adamw" else {"name": "adamw", "decay": 0.1})
        for _ in range(3):
            optimizer.step(lambda: (w**2).sum())
        assert torch.equal(w, torch.zeros(3))


@pytest.mark.parametrize("base", BASES, ids=str)
def test_state_is_kept_and_given_back(base):
    torch.manual_seed(0)
    start = torch.randn(4, dtype=torch.float64)
    make = lambda: (w := start.clone().requires_grad_(), Tuned([{"params": [w]}], base))
    loss = lambda w: ((w - 1) ** 4).sum() + (w[0] * w[1]) ** 2
    w, optimizer = make()
    for _ in range(4):
        optimizer.step(lambda: loss(w))
    v, other = make()
    with torch.no_grad():
        v.copy_(w)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for _ in range(4):
        optimizer.step(lambda: loss(w))
        other.step(lambda: loss(v))
    # NAdam and RAdam load a part of their state in another precision.
    assert torch.equal(w, v) if isinstance(base, str) else torch.allclose(w, v, rtol=1e-5)
    saved = optimizer.state_dict()
    assert pickle.loads(pickle.dumps(saved))["param_groups"] == saved["param_groups"] and "state" in saved
    assert "lr" in repr(optimizer)


def test_groups_can_be_added():
    a, b = (torch.ones(2, requires_grad=True) for _ in range(2))
    optimizer = Tuned([a], "adam")
    loss = lambda: ((a - 3) ** 2).sum() + ((b + 2) ** 2).sum()
    optimizer.step(loss)
    assert torch.equal(b, torch.ones(2))
    optimizer.add_param_group({"params": [b], "lr_scale": 2.0})
    optimizer.step(loss)
    assert not torch.equal(b, torch.ones(2)) and optimizer.param_groups[1]["lr"] == 2 * optimizer.param_groups[0]["lr"]
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": [a]})


def test_hooks_are_called():
    w, called = torch.ones(2, requires_grad=True), []
    optimizer = Tuned([w])
    optimizer.register_step_pre_hook(lambda *_: called.append("before"))
    optimizer.register_step_post_hook(lambda *_: called.append("after"))
    optimizer.register_state_dict_post_hook(lambda *_: called.append("saved"))
    optimizer.step(lambda: (w**2).sum())
    optimizer.state_dict()
    assert called == ["before", "after", "saved"]


def test_nothing_is_kept_alive():
    w = torch.ones(2, requires_grad=True)
    optimizer = Tuned([w])
    gc.collect()
    gc.disable()
    try:
        for of_loss in (False, True):
            x = torch.ones(2)
            kept = weakref.ref(x)

            def loss(x=x):
                return ((w * x).exp()).sum()

            optimizer.step(loss() if of_loss else loss)
            del x, loss
            assert kept() is None
        gone = weakref.ref(w.grad)
        optimizer.zero_grad()
        assert gone() is None
    finally:
        gc.enable()


def test_the_loss_is_given_back():
    w = torch.ones(2, requires_grad=True)
    value = Tuned([w]).step(lambda: (w**2).sum())
    assert value.item() == 2.0 and not value.requires_grad
    with torch.no_grad():
        assert Tuned([w]).step(lambda: (w**2).sum()).requires_grad is False
