"""Models that `fully_shard` cut over processes go the way of one process with the whole model and the whole batch."""

import functools
import io

import pytest

torch = pytest.importorskip("torch")

import torch.distributed as dist  # noqa: E402
from test_torch_ranks import batch, part, run  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import onedge.torch  # noqa: E402

fsdp, tensor = pytest.importorskip("torch.distributed.fsdp"), pytest.importorskip("torch.distributed.tensor")
pytestmark = pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="a build of PyTorch without gloo")

SETTINGS = {
    "cdat": {},
    "the paper's": {"base": "gd", "tuner": "cdat", "preset": "paper", "sigma": 1.0},
    "clipped": {"base": "adamw", "max_grad_norm": 0.05, "every": 2},
    "greedy": {"base": "lion", "tuner": "greedy"},
    "armijo": {"base": "momentum", "tuner": "armijo", "full_batch": True},
    "wolfe": {"tuner": "wolfe", "full_batch": True},
    "adgd": {"base": "gd", "tuner": "adgd"},
    "dog": {"base": "gd", "tuner": "dog"},
    "hypergradient": {"tuner": {"name": "hypergradient", "rate": 0.01}},
    "sharpness": {"tuner": {"name": "sharpness", "sigma": 0.5}},
    "PyTorch's": {"base": torch.optim.AdamW},
}


class Block(nn.Module):
    """With a tensor of fewer rows than there are processes, and one that divides by none."""

    def __init__(self):
        super().__init__()
        self.norm, self.linear, self.scale = nn.LayerNorm(7), nn.Linear(7, 7), nn.Parameter(torch.ones(1, 7))

    def forward(self, x):
        return x + self.scale * torch.tanh(self.linear(self.norm(x)))


def network():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 7), Block(), Block(), Block(), nn.Linear(7, 3)).double()
    model[0].bias.requires_grad_(False)
    model[2].requires_grad_(False)
    return model


def cut(after_forward=True, **options):
    """Whole blocks, and what is left; of the first layer by columns."""
    model = network()
    options.setdefault("mesh", dist.init_device_mesh("cpu", (dist.get_world_size(),)))
    shard = fsdp.fully_shard
    for block in model[1:4]:
        shard(block, reshard_after_forward=after_forward, **options)
    return shard(model, reshard_after_forward=after_forward, **options)


def whole(model):
    return torch.cat([(p.full_tensor() if hasattr(p, "full_tensor") else p).detach().reshape(-1) for p in model.parameters()])


def trajectory(model, settings, x, y, *, of_loss=False, saved=False, steps=6):
    """Rates and mean losses, and the parameters afterwards; in the middle the optimizer is saved, and another one loaded."""
    make = lambda: onedge.torch.Tuned(model.parameters(), **settings)
    optimizer, numbers = make(), []
    for step in range(steps):
        if saved and step == steps // 2:
            file = io.BytesIO()
            torch.save(optimizer.state_dict(), file)
            file.seek(0)
            optimizer = make()
            optimizer.load_state_dict(torch.load(file, weights_only=True))
        loss = lambda: F.cross_entropy(model(x), y)
        optimizer.step(loss() if of_loss else loss)
        numbers += [optimizer.report.loss, optimizer.learning_rate]
    return torch.tensor(numbers, dtype=torch.float64), whole(model)


def trained(rank, processes, folder):
    found, own = {}, part(batch(), rank, processes)
    settings = SETTINGS if processes == 2 else {name: SETTINGS[name] for name in ("cdat", "armijo", "sharpness")}
    for name, given in settings.items():
        found[name] = trajectory(cut(), given, *own, saved=True)
    found["cdat", "of the loss"] = trajectory(cut(), SETTINGS["cdat"], *own, of_loss=True)
    found["cdat", "stays after forward"] = trajectory(cut(False), SETTINGS["cdat"], *own)
    by_columns = lambda parameter: tensor.Shard(1) if parameter.shape[1:] == (6,) else None
    found["cdat", "by columns"] = trajectory(cut(shard_placement_fn=by_columns), SETTINGS["cdat"], *own)
    if processes == 2:
        found["wrong"] = wrong(*own)
        found["kept"] = kept(*own, f"{folder}/checkpoint")
        # Parts in one direction of the mesh, copies in the other.
        mesh = dist.init_device_mesh("cpu", (2, 1), mesh_dim_names=("copies", "parts"))
        found["cdat", "copies"] = trajectory(cut(mesh=mesh), SETTINGS["cdat"], *own)
        found["cdat", "checkpoints"] = trajectory(recomputed(), SETTINGS["cdat"], *own)
    return found


def recomputed():
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import apply_activation_checkpointing

    model = network()
    apply_activation_checkpointing(model, check_fn=lambda module: isinstance(module, Block))
    return fsdp.fully_shard(model, mesh=dist.init_device_mesh("cpu", (2,)))


def wrong(x, y):
    """What was raised by what is not followed, by name; steps in between must go on."""
    found, model = {}, cut()
    optimizer = onedge.torch.Tuned(model.parameters(), tuner="greedy")
    loss = lambda: F.cross_entropy(model(x), y)

    def told(name, work):
        try:
            work()
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"

    def backward(**options):
        value = loss()
        value.backward(**options)
        return value

    def broken():
        with_hook = model[3].register_forward_hook(lambda *_: 1 / 0)
        try:
            return loss()
        finally:
            with_hook.remove()

    def unreduced():
        model.set_requires_gradient_sync(False)
        loss().backward()
        model.set_requires_gradient_sync(True)
        optimizer.step(loss)

    attempts = {
        "backward": lambda: optimizer.step(backward), "backward, graph kept": lambda: optimizer.step(lambda: backward(retain_graph=True)), "broken": lambda: optimizer.step(broken),
        "left": lambda: (loss().backward(), optimizer.step(loss)), "left without a reduction": unreduced, "scaler": lambda: optimizer.step(loss, scaler=torch.amp.GradScaler("cpu")),
        "not finite": lambda: optimizer.step(lambda: loss() * (float("inf") if dist.get_rank() else 1.0)),
    }  # fmt: skip
    for name, attempt in attempts.items():
        before = whole(model)
        told(name, attempt)
        assert torch.equal(before, whole(model)), name
        optimizer.zero_grad()
        optimizer.step(loss)
    handle = model[4].weight.register_post_accumulate_grad_hook(lambda _: None)
    told("hook", lambda: optimizer.step(loss))
    handle.remove()
    model.set_gradient_divide_factor(2.0)
    told("factor", lambda: optimizer.step(loss))
    of = lambda model, **settings: lambda: onedge.torch.Tuned(model.parameters(), **settings).step(lambda: F.cross_entropy(model(x), y))
    told("precision", of(cut(mp_policy=fsdp.MixedPrecisionPolicy(param_dtype=torch.float32))))
    told("offload", of(cut(offload_policy=fsdp.CPUOffloadPolicy(pin_memory=False))))
    told("alone", of(cut(), group=False))
    parts = network()
    fsdp.fully_shard(parts[1], mesh=dist.init_device_mesh("cpu", (2,)))
    told("in part", of(parts))
    alone = network()
    for module in alone:
        fsdp.fully_shard(module, mesh=dist.init_device_mesh("cpu", (2,)))
    told("frozen by itself", of(alone))
    from torch.distributed.tensor import parallel

    columns = nn.Linear(6, 4).double()
    parallel.parallelize_module(columns, dist.init_device_mesh("cpu", (2,)), parallel.ColwiseParallel())
    told("tensor parallel", lambda: onedge.torch.Tuned(columns.parameters()).step(lambda: columns(x).square().mean()))
    told("sharpness", lambda: onedge.torch.sharpness(cut(), nn.CrossEntropyLoss(), (x, y)))
    told("check", lambda: onedge.torch.check(cut(), nn.CrossEntropyLoss(), (x, y)))
    told("objective", lambda: onedge.torch.objective(cut(), nn.CrossEntropyLoss(), (x, y)))
    return found


WORDS = {
    "backward": "its graph is used up", "backward, graph kept": "call zero_grad() before", "broken": "ZeroDivisionError", "left": "call zero_grad() before", "left without a reduction": "call zero_grad() before",
    "scaler": "torch.autocast", "not finite": "expected a finite number", "hook": "max_grad_norm=", "factor": "leave it out", "precision": "torch.autocast", "offload": "leave it out", "alone": "group: ",
    "in part": "to the model as a whole", "frozen by itself": "to the model as a whole", "tensor parallel": "DistributedDataParallel", "sharpness": "full_state_dict=True", "check": "full_state_dict=True",
    "objective": "full_state_dict=True",
}  # fmt: skip


def kept(x, y, folder):
    """What a step leaves: parts everywhere; the loop of `backward()` as it was; and a state that `torch.distributed.checkpoint` saves and loads."""
    from torch.distributed import checkpoint
    from torch.distributed.checkpoint import state_dict

    model, other = cut(), cut()
    optimizer, again = (onedge.torch.Tuned(m.parameters(), full_batch=True) for m in (model, other))
    step = lambda optimizer, model: optimizer.step(lambda: F.cross_entropy(model(x), y)).item()
    for _ in range(3):
        step(optimizer, model)
    sharded = [*model.parameters(), *(p.grad for p in model.parameters() if p.grad is not None), *(v for s in optimizer.state.values() for v in s.values() if isinstance(v, torch.Tensor))]
    found = {"sharded": all(isinstance(each, tensor.DTensor) for each in sharded) and len(sharded) > 20}
    take = lambda model, optimizer: dict(zip(("model", "optimizer"), state_dict.get_state_dict(model, optimizer)))
    checkpoint.save(take(model, optimizer), checkpoint_id=folder)
    into = take(other, again)
    checkpoint.load(into, checkpoint_id=folder)
    state_dict.set_state_dict(other, again, model_state_dict=into["model"], optim_state_dict=into["optimizer"])
    found["again"] = [step(optimizer, model) for _ in range(10)], [step(again, other) for _ in range(10)], torch.equal(whole(model), whole(other))
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    found["gradient"] = torch.cat([p.grad.full_tensor().reshape(-1) for p in model.parameters() if p.requires_grad]), whole(model)
    return found


@pytest.mark.parametrize("processes", [2, 3])
def test_a_model_in_parts_goes_the_way_of_one_process(processes, tmp_path):
    found, expected = run(functools.partial(trained, folder=str(tmp_path)), processes, tmp_path), {}
    for key in [key for key in found[0] if key not in ("wrong", "kept")]:
        name = key if isinstance(key, str) else key[0]
        if name not in expected:
            expected[name] = trajectory(network(), SETTINGS[name], *batch())
        # An eigenvalue is found to 1e-3, from another random vector.
        close = 1e-3 if name == "sharpness" else 1e-6
        for theirs in found:
            for ours, its in zip(theirs[key], expected[name]):
                torch.testing.assert_close(ours, its, rtol=close, atol=1e-3 * close)
            # The rates have the same bits everywhere.
            assert torch.equal(theirs[key][0], found[0][key][0]) and torch.equal(theirs[key][1], found[0][key][1])
    for theirs in found if processes == 2 else []:
        assert set(theirs["wrong"]) == set(WORDS)
        for name, words in WORDS.items():
            assert words in theirs["wrong"][name] and "\n" not in theirs["wrong"][name], name
        kept = theirs["kept"]
        first, second, same = kept["again"]
        assert kept["sharded"] and first == second and same
        gradient, at = kept["gradient"]
        model = network()
        torch.nn.utils.vector_to_parameters(at, model.parameters())
        F.cross_entropy(model(batch()[0]), batch()[1]).backward()
        torch.testing.assert_close(gradient, torch.cat([p.grad.reshape(-1) for p in model.parameters() if p.requires_grad]), rtol=1e-10, atol=1e-12)
