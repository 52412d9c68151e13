"""Tuned optimizers in the loops that people have."""

import copy
import pickle
import warnings

import pytest

torch = pytest.importorskip("torch")

from torch import nn
from torch.nn import functional as F

import onedge
import onedge.torch
from onedge.torch import CDAT, Tuned

torch.set_num_threads(1)


def problem(*middle, seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 8), *(middle or [nn.Tanh()]), nn.Linear(8, 3)).to(dtype)
    x, y = torch.randn(32, 6, dtype=torch.float64).to(dtype), torch.randint(0, 3, (32,))
    return model, lambda: F.cross_entropy(model(x), y), (x, y)


def flat(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def run(optimizer, loss, steps=12):
    return [optimizer.step(loss).item() for _ in range(steps)]


@pytest.mark.parametrize("middle", [[nn.Tanh()], [nn.Dropout(0.3), nn.Tanh()], [nn.BatchNorm1d(8), nn.GELU()]], ids=str)
def test_a_loss_and_a_function_of_it_are_the_same_to_a_step(middle):
    ends = []
    for of_loss in (False, True):
        model, loss, _ = problem(*copy.deepcopy(middle))
        optimizer = CDAT(model.parameters(), preset="paper", sigma=1.0, beta=0.9, every=2)
        torch.manual_seed(5)
        for _ in range(12):
            optimizer.step(loss() if of_loss else loss)
        ends.append(torch.cat([flat(model), *(b.double().reshape(-1) for b in model.buffers())]))
    assert torch.equal(*ends)


def test_the_papers_rule_by_hand():
    model, loss, _ = problem()
    optimizer = CDAT(model.parameters(), "gd", 1.5, 0.5, 0.1, preset="paper")
    numerator = denominator = 0.0
    for _ in range(5):
        parameters = list(model.parameters())
        gradient = torch.autograd.grad(loss(), parameters, create_graph=True)
        product = torch.autograd.grad(sum((g * g.detach()).sum() for g in gradient), parameters)
        square, curvature = (sum((a.detach() * b.detach()).sum().item() for a, b in zip(gradient, other)) for other in (gradient, product))
        numerator, denominator = 0.5 * numerator + 0.5 * square, 0.5 * denominator + 0.5 * (abs(curvature) + 0.1)
        before = flat(model)
        value = loss().item()
        assert optimizer.step(loss).item() == value
        rate = 1.5 * numerator / denominator
        assert optimizer.learning_rate == pytest.approx(rate, rel=1e-12)
        assert torch.allclose(flat(model), before - rate * torch.cat([g.detach().reshape(-1) for g in gradient]), rtol=0, atol=1e-12)
        report = optimizer.report
        assert (report.loss, report.slope, report.curvature) == pytest.approx((value, -square, curvature), rel=1e-12)
        assert report.gradient_norm == pytest.approx(square**0.5, rel=1e-12) and report.update_norm == report.gradient_norm


@pytest.mark.parametrize("base", ["adam", {"name": "adamw", "decay": 0.1}, {"name": "momentum", "beta": 0.5}, "nesterov", "gd"], ids=str)
def test_bases_are_those_of_pytorch(base):
    name = base if isinstance(base, str) else base["name"]
    theirs = {
        "adam": lambda groups: torch.optim.Adam(groups, lr=1.0), "adamw": lambda groups: torch.optim.AdamW(groups, lr=1.0, weight_decay=0.1), "gd": torch.optim.SGD,
        "momentum": lambda groups: torch.optim.SGD(groups, lr=1.0, momentum=0.5), "nesterov": lambda groups: torch.optim.SGD(groups, lr=1.0, momentum=0.9, nesterov=True),
    }  # fmt: skip
    losses, edges = [], []
    for one in (base, theirs[name]):
        model, loss, _ = problem()
        optimizer = Tuned(model.parameters(), one, {"name": "constant", "rate": 0.01})
        losses.append(run(optimizer, loss))
        edges.append(optimizer.base.edge(optimizer.param_groups[0]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-10)
    assert edges[0] == pytest.approx(edges[1])


def test_an_optimizer_of_pytorch_keeps_its_rates_and_state():
    model, loss, _ = problem()
    plain_model, plain_loss, _ = problem()
    mine = Tuned(model.parameters(), torch.optim.Adam(model.parameters(), lr=0.02), {"name": "constant", "rate": 0.5})
    plain = torch.optim.Adam(plain_model.parameters(), lr=0.01)
    for _ in range(5):
        mine.step(loss)
        plain.zero_grad()
        plain_loss().backward()
        plain.step()
    assert torch.allclose(flat(model), flat(plain_model), rtol=0, atol=1e-12)
    other, other_loss, _ = problem()
    second = Tuned(other.parameters(), torch.optim.Adam, {"name": "constant", "rate": 0.5})
    second.load_state_dict(copy.deepcopy(mine.state_dict()))
    other.load_state_dict(model.state_dict())
    assert second.step(other_loss).item() == mine.step(loss).item()
    assert torch.allclose(flat(other), flat(model), rtol=0, atol=1e-14)


def test_one_synchronisation_for_the_numbers_of_a_step():
    model, loss, _ = problem()
    for optimizer, steps in ((CDAT(model.parameters(), every=1), 3), (Tuned(model.parameters()), 20), (Tuned(model.parameters(), tuner={"name": "dog"}), 4)):
        optimizer.step(loss)
        for _ in range(steps):
            with torch.profiler.profile() as profile:
                optimizer.step(loss)
            # On the CPU `tolist` reads memory; what would wait for a device is the copy of numbers to the host that it and `item` make.
            assert sum(event.count for event in profile.key_averages() if event.key in ("aten::item", "aten::_local_scalar_dense")) == 0
    counted = []
    line = onedge.torch._line
    real, line.scalars = line.scalars, lambda *numbers: counted.append(1) or real(*numbers)
    try:
        CDAT(model.parameters(), every=1).step(loss)
    finally:
        line.scalars = real
    assert len(counted) == 1


def test_what_pytorch_and_the_tuner_keep_resumes_with_the_same_bits(tmp_path):
    model, loss, _ = problem()
    groups = lambda model: [{"params": model[0].parameters(), "lr_scale": 0.5}, {"params": model[2].parameters(), "beta1": 0.8}]
    optimizer = Tuned(groups(model), "adam", every=3)
    run(optimizer, loss, 10)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "saved.pt")
    other, other_loss, _ = problem(seed=1)
    saved = torch.load(tmp_path / "saved.pt", weights_only=True)
    other_loss = lambda: F.cross_entropy(other(problem()[2][0]), problem()[2][1])
    other.load_state_dict(saved["model"])
    again = Tuned(groups(other), "adam", every=3)
    again.load_state_dict(saved["optimizer"])
    assert again.param_groups[1]["beta1"] == 0.8 and "tuner" not in again.param_groups[0]
    for copied, its in ((copy.deepcopy(optimizer), None), (pickle.loads(pickle.dumps(optimizer)), None)):
        assert copied.rule.core.state() == optimizer.rule.core.state() and copied.learning_rate == optimizer.learning_rate
    assert run(again, other_loss, 10) == run(optimizer, loss, 10)
    assert again.events == optimizer.events and torch.equal(flat(model), flat(other))
    with pytest.raises(onedge.ArgumentError, match="expected the tuner `cdat`, got `greedy`"):
        again.load_state_dict(Tuned(groups(other), "adam", "greedy").state_dict())
    with pytest.raises(onedge.ArgumentError, match="without a tuner"):
        again.load_state_dict(torch.optim.Adam(other.parameters()).state_dict())


def test_groups():
    model, loss, _ = problem()
    optimizer = Tuned([{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr_scale": 0.0}], "gd", {"name": "constant", "rate": 0.1})
    before = copy.deepcopy(model)
    optimizer.step(loss)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.0]
    assert torch.equal(model[2].weight, before[2].weight) and not torch.equal(model[0].weight, before[0].weight)
    with pytest.raises(onedge.ArgumentError, match="no setting `weight_decay`"):
        Tuned([{"params": model.parameters(), "weight_decay": 0.1}], "gd")
    with pytest.raises(onedge.ArgumentError, match=r"adam.beta1: expected a number in \[0, 1\)"):
        Tuned([{"params": model.parameters(), "beta1": 1.0}])
    with pytest.raises(onedge.ArgumentError, match="lr_scale"):
        Tuned([{"params": model.parameters(), "lr_scale": -1}])


def test_parts_of_a_batch_add_up_to_the_batch():
    whole, loss, _ = problem()
    parts, _, (x, y) = problem()
    one, other = (Tuned(model.parameters(), "adam", {"name": "constant", "rate": 0.01}) for model in (whole, parts))
    for _ in range(4):
        for k in range(3):
            other.accumulate(F.cross_entropy(parts(x[8 * k : 8 * k + 8]), y[8 * k : 8 * k + 8]))
        other.step(F.cross_entropy(parts(x[24:]), y[24:]))
        one.step(loss)
        assert other.report.loss == pytest.approx(one.report.loss, rel=1e-13)
        assert torch.allclose(flat(whole), flat(parts), rtol=0, atol=1e-12)
        other.zero_grad()
    with pytest.raises(onedge.StateError, match="tries rates out"):
        Tuned(parts.parameters(), tuner="armijo").step(loss())


def test_curvature_of_a_part():
    model, loss, (x, y) = problem()
    half = lambda: F.cross_entropy(model(x[:16]), y[:16])
    for settings in ({}, {"curvature_parts": 2}):
        optimizer = Tuned(model.parameters(), "gd", {"name": "greedy", **settings})
        exact = onedge.torch._derivatives.Point(half(), list(model.parameters()))
        full = onedge.torch._derivatives.Point(loss(), list(model.parameters()))
        u = [-g for g in full.gradients]
        expected = -full.slope(u).item() / abs(exact.curvature(u).item())
        optimizer.step(loss() if settings else loss, part=half)
        assert optimizer.learning_rate == pytest.approx(expected, rel=1e-12)
    with pytest.raises(onedge.StateError, match="part=f"):
        optimizer.step(loss)


def test_clipping_is_of_what_the_base_gets():
    model, loss, _ = problem()
    plain, plain_loss, _ = problem()
    optimizer, other = Tuned(model.parameters(), "momentum", {"name": "constant", "rate": 0.1}, max_grad_norm=0.01), torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        optimizer.step(loss)
        other.zero_grad()
        plain_loss().backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 0.01)
        other.step()
    assert torch.allclose(flat(model), flat(plain), rtol=0, atol=1e-12)
    assert nn.utils.get_total_norm([p.grad for p in model.parameters()]).item() == pytest.approx(0.01, rel=1e-3)


def test_maximize_mirrors_minimise():
    model, loss, _ = problem()
    other, other_loss, _ = problem()
    up, down = Tuned(model.parameters(), maximize=True), Tuned(other.parameters())
    for _ in range(10):
        assert up.step(lambda: -loss()).item() == -down.step(other_loss).item()
        assert torch.equal(model[0].weight.grad, -other[0].weight.grad)
    assert torch.equal(flat(model), flat(other)) and up.report.loss == -down.report.loss


def test_frozen_unused_and_sparse_parameters():
    torch.manual_seed(0)
    model = nn.ModuleDict({"a": nn.Embedding(9, 4, sparse=True), "b": nn.Linear(4, 3), "frozen": nn.Linear(3, 3), "unused": nn.Linear(2, 2)}).double()
    model["frozen"].requires_grad_(False)
    places, y = torch.randint(0, 9, (20,)), torch.randint(0, 3, (20,))
    loss = lambda: F.cross_entropy(model["frozen"](model["b"](model["a"](places)).tanh()), y)
    for base in ("adam", "momentum", torch.optim.SGD):
        before = copy.deepcopy(model)
        optimizer = Tuned(model.parameters(), base, full_batch=True)
        losses = run(optimizer, loss, 10)
        assert losses[-1] < losses[0]
        assert torch.equal(before["frozen"].weight, model["frozen"].weight) and torch.equal(before["unused"].weight, model["unused"].weight)
        assert model["unused"].weight.grad is None and model["a"].weight.grad.layout is torch.sparse_coo
        model.zero_grad()
    # Unfrozen later on, they take part.
    model["frozen"].requires_grad_(True)
    optimizer.zero_grad()
    optimizer.step(loss)
    assert not torch.equal(before["frozen"].weight, model["frozen"].weight)


def test_grad_scaler_and_autocast():
    plain, plain_loss, _ = problem(dtype=torch.float32)
    model, loss, _ = problem(dtype=torch.float32)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    one, other = (CDAT(m.parameters(), sigma=1.0, beta=0.9, preset="paper") for m in (plain, model))
    for _ in range(5):
        one.step(plain_loss)
        other.step(loss(), scaler=scaler)
        scaler.update()
        assert other.learning_rate == pytest.approx(one.learning_rate, rel=1e-4) and other.report.loss == pytest.approx(one.report.loss, rel=1e-5)
    before, scale = flat(model), scaler.get_scale()
    other.step(loss() * float("inf"), scaler=scaler)
    scaler.update()
    assert torch.equal(flat(model), before) and scaler.get_scale() == scale / 2 and other.report.step == 4
    with torch.autocast("cpu", torch.bfloat16):
        value = loss()
    optimizer = Tuned(model.parameters())
    optimizer.zero_grad()
    assert optimizer.step(value).dtype == value.dtype
    half, loss, _ = problem(dtype=torch.bfloat16)
    losses = run(Tuned(half.parameters()), lambda: loss().float(), 30)
    assert losses[-1] < 0.8 * losses[0]
    with pytest.raises(onedge.UnsupportedError, match="half precision"):
        Tuned(half.parameters(), torch.optim.Adam).step(loss)


def test_average_of_weights():
    model, loss, _ = problem()
    averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.5))
    optimizer, mean = Tuned(model.parameters()), None
    for _ in range(4):
        optimizer.step(loss)
        averaged.update_parameters(model)
        mean = flat(model) if mean is None else 0.5 * mean + 0.5 * flat(model)
    assert torch.allclose(flat(averaged.module), mean, rtol=0, atol=1e-12)


def test_trials_draw_the_same_masks_and_leave_buffers():
    model, loss, _ = problem(nn.BatchNorm1d(8), nn.Dropout(0.4), nn.Tanh())
    calls = []

    def closure():
        calls.append(1)
        return loss()

    optimizer = Tuned(model.parameters(), "gd", "wolfe")
    torch.manual_seed(3)
    twin = copy.deepcopy(model)
    state = torch.get_rng_state()
    optimizer.step(closure)
    assert len(calls) > 1 and model[1].num_batches_tracked.item() == 1
    torch.set_rng_state(state)
    x = problem(nn.BatchNorm1d(8), nn.Dropout(0.4), nn.Tanh())[2][0]
    torch.set_rng_state(state)
    twin(x)
    assert torch.equal(twin[1].running_mean, model[1].running_mean)
    # The generator stands after one forward pass.
    torch.manual_seed(4)
    after = torch.get_rng_state()
    optimizer.step(closure)
    moved = torch.get_rng_state()
    torch.set_rng_state(after)
    loss()
    assert torch.equal(moved, torch.get_rng_state())


def test_calls_in_the_wrong_way():
    model, loss, _ = problem()
    optimizer = Tuned(model.parameters())
    with pytest.raises(onedge.StateError, match=r"call step\(loss\) in place of"):
        optimizer.step()

    def backward():
        value = loss()
        value.backward()
        return value

    with pytest.raises(onedge.StateError, match=r"leave out loss.backward\(\)"):
        optimizer.step(backward)
    with pytest.raises(onedge.StateError, match=r"p.grad.*accumulate\(loss\)"):
        optimizer.step(loss)
    optimizer.zero_grad(set_to_none=False)
    optimizer.step(loss)
    optimizer.step(loss)
    for wrong, message in ((lambda: loss().item(), "got float"), (lambda: None, "got NoneType"), (lambda: loss().detach(), "got one without"), ("loss", "got str")):
        with pytest.raises(onedge.ArgumentError, match=message):
            optimizer.step(wrong)
    before, state = flat(model), optimizer.rule.core.state()
    with pytest.raises(onedge.NonFiniteError, match="step 2, loss: .* got nan, and nothing was changed"):
        optimizer.step(lambda: loss() * float("nan"))
    assert torch.equal(flat(model), before) and optimizer.rule.core.state() == state
    with pytest.raises(ZeroDivisionError):
        optimizer.step(lambda: 1 / 0)
    for arguments, message in (
        (dict(tuner="cdta"), "try `cdat`"), (dict(base="adma"), "expected one of gd, momentum"), (dict(sigma=-1.0), "cdat.sigma"), (dict(every=0), "every"), (dict(steps=0), "steps"),
        (dict(base={"name": "adam", "beta": 0.9}), "no setting `beta`"), (dict(sigam=1.0), "sigam"), (dict(max_grad_norm=-1), "max_grad_norm"), (dict(maximize=1), "maximize"),
        (dict(base=3), "base"),
    ):  # fmt: skip
        with pytest.raises(onedge.ArgumentError, match=message):
            Tuned(model.parameters(), **arguments)
    with pytest.raises(onedge.ArgumentError, match=r"model.parameters\(\)"):
        Tuned(model)
    with pytest.raises(onedge.UnsupportedError, match="LBFGS"):
        Tuned(model.parameters(), torch.optim.LBFGS)


def test_a_schedule_has_no_effect_and_that_is_said():
    model, loss, _ = problem()
    optimizer = Tuned(model.parameters())
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(onedge.TrainingWarning, match="schedule"):
        for _ in range(3):
            optimizer.step(loss)
            schedule.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step(loss)


def test_fused_attention_on_request():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    x = torch.randn(2, 5, 8)
    loss = lambda: layer(x).square().mean() + layer(x).mean()
    with pytest.raises(onedge.UnsupportedError, match="SDPBackend.MATH"):
        Tuned(layer.parameters()).step(loss)
    layer.zero_grad()
    assert len(run(Tuned(layer.parameters(), math_attention=True), loss, 3)) == 3


def hessian_of(model, loss):
    names = [name for name, _ in model.named_parameters()]
    values = [p.detach() for p in model.parameters()]
    of = lambda flat: loss(lambda x: torch.func.functional_call(model, dict(zip(names, shaped(flat, values))), (x,)))
    return torch.autograd.functional.hessian(of, torch.cat([v.flatten() for v in values]))


def shaped(flat, like):
    return [part.view(v.shape) for part, v in zip(flat.split([v.numel() for v in like]), like)]


@pytest.mark.parametrize("base", ["gd", "adam", lambda groups: torch.optim.RMSprop(groups, lr=1.0)], ids=["gd", "adam", "RMSprop"])
def test_sharpness_is_the_largest_eigenvalue_of_what_the_base_leaves(base):
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).double()
    x, y = torch.randn(9, 3).double(), torch.randn(9, 2).double()
    loss = lambda forward: ((forward(x) - y) ** 2).mean()
    groups = [{"params": model[0].parameters(), "lr_scale": 0.25}, {"params": model[2].parameters()}]
    optimizer = onedge.torch.Tuned(groups, base, tuner="sharpness", sigma=0.5)
    for _ in range(3):
        hessian = hessian_of(model, loss)
        optimizer.step(loss(model))
    scale = torch.cat([torch.full((p.numel(),), group["lr_scale"]).double() for group in optimizer.param_groups for p in group["params"]])
    if base == "gd":
        diagonal = torch.ones_like(scale)
    elif base == "adam":
        states = [optimizer.state[p] for p in model.parameters()]
        diagonal = torch.cat([((state["square"] / (1 - 0.999**3)).sqrt() + 1e-8).flatten() for state in states])
    else:
        states = [optimizer.base.optimizer.state[p] for p in model.parameters()]
        diagonal = torch.cat([(state["square_avg"].sqrt() + 1e-8).flatten() for state in states])
    root = (scale / diagonal).sqrt()
    largest = torch.linalg.eigvalsh(root[:, None] * hessian * root)[-1].item()
    assert optimizer.learning_rate == pytest.approx(0.5 / largest, rel=1e-3)


def test_sharpness_says_what_it_cannot_do():
    model = torch.nn.Linear(2, 1)
    with pytest.raises(onedge.ArgumentError, match="every: expected none"):
        onedge.torch.Tuned(model.parameters(), tuner="sharpness", every=4)
    optimizer = onedge.torch.Tuned(model.parameters(), lambda groups: torch.optim.Adadelta(groups, lr=1.0), tuner="sharpness")
    with pytest.raises(onedge.UnsupportedError, match="Adadelta divides"):
        optimizer.step((model(torch.ones(3, 2)) ** 2).mean())


def test_steps_that_the_model_of_the_loss_does_not_see_through_are_tried_out():
    """A slope that ends at a wall, of which slope and curvature say nothing before it is there."""
    ends, evaluated = [], []
    for tried in (None, 0):
        w = torch.zeros(2, dtype=torch.float64, requires_grad=True)
        loss = lambda: 5.0 - w.sum() + 0.005 * w.square().sum() + 100 * F.relu(w - 2.0).square().sum()
        counted = []
        optimizer = Tuned([w], "adam", tried=tried)
        run = []
        for _ in range(40):
            before = len(counted)
            run.append(optimizer.step(lambda: counted.append(1) or loss()).item())
            evaluated.append(len(counted) - before)
        ends.append(max(after - before for before, after in zip(run, run[1:])))
        ends.append(run[-1])
    # The largest rise, and the end, where the minimum is 1.03.
    assert ends[0] < 0.01 and ends[1] < 1.04 and ends[2] > 100 and ends[3] > 5
    # Once a step in the beginning, and as often again as it was halved.
    assert min(evaluated[1:32]) == 2 and set(evaluated[32:40]) == {1} and set(evaluated[41:]) == {1}
    with pytest.raises(onedge.ArgumentError, match="take `cdat` as it is recommended"):
        Tuned([w], tuner="greedy", tried=5)
    with pytest.raises(onedge.ArgumentError, match="tried: expected a whole number"):
        Tuned([w], tried=-1)
    with pytest.raises(onedge.ArgumentError, match="of the paper"):
        CDAT([w], preset="paper", tried=5)
    assert copy.deepcopy(optimizer).rule.tried == 0 and pickle.loads(pickle.dumps(Tuned([w], tried=7))).rule.tried == 7


def test_a_number_too_large_is_no_error_of_pythons():
    from onedge.torch._line import Line

    line = Line(
        layout=None, parameters=[], gradients=[], updates=[], states=[{"previous_gradient": None}], measure=None, sharpen=None, evaluate=None, known={"change_product": 1.0, "change_square": 1.0},
        previous_learning_rate=1e300, previous_update_norm=1e300,
    )  # fmt: skip
    assert line.change()[0] == float("inf")
